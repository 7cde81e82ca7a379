"""From a graph and a chip to a Plan: lower, choose kernels, then lay out memory. `budget.py` says whether it fits."""

from __future__ import annotations

import numpy as np

from tinygen.boards.spec import ChipSpec
from tinygen.model.ir import Buffer, Graph, Plan, Step, Tensor
from tinygen.model.kernels.base import KernelDef, Packed
from tinygen.model.kernels.registry import candidates, find_kernel
from tinygen.model.lowering import Lowered, OpContext
from tinygen.model.memory import Request, allocate
from tinygen.model.ops.registry import find_op
from tinygen.model.state import STATE_OPS, shared_with_state

# What counts as weights in figures; tables of functions are code's companions.
WEIGHT_CONSTANTS = ("weights", "bias", "multiplier", "shift", "channels", "time_weights", "feature_bias")
_SCRATCH_KEY = -1


def plan(graph: Graph, chip: ChipSpec) -> Plan:
    """Choose kernels and lay out memory.

    Args:
        graph: a checked model.
        chip: decides alignment and usable kernels.

    Raises:
        TinygenError: no kernel takes a step.
    """
    plain = _plan(graph, chip, frozenset())
    in_place = _worth_trying_in_place(plain, chip)
    if not in_place or plain.arena_bytes <= max(plain.graph.tensors[i].n_bytes for i in plain.graph.inputs):
        return plain
    smaller = _plan(graph, chip, in_place)
    return smaller if smaller.arena_bytes < plain.arena_bytes else plain


def _worth_trying_in_place(first: Plan, chip: ChipSpec) -> frozenset[int]:
    """Numbers of the steps whose in-place kernel asks for no more scratch than the sliding window's drift."""
    found = set()
    for number, step in enumerate(first.steps):
        kernels = [kernel for kernel in candidates(step.op.name) if kernel.in_place]
        definition = find_op(step.op.name)
        if not kernels or definition is None:
            continue
        lowered = definition.lower(OpContext(model=first.graph.name, op=step.op, tensors=first.graph.tensors))
        drift = find_kernel(step.kernel).overlap(lowered).get(0, 1 << 30)
        for kernel in kernels:
            if kernel.accepts(lowered, chip) is None and kernel.scratch_bytes(lowered) <= 2 * drift:
                found.add(number)
    return frozenset(found)


def _plan(graph: Graph, chip: ChipSpec, in_place: frozenset[int]) -> Plan:
    shared = shared_with_state(graph)
    chosen = [_choose(graph, number, chip, shared, number in in_place) for number in range(len(graph.ops))]
    steps = tuple(step for step, _, _ in chosen)
    alignment = max(
        [chip.arena_alignment_bytes, *(_item_bytes(t) for t in graph.tensors.values() if not t.is_constant)]
    )
    buffers, arena_bytes, bound, homes = _layout(graph, chosen, alignment)
    state_buffers, state_bytes = _state_layout(graph, homes, len(steps), alignment)
    return Plan(
        graph=graph,
        steps=steps,
        buffers=buffers,
        arena_bytes=arena_bytes,
        lower_bound_bytes=bound,
        alignment_bytes=alignment,
        weights_bytes=sum(
            array.nbytes for step in steps for name, array in step.constants.items() if name in WEIGHT_CONSTANTS
        ),
        macs=sum(step.macs for step in steps),
        observed=tuple(index for step in steps for index in step.outputs if index not in graph.state_tensors),
        state_bytes=state_bytes,
        state_buffers=state_buffers,
    )


def starts_unlike_zero(graph: Graph) -> bool:
    """Whether some state starts with anything but zero bytes, so that the program must note that it has started."""
    return any(np.any(np.frombuffer(np.ascontiguousarray(s.initial).tobytes(), np.uint8)) for s in graph.states)


