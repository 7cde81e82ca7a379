"""From a graph and a chip to a Plan: lower, choose kernels, then lay out memory. `budget.py` says whether it fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tinygen.boards.spec import ChipSpec
from tinygen.model.cost import load_costs
from tinygen.model.ir import Graph, Plan, Step, Tensor
from tinygen.model.kernels.base import KernelDef
from tinygen.model.kernels.registry import find_kernel
from tinygen.model.layout import Placed, placed, state_layout, wanted
from tinygen.model.selection import Choice, Options, Way, choices
from tinygen.model.sharing import shared_constants

# What counts as weights in figures; tables of functions are code's companions.
WEIGHT_CONSTANTS = ("weights", "bias", "multiplier", "shift", "channels", "time_weights", "feature_bias")
# A faster program may take this share (5 %) more arena than the compact one, working memory of a tile or two; in small
# arenas, where a share is nothing, so many bytes.
SPARE_SHARE = 20
SPARE_FLOOR_BYTES = 1024
# `balanced` spends code on the steps that together make this share of the compact program's instructions.
_BALANCED_PERCENT = 90


def speed_limit_bytes(compact_bytes: int) -> int:
    """The arena that fast kernels may take where the compact ones need `compact_bytes`."""
    return compact_bytes + max(compact_bytes // SPARE_SHARE, SPARE_FLOOR_BYTES)


FRAMEWORK_RAM_BYTES = 128 * 1024
"""Left to ESP-IDF or Arduino: tasks, heap, drivers. Ours to choose; a project with radio needs most of it."""


def plan(graph: Graph, chip: ChipSpec, options: Options | None = None) -> Plan:
    """Choose kernels and lay out memory.

    A kernel that is faster may want working memory, or keep input and output apart. The compact kernels' arena, and
    5 % of it, is the limit: where a step would go beyond, the next fastest kernel is tried there.

    Args:
        graph: a checked model.
        chip: decides alignment and usable kernels.
        options: what to choose for; speed where nothing is said.

    Raises:
        TinygenError: no kernel takes a step, or a kernel asked for cannot be had.
    """
    options = options or Options()
    costs = load_costs(chip)
    steps = choices(graph, chip, costs, options)
    alignment = max(
        [chip.arena_alignment_bytes, *(_item_bytes(t) for t in graph.tensors.values() if not t.is_constant)]
    )
    search = _Search(graph=graph, steps=tuple(steps), alignment=alignment, options=options)
    compact, compact_place = search.compact()
    ways, place, too_large = list(compact), compact_place, dict[tuple[int, int], str]()
    if options.optimize != "size":
        ways, place, too_large = search.fast(compact, compact_place)
    done = tuple(
        _step(choice, way, tuple(_refusals(choice, way, options, too_large)))
        for choice, way in zip(steps, ways, strict=True)
    )
    state_buffers, state_bytes = state_layout(graph, place.homes, len(done), alignment)
    weights_bytes = _weights_bytes(done)
    return Plan(
        graph=graph,
        steps=done,
        buffers=place.buffers,
        arena_bytes=place.arena_bytes,
        lower_bound_bytes=place.lower_bound_bytes,
        alignment_bytes=alignment,
        weights_bytes=weights_bytes,
        macs=sum(step.macs for step in done),
        observed=tuple(index for step in done for index in step.outputs if _is_observed(graph, index)),
        state_bytes=state_bytes,
        state_buffers=state_buffers,
        optimize=options.optimize,
        compact_arena_bytes=compact_place.arena_bytes,
        costs_origin=costs.origin,
        dual_issue=chip.cpu == "cortex-m7",
        weights_in_ram=options.spare_ram and fits_ram(chip, place.arena_bytes + state_bytes + weights_bytes),
    )


def fits_ram(chip: ChipSpec, n_bytes: int) -> bool:
    """Whether weights should lie in RAM: flash is read through a cache, and there is room beside a framework."""
    return chip.arch == "xtensa" and n_bytes + FRAMEWORK_RAM_BYTES <= chip.ram.size_bytes


def _weights_bytes(steps: Sequence[Step]) -> int:
    owners = shared_constants(steps)
    return sum(
        array.nbytes
        for step in steps
        for name, array in step.constants.items()
        if name in WEIGHT_CONSTANTS and owners[step.position, name] == (step.position, name)
    )


def _is_observed(graph: Graph, index: int) -> bool:
    """Whether the oracle has values for a tensor that a step writes: no state, nothing the compiler made up."""
    stands_for = graph.rewritten.stands_for if graph.rewritten is not None else {}
    return index not in graph.state_tensors and (not graph.tensors[index].made or index in stands_for)


def _item_bytes(tensor: Tensor) -> int:
    return max(1, tensor.n_bytes // max(1, tensor.n_elements))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Search:
    """One model on its way to a choice of kernels."""

    graph: Graph
    steps: tuple[Choice, ...]
    alignment: int
    options: Options

    def placed(self, ways: Sequence[Way]) -> Placed:
        """A layout for these kernels."""
        return placed(self.graph, self.steps, ways, self.alignment)

    def compact(self) -> tuple[list[Way], Placed]:
        """The kernels of least code; depthwise in place where that makes the arena smaller."""
        plain = [choice.compact() for choice in self.steps]
        place = self.placed(plain)
        tried = [_in_place(choice, way) for choice, way in zip(self.steps, plain, strict=True)]
        tensors = self.graph.tensors
        if tried == plain or place.arena_bytes <= max(tensors[i].n_bytes for i in self.graph.inputs):
            return plain, place
        smaller = self.placed(tried)
        return (tried, smaller) if smaller.arena_bytes < place.arena_bytes else (plain, place)

    def fast(
        self, compact: Sequence[Way], compact_place: Placed
    ) -> tuple[list[Way], Placed, dict[tuple[int, int], str]]:
        """The fastest kernels whose arena keeps to the limit; {(step, rank): why one was passed over}."""
        limit = speed_limit_bytes(compact_place.arena_bytes)
        worth = _worth_speed(compact) if self.options.optimize == "balanced" else frozenset(range(len(compact)))
        too_large: dict[tuple[int, int], str] = {}
        queues: list[list[Way]] = []
        for choice, own in zip(self.steps, compact, strict=True):
            queue: list[Way] = []
            for way in choice.faster(own) if choice.number in worth else ():
                swapped = [*compact[: choice.number], way, *compact[choice.number + 1 :]]
                bound = wanted(self.graph, self.steps, swapped).bound_bytes
                if bound <= limit:
                    queue.append(way)
                else:
                    too_large[choice.number, way.rank] = _too_large(bound, limit)
            queues.append([*queue, own])
        while any(len(queue) > 1 for queue in queues):
            ways = [queue[0] for queue in queues]
            place = self.placed(ways)
            if place.arena_bytes <= limit:
                return ways, place, too_large
            high = [b for b in place.buffers if b.offset + b.size_bytes > limit]
            able = [number for number, queue in enumerate(queues) if len(queue) > 1]
            near = [number for number in able if any(number in (b.first, b.last) for b in high)]
            number = min(near or able, key=lambda n: (_loss(queues[n]), n))
            passed = queues[number].pop(0)
            too_large[number, passed.rank] = _too_large(place.arena_bytes, limit)
        return list(compact), compact_place, too_large


def _too_large(arena_bytes: int, limit: int) -> str:
    return f"with it the arena would take {arena_bytes:,} bytes, more than {limit:,}"


def _in_place(choice: Choice, plain: Way) -> Way:
    """The compact in-place way where it asks for no more scratch than the plain one's drift, else the plain one."""
    way = choice.compact(in_place=True)
    worth = way.kernel.in_place and way.scratch_bytes <= 2 * plain.overlap.get(0, 1 << 30)
    return way if worth else plain


