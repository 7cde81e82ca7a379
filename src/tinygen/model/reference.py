"""Runs a graph in NumPy: the integer reference that equals TFLM's kernels byte for byte."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.model.ir import NUMPY_TYPES, Graph
from tinygen.model.lowering import OpContext
from tinygen.model.ops.registry import find_op

Array = npt.NDArray[np.generic]


def initial_state(graph: Graph) -> dict[int, Array]:
    """A state to hand to `run`: what a reset leaves."""
    return {state.tensor: state.initial.copy() for state in graph.states}


def run(graph: Graph, inputs: Sequence[Array], state: dict[int, Array] | None = None) -> dict[int, Array]:
    """Every tensor the operators write.

    Args:
        inputs: one array per model input, of the input's type, of the input's shape or flat.
        state: {state tensor: value}, brought up to date in place; None starts from the initial state and forgets it.

    Returns:
        {tensor index: array of the tensor's shape}, in the order they are written; states are not among them.

    Raises:
        TinygenError: an input has the wrong number or type of values.
    """
    if len(inputs) != len(graph.inputs):
        raise bad_input(f"got {len(inputs)} inputs, the model has {len(graph.inputs)}", where=graph.name)
    held = initial_state(graph) if state is None else state
    values: dict[int, Array] = {}
    for index, array in zip(graph.inputs, inputs, strict=True):
        tensor = graph.tensors[index]
        if array.size != tensor.n_elements or array.dtype != np.dtype(NUMPY_TYPES[tensor.dtype]):
            raise bad_input(
                f"input '{tensor.label}' got {array.size} values of {array.dtype}, "
                f"needs {tensor.n_elements} of {tensor.dtype}",
                where=graph.name,
            )
        values[index] = array.reshape(tensor.shape)
    written: dict[int, Array] = {}
    states = graph.state_tensors
    for op in graph.ops:
        definition = find_op(op.name)
        if definition is None:
            raise bad_input(f"unsupported operator {op.name}", where=f"{graph.name}: {op.where}")
        lowered = definition.lower(OpContext(model=graph.name, op=op, tensors=graph.tensors))
        sources: list[Array] = []
        for slot in definition.slots(op):
            index = op.inputs[slot]
            data = graph.tensors[index].data
            sources.append(held[index] if index in states else values[index] if data is None else data)
        results = definition.reference(lowered, sources, [graph.tensors[i].shape for i in op.outputs])
        targets = (*op.outputs, *(op.inputs[slot] for slot in definition.state_inputs))
        for index, result in zip(targets, results, strict=True):
            if index in states:
                held[index] = result
            else:
                values[index] = written[index] = result
    return written
