"""Where templates, firmware, boards and dataset manifests are: in a checkout or inside the installed package."""

from __future__ import annotations

from pathlib import Path

from tinygen.core.errors import ExitCode, TinygenError

_PACKAGE = Path(__file__).resolve().parents[1]


def resource_dir(name: str) -> Path:
    """The folder "templates", "firmware", "boards" or "datasets".

    Raises:
        TinygenError: the installation is incomplete.
    """
    for candidate in (_PACKAGE / "_data" / name, _PACKAGE.parents[1] / name):
        if candidate.is_dir():
            return candidate
    raise TinygenError(ExitCode.OUR_BUG, f"the folder '{name}' is missing from this installation", hint="reinstall")


def source_dir(room: str) -> Path:
    """The folder of one room of this package, for digests over the code that makes a step's result."""
    return _PACKAGE / room
