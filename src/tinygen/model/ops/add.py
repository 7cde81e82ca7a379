"""ADD of two int8 tensors, each brought to a common finer scale, with NumPy-style broadcasting.

Source: tensorflow/lite/kernels/internal/reference/integer_ops/add.h and micro/kernels/add_common.cc.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.core.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from tinygen.model.lowering import Array, Int64, Lowered, OpContext, OpDef, expect_shape, requantized

LEFT_SHIFT = 20
MAX_RANK = 4


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    first, first_q = ctx.activation(0, (0, MAX_RANK))
    second, second_q = ctx.activation(1, (0, MAX_RANK))
    output, output_q = ctx.output((0, MAX_RANK))
    try:
        shape = np.broadcast_shapes(first.shape, second.shape)
    except ValueError as error:
        raise ctx.fail(f"shapes {list(first.shape)} and {list(second.shape)} do not broadcast") from error
    expect_shape(ctx, output, tuple(shape))
    low, high = ctx.activation_range(output_q)
    twice = 2.0 * max(first_q.scale, second_q.scale)
    real_output = twice / ((1 << LEFT_SHIFT) * output_q.scale)
    if real_output >= 1.0:
        raise ctx.fail(f"output scale {output_q.scale:g} is far too small for its inputs' scales")
    multiplier_1, shift_1 = quantize_multiplier(first_q.scale / twice)
    multiplier_2, shift_2 = quantize_multiplier(second_q.scale / twice)
    multiplier, shift = quantize_multiplier(real_output)
    params = {
        "n_elements": output.n_elements,
        "zero_point_1": first_q.zero_point,
        "zero_point_2": second_q.zero_point,
        "multiplier_1": multiplier_1,
        "shift_1": shift_1,
        "multiplier_2": multiplier_2,
        "shift_2": shift_2,
        "multiplier": multiplier,
        "shift": shift,
        "output_zero_point": output_q.zero_point,
        "act_min": low,
        "act_max": high,
        "same_shape": int(first.shape == second.shape),
    }
    wide = (1,) * (MAX_RANK - len(shape)) + tuple(shape)
    for number, tensor in ((1, first), (2, second)):
        own = (1,) * (MAX_RANK - len(tensor.shape)) + tensor.shape
        stride = 1
        for i in reversed(range(MAX_RANK)):
            params[f"stride_{number}_{i}"] = 0 if own[i] == 1 else stride
            stride *= own[i]
    for i, size in enumerate(wide):
        params[f"size_{i}"] = size
    return Lowered(params=params)


def _scaled(values: Array, zero_point: int, multiplier: int, shift: int) -> Int64:
    return multiply_by_quantized_multiplier((values.astype(np.int64) - zero_point) << LEFT_SHIFT, multiplier, shift)


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    a = _scaled(inputs[0], p["zero_point_1"], p["multiplier_1"], p["shift_1"])
    b = _scaled(inputs[1], p["zero_point_2"], p["multiplier_2"], p["shift_2"])
    out = requantized(
        a + b, p["multiplier"], p["shift"], zero_point=p["output_zero_point"], low=p["act_min"], high=p["act_max"]
    )
    return [out.reshape(shapes[0])]


ADD = OpDef(
    name="ADD",
    options_table="AddOptions",
    options_required=True,
    data_inputs=(0, 1),
    lower=_lower,
    reference=_reference,
)
