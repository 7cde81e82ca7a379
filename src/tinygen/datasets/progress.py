"""How long work tells how far it is, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called often and cheaply by anything that takes more than a second."""

    def __call__(self, what: str, done: int, total: int, detail: str = "") -> None:
        """`done` of `total` units of `what` are finished; `detail` is a short figure such as "loss 0.31"."""


def silent(what: str, done: int, total: int, detail: str = "") -> None:
    """A listener that does nothing."""
