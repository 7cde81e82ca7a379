"""From a graph and a chip to a Plan: lower, choose kernels, then lay out memory. `budget.py` says whether it fits."""

from __future__ import annotations

from tinygen.boards.spec import ChipSpec
from tinygen.model.ir import Buffer, Graph, Op, Plan, Step
from tinygen.model.kernels.base import KernelDef, Packed
from tinygen.model.kernels.registry import candidates, find_kernel
from tinygen.model.lowering import Lowered, OpContext
from tinygen.model.memory import Request, allocate
from tinygen.model.ops.registry import find_op

# What counts as weights in figures; tables of functions are code's companions.
WEIGHT_CONSTANTS = ("weights", "bias", "multiplier", "shift")
_SCRATCH_KEY = -1


def plan(graph: Graph, chip: ChipSpec) -> Plan:
    """Choose kernels and lay out memory.

    Args:
        graph: a checked model.
        chip: decides alignment and usable kernels.

    Raises:
        TinygenError: no kernel takes a step.
    """
    chosen = [_choose(graph, op, chip) for op in graph.ops]
    steps = tuple(step for step, _, _ in chosen)
    buffers, arena_bytes, bound = _layout(graph, chosen, chip.arena_alignment_bytes)
    return Plan(
        graph=graph,
        steps=steps,
        buffers=buffers,
        arena_bytes=arena_bytes,
        lower_bound_bytes=bound,
        alignment_bytes=chip.arena_alignment_bytes,
        weights_bytes=sum(
            array.nbytes for step in steps for name, array in step.constants.items() if name in WEIGHT_CONSTANTS
        ),
        macs=sum(step.macs for step in steps),
        observed=tuple(index for step in steps for index in step.outputs),
    )


def _choose(graph: Graph, op: Op, chip: ChipSpec) -> tuple[Step, KernelDef, Lowered]:
    context = OpContext(model=graph.name, op=op, tensors=graph.tensors)
    definition = find_op(op.name)
    if definition is None:
        raise context.fail("unsupported operator")
    lowered = definition.lower(context)
    inputs = tuple(op.inputs[slot] for slot in definition.data_inputs)
    taken: KernelDef | None = None
    refused: list[tuple[str, str]] = []
    for kernel in candidates(op.name):
        reason = kernel.accepts(lowered, chip)
        if kernel.alias and graph.tensors[inputs[0]].is_constant:
            reason = "its input is a constant in flash"
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
        position=op.position,
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
) -> tuple[tuple[Buffer, ...], int, int]:
    """Buffers of every tensor that is not constant, and of every scratch."""
    root: dict[int, int] = {}
    for step, kernel, _ in chosen:
        if kernel.alias:
            root[step.outputs[0]] = root.get(step.inputs[0], step.inputs[0])
    first: dict[int, int] = dict.fromkeys(graph.inputs, -1)
    last: dict[int, int] = dict.fromkeys(graph.inputs, -1)
    for number, (step, _, _) in enumerate(chosen):
        for index in step.outputs:
            first[index] = last[index] = number
        for index in step.inputs:
            if index in last:
                last[index] = number
    for index in graph.outputs:
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
    for number, (step, kernel, lowered) in enumerate(chosen):
        if step.scratch_bytes:
            requests.append(
                Request(key=_SCRATCH_KEY - number, size_bytes=step.scratch_bytes, first=number, last=number)
            )
        if kernel.alias or len(step.outputs) != 1:
            continue
        output = root.get(step.outputs[0], step.outputs[0])
        for slot, distance in kernel.overlap(lowered).items():
            source = root.get(step.inputs[slot], step.inputs[slot])
            # Only an input that dies here, seen once by this step, may be written over while it is read.
            roots = [root.get(index, index) for index in step.inputs]
            if source in spans and spans[source][1] == number and source != output:
                pair = (output, source)
                overlaps[pair] = max(overlaps.get(pair, distance), distance)
                if roots.count(source) > 1 and len(kernel.overlap(lowered)) < roots.count(source):
                    del overlaps[pair]
    layout = allocate(requests, overlaps, alignment)
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
    return tuple(buffers), layout.arena_bytes, layout.lower_bound_bytes


def kernel_of(step: Step) -> KernelDef:
    """The kernel definition a step was planned with."""
    return find_kernel(step.kernel)
