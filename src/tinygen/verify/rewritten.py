"""The oracle's answers as a rewritten model has them: kept channels, new rows; tensors it lacks are left alone.

A rewritten graph says of each tensor which elements of the imported model's tensor it stands for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tinygen.model.ir import Graph, Plan
from tinygen.verify.values import Expected, Vector

Array = npt.NDArray[np.generic]


def imported(graph: Graph) -> Graph:
    """The graph as the file has it, which the oracle knows."""
    return graph.rewritten.source if graph.rewritten is not None else graph


def on_device(plan: Plan, answer: Expected) -> Expected:
    """An answer of the imported model with every tensor cut to what the device's tensor of that number holds."""
    rewritten = plan.graph.rewritten
    if rewritten is None or not rewritten.slices:
        return answer
    made = frozenset(plan.observed)
    tensors = {
        index: _cut(rewritten.source, index, data, rewritten.slices.get(index) if index in made else None)
        for index, data in answer.tensors.items()
    }
    for index, source in rewritten.stands_for.items():
        if index in made and source in answer.tensors:
            tensors[index] = _cut(rewritten.source, source, answer.tensors[source], rewritten.slices[index])
    return Expected(output=answer.output, tensors=tensors)


def arrays_on_device(plan: Plan, arrays: Mapping[int, Array]) -> dict[int, Array]:
    """The same for what our NumPy reference made of the imported model."""
    rewritten = plan.graph.rewritten
    slices = rewritten.slices if rewritten is not None else {}
    made = frozenset(plan.observed)
    found = {
        index: array.reshape(-1)[slices[index]] if index in slices and index in made else array
        for index, array in arrays.items()
    }
    for index, source in rewritten.stands_for.items() if rewritten is not None else ():
        if index in made and source in arrays:
            found[index] = arrays[source].reshape(-1)[slices[index]]
    return found


def windows(plan: Plan, hops: Sequence[Vector]) -> tuple[Vector, ...]:
    """What the imported model must be asked for each hop of an incremental one: the last rows, newest at the end.

    Before the first hop every row was real 0, the input's zero point. For other models the vectors themselves.

    Args:
        plan: of the rewritten model.
        hops: its inputs, a sequence from the start.
    """
    rewritten = plan.graph.rewritten
    if rewritten is None or not rewritten.hop_rows:
        return tuple(hops)
    source = rewritten.source.tensors[rewritten.source.inputs[0]]
    zero = source.quantization.zero_point if source.quantization is not None else 0
    axis = rewritten.time_axis
    fresh = plan.graph.tensors[plan.graph.inputs[0]]
    shape = (*fresh.shape[:axis], rewritten.window_rows, *fresh.shape[axis + 1 :])
    window = np.full(shape, zero, np.dtype(source.dtype))
    found: list[Vector] = []
    for hop in hops:
        rows = np.ascontiguousarray(hop.model_input).view(source.dtype).reshape(fresh.shape)
        window = np.delete(np.concatenate([window, rows], axis), range(rewritten.hop_rows), axis)
        whole = np.ascontiguousarray(window).reshape(-1).view(np.int8)
        found.append(Vector(name=hop.name, raw=None, model_input=whole, label=hop.label))
    return tuple(found)


def _cut(source: Graph, index: int, data: bytes, positions: npt.NDArray[np.int64] | None) -> bytes:
    if positions is None:
        return data
    tensor = source.tensors[index]
    items = np.frombuffer(data, dtype=np.uint8).reshape(max(tensor.n_elements, 1), -1)
    return items[positions].tobytes()
