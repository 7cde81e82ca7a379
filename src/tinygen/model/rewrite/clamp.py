"""A clamp behind an operator that clamps anyway (RELU, RELU6... with unchanged quantisation) goes into it."""

from __future__ import annotations

import dataclasses

import numpy as np

from tinygen.model.lowering import INT8_MAX, INT8_MIN
from tinygen.model.rewrite.base import Draft, Pass, title

_TAKERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "AVERAGE_POOL_2D", "MAX_POOL_2D")


def _run(draft: Draft) -> None:
    for clamp in list(draft.ops):
        if len(clamp.inputs) != 1 or len(clamp.outputs) != 1 or draft.definition(clamp) is None:
            continue
        table = draft.lowered(clamp).constants.get("table")
        maker = draft.writer(clamp.inputs[0])
        if table is None or table.size != 256 or maker is None or maker.name not in _TAKERS:
            continue
        if draft.only_reader(clamp.inputs[0]) is None:
            draft.refusals.append(f"{title(draft, clamp)}: its input is read elsewhere too")
            continue
        before, after = draft.tensors[clamp.inputs[0]], draft.tensors[clamp.outputs[0]]
        p = draft.lowered(maker).params
        values = np.arange(p["act_min"], p["act_max"] + 1, dtype=np.int64)
        results = table[values.astype(np.int8).view(np.uint8)].astype(np.int64)
        low, high = int(results.min()), int(results.max())
        if not np.array_equal(results, np.clip(values, low, high)) or before.quantization != after.quantization:
            draft.refusals.append(f"{title(draft, clamp)}: not a mere clamp of what {maker.where} gives")
            continue
        options = {**maker.options, "clamp_min": max(low, INT8_MIN), "clamp_max": min(high, INT8_MAX)}
        draft.replace(clamp)
        draft.replace(maker, dataclasses.replace(maker, outputs=clamp.outputs, options=options))
        if before.shape != after.shape:
            draft.tensors[after.index] = dataclasses.replace(after, shape=before.shape)
        del draft.tensors[before.index]
        draft.changes.append(f"{title(draft, clamp)} into {maker.where}: clamps to {low}..{high}")


CLAMP = Pass(
    name="clamp into requantisation",
    obligation="over every value its input can take the operator equals clip(q, low, high), quantisation unchanged, "
    "and nobody else reads its input",
    run=_run,
)
