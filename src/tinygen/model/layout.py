"""Where every tensor, scratch and state of a chosen program lives: lifetimes, sharing, then the memory search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinygen.model.ir import Buffer, Graph
from tinygen.model.memory import Request, allocate, lower_bound
from tinygen.model.selection import Choice, Way

_SCRATCH_KEY = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the memory search is asked for.

    Attributes:
        requests: every place of its own. overlaps, same_place: see `memory.allocate`.
        root: {tensor: the one whose place it shares}; homes: {tensor: the state it lives in}.
        first, last: {tensor: step}, both inclusive; -1 = before the first step.
    """

    requests: tuple[Request, ...]
    overlaps: dict[tuple[int, int], int]
    same_place: frozenset[tuple[int, int]]
    root: dict[int, int]
    homes: dict[int, int]
    first: dict[int, int]
    last: dict[int, int]

    @property
    def bound_bytes(self) -> int:
        """No layout can be smaller."""
        return lower_bound(self.requests, self.overlaps, self.same_place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Offsets for everything."""

    buffers: tuple[Buffer, ...]
    arena_bytes: int
    lower_bound_bytes: int
    homes: dict[int, int]


def wanted(graph: Graph, steps: Sequence[Choice], ways: Sequence[Way]) -> Wanted:
    """Places for every tensor that is neither constant nor state, and for every scratch."""
    root: dict[int, int] = {}
    for step, way in zip(steps, ways, strict=True):
        if way.kernel.alias and step.op.name == "ASSIGN_VARIABLE":
            root[step.inputs[0]] = step.op.outputs[0]
    for step, way in zip(steps, ways, strict=True):
        if way.kernel.alias and step.op.name != "ASSIGN_VARIABLE":
            root[step.op.outputs[0]] = root.get(step.inputs[0], step.inputs[0])
    states = graph.state_tensors
    homes = {index: state for index, state in root.items() if state in states}
    first: dict[int, int] = dict.fromkeys(graph.inputs, -1)
    last: dict[int, int] = dict.fromkeys(graph.inputs, -1)
    for step in steps:
        for index in step.op.outputs:
            if index not in states and index not in homes:
                first[index] = last[index] = step.number
        for index in step.inputs:
            if index in last:
                last[index] = step.number
    for index in graph.outputs:
        if index not in homes:
            last[index] = len(steps)
    spans: dict[int, tuple[int, int]] = {}
    for index, start in first.items():
        key = root.get(index, index)
        old = spans.get(key, (start, last[index]))
        spans[key] = (min(old[0], start), max(old[1], last[index]))
    requests = [
        Request(key=key, size_bytes=graph.tensors[key].n_bytes, first=span[0], last=span[1])
        for key, span in spans.items()
    ]
    overlaps: dict[tuple[int, int], int] = {}
    same_place: set[tuple[int, int]] = set()
    for step, way in zip(steps, ways, strict=True):
        number = step.number
        if way.scratch_bytes:
            requests.append(Request(key=_SCRATCH_KEY - number, size_bytes=way.scratch_bytes, first=number, last=number))
        if way.kernel.alias or len(step.op.outputs) != 1:
            continue
        output = root.get(step.op.outputs[0], step.op.outputs[0])
        origin = root.get(step.inputs[0], step.inputs[0]) if way.kernel.in_place else -1
        if origin in spans and spans[origin][1] == number and origin != output and output in spans:
            same_place.add((output, origin))
        for slot, distance in way.overlap.items():
            source = root.get(step.inputs[slot], step.inputs[slot])
            # Only an input that dies here, seen once by this step, may be written over while it is read.
            roots = [root.get(index, index) for index in step.inputs]
            if source in spans and spans[source][1] == number and source != output:
                pair = (output, source)
                overlaps[pair] = max(overlaps.get(pair, distance), distance)
                if roots.count(source) > 1 and len(way.overlap) < roots.count(source):
                    del overlaps[pair]
    return Wanted(
        requests=tuple(requests),
        overlaps=overlaps,
        same_place=frozenset(same_place),
        root=root,
        homes=homes,
        first=first,
        last=last,
    )


def placed(graph: Graph, steps: Sequence[Choice], ways: Sequence[Way], alignment: int) -> Placed:
    """Search for a place for everything."""
    asked = wanted(graph, steps, ways)
    layout = allocate(asked.requests, asked.overlaps, alignment, asked.same_place)
    buffers = [
        Buffer(
            name=graph.tensors[index].name,
            tensor=index,
            offset=layout.offsets[asked.root.get(index, index)],
            size_bytes=graph.tensors[index].n_bytes,
            first=asked.first[index],
            last=asked.last[index],
        )
        for index in sorted(asked.first, key=lambda i: (asked.first[i], i))
    ]
    buffers += [
        Buffer(
            name=f"scratch@{step.number}",
            tensor=-1,
            offset=layout.offsets[_SCRATCH_KEY - step.number],
            size_bytes=way.scratch_bytes,
            first=step.number,
            last=step.number,
        )
        for step, way in zip(steps, ways, strict=True)
        if way.scratch_bytes
    ]
    return Placed(
        buffers=tuple(buffers),
        arena_bytes=layout.arena_bytes,
        lower_bound_bytes=layout.lower_bound_bytes,
        homes=asked.homes,
    )


def state_layout(graph: Graph, homes: dict[int, int], n_steps: int, alignment: int) -> tuple[tuple[Buffer, ...], int]:
    """Every state in a place of its own, and the tensors that live in one; then the byte that says it has started."""
    buffers: list[Buffer] = []
    end = 0
    for state in graph.states:
        offset = -(-end // alignment) * alignment
        for index in (state.tensor, *(i for i, home in homes.items() if home == state.tensor)):
            tensor = graph.tensors[index]
            buffers.append(
                Buffer(name=tensor.name, tensor=index, offset=offset, size_bytes=tensor.n_bytes, first=-1, last=n_steps)
            )
        end = offset + graph.tensors[state.tensor].n_bytes
    return tuple(buffers), end + int(starts_unlike_zero(graph))


def starts_unlike_zero(graph: Graph) -> bool:
    """Whether some state starts with anything but zero bytes, so that the program must note that it has started."""
    return any(np.any(np.frombuffer(np.ascontiguousarray(s.initial).tobytes(), np.uint8)) for s in graph.states)
