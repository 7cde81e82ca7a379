"""A profile as a picture: the whole on top, its parts below, as wide as what they take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinygen.report.markup import Child, Node, node, to_html
from tinygen.report.style import head
from tinygen.report.svg import GREY, PALETTE, WHITE, chart, rect, shortened, text

_WIDTH, _ROW, _GAP = 940.0, 34.0, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of the work and what it is made of; `value` in the profile's unit."""

    name: str
    value: float
    tip: str
    children: tuple[Block, ...] = ()


def flame(root: Block, unit: str) -> Node:
    """The blocks from the root down; a block's children share its width by their values."""
    found: list[Child] = []
    depth = _draw(found, root, (0.0, _WIDTH), 0, 0)
    description = f"Each box is as wide as its share of {root.value:,.0f} {unit}."
    return chart(root.name, description, _WIDTH, depth * (_ROW + _GAP), *found)


def _draw(found: list[Child], block: Block, span: tuple[float, float], level: int, number: int) -> int:
    x, width = span
    y = level * (_ROW + _GAP)
    colour = GREY if level == 0 else PALETTE[number % len(PALETTE)]
    found.append(rect(x, y, max(width - _GAP, 0.5), _ROW, colour, tip=f"{block.name}: {block.tip}"))
    label = shortened(block.name, width - 10)
    if label:
        found.append(text(x + 5, y + _ROW / 2 + 4, label, colour=WHITE))
    deepest = level + 1
    total = max(block.value, sum(child.value for child in block.children), 1e-9)
    for index, child in enumerate(block.children):
        share = width * child.value / total
        deepest = max(deepest, _draw(found, child, (x, share), level + 1, number + index if level else index))
        x += share
    return deepest


def page(title: str, subtitle: str, pictures: Sequence[tuple[str, Node]]) -> bytes:
    """One self-contained HTML file: no script, nothing fetched."""
    sections = [
        node("section", None, node("h2", None, name), node("figure", None, picture)) for name, picture in pictures
    ]
    main = node("main", None, node("h1", None, title), node("p", {"class": "faint"}, subtitle), *sections)
    return to_html(node("html", {"lang": "en"}, head(title), node("body", None, main)))
