"""SUB, MUL, MINIMUM, MAXIMUM and PRELU of int8 tensors, with NumPy-style broadcasting.

Source: tensorflow/lite/kernels/internal/reference/{sub.h,maximum_minimum.h,prelu.h}, integer_ops/mul.h;
micro/kernels/{sub_common,mul_common,prelu_common}.cc.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.core.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from tinygen.model.broadcast import MAX_RANK, broadcast_params
from tinygen.model.lowering import (
    INT8_MAX,
    INT8_MIN,
    Array,
    Int64,
    Lowered,
    OpContext,
    OpDef,
    requantized,
)

LEFT_SHIFT = 20


def _lower_sub(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    first, first_q = ctx.activation(0, (0, MAX_RANK))
    second, second_q = ctx.activation(1, (0, MAX_RANK))
    output, output_q = ctx.output((0, MAX_RANK))
    params = broadcast_params(ctx, first, second, output)
    low, high = ctx.activation_range(output_q)
    twice = 2.0 * max(first_q.scale, second_q.scale)
    real_output = twice / ((1 << LEFT_SHIFT) * output_q.scale)
    if real_output >= 1.0:
        raise ctx.fail(f"output scale {output_q.scale:g} is far too small for its inputs' scales")
    for number, quantization in ((1, first_q), (2, second_q)):
        params[f"zero_point_{number}"] = quantization.zero_point
        parts = quantize_multiplier(quantization.scale / twice)
        params[f"multiplier_{number}"], params[f"shift_{number}"] = parts
    params["multiplier"], params["shift"] = quantize_multiplier(real_output)
    return Lowered(params=params | {"output_zero_point": output_q.zero_point, "act_min": low, "act_max": high})


def _scaled(values: Array, zero_point: int, multiplier: int, shift: int) -> Int64:
    return multiply_by_quantized_multiplier((values.astype(np.int64) - zero_point) << LEFT_SHIFT, multiplier, shift)


def _limits(p: dict[str, int]) -> dict[str, int]:
    return {"zero_point": p["output_zero_point"], "low": p["act_min"], "high": p["act_max"]}


def _reference_sub(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    a = _scaled(inputs[0], p["zero_point_1"], p["multiplier_1"], p["shift_1"])
    b = _scaled(inputs[1], p["zero_point_2"], p["multiplier_2"], p["shift_2"])
    return [requantized(a - b, p["multiplier"], p["shift"], **_limits(p)).reshape(shapes[0])]


def _lower_mul(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    first, first_q = ctx.activation(0, (0, MAX_RANK))
    second, second_q = ctx.activation(1, (0, MAX_RANK))
    output, output_q = ctx.output((0, MAX_RANK))
    params = broadcast_params(ctx, first, second, output)
    low, high = ctx.activation_range(output_q)
    params["multiplier"], params["shift"] = quantize_multiplier(first_q.scale * second_q.scale / output_q.scale)
    if params["shift"] > 14:
        # The product of two centred bytes has up to 17 bits.
        raise ctx.fail(f"output scale {output_q.scale:g} is far too small for its inputs' scales")
    params |= {"zero_point_1": first_q.zero_point, "zero_point_2": second_q.zero_point}
    return Lowered(params=params | {"output_zero_point": output_q.zero_point, "act_min": low, "act_max": high})


def _reference_mul(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    product = (inputs[0].astype(np.int64) - p["zero_point_1"]) * (inputs[1].astype(np.int64) - p["zero_point_2"])
    return [requantized(product, p["multiplier"], p["shift"], **_limits(p)).reshape(shapes[0])]


def _lower_extreme(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    first, first_q = ctx.activation(0, (0, MAX_RANK))
    second, second_q = ctx.activation(1, (0, MAX_RANK))
    output, output_q = ctx.output((0, MAX_RANK))
    if len({(q.scale, q.zero_point) for q in (first_q, second_q, output_q)}) != 1:
        raise ctx.fail("inputs and output have different quantisation; TFLM compares and copies bytes")
    return Lowered(params=broadcast_params(ctx, first, second, output))


def _minimum(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    del lowered
    return [np.minimum(inputs[0].astype(np.int8), inputs[1].astype(np.int8)).reshape(shapes[0])]


def _maximum(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    del lowered
    return [np.maximum(inputs[0].astype(np.int8), inputs[1].astype(np.int8)).reshape(shapes[0])]


def _lower_prelu(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    source, source_q = ctx.activation(0, (1, MAX_RANK))
    alpha, alpha_q = ctx.activation(1, (0, MAX_RANK))
    output, output_q = ctx.output((1, MAX_RANK))
    params = broadcast_params(ctx, source, alpha, output)
    params["multiplier_1"], params["shift_1"] = quantize_multiplier(source_q.scale / output_q.scale)
    product = source_q.scale * alpha_q.scale / output_q.scale
    params["multiplier_2"], params["shift_2"] = quantize_multiplier(product)
    if params["shift_1"] > 22 or params["shift_2"] > 14:
        raise ctx.fail(f"output scale {output_q.scale:g} is far too small for its inputs' scales")
    params |= {"zero_point_1": source_q.zero_point, "zero_point_2": alpha_q.zero_point}
    return Lowered(params=params | {"output_zero_point": output_q.zero_point, "act_min": INT8_MIN, "act_max": INT8_MAX})


def _reference_prelu(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    x = inputs[0].astype(np.int64) - p["zero_point_1"]
    product = x * (inputs[1].astype(np.int64) - p["zero_point_2"])
    above = requantized(x, p["multiplier_1"], p["shift_1"], **_limits(p))
    below = requantized(product, p["multiplier_2"], p["shift_2"], **_limits(p))
    return [np.where(x >= 0, above, below).reshape(shapes[0])]


SUB = OpDef(
    name="SUB",
    options_table="SubOptions",
    options_required=True,
    data_inputs=(0, 1),
    lower=_lower_sub,
    reference=_reference_sub,
)

MUL = OpDef(
    name="MUL",
    options_table="MulOptions",
    options_required=True,
    data_inputs=(0, 1),
    lower=_lower_mul,
    reference=_reference_mul,
)

MINIMUM = OpDef(
    name="MINIMUM",
    options_table="",
    options_required=False,
    data_inputs=(0, 1),
    lower=_lower_extreme,
    reference=_minimum,
)

MAXIMUM = OpDef(
    name="MAXIMUM",
    options_table="",
    options_required=False,
    data_inputs=(0, 1),
    lower=_lower_extreme,
    reference=_maximum,
)

PRELU = OpDef(
    name="PRELU",
    options_table="",
    options_required=False,
    data_inputs=(0, 1),
    lower=_lower_prelu,
    reference=_reference_prelu,
)
