"""int16 operators with one input, each as TFLM computes it: integer parameters, and the NumPy reference.

Source: tensorflow/lite/micro/kernels/{logistic_common,tanh,activations_common,leaky_relu_common,elementwise}.cc and
tensorflow/lite/kernels/internal/reference/{leaky_relu.h,integer_ops/logistic.h,integer_ops/tanh.h}.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tinygen.core.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from tinygen.model.ir import Quantization
from tinygen.model.lowering import LIMITS, Array, Int64, OpContext
from tinygen.model.sigmoid_table import logistic_int16, sigmoid_table, tanh_int16

_LOW, _HIGH = LIMITS["int16"]
Params = Mapping[str, int]


def _no_tables() -> dict[str, Array]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Int16Function:
    """An operator: its parameters from the scales, its values from its inputs, the tables it reads."""

    params: Callable[[OpContext, Quantization, Quantization], dict[str, int]]
    reference: Callable[[Params, Int64], Int64]
    tables: Callable[[], dict[str, Array]] = _no_tables


def _sigmoid_params(shifts: tuple[int, ...]) -> Callable[[OpContext, Quantization, Quantization], dict[str, int]]:
    """The factor that brings the input to 3 times Q3.12, the unit of the interpolated table.

    Args:
        shifts: left shifts of a power-of-two input scale that need no multiplication.
    """

    def params(ctx: OpContext, source: Quantization, output: Quantization) -> dict[str, int]:
        if output.scale != 2.0**-15:
            raise ctx.fail(f"output has scale {output.scale:g}, TFLM's int16 {ctx.op.name} makes 1/32768")
        fraction, exponent = math.frexp(source.scale)
        if fraction == 0.5 and exponent - 1 + 12 in shifts:
            return {"multiplier": 3 << (exponent - 1 + 12), "shift": 0}
        multiplier, shift = source.scale * 4096.0 * 3.0, 0
        while multiplier <= 32767.0 / 2.0 and shift <= 30:
            multiplier, shift = multiplier * 2.0, shift + 1
        if int(multiplier) > 32767 or shift > 30:
            raise ctx.fail(f"input scale {source.scale:g} leaves TFLM's int16 {ctx.op.name}")
        return {"multiplier": int(multiplier), "shift": shift}

    return params


def _sigmoid_table() -> dict[str, Array]:
    return {"sigmoid_table": sigmoid_table()}


def _clipped(values: Int64, low: int = _LOW) -> Int64:
    result: Int64 = np.clip(values, low, _HIGH)
    return result


def _ratio(ctx: OpContext, real: float, *names: str) -> dict[str, int]:
    parts = quantize_multiplier(real)
    if parts[1] > 14:
        raise ctx.fail("its output scale is far too small for its input's")
    return dict(zip(names, parts, strict=True))


def _relu_params(ctx: OpContext, source: Quantization, output: Quantization) -> dict[str, int]:
    return _ratio(ctx, source.scale / output.scale, "multiplier", "shift")


def _relu(p: Params, values: Int64) -> Int64:
    return _clipped(multiply_by_quantized_multiplier(values, p["multiplier"], p["shift"]), 0)


def _relu6_params(ctx: OpContext, source: Quantization, output: Quantization) -> dict[str, int]:
    if source.scale != output.scale:
        raise ctx.fail("input and output have different quantisation; TFLM's RELU6 copies clamped values")
    six = ctx.quantized(6.0, source)
    if six > _HIGH:
        raise ctx.fail(f"6 is not an int16 value with scale {source.scale:g}; TFLM refuses it")
    return {"act_max": six}


def _relu6(p: Params, values: Int64) -> Int64:
    result: Int64 = np.clip(values, 0, p["act_max"])
    return result


def _leaky_params(ctx: OpContext, source: Quantization, output: Quantization) -> dict[str, int]:
    alpha = float(ctx.op.options.get("alpha", 0.0))
    if not np.isfinite(alpha):
        raise ctx.fail(f"alpha = {alpha}")
    above = _ratio(ctx, source.scale / output.scale, "multiplier_1", "shift_1")
    return above | _ratio(ctx, source.scale * alpha / output.scale, "multiplier_2", "shift_2")


def _leaky(p: Params, values: Int64) -> Int64:
    above = multiply_by_quantized_multiplier(values, p["multiplier_1"], p["shift_1"])
    below = multiply_by_quantized_multiplier(values, p["multiplier_2"], p["shift_2"])
    return _clipped(np.where(values >= 0, above, below))


def _absolute(p: Params, values: Int64) -> Int64:
    return _clipped(multiply_by_quantized_multiplier(np.abs(values), p["multiplier"], p["shift"]))


def _absolute_params(ctx: OpContext, source: Quantization, output: Quantization) -> dict[str, int]:
    if source.scale == output.scale:
        return {"multiplier": 1 << 30, "shift": 1}
    return _relu_params(ctx, source, output)


def _sigmoid(p: Params, values: Int64) -> Int64:
    return logistic_int16(values, p["multiplier"], p["shift"])


def _tanh(p: Params, values: Int64) -> Int64:
    return tanh_int16(values, p["multiplier"], p["shift"])


INT16_FUNCTIONS: Mapping[str, Int16Function] = {
    "ABS": Int16Function(params=_absolute_params, reference=_absolute),
    "LEAKY_RELU": Int16Function(params=_leaky_params, reference=_leaky),
    "LOGISTIC": Int16Function(params=_sigmoid_params((0,)), reference=_sigmoid, tables=_sigmoid_table),
    "RELU": Int16Function(params=_relu_params, reference=_relu),
    "RELU6": Int16Function(params=_relu6_params, reference=_relu6),
    "TANH": Int16Function(params=_sigmoid_params((0, 1)), reference=_tanh, tables=_sigmoid_table),
}