def _worth_speed(compact: Sequence[Way]) -> frozenset[int]:
    """The steps that make up most of the compact program; all where some estimate is missing."""
    if any(way.instructions is None for way in compact):
        return frozenset(range(len(compact)))
    costs = [way.instructions or 0.0 for way in compact]
    wanted_sum, found = sum(costs) * _BALANCED_PERCENT / 100, set[int]()
    for number in sorted(range(len(costs)), key=lambda n: (-costs[n], n)):
        if sum(costs[n] for n in found) >= wanted_sum:
            break
        found.add(number)
    return frozenset(found)


def _loss(queue: Sequence[Way]) -> float:
    """Instructions that going on to the next way costs."""
    here, after = queue[0].instructions, queue[1].instructions
    return after - here if here is not None and after is not None else float("inf")


def _step(choice: Choice, way: Way, refused: tuple[tuple[str, str], ...]) -> Step:
    kernel = way.kernel
    packed = kernel.pack(choice.lowered)
    return Step(
        position=choice.number,
        op=choice.op,
        inputs=choice.inputs,
        outputs=choice.op.outputs,
        params=dict(packed.params),
        constants={name: packed.constants[name] for name in kernel.arguments},
        kernel=kernel.id,
        why="; ".join(text for text in (kernel.why, choice.lowered.note) if text),
        refused=refused,
        scratch_bytes=way.scratch_bytes,
        macs=choice.lowered.macs,
        instructions=way.instructions,
    )


def _refusals(
    choice: Choice, way: Way, options: Options, too_large: Mapping[tuple[int, int], str]
) -> Iterator[tuple[str, str]]:
    """Why each other kernel was not taken."""
    for other in choice.ways:
        if other is way:
            continue
        reason = other.refused or too_large.get((choice.number, other.rank), "")
        if not reason:
            reason = f"{way.kernel.id} is preferred: {_preference(way, other, options)}"
        yield other.kernel.id, reason


def _preference(way: Way, other: Way, options: Options) -> str:
    if options.optimize != "speed" and (way.kernel.code, other.kernel.code) == ("compact", "fast"):
        return f"less code, where this is optimized for {options.optimize}"
    if way.instructions is None or other.instructions is None or way.instructions >= other.instructions:
        return way.kernel.why
    return f"estimated {way.instructions:,.0f} instructions, this one {other.instructions:,.0f}"


def kernel_of(step: Step) -> KernelDef:
    """The kernel definition a step was planned with."""
    return find_kernel(step.kernel)
