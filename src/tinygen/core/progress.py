"""How long work tells how far it is. Rooms call it; the command line decides what people see."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with a stage ("training"), how much is done of how much, and a short remark ("loss 0.31")."""

    def __call__(self, stage: str, done: int, total: int, remark: str = "") -> None: ...


def silent(stage: str, done: int, total: int, remark: str = "") -> None:
    """A Progress that tells nobody."""
