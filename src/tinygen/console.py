"""How people see long work: progress bars on a terminal, a line per stage elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

_LINE_EVERY_S = 10.0


class ConsoleProgress:
    """A `core.progress.Progress` on a console; use it as a context manager.

    Args:
        console: where people read.
        quiet: tell nothing.
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, float] = {}
        self._ended: dict[str, int] = {}
        self._bars = Progress(
            TextColumn("  {task.description:<24}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[remark]}"),
            console=console,
            transient=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, stage: str, done: int, total: int, remark: str = "") -> None:
        if self._quiet or (done >= total and self._ended.get(stage) == total):
            return  # a stage may say twice that it is done
        if done >= total:
            self._ended[stage] = total
        else:
            self._ended.pop(stage, None)
        if self._console.is_terminal:
            self._bar(stage, done, total, remark)
        else:
            self._line(stage, done, total, remark)

    def say(self, text: str) -> None:
        """One line for people."""
        if not self._quiet:
            self._console.print(text, markup=False)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._bars.stop()

    def _bar(self, stage: str, done: int, total: int, remark: str) -> None:
        if stage not in self._tasks:
            self._bars.start()
            self._tasks[stage] = self._bars.add_task(stage, total=total, remark=remark)
        self._bars.update(self._tasks[stage], completed=done, total=total, remark=remark)
        if done >= total and self._bars.finished:
            # Let go of the terminal between stages, so that compilers and reports print below the bars.
            self._bars.stop()
            for task in self._tasks.values():
                self._bars.remove_task(task)
            self._tasks.clear()

    def _line(self, stage: str, done: int, total: int, remark: str) -> None:
        now = time.monotonic()
        last = self._told.get(stage)
        if last is None or done >= total or now - last > _LINE_EVERY_S:
            self._told[stage] = now
            self._console.print(f"  {stage}: {done}/{total}{'  ' + remark if remark else ''}", markup=False)
