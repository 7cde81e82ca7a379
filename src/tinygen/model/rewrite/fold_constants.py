"""Operators whose inputs are all constants become constants."""

from __future__ import annotations

import dataclasses

import numpy as np

from tinygen.model.rewrite.base import Draft, Pass, title


def _run(draft: Draft) -> None:
    for op in list(draft.ops):
        definition = draft.definition(op)
        if definition is None or any(index in draft.outputs for index in op.outputs):
            continue
        sources = [draft.tensors[op.inputs[slot]] for slot in definition.slots(op)]
        states = {state.tensor for state in draft.states}
        if states & {*op.inputs, *op.outputs} or not sources:
            continue
        arrays = [source.data for source in sources if source.data is not None]
        if len(arrays) != len(sources):
            continue
        shapes = [draft.tensors[index].shape for index in op.outputs]
        inputs = [array.reshape(source.shape) for array, source in zip(arrays, sources, strict=True)]
        results = definition.reference(draft.lowered(op), inputs, shapes)
        for index, result in zip(op.outputs, results, strict=True):
            draft.tensors[index] = dataclasses.replace(draft.tensors[index], data=np.ascontiguousarray(result))
        draft.changes.append(f"{title(draft, op)} computed now")
        draft.replace(op)


FOLD_CONSTANTS = Pass(
    name="constant folding",
    obligation="every data input is a constant of the file, no state is touched; the values come from the reference",
    run=_run,
)
