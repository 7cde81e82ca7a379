"""Which build of TFLM's interpreter is the oracle, and whether it is here."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tinygen.core.errors import TinygenError, tool_failed

DISTRIBUTION = "tflite-micro"
# Sources of other dates round differently, so one build is the oracle; pyproject.toml pins the same one.
PINNED_VERSION = "0.dev20261023182759"
ORACLE_NAME = f"{DISTRIBUTION} {PINNED_VERSION}"

_HOW = (
    "pip install 'tinygen[verify]'; or, where no wheel of it exists, export vectors on a machine that has it "
    "(tinygen verify --export-vectors FILE) and give the file here (--vectors-file FILE)"
)


def installed_version() -> str | None:
    """The installed version of the interpreter's wheel, None when there is none."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return None


def missing() -> TinygenError | None:
    """Why the oracle cannot be asked on this machine, as an error to raise; None when it can."""
    found = installed_version()
    if found is None:
        return tool_failed(f"TFLM's interpreter ({ORACLE_NAME}) is not installed", where="verify", hint=_HOW)
    if found != PINNED_VERSION:
        return tool_failed(
            f"{DISTRIBUTION} {found} is installed, the oracle is {PINNED_VERSION}: other versions round differently",
            where="verify",
            hint=_HOW,
        )
    return None


def runtime() -> Any:
    """The wheel's `runtime` module (imported at the first call only: about 0.15 s).

    Raises:
        TinygenError: not installed, another version, or it does not load on this machine.
    """
    problem = missing()
    if problem is not None:
        raise problem
    try:
        from tflite_micro import runtime as module
    except ImportError as error:
        raise tool_failed(f"TFLM's interpreter does not load: {error}", where="verify", hint=_HOW) from error
    return module
