"""Which values may live in a state itself, so that neither reading nor writing a variable copies anything."""

from __future__ import annotations

from tinygen.model.ir import Graph
from tinygen.model.kernels.registry import candidates

STATE_OPS = ("READ_VARIABLE", "ASSIGN_VARIABLE")


def shared_with_state(graph: Graph) -> frozenset[int]:
    """Numbers of the READ_VARIABLE and ASSIGN_VARIABLE operators that need not copy.

    A read value may be the state itself if everybody has used it before the state changes. An assigned value may be
    made in the state's place if, from the operator that makes it on, nobody looks at the old state, and nobody changes
    the state again. Both hold for the graph's order, which the program keeps.
    """
    shared: set[int] = set()
    for state in graph.state_tensors:
        writes = [n for n, op in enumerate(graph.ops) if state in op.outputs]
        reads = [n for n, op in enumerate(graph.ops) if state in op.inputs]
        # In place updates (SVDF, LSTM) read and write at once: such a state is never shared.
        if any(graph.ops[n].name != "READ_VARIABLE" for n in reads):
            continue
        if any(graph.ops[n].name != "ASSIGN_VARIABLE" for n in writes):
            continue
        # With several writes, or one whose value is read back, keep the copies.
        if len(writes) > 1:
            continue
        last_use = {n: _last_use(graph, graph.ops[n].outputs[0]) for n in reads}
        change = writes[0] if writes else len(graph.ops)
        if writes:
            value = graph.ops[writes[0]].inputs[0]
            maker = next((n for n, op in enumerate(graph.ops) if value in op.outputs), None)
            if maker is not None and _may_be_made_there(graph, value, maker, last_use):
                shared.add(writes[0])
                change = maker
        shared |= {n for n, last in last_use.items() if last < change and n < change}
    return frozenset(shared)


def _may_be_made_there(graph: Graph, value: int, maker: int, last_use: dict[int, int]) -> bool:
    if value in graph.outputs or len(graph.ops[maker].outputs) != 1:
        return False
    if any(kernel.alias for kernel in candidates(graph.ops[maker].name)):
        return False
    takers = [op for op in graph.ops if op.name == "ASSIGN_VARIABLE" and value in op.inputs]
    return len(takers) == 1 and all(n < maker and last < maker for n, last in last_use.items())


def _last_use(graph: Graph, tensor: int) -> int:
    """The last operator that reads a tensor or anything that may be the same bytes; past the end for an output."""
    group = {tensor}
    last = -1
    for number, op in enumerate(graph.ops):
        if group.isdisjoint(op.inputs):
            continue
        last = number
        if op.inputs[0] in group and any(kernel.alias for kernel in candidates(op.name)):
            group.update(op.outputs)
    return len(graph.ops) if group & set(graph.outputs) else last
