"""A watched device for people: lines as they come, and on a terminal a table of what it heard beneath them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tinygen.core.files import writing
from tinygen.device.decode import level_name
from tinygen.device.watch import Kind, Seen

_STYLES = {Kind.STATE: "cyan", Kind.EVENT: "bold green", Kind.FRAME: "", Kind.TEXT: "dim", Kind.FAULT: "bold red"}
_LEVEL_STYLES = ("dim", "", "yellow", "bold red")
_BAR = 24


def line_of(seen: Seen) -> str:
    """What was seen as one line, without its time."""
    word = level_name(seen.level) if seen.kind is Kind.LOG else seen.kind.value
    return f"{word:<7} {seen.text}"


@dataclass(slots=True)
class _Heard:
    """One label."""

    count: int = 0
    score: int = 0
    best: int = 1
    at: str = ""

    def take(self, score: int) -> None:
        self.score = score
        self.best = max(self.best, score)


class LiveView:
    """Shows what a `device.watch.Watch` sees; use it as a context manager.

    Args:
        console: where people read. Only where it is a terminal is there a table that changes.
        log: a file that gets every line too, with date and time zone; appended to.

    Raises:
        TinygenError: the file cannot be written.
    """

    def __init__(self, console: Console, log: Path | None = None) -> None:
        self._console = console
        self._heard: dict[str, _Heard] = {}
        self._live = (
            Live(Text(""), console=console, refresh_per_second=8, transient=False) if console.is_terminal else None
        )
        self._file: IO[str] | None = None
        if log is not None:
            with writing(log):
                log.parent.mkdir(parents=True, exist_ok=True)
                self._file = log.open("a", encoding="utf-8", buffering=1)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        if self._file is not None:
            self._file.close()

    def show(self, seen: Seen) -> None:
        """Take one thing that was seen."""
        if seen.scores is not None:
            for name, score in seen.scores.sums:
                self._heard.setdefault(name, _Heard()).take(score)
            self._update()
            return
        text = line_of(seen)
        style = _LEVEL_STYLES[min(seen.level, 3)] if seen.kind is Kind.LOG else _STYLES.get(seen.kind, "")
        line = Text.assemble((f"{seen.at:%H:%M:%S}.{seen.at.microsecond // 1000:03d} ", "dim"), (text, style))
        self._console.print(line, soft_wrap=True, highlight=False)
        if self._file is not None:
            self._file.write(f"{seen.at.isoformat(timespec='milliseconds')} {text}\n")
        if seen.event is not None:
            event = seen.event
            heard = self._heard.setdefault(event.name or f"label {event.label}", _Heard())
            heard.count += 1
            heard.take(event.score)
            heard.at = f"{seen.at:%H:%M:%S}"
            self._update()

    def _update(self) -> None:
        if self._live is not None:
            self._live.update(self.table())

    def table(self) -> Table:
        """What was heard, by label: events and the last of them, the last score beside the highest."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for column, side in (
            ("label", "left"),
            ("events", "right"),
            ("score", "right"),
            ("", "left"),
            ("last event", "left"),
        ):
            table.add_column(column, justify="right" if side == "right" else "left")
        for name, heard in sorted(self._heard.items()):
            bar = "█" * round(_BAR * heard.score / heard.best) if heard.score > 0 else ""
            table.add_row(Text(name), str(heard.count), f"{heard.score:,}", Text(bar, "green"), heard.at)
        return table
