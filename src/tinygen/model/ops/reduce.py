"""SUM, REDUCE_MAX and REDUCE_MIN over any axes, and ARG_MAX over one.

Source: QuantizedMeanOrSum and ReduceGeneric in tensorflow/lite/kernels/internal/reference/reduce.h;
micro/kernels/{reduce_common,arg_min_max}.cc.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinygen.core.fixedpoint import quantize_multiplier
from tinygen.model.ir import DType
from tinygen.model.lowering import (
    BOTH,
    LIMITS,
    Array,
    Int64,
    Lowered,
    OpContext,
    OpDef,
    expect_shape,
    requantized,
)
from tinygen.model.movement import axis_of, whole_numbers
from tinygen.model.ops.mean import MAX_BLOCKS, blocks


def _reduced_blocks(ctx: OpContext, types: tuple[DType, ...] = ("int8",)) -> tuple[dict[str, int], int]:
    """The tensor as four blocks of dimensions, each kept or reduced; how many values are reduced to one."""
    ctx.arity((2, 2))
    source, _ = ctx.activation(0, (1, 4), types)
    output, _ = ctx.output((0, 4), types)
    ctx.alike(source, output)
    listed = whole_numbers(ctx, 1, "axes")
    rank = len(source.shape)
    axes = {axis_of(ctx, axis, rank) for axis in listed}
    if not axes:
        raise ctx.fail("has no axes to reduce")
    kept = tuple(size for i, size in enumerate(source.shape) if i not in axes)
    held = tuple(1 if i in axes else size for i, size in enumerate(source.shape))
    expect_shape(ctx, output, held if ctx.op.options.get("keep_dims") else kept)
    merged = blocks(source.shape, axes)
    padded = [(1, False)] * (MAX_BLOCKS - len(merged)) + merged
    params = {}
    for i, (size, reduced) in enumerate(padded):
        params[f"size_{i}"] = size
        params[f"reduced_{i}"] = int(reduced)
    return params, math.prod(size for size, reduced in merged if reduced)


def _lower_sum(ctx: OpContext) -> Lowered:
    params, count = _reduced_blocks(ctx, BOTH)
    source, source_q = ctx.activation(0, types=BOTH)
    _, output_q = ctx.output((0, 4), BOTH)
    multiplier, shift = quantize_multiplier(source_q.scale / output_q.scale)
    if count * (256 if source.dtype == "int8" else 32768) << max(0, shift) > 2**31 - 1:
        raise ctx.fail(f"a sum of {count} values can leave int32")
    params |= {
        "count": count,
        "multiplier": multiplier,
        "shift": shift,
        "input_zero_point": source_q.zero_point,
        "output_zero_point": output_q.zero_point,
        "act_min": LIMITS[source.dtype][0],
        "act_max": LIMITS[source.dtype][1],
    }
    return Lowered(params=params, dtype=source.dtype)


def _lower_extreme(ctx: OpContext) -> Lowered:
    params, _ = _reduced_blocks(ctx)
    (_, source_q), (_, output_q) = ctx.activation(0), ctx.output((0, 4))
    if (source_q.scale, source_q.zero_point) != (output_q.scale, output_q.zero_point):
        raise ctx.fail("input and output have different quantisation; TFLM compares and copies bytes")
    return Lowered(params=params)


def _seen(lowered: Lowered, source: Array) -> tuple[Array, tuple[int, ...]]:
    p = lowered.params
    sizes = [p[f"size_{i}"] for i in range(MAX_BLOCKS)]
    return source.reshape(sizes), tuple(i for i in range(MAX_BLOCKS) if p[f"reduced_{i}"])


def _sum(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    seen, axes = _seen(lowered, inputs[0])
    acc: Int64 = seen.astype(np.int64).sum(axis=axes) - p["input_zero_point"] * p["count"]
    limits = {"zero_point": p["output_zero_point"], "low": p["act_min"], "high": p["act_max"]}
    return [requantized(acc, p["multiplier"], p["shift"], lowered.dtype, **limits).reshape(shapes[0])]


def _maximum(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    seen, axes = _seen(lowered, inputs[0])
    return [np.asarray(seen.max(axis=axes)).reshape(shapes[0])]


def _minimum(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    seen, axes = _seen(lowered, inputs[0])
    return [np.asarray(seen.min(axis=axes)).reshape(shapes[0])]


def _lower_arg_max(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    source, _ = ctx.activation(0, (1, 6))
    output = ctx.tensors[ctx.op.outputs[0]]
    if output.dtype != "int32":
        raise ctx.fail(f"output '{output.label}' is {output.dtype}, supported: int32")
    axes = whole_numbers(ctx, 1, "axis")
    if len(axes) != 1:
        raise ctx.fail(f"has {len(axes)} axes, supported: 1")
    axis = axis_of(ctx, axes[0], len(source.shape))
    expect_shape(ctx, output, (*source.shape[:axis], *source.shape[axis + 1 :]))
    inner = math.prod(source.shape[axis + 1 :])
    return Lowered(params={"outer": math.prod(source.shape[:axis]), "size": source.shape[axis], "inner": inner})


def _arg_max(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    seen = inputs[0].reshape(p["outer"], p["size"], p["inner"])
    return [seen.argmax(axis=1).astype(np.int32).reshape(shapes[0])]


SUM = OpDef(
    name="SUM",
    options_table="ReducerOptions",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_sum,
    reference=_sum,
    types=BOTH,
)

REDUCE_MAX = OpDef(
    name="REDUCE_MAX",
    options_table="ReducerOptions",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_extreme,
    reference=_maximum,
)

REDUCE_MIN = OpDef(
    name="REDUCE_MIN",
    options_table="ReducerOptions",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_extreme,
    reference=_minimum,
)

ARG_MAX = OpDef(
    name="ARG_MAX",
    options_table="ArgMaxOptions",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_arg_max,
    reference=_arg_max,
)
