"""A Report for people at a terminal: compact, coloured where colours are, plain text elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from tinygen.core.values import CheckStatus, Report, Table
from tinygen.report import words

_STYLES: dict[CheckStatus, str] = {
    CheckStatus.PASSED: "green",
    CheckStatus.FAILED: "bold red",
    CheckStatus.ERROR: "bold red",
    CheckStatus.SKIPPED: "yellow",
    CheckStatus.BLOCKED: "yellow",
}
_SIGNS: dict[CheckStatus, tuple[str, str]] = {
    CheckStatus.PASSED: ("✓", "ok"),
    CheckStatus.FAILED: ("✗", "FAIL"),
    CheckStatus.ERROR: ("✗", "ERR"),
    CheckStatus.SKIPPED: ("–", "skip"),
    CheckStatus.BLOCKED: ("–", "blkd"),
}
_LONG_TABLES = ("Layers",)  # shown when something is wrong; --json and the HTML view always have them


def show(report: Report, console: Console) -> None:
    """Print a report.

    Args:
        report: what to say.
        console: where people read (standard output); its own knowledge decides about colours and symbols.
    """
    unicode = (console.encoding or "").lower().replace("-", "").startswith("utf")
    view = _View(console, unicode=unicode)
    view.head(report)
    view.checks(report)
    view.measurements(report)
    for table in report.tables:
        if not (report.ok and table.title in _LONG_TABLES):
            view.table(table)
    view.notes(report.notes)


class _View:
    def __init__(self, console: Console, *, unicode: bool) -> None:
        self._console = console
        self._unicode = unicode

    def _line(self, *parts: tuple[str, str]) -> None:
        text = Text()
        for words_, style in parts:
            text.append(words_ if self._unicode else _plain(words_), style=style if self._console.is_terminal else "")
        text.rstrip()
        self._console.print(text, soft_wrap=True, highlight=False)

    def head(self, report: Report) -> None:
        """Verb, what was looked at, and how it went."""
        dot = " · "
        keys = ("task", "board", "target", "engine")
        subject = dot.join(report.subject[key] for key in keys if report.subject.get(key))
        self._line((report.kind, "bold"), ("  " + subject if subject else "", "dim"))
        status = CheckStatus.PASSED if report.ok else CheckStatus.FAILED
        self._line((self._sign(status) + " ", _STYLES[status]), (words.headline(report), f"bold {_STYLES[status]}"))

    def _sign(self, status: CheckStatus) -> str:
        return _SIGNS[status][0 if self._unicode else 1]

    def checks(self, report: Report) -> None:
        """One line each."""
        width = max((len(check.name) for check in report.checks), default=0)
        signs = max((len(self._sign(check.status)) for check in report.checks), default=0)
        for check in report.checks:
            self._line(
                (f"  {self._sign(check.status):<{signs}} ", _STYLES[check.status]),
                (f"{check.name:<{width}}  ", ""),
                (check.reason, "dim" if check.status is CheckStatus.PASSED else _STYLES[check.status]),
            )

    def measurements(self, report: Report) -> None:
        """Number, unit, origin, note."""
        rows = [(words.label(m.name), words.quantity(m), words.origin(m), m.note) for m in words.measurements(report)]
        if not rows:
            return
        self._line(("", ""))
        names, values = (max(len(row[column]) for row in rows) for column in (0, 1))
        for name, value, origin, note in rows:
            self._line(
                (f"  {name:<{names}}  ", ""),
                (f"{value:>{values}}", "dim" if value == words.MISSING else "bold"),
                (f"  {origin}" if origin else "", "cyan"),
                (f"  {note}" if note else "", "dim"),
            )

    def table(self, table: Table) -> None:
        """A rich table on a terminal, aligned columns elsewhere (a file must not depend on a window's width)."""
        self._line(("", ""))
        self._line((table.title, "bold"))
        if not self._console.is_terminal:
            for line in aligned(table.columns, table.rows):
                self._line(("  " + line, ""))
            return
        shown = RichTable(box=box.SIMPLE_HEAD if self._unicode else box.ASCII2, pad_edge=False, show_edge=False)
        for position, column in enumerate(table.columns):
            numeric = all(_is_number(row[position]) for row in table.rows if position < len(row))
            shown.add_column(Text(column), justify="right" if numeric else "left")
        for row in table.rows:
            shown.add_row(*(Text(cell if self._unicode else _plain(cell)) for cell in row))
        self._console.print(shown, highlight=False)

    def notes(self, notes: Sequence[str]) -> None:
        """What must be known to use the numbers."""
        if notes:
            self._line(("", ""))
        for note in notes:
            self._line(("  · ", "dim"), (note, "dim"))


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns; columns of numbers to the right."""
    grid = [tuple(columns), *(tuple(row) for row in rows)]
    count = max(len(row) for row in grid)
    widths = [max((len(row[i]) for row in grid if i < len(row)), default=0) for i in range(count)]
    right = [bool(rows) and all(_is_number(row[i]) for row in rows if i < len(row)) for i in range(count)]
    lines = []
    for row in grid:
        cells = [cell.rjust(widths[i]) if right[i] else cell.ljust(widths[i]) for i, cell in enumerate(row)]
        lines.append("  ".join(cells).rstrip())
    return lines


def _is_number(cell: str) -> bool:
    return bool(cell) and cell.replace(",", "").replace(".", "").removeprefix("-").removesuffix("%").strip().isdigit()


def _plain(text: str) -> str:
    """ASCII for consoles that know no more."""
    return text.replace("·", "|").replace("–", "-").replace("×", "x").encode("ascii", "replace").decode()
