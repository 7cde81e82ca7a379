"""One-input elementwise operators. With int8 values each becomes a table of its 256 results.

Source: tensorflow/lite/kernels/internal/reference/integer_ops/logistic.h; micro/kernels/activations_common.cc.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tinygen.core.fixedpoint import quantize_multiplier, rounding_divide_by_pot
from tinygen.model.fixed_functions import logistic, sigmoid_input
from tinygen.model.ir import Quantization
from tinygen.model.lowering import (
    BOTH,
    INT8_MAX,
    INT8_MIN,
    Array,
    Int64,
    Lowered,
    OpContext,
    OpDef,
    expect_shape,
    requantized,
)
from tinygen.model.unary_functions import absolute, elu, hard_swish, hyperbolic_tangent, leaky_relu
from tinygen.model.unary_int16 import INT16_FUNCTIONS

_LOGISTIC_INTEGER_BITS = 4


def _logistic(ctx: OpContext, q: Int64, source: Quantization, output: Quantization) -> Array:
    if output.zero_point != INT8_MIN:
        raise ctx.fail(f"output has zero point {output.zero_point}, TFLM's logistic needs -128")
    centred = q - source.zero_point
    found = sigmoid_input(centred, source.scale, _LOGISTIC_INTEGER_BITS)
    if found is None:
        raise ctx.fail(f"input scale {source.scale:g} cannot be expressed in fixed point")
    raw, radius = found
    result = rounding_divide_by_pot(logistic(raw, _LOGISTIC_INTEGER_BITS), 31 - 8) + INT8_MIN
    result = np.clip(result, INT8_MIN, INT8_MAX)
    result = np.where(centred <= -radius, INT8_MIN, np.where(centred >= radius, INT8_MAX, result))
    return result.astype(np.int8)


def _relu(ctx: OpContext, q: Int64, source: Quantization, output: Quantization) -> Array:
    del ctx
    multiplier, shift = quantize_multiplier(source.scale / output.scale)
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
        types = BOTH if ctx.op.name in INT16_FUNCTIONS else ("int8",)
        source, source_q = ctx.activation(0, types=types)
        output, output_q = ctx.output(types=types)
        expect_shape(ctx, output, source.shape)
        if ctx.alike(source, output) == "int16":
            params = INT16_FUNCTIONS[ctx.op.name].params(ctx, source_q, output_q)
            tables = INT16_FUNCTIONS[ctx.op.name].tables()
            return Lowered(params={"n_elements": output.n_elements, **params}, constants=tables, dtype="int16")
        # Indexed by the byte: 0..127, then -128..-1.
        q = np.arange(256, dtype=np.uint8).astype(np.int8).astype(np.int64)
        table = make(ctx, q, source_q, output_q)
        return Lowered(params={"n_elements": output.n_elements}, constants={"table": table})

    return lower


def _reference_of(name: str) -> Callable[[Lowered, Sequence[Array], Sequence[tuple[int, ...]]], list[Array]]:
    def reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        if lowered.dtype == "int16":
            values = INT16_FUNCTIONS[name].reference(lowered.params, inputs[0].astype(np.int64))
            return [values.astype(np.int16).reshape(shapes[0])]
        table = lowered.constants["table"]
        return [table[inputs[0].astype(np.int8).view(np.uint8)].reshape(shapes[0])]

    return reference


def _operator(
    name: str, make: Callable[[OpContext, Int64, Quantization, Quantization], Array], options_table: str = ""
) -> OpDef:
    return OpDef(
        name=name,
        options_table=options_table,
        options_required=bool(options_table),
        data_inputs=(0,),
        lower=_lower_with(make),
        reference=_reference_of(name),
        types=BOTH if name in INT16_FUNCTIONS else ("int8",),
    )


ABS = _operator("ABS", absolute)
ELU = _operator("ELU", elu)
HARD_SWISH = _operator("HARD_SWISH", hard_swish)
LEAKY_RELU = _operator("LEAKY_RELU", leaky_relu, "LeakyReluOptions")
LOGISTIC = _operator("LOGISTIC", _logistic)
RELU = _operator("RELU", _relu)
RELU6 = _operator("RELU6", _relu6)
TANH = _operator("TANH", hyperbolic_tangent)
