"""One-input elementwise operators. Each becomes a table of its 256 results.

Source: tensorflow/lite/kernels/internal/reference/integer_ops/logistic.h; micro/kernels/activations_common.cc.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from tinygen.core.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier, rounding_divide_by_pot
from tinygen.model.fixed_functions import input_radius, logistic
from tinygen.model.ir import Quantization
from tinygen.model.lowering import (
    INT8_MAX,
    INT8_MIN,
    Array,
    Int64,
    Lowered,
    OpContext,
    OpDef,
    expect_shape,
    requantized,
    round_half_away,
)
from tinygen.model.unary_functions import absolute, elu, hard_swish, hyperbolic_tangent, leaky_relu

_LOGISTIC_INTEGER_BITS = 4


def _logistic(ctx: OpContext, q: Int64, source: Quantization, output: Quantization) -> Array:
    if output.zero_point != INT8_MIN:
        raise ctx.fail(f"output has zero point {output.zero_point}, TFLM's logistic needs -128")
    fraction, shift = math.frexp(source.scale * float(1 << (31 - _LOGISTIC_INTEGER_BITS)))
    multiplier = round_half_away(fraction * (1 << 31))
    if multiplier == 1 << 31 or not -31 <= shift <= 30:
        raise ctx.fail(f"input scale {source.scale:g} cannot be expressed in fixed point")
    radius = input_radius(_LOGISTIC_INTEGER_BITS, shift)
    centred = q - source.zero_point
    inside = np.clip(centred, -radius, radius)
    raw = multiply_by_quantized_multiplier(inside, multiplier, shift)
    result = rounding_divide_by_pot(logistic(raw, _LOGISTIC_INTEGER_BITS), 31 - 8) + INT8_MIN
    result = np.clip(result, INT8_MIN, INT8_MAX)
    result = np.where(centred <= -radius, INT8_MIN, np.where(centred >= radius, INT8_MAX, result))
    return result.astype(np.int8)


def _relu(ctx: OpContext, q: Int64, source: Quantization, output: Quantization) -> Array:
    del ctx
    # The scales are divided in float32 here, unlike everywhere else.
    multiplier, shift = quantize_multiplier(float(np.float32(source.scale) / np.float32(output.scale)))
    low = max(INT8_MIN, output.zero_point)
    return requantized(q - source.zero_point, multiplier, shift, zero_point=output.zero_point, low=low, high=INT8_MAX)


def _relu6(ctx: OpContext, q: Int64, source: Quantization, output: Quantization) -> Array:
    if (source.scale, source.zero_point) != (output.scale, output.zero_point):
        raise ctx.fail("input and output have different quantisation; TFLM's RELU6 copies clamped bytes")
    six = ctx.quantized(6.0, source)
    return np.clip(q, source.zero_point, min(six, INT8_MAX)).astype(np.int8)


def _lower_with(
    make: Callable[[OpContext, Int64, Quantization, Quantization], Array],
) -> Callable[[OpContext], Lowered]:
    def lower(ctx: OpContext) -> Lowered:
        ctx.arity((1, 1))
        source, source_q = ctx.activation(0)
        output, output_q = ctx.output()
        expect_shape(ctx, output, source.shape)
        # Indexed by the byte: 0..127, then -128..-1.
        q = np.arange(256, dtype=np.uint8).astype(np.int8).astype(np.int64)
        table = make(ctx, q, source_q, output_q)
        return Lowered(params={"n_elements": output.n_elements}, constants={"table": table})

    return lower


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    table = lowered.constants["table"]
    return [table[inputs[0].astype(np.int8).view(np.uint8)].reshape(shapes[0])]


LOGISTIC = OpDef(
    name="LOGISTIC",
    options_table="",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_with(_logistic),
    reference=_reference,
)

RELU = OpDef(
    name="RELU",
    options_table="",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_with(_relu),
    reference=_reference,
)

RELU6 = OpDef(
    name="RELU6",
    options_table="",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_with(_relu6),
    reference=_reference,
)

ABS = OpDef(
    name="ABS",
    options_table="",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_with(absolute),
    reference=_reference,
)

ELU = OpDef(
    name="ELU",
    options_table="",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_with(elu),
    reference=_reference,
)

HARD_SWISH = OpDef(
    name="HARD_SWISH",
    options_table="",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_with(hard_swish),
    reference=_reference,
)

LEAKY_RELU = OpDef(
    name="LEAKY_RELU",
    options_table="LeakyReluOptions",
    options_required=True,
    data_inputs=(0,),
    lower=_lower_with(leaky_relu),
    reference=_reference,
)

TANH = OpDef(
    name="TANH",
    options_table="",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_with(hyperbolic_tangent),
    reference=_reference,
)
