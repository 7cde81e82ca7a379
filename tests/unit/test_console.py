"""Progress for people: a finished stage is told once."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tinygen.console import ConsoleProgress


@pytest.mark.parametrize("terminal", [True, False])
def test_a_stage_that_ends_twice_is_told_once(terminal: bool) -> None:
    out = io.StringIO()
    with ConsoleProgress(Console(file=out, force_terminal=terminal, width=120, legacy_windows=False)) as progress:
        for done in (1, 29, 29):
            progress("build", done, 29)
        progress("asking", 2, 2)
        progress("asking", 50, 50)
    final = out.getvalue()
    assert final.count("29/29") == 1 or terminal
    assert terminal or [line.split()[0] for line in final.split("\n") if line] == [
        "build:",
        "build:",
        "asking:",
        "asking:",
    ]
    assert "2/2" in final
    assert "50/50" in final
