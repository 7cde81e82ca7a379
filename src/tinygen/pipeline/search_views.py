"""What `tinygen search` shows: every candidate, the Pareto front as a picture and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.pipeline.costing import Budget
from tinygen.report import svg
from tinygen.report.markup import Child


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One candidate.

    Attributes:
        accuracy: INT8 on the validation side, None where it was not trained to the end.
        given_up: epoch after which halving gave it up, with `accuracy_then`.
        over: why it was never trained.
    """

    number: int
    state: str
    accuracy: float | None
    given_up: int | None
    accuracy_then: float | None
    over: str
    ram_bytes: int | None
    flash_bytes: int | None
    instructions: int | None
    parameters: int | None
    layers: tuple[str, ...]


def row_of(number: int, facts: Mapping[str, Any], state: str) -> Row:
    """A candidate from what its trial keeps."""
    return Row(
        number=number,
        state=state.lower(),
        accuracy=facts.get("accuracy"),
        given_up=facts.get("given_up_after"),
        accuracy_then=facts.get("accuracy_when_given_up"),
        over=str(facts.get("over", "")),
        ram_bytes=facts.get("ram_bytes"),
        flash_bytes=facts.get("flash_bytes"),
        instructions=facts.get("instructions"),
        parameters=facts.get("parameters"),
        layers=tuple(facts.get("layers", ())),
    )


def front(rows: Sequence[Row]) -> list[Row]:
    """Those that no other one beats: as accurate with as few instructions, RAM and flash, and better in one of them."""
    return sorted(
        (row for row in rows if not any(_beats(other, row) for other in rows)),
        key=lambda row: (row.instructions or 0, row.number),
    )


def _values(row: Row) -> tuple[float, ...]:
    return (-(row.accuracy or 0.0), row.instructions or 0, row.ram_bytes or 0, row.flash_bytes or 0)


def _beats(a: Row, b: Row) -> bool:
    x, y = _values(a), _values(b)
    # Equals beat only later ones, so that one of them stays.
    return all(p <= q for p, q in zip(x, y, strict=True)) and (x != y or a.number < b.number)


def picture(rows: Sequence[Row], best: Sequence[Row]) -> bytes:
    """Accuracy over estimated instructions: an SVG file. Rings were given up early, at what they had then."""
    left, top, width, height = 64.0, 18.0, 560.0, 300.0
    shown = [(r, r.accuracy if r.accuracy is not None else r.accuracy_then) for r in rows if r.instructions]
    points = [(r, value) for r, value in shown if value is not None]
    x_top = max([float(r.instructions or 0) for r, _ in points], default=1.0) * 1.08
    low = min([value for _, value in points], default=0.0)
    low = max(0.0, low - 0.05)

    def at(row: Row, value: float) -> tuple[float, float]:
        return left + (row.instructions or 0) / x_top * width, top + height - (value - low) / (1.0 - low) * height

    parts: list[Child] = []
    for part in range(6):
        value = low + (1.0 - low) * part / 5
        y = top + height - height * part / 5
        parts += [
            svg.line(left, y, left + width, y),
            svg.text(left - 8, y + 4, f"{value:.2f}", anchor="end", size=11, faint=True),
        ]
    for tick in svg.ticks(x_top):
        x = left + tick / x_top * width
        parts.append(svg.text(x, top + height + 17, f"{tick:,.0f}", anchor="middle", size=11, faint=True))
    chosen = {row.number for row in best}
    stairs = sorted((at(row, row.accuracy or 0.0) for row in best), key=lambda p: p[0])
    if len(stairs) > 1:
        parts.append(svg.polyline(stairs, svg.AMBER, dashed=True))
    for row, value in points:
        x, y = at(row, value)
        finished = row.accuracy is not None
        colour = svg.AMBER if row.number in chosen else svg.BLUE if finished else svg.GREY
        parts.append(svg.rect(x - 4, y - 4, 8, 8, colour, opacity=1.0 if finished else 0.45))
        if row.number in chosen:
            parts.append(svg.text(x + 7, y - 6, str(row.number), size=11))
    parts += [
        svg.text(left + width / 2, top + height + 38, "estimated instructions", anchor="middle", faint=True),
        svg.text(14, top + height / 2, "accuracy, validation side", anchor="middle", faint=True, turn=-90),
    ]
    words = f"{len(best)} of {len(points)} candidates are on the Pareto front; pale ones were given up early"
    return svg.file_of(svg.chart("Candidates under the budget", words, left + width + 30, top + height + 50, *parts))


def report(
    task: str, board: str, budget: Budget, rows: Sequence[Row], best: Sequence[Row], *, study: str, folder: Path,
    seed: int, epochs: int,
) -> Report:  # fmt: skip
    """The verb's report."""
    trained = [r for r in rows if r.accuracy is not None or r.given_up is not None]
    over = [r for r in rows if r.over]
    cells = tuple(_cells(row) for row in best)
    early = sum(r.given_up is not None for r in rows)
    top = max(best, key=lambda r: r.accuracy or 0.0, default=None)
    limits = f"{budget.ram_bytes:,} bytes of RAM, {budget.flash_bytes:,} of flash"
    if budget.instructions is not None:
        limits += f", {budget.instructions:,} estimated instructions"
    measurements = [
        Measurement(name="candidates_trained", value=len(trained), unit="count", origin="counted"),
        Measurement(name="candidates_over_budget", value=len(over), unit="count", origin="counted",
                    note="costed by the compiler and never trained"),
        Measurement(name="candidates_given_up", value=early, unit="count", origin="counted",
                    note="by successive halving"),
    ]  # fmt: skip
    if top is not None:
        origin = "TFLM's interpreter, validation side"
        measurements.append(
            Measurement(name="best_accuracy", value=top.accuracy, unit="ratio", origin=origin,
                        note=f"seed {seed}, {epochs} epochs; chosen on this side, so too good: train it and judge it "
                        "on the test side")
        )  # fmt: skip
    fits = all(not row.over for row in trained)
    checks = (
        Check(
            name="nothing over the budget was trained",
            status=CheckStatus.PASSED if fits else CheckStatus.FAILED,
            reason=limits,
        ),
    )
    titles = ("candidate", "accuracy", "instructions", "RAM", "flash", "parameters", "layers")
    tables = (Table(title="Pareto front", columns=titles, rows=cells),)
    return Report(
        kind="search",
        subject={"task": task, "board": board, "study": study, "picture": str(folder / "front.svg")},
        checks=checks,
        measurements=tuple(measurements),
        tables=tables,
        notes=(
            "instructions are estimates of a simulator's counts, RAM and flash are linked",
            f"picture: {folder / 'front.svg'}; candidates: {folder / 'candidate-NNN.tflite'}",
        ),
        details={"rows": [asdict(r) for r in rows], "front": [r.number for r in best], "folder": str(folder)},
    )


def _cells(row: Row) -> tuple[str, ...]:
    return (
        str(row.number),
        f"{row.accuracy:.3f}" if row.accuracy is not None else "",
        f"{row.instructions:,}" if row.instructions is not None else "unknown",
        f"{row.ram_bytes:,}" if row.ram_bytes is not None else "",
        f"{row.flash_bytes:,}" if row.flash_bytes is not None else "",
        f"{row.parameters:,}" if row.parameters is not None else "",
        ", ".join(word for word in row.layers if word.split()[0] in ("conv2d", "depthwise_conv2d")),
    )
