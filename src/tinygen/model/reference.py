"""Runs a graph in NumPy: the integer reference that equals TFLM's kernels byte for byte."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.model.ir import Graph
from tinygen.model.lowering import OpContext
from tinygen.model.ops.registry import find_op

Array = npt.NDArray[np.generic]


def run(graph: Graph, inputs: Sequence[Array]) -> dict[int, Array]:
    """Every tensor the operators write.

    Args:
        inputs: one array per model input, int8, of the input's shape or flat.

    Returns:
        {tensor index: array of the tensor's shape}, in the order they are written.

    Raises:
        TinygenError: an input has the wrong number of values.
    """
    if len(inputs) != len(graph.inputs):
        raise bad_input(f"got {len(inputs)} inputs, the model has {len(graph.inputs)}", where=graph.name)
    values: dict[int, Array] = {}
    for index, array in zip(graph.inputs, inputs, strict=True):
        tensor = graph.tensors[index]
        if array.size != tensor.n_elements or array.dtype.name != tensor.dtype:
            raise bad_input(
                f"input '{tensor.name}' got {array.size} values of {array.dtype}, needs {tensor.n_elements} of {tensor.dtype}",
                where=graph.name,
            )
        values[index] = array.reshape(tensor.shape)
    written: dict[int, Array] = {}
    for op in graph.ops:
        definition = find_op(op.name)
        if definition is None:
            raise bad_input(f"unsupported operator {op.name}", where=f"{graph.name}: {op.where}")
        lowered = definition.lower(OpContext(model=graph.name, op=op, tensors=graph.tensors))
        sources: list[Array] = []
        for slot in definition.slots(op):
            data = graph.tensors[op.inputs[slot]].data
            sources.append(values[op.inputs[slot]] if data is None else data)
        results = definition.reference(lowered, sources, [graph.tensors[i].shape for i in op.outputs])
        for index, result in zip(op.outputs, results, strict=True):
            values[index] = written[index] = result
    return written
