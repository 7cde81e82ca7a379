"""The pictures of a report: memory over time, memory used, what was taken for what, curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tinygen.report import svg
from tinygen.report.markup import Child, Node
from tinygen.report.plan_view import PlanView

_WIDTH = 900.0
_LEFT = 66.0  # where a diagram with a byte axis begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a bar, in bytes."""

    name: str
    value: int
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A line of a diagram."""

    name: str
    points: tuple[tuple[float, float], ...]
    colour: str
    dashed: bool = False


def memory_map(plan: PlanView) -> Node:
    """Buffers over time: steps to the right, addresses upwards, the arena's planned size as the upper edge."""
    buffers = plan.buffers
    first = min([0, *(b.first for b in buffers)])
    last = max([len(plan.steps) - 1, 0, *(b.last for b in buffers)])
    columns = last - first + 1
    top, height = 26.0, 300.0
    inner = _WIDTH - _LEFT - 14.0
    column_px = inner / columns
    scale = height / max(plan.arena_bytes, 1)

    def x(step: int) -> float:
        return _LEFT + (step - first) * column_px

    def y(offset: int) -> float:
        return top + height - offset * scale

    parts: list[Child] = []
    sizes: list[Child] = []
    for tick in svg.bytes_ticks(plan.arena_bytes):
        parts += [
            svg.line(_LEFT, y(tick), _LEFT + inner, y(tick)),
            svg.text(_LEFT - 8, y(tick) + 4, svg.bytes_label(tick), anchor="end", faint=True),
        ]
    for number, b in enumerate(sorted(buffers, key=lambda buffer: (buffer.first, buffer.offset))):
        colour = svg.GREY if b.tensor < 0 else svg.PALETTE[number % (len(svg.PALETTE) - 1)]
        width, tall = (b.last - b.first + 1) * column_px, b.size_bytes * scale
        lifetime = f"steps {b.first} to {b.last}" if b.first >= 0 else f"from the start to step {b.last}"
        tip = f"{b.name}: {b.size_bytes:,} bytes at {b.offset:,}, {lifetime}"
        # Where input and output of a step overlap on purpose, both shine through.
        left, upper = x(b.first) + 1, y(b.offset + b.size_bytes) + 0.5
        parts.append(svg.rect(left, upper, width - 2, tall - 1, colour, tip=tip, opacity=0.72, outlined=True))
        size = f"{b.size_bytes:,}"
        # In the column where it is born: in the next one its reader's result may cover it.
        room = column_px if svg.text_width(size, 11) <= column_px - 6 else width
        if tall >= 14 and svg.text_width(size, 11) <= room - 6:
            middle = x(b.first) + room / 2
            sizes.append(svg.text(middle, y(b.offset) - tall / 2 + 4, size, anchor="middle", colour=svg.WHITE, size=11))
    parts += [
        *sizes,
        svg.line(_LEFT, y(plan.arena_bytes), _LEFT + inner, y(plan.arena_bytes), faint=False),
        svg.text(_LEFT + inner, y(plan.arena_bytes) - 8, f"arena {plan.arena_bytes:,} bytes", anchor="end", bold=True),
    ]
    bound = plan.lower_bound_bytes
    if 0 < bound < plan.arena_bytes:
        shift = 14 if y(bound) < top + 16 else -4
        parts += [
            svg.line(_LEFT, y(bound), _LEFT + inner, y(bound), faint=False, dashed=True),
            svg.text(_LEFT + inner, y(bound) + shift, f"lower bound {bound:,}", anchor="end", size=11),
        ]
    axis, depth = _step_axis([step.op for step in plan.steps], first, columns, top + height)
    description = f"{len(buffers)} buffers over {len(plan.steps)} steps in an arena of {plan.arena_bytes} bytes"
    return svg.chart("Memory over time", description, _WIDTH, top + height + depth, *parts, *axis)


def _step_axis(steps: Sequence[str], first: int, columns: int, base: float) -> tuple[list[Node], float]:
    """Labels below the columns and the room they take."""
    column_px = (_WIDTH - _LEFT - 14.0) / columns
    named = column_px >= 15
    every = 1 if named else math.ceil(22 / column_px)
    labels: list[Node] = []
    longest = 0.0
    for index in range(columns):
        step = first + index
        middle = _LEFT + (index + 0.5) * column_px
        if named:
            name = "start" if step < 0 else f"{step} {steps[step]}" if step < len(steps) else "end"
            name = svg.shortened(name, 150, 11)
            longest = max(longest, svg.text_width(name, 11))
            labels.append(svg.text(middle + 4, base + 12, name, anchor="end", size=11, faint=True, turn=-55))
        elif step >= 0 and step % every == 0:
            labels.append(svg.text(middle, base + 16, str(step), anchor="middle", size=11, faint=True))
    depth = 24 + longest * math.sin(math.radians(55)) if named else 26.0
    return labels, depth


