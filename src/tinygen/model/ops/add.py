"""ADD and SUB of two tensors, each brought to a common finer scale, with NumPy-style broadcasting.

Source: tensorflow/lite/kernels/internal/reference/{add.h,sub.h}, integer_ops/add.h; micro/kernels/{add,sub}_common.cc.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tinygen.core.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from tinygen.model.broadcast import MAX_RANK, broadcast_params
from tinygen.model.lowering import BOTH, Array, Int64, Lowered, OpContext, OpDef, requantized

# How much finer the common scale is than twice the coarser input's: 2^20 leaves int32 room for int8, 2^15 for int16.
LEFT_SHIFTS = {"int8": 20, "int16": 15}


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    first, first_q = ctx.activation(0, (0, MAX_RANK), BOTH)
    second, second_q = ctx.activation(1, (0, MAX_RANK), BOTH)
    output, output_q = ctx.output((0, MAX_RANK), BOTH)
    dtype = ctx.alike(first, second, output)
    params = broadcast_params(ctx, first, second, output)
    low, high = ctx.activation_range(output_q, dtype)
    twice = 2.0 * max(first_q.scale, second_q.scale)
    real_output = twice / ((1 << LEFT_SHIFTS[dtype]) * output_q.scale)
    if real_output >= 1.0:
        raise ctx.fail(f"output scale {output_q.scale:g} is far too small for its inputs' scales")
    for number, quantization in ((1, first_q), (2, second_q)):
        params[f"zero_point_{number}"] = quantization.zero_point
        parts = quantize_multiplier(quantization.scale / twice)
        params[f"multiplier_{number}"], params[f"shift_{number}"] = parts
    params["multiplier"], params["shift"] = quantize_multiplier(real_output)
    params |= {"output_zero_point": output_q.zero_point, "act_min": low, "act_max": high}
    return Lowered(params=params, dtype=dtype)


def _scaled(lowered: Lowered, number: int, values: Array) -> Int64:
    p = lowered.params
    centred = values.astype(np.int64) - p[f"zero_point_{number}"]
    finer = centred << LEFT_SHIFTS[lowered.dtype]
    return multiply_by_quantized_multiplier(finer, p[f"multiplier_{number}"], p[f"shift_{number}"])


def _with_sign(sign: int) -> Callable[[Lowered, Sequence[Array], Sequence[tuple[int, ...]]], list[Array]]:
    def reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        p = lowered.params
        total = _scaled(lowered, 1, inputs[0]) + sign * _scaled(lowered, 2, inputs[1])
        limits = {"zero_point": p["output_zero_point"], "low": p["act_min"], "high": p["act_max"]}
        return [requantized(total, p["multiplier"], p["shift"], lowered.dtype, **limits).reshape(shapes[0])]

    return reference


ADD = OpDef(
    name="ADD",
    options_table="AddOptions",
    options_required=True,
    data_inputs=(0, 1),
    lower=_lower,
    reference=_with_sign(1),
    types=BOTH,
)

SUB = OpDef(
    name="SUB",
    options_table="SubOptions",
    options_required=True,
    data_inputs=(0, 1),
    lower=_lower,
    reference=_with_sign(-1),
    types=BOTH,
)
