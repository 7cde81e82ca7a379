"""MUL, MINIMUM, MAXIMUM and PRELU, with NumPy-style broadcasting.

Source: tensorflow/lite/kernels/internal/reference/{maximum_minimum.h,prelu.h}, integer_ops/mul.h;
micro/kernels/{mul_common,prelu_common}.cc.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.core.fixedpoint import quantize_multiplier
from tinygen.model.broadcast import MAX_RANK, broadcast_params
from tinygen.model.lowering import BOTH, LIMITS, Array, Lowered, OpContext, OpDef, requantized


def _limits(p: dict[str, int]) -> dict[str, int]:
    return {"zero_point": p["output_zero_point"], "low": p["act_min"], "high": p["act_max"]}


def _lower_mul(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    first, first_q = ctx.activation(0, (0, MAX_RANK), BOTH)
    second, second_q = ctx.activation(1, (0, MAX_RANK), BOTH)
    output, output_q = ctx.output((0, MAX_RANK), BOTH)
    dtype = ctx.alike(first, second, output)
    params = broadcast_params(ctx, first, second, output)
    low, high = ctx.activation_range(output_q, dtype)
    params["multiplier"], params["shift"] = quantize_multiplier(first_q.scale * second_q.scale / output_q.scale)
    if params["shift"] > (14 if dtype == "int8" else 0):
        # The product of two centred bytes has up to 17 bits, that of two int16 up to 31.
        raise ctx.fail(f"output scale {output_q.scale:g} is far too small for its inputs' scales")
    params |= {"zero_point_1": first_q.zero_point, "zero_point_2": second_q.zero_point}
    params |= {"output_zero_point": output_q.zero_point, "act_min": low, "act_max": high}
    return Lowered(params=params, dtype=dtype)


def _reference_mul(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    product = (inputs[0].astype(np.int64) - p["zero_point_1"]) * (inputs[1].astype(np.int64) - p["zero_point_2"])
    return [requantized(product, p["multiplier"], p["shift"], lowered.dtype, **_limits(p)).reshape(shapes[0])]


def _lower_extreme(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    first, first_q = ctx.activation(0, (0, MAX_RANK), BOTH)
    second, second_q = ctx.activation(1, (0, MAX_RANK), BOTH)
    output, output_q = ctx.output((0, MAX_RANK), BOTH)
    if len({(q.scale, q.zero_point) for q in (first_q, second_q, output_q)}) != 1:
        raise ctx.fail("inputs and output have different quantisation; TFLM compares and copies bytes")
    dtype = ctx.alike(first, second, output)
    return Lowered(params=broadcast_params(ctx, first, second, output), dtype=dtype)


def _minimum(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    del lowered
    return [np.asarray(np.minimum(inputs[0], inputs[1])).reshape(shapes[0])]


def _maximum(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    del lowered
    return [np.asarray(np.maximum(inputs[0], inputs[1])).reshape(shapes[0])]


def _lower_prelu(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    source, source_q = ctx.activation(0, (1, MAX_RANK), BOTH)
    alpha, alpha_q = ctx.activation(1, (0, MAX_RANK))
    output, output_q = ctx.output((1, MAX_RANK), BOTH)
    dtype = ctx.alike(source, output)
    params = broadcast_params(ctx, source, alpha, output)
    params["multiplier_1"], params["shift_1"] = quantize_multiplier(source_q.scale / output_q.scale)
    product = source_q.scale * alpha_q.scale / output_q.scale
    params["multiplier_2"], params["shift_2"] = quantize_multiplier(product)
    # A value has 8 or 16 bits, a product 16 or 30: no left shift may leave int32.
    if params["shift_1"] > (22 if dtype == "int8" else 14) or params["shift_2"] > (14 if dtype == "int8" else 0):
        raise ctx.fail(f"output scale {output_q.scale:g} is far too small for its inputs' scales")
    params |= {"zero_point_1": source_q.zero_point, "zero_point_2": alpha_q.zero_point}
    low, high = LIMITS[dtype]
    params |= {"output_zero_point": output_q.zero_point, "act_min": low, "act_max": high}
    return Lowered(params=params, dtype=dtype)


def _reference_prelu(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    x = inputs[0].astype(np.int64) - p["zero_point_1"]
    product = x * (inputs[1].astype(np.int64) - p["zero_point_2"])
    above = requantized(x, p["multiplier_1"], p["shift_1"], lowered.dtype, **_limits(p))
    below = requantized(product, p["multiplier_2"], p["shift_2"], lowered.dtype, **_limits(p))
    return [np.where(x >= 0, above, below).reshape(shapes[0])]


MUL = OpDef(
    name="MUL",
    options_table="MulOptions",
    options_required=True,
    data_inputs=(0, 1),
    lower=_lower_mul,
    reference=_reference_mul,
    types=BOTH,
)

MINIMUM = OpDef(
    name="MINIMUM",
    options_table="",
    options_required=False,
    data_inputs=(0, 1),
    lower=_lower_extreme,
    reference=_minimum,
    types=BOTH,
)

MAXIMUM = OpDef(
    name="MAXIMUM",
    options_table="",
    options_required=False,
    data_inputs=(0, 1),
    lower=_lower_extreme,
    reference=_maximum,
    types=BOTH,
)

PRELU = OpDef(
    name="PRELU",
    options_table="",
    options_required=False,
    data_inputs=(0, 1),
    lower=_lower_prelu,
    reference=_reference_prelu,
    types=BOTH,
)