def usage_bar(title: str, segments: Sequence[Segment], capacity: int | None) -> Node:
    """One memory: what takes how much, and what is left where the size is known."""
    used = sum(segment.value for segment in segments)
    whole = max(capacity or used, used, 1)
    bar_top, bar_height = 26.0, 26.0
    parts: list[Child] = [svg.text(0, 16, title, bold=True)]
    said = svg.bytes_label(used)
    if capacity:
        said += f" of {svg.bytes_label(capacity)} ({100 * used / capacity:.1f} %)"
    parts.append(svg.text(_WIDTH, 16, said, anchor="end", faint=True))
    parts.append(svg.rect(0, bar_top, _WIDTH, bar_height, "currentColor", opacity=0.08))
    position = 0.0
    for segment in segments:
        width = segment.value / whole * _WIDTH
        tip = f"{segment.name}: {segment.value:,} bytes"
        parts.append(svg.rect(position, bar_top, max(width, 1.0), bar_height, segment.colour, tip=tip, radius=0))
        position += width
    key = 0.0
    for segment in segments:
        name = f"{segment.name} {segment.value:,}"
        parts += [
            svg.rect(key, bar_top + bar_height + 11, 10, 10, segment.colour),
            svg.text(key + 15, bar_top + bar_height + 20, name, size=11, faint=True),
        ]
        key += 15 + svg.text_width(name, 11) + 18
    description = ", ".join(f"{segment.name} {segment.value} bytes" for segment in segments)
    return svg.chart(title, description, _WIDTH, bar_top + bar_height + 28, *parts)


def confusion(title: str, labels: Sequence[str], counts: Sequence[Sequence[int]]) -> Node:
    """What was taken for what: rows are the truth, columns what was said; shades are shares of a row."""
    n = len(labels)
    size = min(44.0, max(26.0, 420.0 / n))
    widest = max(svg.text_width(name, 11) for name in labels)
    left = min(widest, 150.0) + 14
    top = min(widest, 150.0) * math.sin(math.radians(50)) + 24
    parts: list[Child] = []
    for column, name in enumerate(labels):
        x = left + (column + 0.5) * size
        parts.append(svg.text(x + 2, top - 8, svg.shortened(name, 150, 11), size=11, turn=-50))
    for row, name in enumerate(labels):
        middle = top + (row + 0.5) * size + 4
        parts.append(svg.text(left - 8, middle, svg.shortened(name, 150, 11), anchor="end", size=11))
        total = sum(counts[row])
        for column, count in enumerate(counts[row]):
            share = count / total if total else 0.0
            colour = svg.BLUE if row == column else svg.RED
            opacity = 0.05 if not count else 0.15 + 0.85 * math.sqrt(share)
            tip = f"{name} taken for {labels[column]}: {count} of {total}"
            x, y = left + column * size, top + row * size
            parts.append(svg.rect(x + 1, y + 1, size - 2, size - 2, colour, tip=tip, opacity=opacity))
            if count:
                ink = svg.WHITE if opacity > 0.55 else "currentColor"
                parts.append(
                    svg.text(
                        x + size / 2, middle, f"{count:d}", anchor="middle", colour=ink, size=11 if size > 30 else 10
                    )
                )
    width = left + n * size + min(widest, 150.0) * math.cos(math.radians(50)) + 10
    right = sum(counts[i][i] for i in range(n))
    description = f"{right} of {sum(map(sum, counts))} right; rows are the truth, columns the answer"
    return svg.chart(title, description, width, top + n * size + 6, *parts)


def curves(
    title: str, x_name: str, y_name: str, lines: Sequence[Curve], *, unit_square: bool, key_below: bool = False
) -> Node:
    """Lines in one diagram.

    Args:
        unit_square: both axes run from 0 to 1 (rates), with the diagonal of chance; else they suit the data.
        key_below: the lines end high, so their names stand at the bottom.
    """
    points = [point for curve in lines for point in curve.points]
    x_top = 1.0 if unit_square else max((p[0] for p in points), default=1.0) or 1.0
    y_top = 1.0 if unit_square else max((p[1] for p in points), default=1.0) * 1.05 or 1.0
    left, top, width, height = 58.0, 14.0, 340.0 if unit_square else 460.0, 300.0 if unit_square else 220.0
    parts: list[Child] = []
    for tick in svg.ticks(y_top):
        y = top + height - tick / y_top * height
        parts += [
            svg.line(left, y, left + width, y),
            svg.text(left - 8, y + 4, f"{tick:g}", anchor="end", size=11, faint=True),
        ]
    for tick in svg.ticks(x_top):
        x = left + tick / x_top * width
        parts.append(svg.text(x, top + height + 17, f"{tick:g}", anchor="middle", size=11, faint=True))
    if unit_square:
        parts.append(svg.line(left, top + height, left + width, top, dashed=True))
    for curve in lines:
        shape = [(left + px / x_top * width, top + height - py / y_top * height) for px, py in curve.points]
        parts.append(svg.polyline(shape, curve.colour, dashed=curve.dashed))
    for number, curve in enumerate(lines):
        y = (
            top + 16 + number * 18
            if not (unit_square or key_below)
            else top + height - 14 - (len(lines) - 1 - number) * 18
        )
        name_px = svg.text_width(curve.name, 11)
        x = left + width - name_px - 34
        parts += [
            svg.polyline([(x, y - 4), (x + 20, y - 4)], curve.colour, dashed=curve.dashed),
            svg.text(x + 26, y, curve.name, size=11),
        ]
    parts += [
        svg.text(left + width / 2, top + height + 36, x_name, anchor="middle", faint=True),
        svg.text(14, top + height / 2, y_name, anchor="middle", faint=True, turn=-90),
    ]
    return svg.chart(title, f"{y_name} over {x_name}", left + width + 16, top + height + 46, *parts)


def share_bar(share: float, tip: str) -> Node:
    """A small bar for a table cell, 0..1."""
    return svg.chart(tip, tip, 90, 10, svg.rect(0, 1, 90, 8, "currentColor", opacity=0.08), svg.rect(
        0, 1, 90 * min(max(share, 0.0), 1.0), 8, svg.BLUE))  # fmt: skip
