"""Where in the arena every buffer lives.

All lifetimes are known, so placing buffers is a search: orderings are tried, each buffer taking the lowest place that
fits, then the best ordering is improved by moving buffers about (hill climbing with a fixed seed: the same model gives
the same plan on every machine). An output may share memory with an input where the kernel's order allows it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_MOVES = 600
_SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Memory wanted. Steps `first`..`last`, both inclusive; -1 = before the first step."""

    key: int
    size_bytes: int
    first: int
    last: int

    def meets(self, other: Request) -> bool:
        """True when both are alive at the same time."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Offsets by key, and what they add up to."""

    offsets: Mapping[int, int]
    arena_bytes: int
    lower_bound_bytes: int


# (output key, input key) -> distance: the output may start at or below `input offset - distance`.
Overlaps = Mapping[tuple[int, int], int]


def allocate(
    requests: Sequence[Request],
    overlaps: Overlaps,
    alignment: int,
    in_place: frozenset[tuple[int, int]] = frozenset(),
) -> Layout:
    """Search for offsets.

    Args:
        requests: what must be placed; keys are unique.
        overlaps: pairs that may share memory. The input's last step must be the output's first.
        alignment: of every offset, in bytes.
        in_place: pairs (output key, input key) that may have the same offset, but share nothing otherwise.
    """
    bound = lower_bound(requests, overlaps, in_place)
    neighbours = {r.key: [o.key for o in requests if o is not r and r.meets(o)] for r in requests}
    sizes = {r.key: r.size_bytes for r in requests}
    by_size = sorted(requests, key=lambda r: (-r.size_bytes, -r.first, r.key))
    by_area = sorted(requests, key=lambda r: (-r.size_bytes * (r.last - r.first + 1), r.key))
    late_first = sorted(requests, key=lambda r: (-r.first, -r.size_bytes, r.key))
    early_first = sorted(requests, key=lambda r: (r.first, -r.size_bytes, r.key))
    # What is alive where memory is short takes its place first.
    alive = {
        step: sum(r.size_bytes for r in requests if r.first <= step <= r.last)
        for r in requests
        for step in (r.first, r.last)
    }
    pressure = {r.key: max(alive[step] for step in alive if r.first <= step <= r.last) for r in requests}
    by_pressure = sorted(requests, key=lambda r: (-pressure[r.key], -r.size_bytes, -r.first, r.key))
    best_order: list[int] = []
    best: tuple[int, dict[int, int]] | None = None
    for ordering in (by_size, by_area, late_first, early_first, by_pressure):
        order = [r.key for r in ordering]
        found = _place(order, sizes, neighbours, overlaps, alignment=alignment, in_place=in_place)
        if best is None or found[0] < best[0]:
            best, best_order = found, order
    if best is None:
        return Layout(offsets={}, arena_bytes=0, lower_bound_bytes=0)
    generator = random.Random(_SEED)
    for _ in range(_MOVES):
        if best[0] <= bound or len(best_order) < 2:
            break
        order = list(best_order)
        moved = order.pop(generator.randrange(len(order)))
        order.insert(generator.randrange(len(order) + 1), moved)
        found = _place(order, sizes, neighbours, overlaps, alignment=alignment, in_place=in_place)
        if found[0] <= best[0]:
            best, best_order = found, order
    return Layout(offsets=best[1], arena_bytes=best[0], lower_bound_bytes=bound)


def _place(
    order: Sequence[int],
    sizes: Mapping[int, int],
    neighbours: Mapping[int, Sequence[int]],
    overlaps: Overlaps,
    *,
    alignment: int,
    in_place: frozenset[tuple[int, int]],
) -> tuple[int, dict[int, int]]:
    """(arena bytes, offsets) when each buffer in turn takes the lowest place that fits."""
    offsets: dict[int, int] = {}
    top = 0
    for key in order:
        size = sizes[key]
        # Each placed neighbour forbids the offsets from `low` (inclusive) to `high` (exclusive).
        forbidden: list[tuple[int, int]] = []
        for other in neighbours[key]:
            place = offsets.get(other)
            if place is None:
                continue
            low, high = place - size + 1, place + sizes[other]
            if (key, other) in overlaps:
                low = max(low, place - overlaps[key, other] + 1)
            if (other, key) in overlaps:
                high = min(high, place + overlaps[other, key])
            if (key, other) in in_place or (other, key) in in_place:
                forbidden += [(low, place), (place + 1, high)]
            elif low < high:
                forbidden.append((low, high))
        forbidden.sort()
        offset = 0
        for low, high in forbidden:
            if low <= offset < high:
                offset = -(-high // alignment) * alignment
        offsets[key] = offset
        top = max(top, offset + size)
    return top, offsets


def lower_bound(
    requests: Sequence[Request], overlaps: Overlaps, in_place: frozenset[tuple[int, int]] = frozenset()
) -> int:
    """No layout can be smaller than what is alive at one step, sharing between input and output allowed for."""
    bound = 0
    for step in sorted({r.first for r in requests} | {r.last for r in requests}):
        alive = [r for r in requests if r.first <= step <= r.last]
        total = sum(r.size_bytes for r in alive)
        saved = 0
        for output in alive:
            if output.first != step:
                continue
            shared = [(r, overlaps[output.key, r.key]) for r in alive if (output.key, r.key) in overlaps]
            shared += [(r, 0) for r in alive if (output.key, r.key) in in_place]
            if len(shared) == 1:
                source, distance = shared[0]
                both = max(output.size_bytes, source.size_bytes, source.size_bytes + distance)
                saved += max(0, output.size_bytes + source.size_bytes - both)
            elif shared:
                saved += min(output.size_bytes, sum(r.size_bytes for r, _ in shared))
        bound = max(bound, total - saved)
    return bound
