"""Parts of the HTML view: each takes a report or a plan and gives elements, none when there is nothing to show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from tinygen.core.values import Measurement, Report, Table
from tinygen.report import charts, judged, model_picture, rates, svg, words
from tinygen.report.grid import grid
from tinygen.report.markup import Child, Node, node
from tinygen.report.plan_view import PlanView
from tinygen.report.spectra import spectra

_NAMES = TypeAdapter(list[str])
_COUNTS = TypeAdapter(list[list[int]])
_POINTS = TypeAdapter(list[tuple[float, float]])
_HISTORY = TypeAdapter(list[dict[str, float]])
_T = TypeVar("_T")
_RATES_FROM = "INT8 measured in TFLM's interpreter, float in Keras, on held-out recordings"
_OPEN_ROWS = 24  # longer tables are folded
_DRAWN_TABLES = ("confusion matrix",)  # they stand in the report for terminals; here they are pictures with numbers


def report_section(report: Report) -> Node:
    """One report: how it went, checks, numbers, pictures, tables, notes."""
    state = "passed" if report.ok else "failed"
    drawn = _training(report)
    subject = [
        item for key, value in report.subject.items() for item in (node("dt", None, key), node("dd", None, value))
    ]
    return node(
        "section",
        {"id": report.kind},
        node("h2", None, report.kind),
        node("p", {"class": f"headline {state}"}, words.headline(report)),
        node("dl", None, *subject) if subject else None,
        *_checks(report),
        *_measurements(words.measurements(report)),
        *_usage(report),
        *judged.float_and_int8(report),
        *drawn,
        *judged.judged_parts(report),
        *rates.parts(report, f"{_RATES_FROM}, seed {report.details.get('seed', '-')}"),
        *spectra(report),
        *(judged.data_card(report.details, report.subject.get("dataset", "")) if report.kind == "convert" else ()),
        *[
            _table(table)
            for table in report.tables
            if not (drawn and "confusion_int8" in report.details and table.title.startswith(_DRAWN_TABLES))
            and not (report.details.get("mistakes") and table.title == "worst mistakes")
        ],
        *_notes(report.notes),
    )


def plan_section(plan: PlanView) -> Node:
    """The plan: memory over time, and every step with its kernel."""
    most = max((step.macs for step in plan.steps), default=0)
    rows: list[list[Child]] = [
        [
            str(step.position),
            step.op,
            "×".join(map(str, step.shape)),
            node("code", None, step.kernel),
            step.why,
            f"{step.macs:,}",
            charts.share_bar(step.macs / most, f"{step.macs:,} MACs") if most else None,
        ]
        for step in plan.steps
    ]
    columns = ("step", "operator", "result", "kernel", "why", "MACs", "")
    above = plan.arena_bytes - plan.lower_bound_bytes
    distance = f", {above:,} above the most that is live at once" if above > 0 else ", which no plan can go below"
    return node(
        "section",
        {"id": "plan"},
        node("h2", None, "plan"),
        node(
            "p",
            {"class": "faint"},
            f"{plan.name}: {len(plan.steps)} steps, {plan.macs:,} MACs, {plan.weights_bytes:,} bytes of weights, "
            f"an arena of {plan.arena_bytes:,} bytes (planned){distance}",
        ),
        node("h3", None, "The model"),
        node("figure", None, model_picture.picture(plan)),
        node("h3", None, "Memory over time"),
        node("figure", None, charts.memory_map(plan)),
        node("h3", None, "Steps"),
        grid(columns, rows, numeric={0, 5}),
    )


def _checks(report: Report) -> list[Child]:
    if not report.checks:
        return []
    rows: list[list[Child]] = [
        [node("span", {"class": c.status.value}, words.STATUS_WORDS[c.status]), c.name, c.reason] for c in report.checks
    ]
    return [node("h3", None, "Checks"), grid(("", "check", "reason"), rows, numeric=set())]


def _measurements(measurements: Sequence[Measurement]) -> list[Child]:
    if not measurements:
        return []
    rows: list[list[Child]] = [[words.label(m.name), words.quantity(m), words.origin(m), m.note] for m in measurements]
    columns = ("measurement", "value", "origin", "note")
    return [node("h3", None, "Measurements"), grid(columns, rows, numeric={1})]


def _usage(report: Report) -> list[Child]:
    """Bars of flash and RAM, where the report has the figures."""
    found = {m.name: int(m.value) for m in words.measurements(report) if m.value is not None and m.unit == "bytes"}
    figures: list[Child] = []
    if found.get("flash_bytes"):
        # An image that keeps its weights elsewhere (in RAM, in simulators) has fewer bytes in flash than weights.
        whole, weights = found["flash_bytes"], found.get("weights_bytes", 0)
        parts = [charts.Segment(name="code, tables and weights", value=whole, colour=svg.TEAL)]
        if 0 < weights <= whole:
            parts = [
                charts.Segment(name="weights", value=weights, colour=svg.BLUE),
                charts.Segment(name="code and tables", value=whole - weights, colour=svg.TEAL),
            ]
        figures.append(charts.usage_bar("Flash", parts, found.get("flash_capacity_bytes")))
    if "ram_bytes" in found:
        whole, arena = found["ram_bytes"], min(found.get("arena_bytes", 0), found["ram_bytes"])
        parts = [
            charts.Segment(name="arena", value=arena, colour=svg.AMBER),
            charts.Segment(name="stack, buffers, state", value=whole - arena, colour=svg.BROWN),
        ]
        figures.append(charts.usage_bar("RAM", parts, found.get("ram_capacity_bytes")))
    return [node("h3", None, "Memory used"), *(node("figure", None, figure) for figure in figures)] if figures else []


def _training(report: Report) -> list[Child]:
    """Confusion matrices, ROC and loss, from details as training gives them; what is malformed is left out."""
    labels = _read(_NAMES, report.details.get("labels"))
    seed = report.details.get("seed", "-")
    found: list[Child] = []
    for key, title in (("confusion_int8", "INT8"), ("confusion_float", "float")):
        counts = _read(_COUNTS, report.details.get(key))
        if labels and counts and len(counts) == len(labels) and all(len(row) == len(labels) for row in counts):
            name = f"Confusion matrix, {title}"
            figure = charts.confusion(name, labels, counts)
            caption = f"{name} (rows: truth, columns: answer)"
            found += [node("h3", None, caption), node("figure", None, figure, _origin(key, seed))]
    found += _det(report)
    found += _history(_read(_HISTORY, report.details.get("history")), seed)
    return found


def _det(report: Report) -> list[Child]:
    """Misses over false accepts of a stream, and the point that was chosen."""
    points = _read(_POINTS, report.details.get("det"))
    chosen = _read(_POINTS, [report.details["chosen"]]) if "chosen" in report.details else None
    if not points:
        return []
    lines = [charts.Curve(name="thresholds", points=tuple(sorted(points)), colour=svg.BLUE)]
    if chosen:
        x, y = chosen[0]
        lines.append(charts.Curve(name="chosen", points=((x, 0.0), (x, y), (0.0, y)), colour=svg.AMBER, dashed=True))
    figure = charts.curves("DET", "false accepts per hour", "miss rate", lines, unit_square=False)
    return [node("h3", None, "DET"), node("figure", None, figure)]


def _origin(key: str, seed: object) -> Node:
    """Where a picture's numbers come from."""
    where = {"confusion_float": "Keras"}.get(key, "TFLM's interpreter")
    return node("figcaption", {"class": "faint"}, f"measured in {where} on the test side, seed {seed}")


