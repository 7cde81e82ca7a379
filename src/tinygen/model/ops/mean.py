"""MEAN over any axes, with the division by the count folded into the multiplier.

Source: QuantizedMeanOrSum in tensorflow/lite/kernels/internal/reference/reduce.h.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.core.fixedpoint import quantize_multiplier
from tinygen.model.lowering import BOTH, LIMITS, Array, Int64, Lowered, OpContext, OpDef, requantized

MAX_BLOCKS = 4


def blocks(shape: tuple[int, ...], axes: set[int]) -> list[tuple[int, bool]]:
    """Neighbouring dimensions that are both kept or both reduced, merged: [(size, reduced)], sizes of 1 left out."""
    merged: list[tuple[int, bool]] = []
    for i, size in enumerate(shape):
        reduced = i in axes
        if size == 1:
            continue
        if merged and merged[-1][1] == reduced:
            merged[-1] = (merged[-1][0] * size, reduced)
        else:
            merged.append((size, reduced))
    return merged


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    source, source_q = ctx.activation(0, types=BOTH)
    output, output_q = ctx.output((0, 6), BOTH)
    axis_tensor = ctx.constant(1, "int32", "axes")
    listed = [] if axis_tensor.data is None else [int(a) for a in np.asarray(axis_tensor.data).reshape(-1)]
    rank = len(source.shape)
    if any(not -rank <= a < rank for a in listed):
        raise ctx.fail(f"axes {listed} do not all exist in a tensor of {rank} dimensions")
    axes = {a % rank for a in listed}
    kept = tuple(size for i, size in enumerate(source.shape) if i not in axes)
    held = tuple(1 if i in axes else size for i, size in enumerate(source.shape))
    wanted = held if ctx.op.options.get("keep_dims") else kept
    if output.shape != wanted:
        raise ctx.fail(f"output '{output.label}' is declared {list(output.shape)}, the operator makes {list(wanted)}")
    merged = blocks(source.shape, axes)
    if len(merged) > MAX_BLOCKS:
        raise ctx.fail(f"axes {sorted(axes)} of shape {list(source.shape)} alternate too often", "reduce in two steps")
    padded = [(1, False)] * (MAX_BLOCKS - len(merged)) + merged
    count = int(np.prod([size for size, reduced in merged if reduced], dtype=np.int64))
    ctx.alike(source, output)
    if count * (256 if source.dtype == "int8" else 32768) > 2**31 - 1:
        raise ctx.fail(f"a mean over {count} values can leave int32")
    multiplier, shift = quantize_multiplier(source_q.scale / output_q.scale)
    spare = min(count.bit_length() - 1, 32, 31 + shift)
    params = {
        "count": count,
        "multiplier": (multiplier << spare) // count,
        "shift": shift - spare,
        "input_zero_point": source_q.zero_point,
        "output_zero_point": output_q.zero_point,
        "act_min": LIMITS[source.dtype][0],
        "act_max": LIMITS[source.dtype][1],
    }
    for i, (size, reduced) in enumerate(padded):
        params[f"size_{i}"] = size
        params[f"reduced_{i}"] = int(reduced)
    return Lowered(params=params, dtype=source.dtype)


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    sizes = [p[f"size_{i}"] for i in range(MAX_BLOCKS)]
    axes = tuple(i for i in range(MAX_BLOCKS) if p[f"reduced_{i}"])
    total: Int64 = inputs[0].astype(np.int64).reshape(sizes).sum(axis=axes)
    acc = total - p["input_zero_point"] * p["count"]
    limits = {"zero_point": p["output_zero_point"], "low": p["act_min"], "high": p["act_max"]}
    return [requantized(acc, p["multiplier"], p["shift"], lowered.dtype, **limits).reshape(shapes[0])]


MEAN = OpDef(
    name="MEAN",
    options_table="ReducerOptions",
    options_required=False,
    data_inputs=(0,),
    lower=_lower,
    reference=_reference,
    types=BOTH,
)
