"""Places that a verb writes to: what cannot be written is the user's mistake, told before any work is done."""

from __future__ import annotations

from pathlib import Path

import click

from tinygen.core.files import unwritable


class Output(click.ParamType):
    """A file or folder that is to be written; folders above it are made when it is.

    Args:
        folder: it is a folder.
    """

    def __init__(self, *, folder: bool) -> None:
        self.folder = folder
        self.name = "directory" if folder else "file"

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path.

        Raises:
            click.UsageError: nothing could be written there.
        """
        why = unwritable(Path(value), folder=self.folder) if str(value) else "is empty"
        if why:
            self.fail(f"{value!s}: {why}" if str(value) else why, param, ctx)
        return Path(value)


FILE = Output(folder=False)
FOLDER = Output(folder=True)
