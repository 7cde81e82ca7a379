"""The 256 results of int8 operators with one input, each as TFLM computes it.

Every function takes the 256 int8 values (as int64) and the scales and zero points of input and output.

Source: tensorflow/lite/micro/kernels/{tanh,leaky_relu_common,hard_swish_common,elu,elementwise}.cc and
tensorflow/lite/kernels/internal/reference/{hard_swish,leaky_relu,requantize}.h.
"""

from __future__ import annotations

import numpy as np

from tinygen.core.fixedpoint import (
    INT32_MAX,
    quantize_multiplier,
    rounding_divide_by_pot,
)
from tinygen.model.fixed_functions import sigmoid_input, tanh
from tinygen.model.ir import Quantization
from tinygen.model.lowering import INT8_MAX, INT8_MIN, Array, Int64, OpContext, requantized

_TANH_INTEGER_BITS = 4
_INT16 = (-32768, 32767)


def hyperbolic_tangent(ctx: OpContext, q: Int64, source: Quantization, output: Quantization) -> Array:
    """TANH."""
    if (output.scale, output.zero_point) != (1 / 128, 0):
        raise ctx.fail(f"output has scale {output.scale:g}, zero point {output.zero_point}; TFLM's tanh makes 1/128, 0")
    centred = q - source.zero_point
    found = sigmoid_input(centred, source.scale, _TANH_INTEGER_BITS)
    if found is None:
        raise ctx.fail(f"input scale {source.scale:g} cannot be expressed in fixed point")
    raw, radius = found
    result = np.clip(rounding_divide_by_pot(tanh(raw, _TANH_INTEGER_BITS), 31 - 7), INT8_MIN, INT8_MAX)
    result = np.where(centred <= -radius, INT8_MIN, np.where(centred >= radius, INT8_MAX, result))
    return result.astype(np.int8)


def leaky_relu(ctx: OpContext, q: Int64, source: Quantization, output: Quantization) -> Array:
    """LEAKY_RELU."""
    alpha = float(ctx.op.options.get("alpha", 0.0))
    if not np.isfinite(alpha):
        raise ctx.fail(f"alpha = {alpha}")
    above = quantize_multiplier(source.scale / output.scale)
    below = quantize_multiplier(source.scale * alpha / output.scale)
    centred = q - source.zero_point
    limits = {"zero_point": output.zero_point, "low": INT8_MIN, "high": INT8_MAX}
    return np.where(centred >= 0, requantized(centred, *above, **limits), requantized(centred, *below, **limits))


def _to_int16(multiplier: int) -> int:
    rounding = 1 << 15
    return _INT16[1] if multiplier >= INT32_MAX - rounding else (multiplier + rounding) >> 16


def _truncated(value: Int64, divisor: int) -> Int64:
    result: Int64 = np.where(value >= 0, value // divisor, -((-value) // divisor))
    return result


def _rounding_high_multiply_16(a: Int64, b: int) -> Int64:
    product = a * b
    high: Int64 = np.clip(_truncated(product + np.where(product >= 0, 1 << 14, 1 - (1 << 14)), 1 << 15), *_INT16)
    return high


def _shift_left_16(a: Int64, by: int) -> Int64:
    shifted: Int64 = np.clip(a << by, *_INT16)
    return shifted


def hard_swish(ctx: OpContext, q: Int64, source: Quantization, output: Quantization) -> Array:
    """HARD_SWISH: x · relu6(x + 3) / 6, in int16 arithmetic."""
    fine = np.float32(1 / 128) * np.float32(source.scale)
    out_32, out_exponent = quantize_multiplier(float(fine / np.float32(output.scale)))
    gate_32, gate_exponent = quantize_multiplier(float(fine / (np.float32(3.0) / np.float32(32768.0))))
    if out_exponent > 0:
        raise ctx.fail(f"output scale {output.scale:g} is far too small for input scale {source.scale:g}")
    if gate_exponent > 15 or gate_exponent < -15 or out_exponent < -15:
        raise ctx.fail(f"scales {source.scale:g} and {output.scale:g} leave TFLM's int16 arithmetic")
    value = (q - source.zero_point) << 7
    gate = value
    if gate_exponent > 0:
        gate = _shift_left_16(gate, gate_exponent - 1)
    gate = _rounding_high_multiply_16(gate, _to_int16(gate_32))
    if gate_exponent > 0:
        gate = _shift_left_16(gate, 1)
    if gate_exponent < 0:
        gate = rounding_divide_by_pot(gate, -gate_exponent)
    gate = (gate + (1 << 15)) >> 1
    scaled = _rounding_high_multiply_16(value, _to_int16(out_32))
    product = np.clip(_truncated(gate * scaled, 1 << 15), *_INT16)
    result = rounding_divide_by_pot(product, -out_exponent) + output.zero_point
    return np.clip(result, INT8_MIN, INT8_MAX).astype(np.int8)


def elu(ctx: OpContext, q: Int64, source: Quantization, output: Quantization) -> Array:
    """ELU: TFLM itself makes a table, in float32."""
    del ctx
    real = np.float32(source.scale) * (q - source.zero_point).astype(np.float32)
    negative = np.exp(np.minimum(real, 0).astype(np.float64)).astype(np.float32) - np.float32(1)
    return quantized_float(np.where(real < 0, negative, real).astype(np.float32), output)


def quantized_float(real: Array, output: Quantization) -> Array:
    """round(x / scale) + zero point, with the reciprocal and the product in float32."""
    inverse = np.float32(1) / np.float32(output.scale)
    scaled = (real.astype(np.float32) * inverse).astype(np.float64)
    steps = np.where(scaled >= 0, np.floor(scaled + 0.5), -np.floor(-scaled + 0.5))
    result: Array = np.clip(steps + output.zero_point, INT8_MIN, INT8_MAX).astype(np.int8)
    return result


def absolute(ctx: OpContext, q: Int64, source: Quantization, output: Quantization) -> Array:
    """ABS."""
    del ctx
    magnitude = np.abs(q - source.zero_point)
    if source.scale == output.scale:
        same: Array = np.clip(magnitude + output.zero_point, INT8_MIN, INT8_MAX).astype(np.int8)
        return same
    multiplier, shift = quantize_multiplier(source.scale / output.scale)
    return requantized(magnitude, multiplier, shift, zero_point=output.zero_point, low=INT8_MIN, high=INT8_MAX)
