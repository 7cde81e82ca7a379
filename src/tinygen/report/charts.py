"""The pictures of a report: memory over time, memory used, what was taken for what, curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tinygen.report import svg
from tinygen.report.markup import Child, Node

_WIDTH = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a bar, in bytes."""

    name: str
    value: int
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A buffer in the arena; first and last step are inclusive, -1 is before the first step."""

    name: str
    offset: int
    size: int
    first: int
    last: int
    scratch: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A line of a diagram."""

    name: str
    points: tuple[tuple[float, float], ...]
    colour: str
    dashed: bool = False


def memory_map(spans: Sequence[Span], steps: Sequence[str], arena_bytes: int, lower_bound_bytes: int) -> Node:
    """Buffers over time: steps to the right, addresses upwards.

    Args:
        spans: buffers with lifetimes.
        steps: operator names by position.
        arena_bytes: planned size; the upper end of the picture.
        lower_bound_bytes: the largest sum of live buffers.
    """
    first = min([0, *(span.first for span in spans)])
    last = max([len(steps) - 1, 0, *(span.last for span in spans)])
    columns = last - first + 1
    left, top, height = 66.0, 26.0, 300.0
    inner = _WIDTH - left - 14.0
    column_px = inner / columns
    scale = height / max(arena_bytes, 1)

    def x(step: int) -> float:
        return left + (step - first) * column_px

    def y(offset: int) -> float:
        return top + height - offset * scale

    parts: list[Child] = []
    for tick in svg.bytes_ticks(arena_bytes):
        parts += [
            svg.line(left, y(tick), left + inner, y(tick)),
            svg.text(left - 8, y(tick) + 4, svg.bytes_label(tick), anchor="end", faint=True),
        ]
    for number, span in enumerate(sorted(spans, key=lambda s: (s.first, s.offset))):
        colour = svg.GREY if span.scratch else svg.PALETTE[number % (len(svg.PALETTE) - 1)]
        width, tall = (span.last - span.first + 1) * column_px, span.size * scale
        lifetime = f"steps {span.first} to {span.last}" if span.first >= 0 else f"from the start to step {span.last}"
        tip = f"{span.name}: {span.size:,} bytes at {span.offset:,}, {lifetime}"
        box = svg.rect(x(span.first) + 0.75, y(span.offset + span.size) + 0.5, width - 1.5, tall - 1, colour, tip=tip)
        parts.append(box)
        size = f"{span.size:,}"
        label = svg.shortened(size, width - 6, 11)
        if tall >= 14 and label == size:
            parts.append(
                svg.text(x(span.first) + width / 2, y(span.offset) - tall / 2 + 4, label, anchor="middle",
                         colour="#ffffff", size=11)
            )  # fmt: skip
    parts += [
        svg.line(left, y(arena_bytes), left + inner, y(arena_bytes), faint=False),
        svg.text(left + inner, y(arena_bytes) - 8, f"arena {arena_bytes:,} bytes", anchor="end", bold=True),
    ]
    if 0 < lower_bound_bytes < arena_bytes:
        parts += [
            svg.line(left, y(lower_bound_bytes), left + inner, y(lower_bound_bytes), faint=False, dashed=True),
            svg.text(left + 4, y(lower_bound_bytes) - 4, f"most live at once {lower_bound_bytes:,}", size=11),
        ]
    axis, depth = _step_axis(steps, first, columns, x, column_px, top + height)
    description = f"{len(spans)} buffers over {len(steps)} steps in an arena of {arena_bytes} bytes"
    return svg.chart("Memory over time", description, _WIDTH, top + height + depth, *parts, *axis)


def _step_axis(
    steps: Sequence[str], first: int, columns: int, x: object, column_px: float, base: float
) -> tuple[list[Node], float]:
    """Labels below the columns and the room they take."""
    named = column_px >= 15
    every = 1 if named else math.ceil(22 / column_px)
    labels: list[Node] = []
    longest = 0.0
    start = 66.0
    for index in range(columns):
        step = first + index
        middle = start + (index + 0.5) * column_px
        if named:
            name = "input" if step < 0 else f"{step} {steps[step]}" if step < len(steps) else str(step)
            name = svg.shortened(name, 150, 11)
            longest = max(longest, svg.text_width(name, 11))
            labels.append(svg.text(middle + 4, base + 12, name, anchor="end", size=11, faint=True, turn=-55))
        elif step >= 0 and step % every == 0:
            labels.append(svg.text(middle, base + 16, str(step), anchor="middle", size=11, faint=True))
    depth = 22 + longest * math.sin(math.radians(55)) if named else 26.0
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
                ink = "#ffffff" if opacity > 0.55 else "currentColor"
                parts.append(
                    svg.text(x + size / 2, middle, f"{count:d}", anchor="middle", colour=ink, size=11 if size > 30 else 10)
                )
    width = left + n * size + min(widest, 150.0) * math.cos(math.radians(50)) + 10
    right = sum(counts[i][i] for i in range(n))
    description = f"{right} of {sum(map(sum, counts))} right; rows are the truth, columns the answer"
    return svg.chart(title, description, width, top + n * size + 6, *parts)


def curves(title: str, x_name: str, y_name: str, lines: Sequence[Curve], *, unit_square: bool) -> Node:
    """Lines in one diagram.

    Args:
        unit_square: both axes run from 0 to 1 (rates), with the diagonal of chance; else they suit the data.
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
        y = top + 16 + number * 18 if not unit_square else top + height - 14 - (len(lines) - 1 - number) * 18
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


def spans_of(buffers: Sequence[Mapping[str, object]]) -> tuple[Span, ...]:
    """Spans from the plain values of `plan_view`."""
    return tuple(
        Span(
            name=str(b["name"]),
            offset=int(str(b["offset"])),
            size=int(str(b["size_bytes"])),
            first=int(str(b["first"])),
            last=int(str(b["last"])),
            scratch=int(str(b["tensor"])) < 0,
        )
        for b in buffers
    )
