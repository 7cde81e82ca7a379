"""One operator of a graph as a graph of its own: to measure or prove it alone."""

from __future__ import annotations

from dataclasses import replace

from tinygen.model.ir import Graph
from tinygen.model.ops.registry import find_op


def single(graph: Graph, number: int) -> Graph:
    """The operator at a place in the graph's order, with its own tensors and states only.

    One that does nothing but bring a state up to date has that state for its output.

    Raises:
        KeyError: an operator the compiler does not know.
    """
    op = graph.ops[number]
    definition = find_op(op.name)
    if definition is None:
        raise KeyError(op.name)
    states = graph.state_tensors
    used = {index for index in (*op.inputs, *op.outputs) if index >= 0}
    data = dict.fromkeys(op.inputs[slot] for slot in definition.slots(op))
    # A state that is only read is an input like any other.
    written = {*op.outputs, *(op.inputs[slot] for slot in definition.state_inputs)}
    states &= written
    return Graph(
        name=f"{graph.name}, op {number}",
        digest=graph.digest,
        tensors={index: graph.tensors[index] for index in sorted(used)},
        ops=(replace(op, position=0),),
        inputs=tuple(i for i in data if not graph.tensors[i].is_constant and i not in states),
        outputs=tuple(i for i in op.outputs if i not in states) or op.outputs,
        states=tuple(state for state in graph.states if state.tensor in states & used),
    )
