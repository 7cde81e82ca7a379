"""One error type for everything a user can meet, and the exit codes the command line documents."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the `tinygen` command; documented in README."""

    DONE = 0
    CHECK_FAILED = 1
    BAD_INPUT = 2
    TOOL_FAILED = 3
    NO_ANSWER = 4
    INTERRUPTED = 130
    OUR_BUG = 70


class TinygenError(Exception):
    """A mistake or fault that is explained to the user instead of shown as a traceback.

    Args:
        code: what the process exits with.
        message: which value is wrong, and what is allowed.
        where: where it stands: "file:key", an op's name, a port. Empty if nowhere in particular.
        hint: what to do next. Empty if the message says it already.
    """

    def __init__(self, code: ExitCode, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.message}"


class AmbiguousError(TinygenError):
    """Several things fit where one is needed: somebody at a terminal can be asked, everybody else names it (exit 2).

    Args:
        option: of the command line that names it: "--port".
        choices: what it can be given, and what people call each: {"/dev/ttyACM0": "ST-LINK"}.
    """

    def __init__(
        self, message: str, *, option: str, choices: Mapping[str, str], where: str = "", hint: str = ""
    ) -> None:
        super().__init__(ExitCode.BAD_INPUT, message, where=where, hint=hint)
        self.option = option
        self.choices = dict(choices)


def bad_input(message: str, *, where: str = "", hint: str = "") -> TinygenError:
    """An error in what the user gave (exit code 2)."""
    return TinygenError(ExitCode.BAD_INPUT, message, where=where, hint=hint)


def tool_failed(message: str, *, where: str = "", hint: str = "") -> TinygenError:
    """A tool that failed or is missing (exit code 3)."""
    return TinygenError(ExitCode.TOOL_FAILED, message, where=where, hint=hint)


def no_answer(message: str, *, where: str = "", hint: str = "") -> TinygenError:
    """A device that did not answer (exit code 4)."""
    return TinygenError(ExitCode.NO_ANSWER, message, where=where, hint=hint)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence naming the closest known word, or the list of all of them.

    Args:
        word: what the user wrote.
        known: the allowed words.
    """
    words = sorted(known)
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return "known: " + ", ".join(words)
