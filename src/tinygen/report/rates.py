"""ROC and DET curves that a report brings: on its page, and as files of their own.

`details["rates"]` holds figures {"title", "lines": [{"name", "points": [[false alarm rate, detection rate]...]}]}.
"""

from __future__ import annotations

from statistics import NormalDist

from pydantic import BaseModel, TypeAdapter, ValidationError

from tinygen.core.values import Report
from tinygen.report import charts, svg
from tinygen.report.markup import Child, Node, node

_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
_LEAST, _MOST = 0.004, 0.85


class _Line(BaseModel):
    name: str
    points: list[tuple[float, float]]
    dashed: bool = False


class _Figure(BaseModel):
    title: str
    lines: list[_Line]


_FIGURES = TypeAdapter(list[_Figure])


def figures(report: Report) -> list[tuple[str, Node]]:
    """(title, picture) of each ROC and its DET; none where the report brings no curve, or a malformed one."""
    try:
        found = _FIGURES.validate_python(report.details.get("rates", []))
    except ValidationError:
        return []
    drawn: list[tuple[str, Node]] = []
    for figure in found:
        lines = [
            charts.Curve(name=line.name, points=tuple(line.points), colour=svg.PALETTE[i % len(svg.PALETTE)],
                         dashed=line.dashed)
            for i, line in enumerate(figure.lines)
        ]  # fmt: skip
        roc = charts.curves(f"ROC: {figure.title}", "false alarm rate", "detection rate", lines, unit_square=True)
        drawn += [(f"ROC: {figure.title}", roc), (f"DET: {figure.title}", det(f"DET: {figure.title}", lines))]
    return drawn


def parts(report: Report, said: str) -> list[Child]:
    """The pictures of a report's page; `said` tells where the numbers come from."""
    found: list[Child] = []
    for title, picture in figures(report):
        found += [
            node("h3", None, title),
            node("figure", None, picture, node("figcaption", {"class": "faint"}, said)),
        ]
    return found


def det(title: str, lines: list[charts.Curve]) -> Node:
    """Misses over false alarms, both as normal deviates: where scores spread normally, a line is straight.

    Source: Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997.
    """
    deviate = NormalDist().inv_cdf
    low, high = deviate(_LEAST), deviate(_MOST)
    left, top, size = 58.0, 14.0, 300.0

    def place(rate: float) -> float:
        return (deviate(min(max(rate, _LEAST), _MOST)) - low) / (high - low) * size

    parts: list[Child] = []
    for tick in _TICKS:
        x, y = left + place(tick), top + size - place(tick)
        parts += [
            svg.line(left, y, left + size, y),
            svg.line(x, top, x, top + size),
            svg.text(left - 8, y + 4, f"{tick:.0%}", anchor="end", size=11, faint=True),
            svg.text(x, top + size + 17, f"{tick:.0%}", anchor="middle", size=11, faint=True),
        ]
    for number, line in enumerate(lines):
        shape = [(left + place(x), top + size - place(1.0 - y)) for x, y in line.points]
        parts.append(svg.polyline(shape, line.colour, dashed=line.dashed))
        y = top + 16 + number * 18
        x = left + size - svg.text_width(line.name, 11) - 34
        parts += [
            svg.polyline([(x, y - 4), (x + 20, y - 4)], line.colour, dashed=line.dashed),
            svg.text(x + 26, y, line.name, size=11),
        ]
    parts += [
        svg.text(left + size / 2, top + size + 36, "false alarm rate", anchor="middle", faint=True),
        svg.text(14, top + size / 2, "miss rate", anchor="middle", faint=True, turn=-90),
    ]
    return svg.chart(title, "miss rate over false alarm rate, as normal deviates", left + size + 16, top + size + 46,
                     *parts)  # fmt: skip
