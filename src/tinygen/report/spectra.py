"""Spectra with the lines that something in the machine should make."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from tinygen.core.values import Report
from tinygen.report import charts, svg
from tinygen.report.markup import Child, node


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spectrum:
    title: str
    floor_db: float
    points: list[tuple[float, float]]
    marks: list[tuple[str, float]]


_SPECTRA = TypeAdapter(list[_Spectrum])


def spectra(report: Report) -> list[Child]:
    """One diagram per spectrum of the details; what is malformed is left out."""
    try:
        read = _SPECTRA.validate_python(report.details.get("spectra", []))
    except ValidationError:
        return []
    found: list[Child] = []
    for drawn in read:
        points = tuple((hz, level - drawn.floor_db) for hz, level in drawn.points)
        top = max((level for _, level in points), default=1.0)
        lines = [charts.Curve(name="recordings", points=points, colour=svg.BLUE)]
        for (name, hz), colour in zip(drawn.marks, svg.PALETTE[1:], strict=False):
            mark = ((hz, 0.0), (hz, top))
            lines.append(charts.Curve(name=f"{name} {hz:.1f} Hz", points=mark, colour=colour, dashed=True))
        y_name = f"dB above {drawn.floor_db:g}"
        figure = charts.curves(drawn.title, "Hz", y_name, lines, unit_square=False)
        found += [node("h3", None, drawn.title), node("figure", None, figure)]
    return found
