"""Which kernels could run each step, what each would cost, and which one is wanted when memory does not matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from tinygen.boards.spec import ChipSpec
from tinygen.core.errors import bad_input, did_you_mean
from tinygen.model.cost import Costs
from tinygen.model.ir import Graph, Op
from tinygen.model.kernels.base import KernelDef
from tinygen.model.kernels.registry import candidates
from tinygen.model.lowering import Lowered, OpContext
from tinygen.model.ops.registry import find_op
from tinygen.model.state import STATE_OPS, shared_with_state

Optimize = Literal["speed", "size", "balanced"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the kernels are chosen for.

    Attributes:
        optimize: "speed" takes the fewest estimated instructions; "size" the compact kernels; "balanced" the fastest
            ones for the steps that make up 90 % of the compact program's instructions, compact ones for the rest
            (every step has code of its own, so the rest would pay in flash for little).
        kernels: {operator's name, or a step's number: kernel id, or the variant that ends it}.
        spare_ram: RAM that nothing else needs may hold weights, on chips that read their flash through a cache.
    """

    optimize: Optimize = "speed"
    kernels: Mapping[str, str] = field(default_factory=dict)
    spare_ram: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Way:
    """One kernel for one step.

    Attributes:
        rank: its place among the operator's kernels.
        refused: why it cannot be taken, "" when it can.
        instructions: estimate of one run, None when not known.
        scratch_bytes, overlap: as the kernel declares for this step; empty when refused.
    """

    kernel: KernelDef
    rank: int
    refused: str
    instructions: float | None = None
    scratch_bytes: int = 0
    overlap: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """A step and the ways to run it; at least one is not refused."""

    number: int
    op: Op
    inputs: tuple[int, ...]
    lowered: Lowered
    ways: tuple[Way, ...]

    @property
    def open(self) -> tuple[Way, ...]:
        """The ways that can be taken."""
        return tuple(way for way in self.ways if not way.refused)

    def compact(self, *, in_place: bool = False) -> Way:
        """The way of least code: the first compact kernel of the operator's list."""
        return min(self.open, key=lambda w: (w.kernel.code != "compact", w.kernel.in_place != in_place, w.rank))

    def faster(self, own: Way) -> tuple[Way, ...]:
        """What is faster than a way, the fastest first: by estimate, or, where one is missing, the fast kernels."""
        known = [way for way in self.open if way.instructions is not None]
        if own.instructions is not None and all(way in known for way in self.open if way.kernel.code == "fast"):
            least = own.instructions
            better = [way for way in known if way.instructions is not None and way.instructions < least]
            return tuple(sorted(better, key=lambda way: (way.instructions or 0.0, way.rank)))
        fast = [way for way in self.open if way.kernel.code == "fast" and way is not own]
        return tuple(sorted(fast, key=lambda way: way.rank))


def choices(graph: Graph, chip: ChipSpec, costs: Costs, options: Options) -> list[Choice]:
    """Every step with its ways.

    Raises:
        TinygenError: an operator is not supported, no kernel takes a step, or a wanted kernel cannot be had.
    """
    shared = shared_with_state(graph)
    found = [_choice(graph, number, chip, shared, costs) for number in range(len(graph.ops))]
    for key, variant in options.kernels.items():
        found = _forced(found, key, variant)
    return found


def _choice(graph: Graph, number: int, chip: ChipSpec, shared: frozenset[int], costs: Costs) -> Choice:
    op = graph.ops[number]
    context = OpContext(model=graph.name, op=op, tensors=graph.tensors)
    definition = find_op(op.name)
    if definition is None:
        raise context.fail("unsupported operator")
    lowered = definition.lower(context)
    inputs = tuple(op.inputs[slot] for slot in definition.slots(op))
    ways = []
    for rank, kernel in enumerate(candidates(op.name)):
        missing = [name for name in kernel.needs if name not in chip.isa]
        if kernel.dtype != lowered.dtype:
            reason: str | None = f"it is for {kernel.dtype}, these are {lowered.dtype}"
        elif missing:
            reason = f"{chip.title} has no {', '.join(missing)} instructions"
        else:
            reason = kernel.accepts(lowered, chip)
        if kernel.alias and graph.tensors[inputs[0]].is_constant:
            reason = "its input is a constant in flash"
        if kernel.alias and op.name in STATE_OPS and number not in shared:
            reason = "the state changes while the value is still needed"
        if reason is not None:
            ways.append(Way(kernel=kernel, rank=rank, refused=reason))
            continue
        ways.append(
            Way(
                kernel=kernel,
                rank=rank,
                refused="",
                instructions=costs.estimate(kernel, lowered, chip),
                scratch_bytes=kernel.scratch_bytes(lowered),
                overlap=kernel.overlap(lowered),
            )
        )
    if all(way.refused for way in ways):
        reasons = "; ".join(f"{way.kernel.id}: {way.refused}" for way in ways)
        raise context.fail(f"no kernel takes it on {chip.id} ({reasons})")
    return Choice(number=number, op=op, inputs=inputs, lowered=lowered, ways=tuple(ways))


def _forced(steps: Sequence[Choice], key: str, variant: str) -> list[Choice]:
    """Leave the wanted kernel alone in the field, for one step or for all of an operator that it can take."""
    where = f"kernel {key} = {variant}"
    numbers = [c.number for c in steps if key in (str(c.number), c.op.name) or key.upper() == c.op.name]
    if not numbers:
        known = {c.op.name for c in steps}
        raise bad_input(f"no step and no operator '{key}' in this model; {did_you_mean(key, known)}", where=where)
    result = list(steps)
    refusals: list[str] = []
    taken = False
    for number in numbers:
        choice = steps[number]
        wanted = [w for w in choice.ways if variant == w.kernel.id or w.kernel.id.endswith(f"_{variant}")]
        if not wanted:
            known = {way.kernel.id for way in choice.ways}
            hint = did_you_mean(variant, known)
            raise bad_input(f"{choice.op.name} has no kernel '{variant}'; {hint}", where=where)
        refusals += [f"step {number}: {way.kernel.id}: {way.refused}" for way in wanted if way.refused]
        usable = [way for way in wanted if not way.refused]
        if usable:
            taken = True
            others = f"{usable[0].kernel.id} was asked for"
            ways = tuple(way if way.refused or way in usable else replace(way, refused=others) for way in choice.ways)
            result[number] = replace(choice, ways=ways)
    if not taken:
        raise bad_input(f"it cannot be taken: {'; '.join(dict.fromkeys(refusals))}", where=where)
    return result
