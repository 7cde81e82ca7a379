"""Pieces all charts share: colours that read on light and dark, text, axes, the frame."""

from __future__ import annotations

import math
from copy import copy
from xml.etree import ElementTree

from tinygen.report.markup import Child, Node, node

BLUE, AMBER, GREEN, RED = "#3f6fb5", "#d08a2e", "#3d9a6a", "#b8524a"
VIOLET, TEAL, BROWN, GREY = "#7a62b3", "#2f98a8", "#8a6d4b", "#8b929b"
PALETTE = (BLUE, AMBER, GREEN, VIOLET, TEAL, RED, BROWN, GREY)
WHITE = "#ffffff"
FONT_PX = 12
_USUAL_EM, _WIDE_EM = 0.6, 0.72  # widths of characters, rather too large than too small


def chart(title: str, description: str, width: float, height: float, *children: Child) -> Node:
    """An inline SVG that scales with the page and says in words what it shows."""
    return node(
        "svg",
        {
            "width": float(width),
            "height": float(height),
            "viewBox": f"0 0 {width:g} {height:g}",
            "role": "img",
            "aria-label": title,
            "font-family": "system-ui, sans-serif",
            "font-size": FONT_PX,
            "fill": "currentColor",
        },
        node("title", None, title),
        node("desc", None, description),
        *children,
    )


def file_of(picture: Node) -> bytes:
    """A chart as an SVG file, on white."""
    alone = copy(picture)
    for key, value in (("xmlns", "http://www.w3.org/2000/svg"), ("style", "background:#fff"), ("color", "#222")):
        alone.set(key, value)
    return ElementTree.tostring(alone) + b"\n"


def text(
    x: float, y: float, content: str, *, anchor: str = "start", colour: str = "currentColor", size: float = FONT_PX,
    faint: bool = False, bold: bool = False, turn: float = 0.0,
) -> Node:  # fmt: skip
    """A line of text; `turn` rotates it around its own place, degrees clockwise."""
    attributes: dict[str, str | float | int] = {
        "x": float(x), "y": float(y), "text-anchor": anchor, "fill": colour, "font-size": float(size),
    }  # fmt: skip
    if faint:
        attributes["opacity"] = 0.65
    if bold:
        attributes["font-weight"] = "600"
    if turn:
        attributes["transform"] = f"rotate({turn:g} {x:.2f} {y:.2f})"
    return node("text", attributes, content)


def line(x1: float, y1: float, x2: float, y2: float, *, faint: bool = True, dashed: bool = False) -> Node:
    """A straight line in the text's colour."""
    attributes: dict[str, str | float | int] = {
        "x1": float(x1), "y1": float(y1), "x2": float(x2), "y2": float(y2), "stroke": "currentColor",
        "stroke-opacity": 0.15 if faint else 0.6, "stroke-width": 1,
    }  # fmt: skip
    if dashed:
        attributes["stroke-dasharray"] = "5 4"
    return node("line", attributes)


def rect(
    x: float,
    y: float,
    width: float,
    height: float,
    fill: str,
    *,
    tip: str = "",
    opacity: float = 1.0,
    radius: float = 2.0,
    outlined: bool = False,
) -> Node:
    """A box; `tip` shows when the pointer rests on it."""
    return node(
        "rect",
        {"x": float(x), "y": float(y), "width": max(float(width), 0.0), "height": max(float(height), 0.0), "rx": radius,
         "fill": fill, "fill-opacity": float(opacity), **({"stroke": fill} if outlined else {})},
        node("title", None, tip) if tip else None,
    )  # fmt: skip


def polyline(points: list[tuple[float, float]], colour: str, *, dashed: bool = False, width: float = 2.0) -> Node:
    """A line through points."""
    attributes: dict[str, str | float | int] = {
        "points": " ".join(f"{x:.2f},{y:.2f}" for x, y in points), "fill": "none", "stroke": colour,
        "stroke-width": width, "stroke-linejoin": "round",
    }  # fmt: skip
    if dashed:
        attributes["stroke-dasharray"] = "6 4"
    return node("polyline", attributes)


def shortened(content: str, width_px: float, size: float = FONT_PX) -> str:
    """As much of a text as fits a width, "" when not even three characters do."""
    if text_width(content, size) <= width_px:
        return content
    for length in range(len(content) - 1, 2, -1):
        if text_width(content[:length] + "…", size) <= width_px:
            return content[:length] + "…"
    return ""


def text_width(content: str, size: float = FONT_PX) -> float:
    """About how wide a text is, in px, in a usual sans-serif font."""
    return size * sum(_WIDE_EM if c.isupper() or c in "_mw@%" else _USUAL_EM for c in content)


def ticks(top: float, wanted: int = 5) -> list[float]:
    """Round numbers from 0 to at most `top`."""
    if top <= 0:
        return [0.0]
    raw = top / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((factor * power for factor in (1, 2, 2.5, 5) if factor * power >= raw), 10 * power)
    return [index * step for index in range(int(top / step + 1e-9) + 1)]


def bytes_ticks(top: int, wanted: int = 5) -> list[int]:
    """Round numbers of bytes (powers of two and their 1.5, 3 times) from 0 to at most `top`."""
    step = 1
    while top / step > wanted:
        step *= 2
    return list(range(0, top + 1, step))


def bytes_label(value: int) -> str:
    """1536 -> "1.5 KB" (KB = 1024 bytes)."""
    if value >= 1 << 20:
        return f"{value / (1 << 20):.3g} MB"
    return f"{value / 1024:.3g} KB" if value >= 1024 else f"{value} B"
