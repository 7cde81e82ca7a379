"""Two runs side by side: what went in differently, and what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinygen.core.values import Measurement, Report, Table
from tinygen.report import charts, svg, words
from tinygen.report.grid import grid
from tinygen.report.markup import Child, Node, node, to_html
from tinygen.report.sections import curve_of
from tinygen.report.style import head

_SAME = "="
_INPUTS = (
    "task",
    "dataset",
    "dataset_digest",
    "licence",
    "seed",
    "group_kind",
    "board",
    "target",
    "toolchain",
    "model",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A kept run: its name (the digest's beginning) and its reports."""

    name: str
    reports: tuple[Report, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of both runs; None where a run does not have it."""

    kind: str
    name: str
    unit: str
    before: float | None
    now: float | None
    origins: tuple[str, str]


def figures(first: Run, second: Run) -> list[Figure]:
    """Every number of either run, in the first's order."""
    tables = [{(r.kind, m.name): m for r in run.reports for m in words.measurements(r)} for run in (first, second)]
    order = [*tables[0], *(key for key in tables[1] if key not in tables[0])]
    found = []
    for key in order:
        pair: list[Measurement | None] = [table.get(key) for table in tables]
        known = pair[0] or pair[1]
        if known is None:
            continue
        found.append(
            Figure(
                kind=key[0],
                name=key[1],
                unit=known.unit,
                before=pair[0].value if pair[0] else None,
                now=pair[1].value if pair[1] else None,
                origins=(pair[0].origin if pair[0] else "", pair[1].origin if pair[1] else ""),
            )
        )
    return found


def inputs(first: Run, second: Run) -> list[tuple[str, str, str]]:
    """What went in: (name, first, second), those that differ first."""
    rows = []
    for key in _INPUTS:
        before, now = _input(first, key), _input(second, key)
        if before or now:
            rows.append((key.replace("_", " "), before, now))
    return sorted(rows, key=lambda row: row[1] == row[2])


def _input(run: Run, key: str) -> str:
    for report in run.reports:
        value = report.subject.get(key) or report.details.get(key)
        if isinstance(value, str | int) and value != "":
            return str(value)[:40]
    return ""


def difference(figure: Figure) -> str:
    """How the second run differs, in words; ratios in points, others also in per cent."""
    if figure.before is None or figure.now is None:
        return "only in one"
    change = figure.now - figure.before
    if change == 0:
        return _SAME
    if figure.unit == "ratio" and abs(figure.before) <= 1 and abs(figure.now) <= 1:
        return f"{100 * change:+.2f} points"
    percent = f" ({100 * change / figure.before:+.1f} %)" if figure.before else ""
    return f"{'+' if change > 0 else ''}{words.number(change)}{percent}"


def report(first: Run, second: Run) -> Report:
    """The comparison for terminals and machines."""
    found = figures(first, second)
    rows = tuple(
        (
            figure.kind, words.label(figure.name), words.number(figure.before), words.number(figure.now),
            difference(figure), figure.origins[1] or figure.origins[0],
        )
        for figure in found
    )  # fmt: skip
    went_in = tuple(inputs(first, second))
    different = [row[0] for row in went_in if row[1] != row[2]]
    return Report(
        kind="compare",
        subject={"first": first.name, "second": second.name},
        tables=(
            Table(title="what went in", columns=("input", first.name, second.name), rows=went_in),
            Table(
                title="what came out",
                columns=("of", "figure", first.name, second.name, "difference", "origin"),
                rows=rows,
            ),
        ),
        notes=(f"what went in differs in: {', '.join(different)}" if different else "the same went into both",),
        details={
            "figures": [
                {"kind": f.kind, "name": f.name, "unit": f.unit, "first": f.before, "second": f.now} for f in found
            ],
            "different_inputs": different,
        },
    )


def page(first: Run, second: Run) -> bytes:
    """The comparison as one self-contained page."""
    made = report(first, second)
    sections: list[Node] = []
    for table in made.tables:
        rows: list[list[Child]] = [[_marked(cell) for cell in row] for row in table.rows]
        sections.append(node("section", None, node("h2", None, table.title), grid(table.columns, rows, numeric={2, 3})))
    lines = [
        charts.Curve(name=f"{run.name} {what}", points=points, colour=colour, dashed=dashed)
        for run, colour in ((first, svg.GREY), (second, svg.BLUE))
        for what, key, dashed in (("training", "loss", True), ("validation", "val_loss", False))
        if (points := _history(run.reports, key))
    ]
    if lines:
        figure = charts.curves("Loss", "epoch", "loss", lines, unit_square=False)
        sections.append(node("section", None, node("h2", None, "Learning curves"), node("figure", None, figure)))
    title = f"tinygen: {first.name} and {second.name}"
    main = node("main", None, node("h1", None, f"{first.name} → {second.name}"),
                node("p", {"class": "faint"}, made.notes[0]), *sections)  # fmt: skip
    return to_html(node("html", {"lang": "en"}, head(title), node("body", None, main)))


def _marked(cell: str) -> Child:
    return node("span", {"class": "faint"}, "the same") if cell == _SAME else cell


def _history(reports: Sequence[Report], key: str) -> tuple[tuple[float, float], ...]:
    for one in reports:
        points = curve_of(one.details.get("history"), key)
        if points:
            return points
    return ()
