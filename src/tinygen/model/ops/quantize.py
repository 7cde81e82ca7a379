"""QUANTIZE and DEQUANTIZE: from float32 to integers, from integers to other integers, and back to float32.

A float whose quotient leaves int32 (or is not a number) becomes INT32_MIN before the zero point is added, as the
pinned wheel's x86 conversion does: the sum wraps, so that far too large values end at either end of the range.
Source: tensorflow/lite/kernels/internal/reference/quantize.h, requantize.h, dequantize.h.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.core.fixedpoint import INT32_MAX, INT32_MIN, multiply_by_quantized_multiplier, quantize_multiplier
from tinygen.model.ir import DType, Quantization, Tensor
from tinygen.model.lowering import Array, Lowered, OpContext, OpDef, expect_shape

# What the pinned wheel's kernels take; also the codes of types.h.
TYPE_CODES: dict[str, int] = {"int8": 0, "uint8": 1, "int16": 2, "int32": 3, "float32": 4}
_FLOAT_TO: tuple[DType, ...] = ("int8", "int16")
_PAIRS: dict[str, tuple[DType, ...]] = {
    "float32": _FLOAT_TO,
    "int8": ("int8", "uint8", "int16", "int32"),
    "uint8": ("int8",),
    "int16": ("int8", "int16", "int32"),
    "int32": ("int8", "int16"),
}
_RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767), "int32": (INT32_MIN, INT32_MAX)}
_NUMPY = {"int8": np.int8, "uint8": np.uint8, "int16": np.int16, "int32": np.int32}


def _scaled(ctx: OpContext, tensor: Tensor, what: str) -> Quantization:
    quantization = tensor.quantization
    if quantization is None or len(quantization.scales) != 1:
        raise ctx.fail(f"{what} '{tensor.label}' needs one scale and zero point")
    if tensor.dtype == "int32" and quantization.zero_point:
        raise ctx.fail(f"{what} '{tensor.label}' is int32 with zero point {quantization.zero_point}, supported: 0")
    return quantization


def _lower_quantize(ctx: OpContext) -> Lowered:
    ctx.arity((1, 1))
    source, output = ctx.tensor(0), ctx.tensors[ctx.op.outputs[0]]
    if output.dtype not in _PAIRS.get(source.dtype, ()):
        pairs = "; ".join(f"{a} to {', '.join(b)}" for a, b in _PAIRS.items())
        raise ctx.fail(f"converts {source.dtype} to {output.dtype}, supported: {pairs}")
    expect_shape(ctx, output, source.shape)
    output_q = _scaled(ctx, output, "output")
    low, high = _RANGES[output.dtype]
    params = {
        "n_elements": output.n_elements,
        "input_type": TYPE_CODES[source.dtype],
        "output_type": TYPE_CODES[output.dtype],
        "output_zero_point": output_q.zero_point,
        "act_min": low,
        "act_max": high,
    }
    if source.dtype == "float32":
        return Lowered(params=params, constants={"scale": np.array([output_q.scale], np.float32)})
    source_q = _scaled(ctx, source, "input")
    multiplier, shift = quantize_multiplier(source_q.scale / output_q.scale)
    params |= {"input_zero_point": source_q.zero_point, "multiplier": multiplier, "shift": shift}
    return Lowered(params=params)


def _quantize(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    dtype = next(_NUMPY[name] for name, code in TYPE_CODES.items() if code == p["output_type"])
    if "scale" in lowered.constants:
        with np.errstate(all="ignore"):
            real = (inputs[0].astype(np.float32) / lowered.constants["scale"][0]).astype(np.float64)
            rounded = np.copysign(np.floor(np.abs(real) + 0.5), real)
            inside = (rounded >= INT32_MIN) & (rounded <= INT32_MAX)
            steps = np.where(inside, rounded, float(INT32_MIN)).astype(np.int64)
        values = (steps + p["output_zero_point"]).astype(np.int32).astype(np.int64)
    else:
        centred = inputs[0].astype(np.int64) - p["input_zero_point"]
        values = multiply_by_quantized_multiplier(centred, p["multiplier"], p["shift"]) + p["output_zero_point"]
    return [np.clip(values, p["act_min"], p["act_max"]).astype(dtype).reshape(shapes[0])]


def _lower_dequantize(ctx: OpContext) -> Lowered:
    ctx.arity((1, 1))
    source, output = ctx.tensor(0), ctx.tensors[ctx.op.outputs[0]]
    if source.dtype not in ("int8", "uint8", "int16") or output.dtype != "float32":
        raise ctx.fail(f"converts {source.dtype} to {output.dtype}, supported: int8, uint8, int16 to float32")
    expect_shape(ctx, output, source.shape)
    source_q = _scaled(ctx, source, "input")
    params = {
        "n_elements": output.n_elements,
        "input_type": TYPE_CODES[source.dtype],
        "input_zero_point": source_q.zero_point,
    }
    return Lowered(params=params, constants={"scale": np.array([source_q.scale], np.float32)})


def _dequantize(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    # The difference has at most 17 bits: one float32 product rounds as TFLM's double product does.
    centred = (inputs[0].astype(np.int64) - lowered.params["input_zero_point"]).astype(np.float32)
    return [(centred * lowered.constants["scale"].astype(np.float32)[0]).reshape(shapes[0])]


QUANTIZE = OpDef(
    name="QUANTIZE",
    options_table="",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_quantize,
    reference=_quantize,
    types=("float32", "int8", "uint8", "int16", "int32"),
)

DEQUANTIZE = OpDef(
    name="DEQUANTIZE",
    options_table="",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_dequantize,
    reference=_dequantize,
    types=("int8", "uint8", "int16"),
)