def curve_of(history: object, key: str) -> tuple[tuple[float, float], ...]:
    """(epoch, value) of one figure of a training history; () where there are less than two finite ones."""
    rows = _read(_HISTORY, history) or []
    points = tuple(
        (row.get("epoch", number + 1.0), row[key])
        for number, row in enumerate(rows)
        if key in row and math.isfinite(row[key])
    )
    return points if len(points) > 1 else ()


def _history(history: list[dict[str, float]] | None, seed: object) -> list[Child]:
    found: list[Child] = []
    for title, training, validation in (("Loss", "loss", "val_loss"), ("Accuracy", "accuracy", "val_accuracy")):
        lines = [
            charts.Curve(name=name, points=points, colour=colour)
            for key, name, colour in ((training, "training", svg.BLUE), (validation, "validation", svg.AMBER))
            if (points := curve_of(history, key))
        ]
        if lines:
            low = title == "Accuracy"
            figure = charts.curves(title, "epoch", title.lower(), lines, unit_square=False, key_below=low)
            said = node("figcaption", {"class": "faint"}, f"float network while it learned, seed {seed}")
            found += [node("h3", None, f"Learning curve: {title.lower()}"), node("figure", None, figure, said)]
    return found


def _read(adapter: TypeAdapter[_T], value: object) -> _T | None:
    try:
        return adapter.validate_python(value)
    except ValidationError:
        return None


def _table(table: Table) -> Node:
    rows: list[list[Child]] = [list(row) for row in table.rows]
    numeric = {i for i in range(len(table.columns)) if rows and all(_is_number(row[i : i + 1]) for row in table.rows)}
    shown = grid(table.columns, rows, numeric=numeric)
    if len(rows) <= _OPEN_ROWS:
        return node("div", None, node("h3", None, table.title), shown)
    summary = node("summary", None, f"{len(rows)} rows")
    return node("div", None, node("h3", None, table.title), node("details", None, summary, shown))


def _is_number(cells: Sequence[str]) -> bool:
    return all(cell.replace(",", "").replace(".", "").lstrip("-").isdigit() for cell in cells)


def _notes(notes: Sequence[str]) -> list[Child]:
    if not notes:
        return []
    return [node("h3", None, "Notes"), node("ul", None, *(node("li", None, note) for note in notes))]
