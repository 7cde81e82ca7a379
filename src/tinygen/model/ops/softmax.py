"""SOFTMAX over the last dimension: int8 in gemmlowp's fixed point, int16 by interpolation in two tables.

Of int8 only 256 differences to the row's maximum exist, so exp() is a table that the reference fills; the device
computes one reciprocal per row.

Source: tensorflow/lite/kernels/internal/reference/softmax.h and micro/kernels/softmax_common.cc.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.core.fixedpoint import (
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
)
from tinygen.model import softmax_int16
from tinygen.model.fixed_functions import exp_on_negative_values, input_radius, reciprocal
from tinygen.model.ir import Quantization, Tensor
from tinygen.model.lowering import BOTH, Array, Int64, Lowered, OpContext, OpDef, expect_shape

DIFF_INTEGER_BITS = 5
SUM_INTEGER_BITS = 12
_TYPE_CODES = {"int8": 0, "int16": 2}
# One more and the sum of exponentials could need more integer bits than the final shift can take back.
MAX_DEPTH = 511


def _exp_table(ctx: OpContext, beta: float, scale: float) -> Int64:
    """exp(-beta · scale · d) in Q0 for d = 0, 1... up to the last difference that counts."""
    real = min(beta * scale * (1 << (31 - DIFF_INTEGER_BITS)), float((1 << 31) - 1))
    multiplier, left_shift = quantize_multiplier(real)
    # TFLM ends the process there.
    if real <= 1.0:
        raise ctx.fail(f"beta {beta:g} times input scale {scale:g} is too small for fixed point")
    differences = -np.arange(min(input_radius(DIFF_INTEGER_BITS, left_shift), 255) + 1, dtype=np.int64)
    rescaled = saturating_rounding_doubling_high_mul(differences << left_shift, multiplier)
    return exp_on_negative_values(rescaled, DIFF_INTEGER_BITS)


def _expect_unit(ctx: OpContext, source: Tensor, output: Tensor) -> None:
    """Require the quantisation of probabilities that TFLM's kernels write."""
    quantization: Quantization | None = output.quantization
    allowed = ("int8", "int16") if source.dtype == "int8" else ("int16",)
    if output.dtype not in allowed or quantization is None or len(quantization.scales) != 1:
        raise ctx.fail(
            f"output ('{output.label}') is {output.dtype}, supported: {' and '.join(allowed)} with one scale"
        )
    if source.dtype == "int16":
        steps, point, tolerance = 1 << 15, 0, 0.001
    elif output.dtype == "int16":
        steps, point, tolerance = 1 << 16, -(1 << 15), 0.001
    else:
        steps, point, tolerance = 1 << 8, -(1 << 7), 0.0
    if quantization.zero_point != point or abs(quantization.scale * steps - 1.0) > tolerance:
        raise ctx.fail(
            f"output has scale {quantization.scale:g} and zero point {quantization.zero_point}, "
            f"TFLM's softmax needs 1/{steps} and {point} for {source.dtype} to {output.dtype}"
        )


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((1, 1))
    source, source_q = ctx.activation(0, (1, 4), BOTH)
    output = ctx.tensors[ctx.op.outputs[0]]
    _expect_unit(ctx, source, output)
    expect_shape(ctx, output, source.shape)
    beta = float(ctx.op.options.get("beta", 0.0))
    if not 0.0 < beta < 1e6:
        raise ctx.fail(f"beta = {beta}, must be positive")
    depth = source.shape[-1]
    most = MAX_DEPTH if source.dtype == "int8" else softmax_int16.MAX_DEPTH
    if depth > most:
        raise ctx.fail(f"{depth} classes, at most {most} fit the sum's fixed point")
    params = {"rows": source.n_elements // depth, "depth": depth}
    if source.dtype == "int16":
        params |= softmax_int16.params(ctx, beta, source_q.scale)
        return Lowered(params=params, constants=softmax_int16.tables(), dtype="int16")
    table = _exp_table(ctx, beta, source_q.scale)
    params |= {"table_size": len(table), "output_type": _TYPE_CODES[output.dtype]}
    return Lowered(params=params, constants={"exp_table": table.astype(np.int32)})


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    if lowered.dtype == "int16":
        wide = inputs[0].astype(np.int64).reshape(p["rows"], p["depth"])
        return [softmax_int16.reference(p, lowered.constants, wide).reshape(shapes[0])]
    table = lowered.constants["exp_table"].astype(np.int64)
    rows = inputs[0].astype(np.int64).reshape(p["rows"], p["depth"])
    bits = 8 if p["output_type"] == 0 else 16
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    out = np.full(rows.shape, low, np.int8 if bits == 8 else np.int16)
    for row, result in zip(rows, out, strict=True):
        differences = row.max() - row
        counts = differences < len(table)
        values = table[differences[counts]]
        total = int(rounding_divide_by_pot(values, SUM_INTEGER_BITS).sum())
        scale, over_unit = reciprocal(total, SUM_INTEGER_BITS)
        scaled = rounding_divide_by_pot(saturating_rounding_doubling_high_mul(scale, values), over_unit + 31 - bits)
        result[counts] = np.clip(scaled + low, low, high)
    return [out.reshape(shapes[0])]


SOFTMAX = OpDef(
    name="SOFTMAX",
    options_table="SoftmaxOptions",
    options_required=True,
    data_inputs=(0,),
    lower=_lower,
    reference=_reference,
    types=BOTH,
)
