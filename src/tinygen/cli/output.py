"""What a verb shows: its report, or its error, and the exit code that follows."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from tinygen.core.canonical import pretty_json
from tinygen.core.errors import AmbiguousError, ExitCode, TinygenError
from tinygen.core.values import Report
from tinygen.pipeline.views import commands_of
from tinygen.report import json_view, terminal


class _Results(Console):
    """Standard output; a reader that has gone (`| head`) is for `main` to judge."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


people = Console(stderr=True, highlight=False)  # progress, notes and errors
results = _Results(highlight=False)


def near(text: str) -> str:
    """The text with paths inside the working directory relative to it, as one would type them there."""
    here = Path.cwd()
    if here == Path(here.anchor):
        return text
    return re.sub(rf"(?<![\w./\\-]){re.escape(str(here))}[/\\](?=[^\s/\\])", "", text)


def _near(value: Any) -> Any:
    if isinstance(value, str):
        return near(value)
    if isinstance(value, Path):
        return near(str(value))
    if isinstance(value, Mapping):
        return {key: _near(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_near(item) for item in value]
    return value


def _near_report(report: Report) -> Report:
    return replace(
        report,
        subject=_near(report.subject),
        checks=tuple(replace(check, reason=near(check.reason)) for check in report.checks),
        measurements=tuple(replace(one, note=near(one.note)) for one in report.measurements),
        tables=tuple(replace(one, rows=tuple(tuple(map(near, row)) for row in one.rows)) for one in report.tables),
        notes=tuple(map(near, report.notes)),
    )


def emit(report: Report, as_json: bool) -> None:
    """Show a report to people or to machines; a failed check becomes the exit code."""
    if as_json:
        click.echo(pretty_json(_near(json_view.document(report))), nl=False)
    elif report.kind == "dry-run":
        for command in commands_of(report):
            click.echo(near(command))
    else:
        terminal.show(_near_report(report), results)
    if not report.ok:
        code = report.details.get("exit_code")
        sys.exit(code if isinstance(code, int) and code else ExitCode.CHECK_FAILED)


def fail(error: TinygenError) -> int:
    """Tell an error to people, with --json to machines too; gives the exit code."""
    people.print("error:", near(str(error)), style="bold red", markup=False, soft_wrap=True)
    if error.hint:
        people.print("  hint:", near(error.hint), markup=False, soft_wrap=True)
    if "--json" in sys.argv[1:]:
        told = {"message": error.message, "where": error.where, "hint": error.hint}
        facts = {"code": int(error.code), **_near(told)}
        # Standard output may be the very thing that failed; the exit code still tells.
        with contextlib.suppress(OSError):
            click.echo(json.dumps({"error": facts}))
    return int(error.code)


def which(error: AmbiguousError) -> str:
    """Ask the person at the terminal which of several is meant.

    Raises:
        TinygenError: the error itself, where nobody can be asked.
    """
    asked = sys.stdin is not None and sys.stdin.isatty() and people.is_terminal and "--json" not in sys.argv[1:]
    if not asked or not error.choices:
        raise error
    people.print(error.message, markup=False, soft_wrap=True)
    names = list(error.choices)
    for number, name in enumerate(names, 1):
        people.print(f"  {number}  {name}  {error.choices[name]}", markup=False, soft_wrap=True)
    number = click.prompt("which one", type=click.IntRange(1, len(names)), err=True)
    return names[number - 1]


def interrupted() -> int:
    """Tell that Ctrl-C ended it; gives the exit code."""
    return fail(TinygenError(ExitCode.INTERRUPTED, "interrupted; finished steps are kept, nothing is half-written"))


def our_bug(error: BaseException) -> int:
    """Tell a fault of ours and keep its traceback in a file; gives the exit code."""
    with tempfile.NamedTemporaryFile("w", prefix="tinygen-", suffix=".log", delete=False) as file:
        file.write("".join(traceback.format_exception(error)))
    bug = TinygenError(
        ExitCode.OUR_BUG,
        f"{type(error).__name__}: {error}",
        where="inside tinygen",
        hint=f"this is a bug of ours; please report it with {file.name}",
    )
    return fail(bug)
