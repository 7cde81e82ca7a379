"""Where the study of a search is kept: a data base by its URL, and what to do where that cannot be used."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from tinygen.core.errors import TinygenError, bad_input, tool_failed

_EXAMPLES = "write for instance sqlite:///study.db or postgresql://user@machine/name"
_DRIVERS = {"postgresql": ("psycopg", "pip install 'tinygen[postgresql]'"), "mysql": ("", "pip install mysqlclient")}
_TRIES, _PAUSE_S = 4, 0.7


def opened(optuna: Any, url: str, make: Callable[[Any], Any]) -> Any:
    """What `make` gives for the storage behind a URL.

    Two machines that begin a study at once both make its tables: the later one tries again.

    Raises:
        TinygenError: no such URL; the driver is missing; the server does not answer.
    """
    with explained(url):
        for left in range(_TRIES - 1, -1, -1):
            try:
                return make(optuna.storages.get_storage(_with_driver(url)))
            except Exception as error:
                if not left or not _is_race(error):
                    raise
                time.sleep(_PAUSE_S)
    raise AssertionError("unreachable")


@contextmanager
def explained(url: str) -> Iterator[None]:
    """What a data base's driver raises, told to people.

    Raises:
        TinygenError: instead of it.
    """
    try:
        yield
    except TinygenError:
        raise
    except Exception as error:  # whatever the driver raises
        if not _is_of_storage(error):
            raise
        raise _told(url, error) from error


def shown(url: str) -> str:
    """The URL without a password."""
    scheme, found, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    return f"{scheme}{found}{user.partition(':')[0]}{at}{place}"


def _told(url: str, error: Exception) -> TinygenError:
    scheme = url.partition("://")[0].partition("+")[0].lower()
    said = _first_line(error)
    if _caused_by(error, ImportError):
        _, hint = _DRIVERS.get(scheme, ("", "install the Python driver of this data base"))
        return tool_failed(f"the driver for {scheme} is not installed", where="--storage", hint=f"run: {hint}")
    if type(error).__name__ in ("OperationalError", "InterfaceError") and scheme != "sqlite":
        return tool_failed(
            f"{shown(url)} cannot be used: {said}", where="--storage",
            hint="is the server running, and may this user use the data base? A search goes on where it was",
        )  # fmt: skip
    return bad_input(f"{shown(url)} cannot be used: {type(error).__name__}: {said}", where="--storage", hint=_EXAMPLES)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].removeprefix(f"({type(error).__module__}.{type(error).__name__}) ") if lines else "no reason given"


def _with_driver(url: str) -> str:
    """SQLAlchemy 2.0 and 2.1 differ in which driver a plain postgresql:// stands for: the installed one is taken."""
    scheme, found, rest = url.partition("://")
    driver = _DRIVERS.get(scheme, ("", ""))[0]
    return f"{scheme}+{driver}{found}{rest}" if driver and find_spec(driver) is not None else url


def _is_of_storage(error: Exception) -> bool:
    rooms = {type(one).__module__.partition(".")[0] for one in _chain(error)}
    return bool(rooms & {"sqlalchemy", "optuna", "psycopg", "psycopg2", "sqlite3"}) or isinstance(
        error, ImportError | ValueError
    )


def _is_race(error: Exception) -> bool:
    return any(type(one).__name__ in ("IntegrityError", "ProgrammingError", "UniqueViolation") for one in _chain(error))


def _caused_by(error: Exception, kind: type[Exception]) -> bool:
    return any(isinstance(one, kind) for one in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
