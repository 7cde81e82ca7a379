"""The page of `datasets preview`: recordings and their variations, to hear and to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.report import listen, spectrogram
from tinygen.report.grid import grid
from tinygen.report.markup import Child, Node, node, to_html
from tinygen.report.style import head


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Take:
    """A signal int16 [n, channels] with its name: "as recorded", "variation 1", "pitch alone"."""

    name: str
    signal: npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """What a network is fed, as a PNG file: "as recorded", "SpecAugment alone", "variation 1"."""

    name: str
    picture: bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Example:
    """One recording and what was made of it."""

    title: str
    rate_hz: int
    takes: tuple[Take, ...]
    rows: tuple[Rows, ...] = ()


def page(title: str, said: Sequence[str], steps: Sequence[tuple[str, ...]], examples: Sequence[Example]) -> bytes:
    """One self-contained HTML file."""
    rows: list[list[Child]] = [list(row) for row in steps]
    columns = ("step", "what it does", "share", "numbers")
    recipe = node("section", None, node("h2", None, "Recipe"), grid(columns, rows, numeric={2}))
    main = node(
        "main", None, node("h1", None, title), *(node("p", {"class": "faint"}, text) for text in said), recipe,
        *(_section(example) for example in examples),
    )  # fmt: skip
    return to_html(node("html", {"lang": "en"}, head(title), node("body", None, main)))


def _section(example: Example) -> Node:
    cards = [_card(take, example.rate_hz) for take in example.takes]
    fed: list[Child] = []
    if example.rows:
        shown = [
            node("div", {"class": "mistake"}, node("strong", None, rows.name),
                 node("div", None, spectrogram.image(rows.picture, f"{rows.name}: features, time to the right")))
            for rows in example.rows
        ]  # fmt: skip
        fed = [node("h3", None, "What a network trained in stages is fed"), node("div", {"class": "mistakes"}, *shown)]
    return node("section", None, node("h2", None, example.title), node("div", {"class": "mistakes"}, *cards), *fed)


def _card(take: Take, rate_hz: int) -> Node:
    parts: list[Child] = []
    if listen.is_sound(take.signal, rate_hz):
        parts.append(listen.player(take.signal, rate_hz, take.name))
    parts.append(listen.waveform(take.signal, rate_hz, take.name))
    if rate_hz >= 1000:
        parts.append(spectrogram.picture(take.signal, rate_hz, take.name))
    return node("div", {"class": "mistake"}, node("strong", None, take.name), node("div", None, *parts))