def _item_bytes(tensor: Tensor) -> int:
    return max(1, tensor.n_bytes // max(1, tensor.n_elements))


def _choose(
    graph: Graph, number: int, chip: ChipSpec, shared: frozenset[int], in_place: bool
) -> tuple[Step, KernelDef, Lowered]:
    op = graph.ops[number]
    context = OpContext(model=graph.name, op=op, tensors=graph.tensors)
    definition = find_op(op.name)
    if definition is None:
        raise context.fail("unsupported operator")
    lowered = definition.lower(context)
    inputs = tuple(op.inputs[slot] for slot in definition.slots(op))
    taken: KernelDef | None = None
    refused: list[tuple[str, str]] = []
    for kernel in sorted(candidates(op.name), key=lambda k: k.in_place != in_place):
        reason = kernel.accepts(lowered, chip)
        if kernel.alias and graph.tensors[inputs[0]].is_constant:
            reason = "its input is a constant in flash"
        if kernel.alias and op.name in STATE_OPS and number not in shared:
            reason = "the state changes while the value is still needed"
        if reason is not None:
            refused.append((kernel.id, reason))
        elif taken is None:
            taken = kernel
        else:
            refused.append((kernel.id, f"{taken.id} is preferred: {taken.why}"))
    if taken is None:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in refused)
        raise context.fail(f"no kernel takes it on {chip.id} ({reasons})")
    packed: Packed = taken.pack(lowered)
    step = Step(
        position=number,
        op=op,
        inputs=inputs,
        outputs=op.outputs,
        params=dict(packed.params),
        constants={name: packed.constants[name] for name in taken.arguments},
        kernel=taken.id,
        why=taken.why,
        refused=tuple(refused),
        scratch_bytes=taken.scratch_bytes(lowered),
        macs=lowered.macs,
    )
    return step, taken, lowered


def _layout(
    graph: Graph, chosen: list[tuple[Step, KernelDef, Lowered]], alignment: int
) -> tuple[tuple[Buffer, ...], int, int, dict[int, int]]:
    """Buffers of every tensor that is neither constant nor state, and of every scratch; {tensor: state it lives in}."""
    root: dict[int, int] = {}
    for step, kernel, _ in chosen:
        if kernel.alias and step.op.name == "ASSIGN_VARIABLE":
            root[step.inputs[0]] = step.outputs[0]
    for step, kernel, _ in chosen:
        if kernel.alias and step.op.name != "ASSIGN_VARIABLE":
            root[step.outputs[0]] = root.get(step.inputs[0], step.inputs[0])
    states = graph.state_tensors
    homes = {index: state for index, state in root.items() if state in states}
    first: dict[int, int] = dict.fromkeys(graph.inputs, -1)
    last: dict[int, int] = dict.fromkeys(graph.inputs, -1)
    for number, (step, _, _) in enumerate(chosen):
        for index in step.outputs:
            if index not in states and index not in homes:
                first[index] = last[index] = number
        for index in step.inputs:
            if index in last:
                last[index] = number
    for index in graph.outputs:
        if index not in homes:
            last[index] = len(chosen)
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
    for number, (step, kernel, lowered) in enumerate(chosen):
        if step.scratch_bytes:
            requests.append(
                Request(key=_SCRATCH_KEY - number, size_bytes=step.scratch_bytes, first=number, last=number)
            )
        if kernel.alias or len(step.outputs) != 1:
            continue
        output = root.get(step.outputs[0], step.outputs[0])
        origin = root.get(step.inputs[0], step.inputs[0]) if kernel.in_place else -1
        if origin in spans and spans[origin][1] == number and origin != output and output in spans:
            same_place.add((output, origin))
        for slot, distance in kernel.overlap(lowered).items():
            source = root.get(step.inputs[slot], step.inputs[slot])
            # Only an input that dies here, seen once by this step, may be written over while it is read.
            roots = [root.get(index, index) for index in step.inputs]
            if source in spans and spans[source][1] == number and source != output:
                pair = (output, source)
                overlaps[pair] = max(overlaps.get(pair, distance), distance)
                if roots.count(source) > 1 and len(kernel.overlap(lowered)) < roots.count(source):
                    del overlaps[pair]
    layout = allocate(requests, overlaps, alignment, frozenset(same_place))
    buffers = [
        Buffer(
            name=graph.tensors[index].name,
            tensor=index,
            offset=layout.offsets[root.get(index, index)],
            size_bytes=graph.tensors[index].n_bytes,
            first=first[index],
            last=last[index],
        )
        for index in sorted(first, key=lambda i: (first[i], i))
    ]
    buffers += [
        Buffer(
            name=f"scratch@{number}",
            tensor=-1,
            offset=layout.offsets[_SCRATCH_KEY - number],
            size_bytes=step.scratch_bytes,
            first=number,
            last=number,
        )
        for number, (step, _, _) in enumerate(chosen)
        if step.scratch_bytes
    ]
    return tuple(buffers), layout.arena_bytes, layout.lower_bound_bytes, homes


def _state_layout(graph: Graph, homes: dict[int, int], n_steps: int, alignment: int) -> tuple[tuple[Buffer, ...], int]:
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


def kernel_of(step: Step) -> KernelDef:
    """The kernel definition a step was planned with."""
    return find_kernel(step.kernel)
