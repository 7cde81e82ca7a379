"""Places that a verb writes to: what cannot be written is the user's mistake, told before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

import click

from tinygen.core.files import unwritable


class Output(click.Path):
    """A file or folder that is to be written; folders above it are made when it is.

    Args:
        folder: it is a folder.
    """

    def __init__(self, *, folder: bool) -> None:
        super().__init__(path_type=Path)
        self.folder = folder

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """The path.

        Raises:
            click.UsageError: nothing could be written there.
        """
        why = unwritable(Path(value), folder=self.folder) if str(value) else "is empty"
        if why:
            self.fail(f"{value!s}: {why}" if str(value) else why, param, ctx)
        return super().convert(value, param, ctx)


FILE = Output(folder=False)
FOLDER = Output(folder=True)
