"""FULLY_CONNECTED: int8 or int16 activations, int8 weights, one scale for all or one per output.

The product of input and weight scale is taken in double, as the pinned TFLM wheel does (a float32 product changes
bytes).
Source: tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h;
GetQuantizedConvolutionMultipler in tensorflow/lite/micro/kernels/kernel_util.cc.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinygen.model.ir import Quantization, Tensor
from tinygen.model.lowering import BOTH, Array, Lowered, OpContext, OpDef
from tinygen.model.sums import requantized_sum, weighted_sum

# In steps of the output; TFLM refuses to prepare a layer beyond it.
_BIAS_SCALE_TOLERANCE = 0.02


def _expect_bias_scale(ctx: OpContext, source: Quantization, filters: Tensor, output: Quantization) -> None:
    """With one scale for all outputs, the bias must count in steps of input scale times weight scale."""
    bias, weights = ctx.optional(2), filters.quantization
    if bias is None or weights is None or len(weights.scales) != 1:
        return
    declared = 0.0 if bias.quantization is None else bias.quantization.scale
    product = source.scale * weights.scale
    if abs(product - declared) / output.scale > _BIAS_SCALE_TOLERANCE:
        raise ctx.fail(
            f"bias '{bias.name}' has scale {declared:g}, but input and weights make {product:g}; TFLM refuses it",
            "quantise the bias with input scale times weight scale, zero point 0",
        )


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((2, 3))
    source, source_q = ctx.activation(0, types=BOTH)
    filters = ctx.constant(1, "int8", "weights")
    output, output_q = ctx.output(types=BOTH)
    if int(ctx.op.options.get("weights_format", 0)) != 0:
        raise ctx.fail("weights are in a shuffled format, supported: the default one")
    if len(filters.shape) != 2 or filters.data is None:
        raise ctx.fail(f"weights '{filters.name}' have shape {list(filters.shape)}, expected [outputs, inputs]")
    out_c, in_c = filters.shape
    batch, rest = divmod(source.n_elements, in_c)
    if rest:
        raise ctx.fail(f"input of {source.n_elements} values does not divide into rows of {in_c}")
    if output.n_elements != batch * out_c or output.shape[-1] != out_c:
        raise ctx.fail(f"output '{output.label}' is declared {list(output.shape)}, expected {batch} rows of {out_c}")
    total = weighted_sum(ctx, filters, source_slot=0, bias_slot=2, channel_axis=0, ranks=(1, 6))
    _expect_bias_scale(ctx, source_q, filters, output_q)
    multipliers, shifts = total.constants["multiplier"].tolist(), total.constants["shift"].tolist()
    params = {
        "batch": batch,
        "in_c": in_c,
        "out_c": out_c,
        **total.params,
        "per_channel": int(len(set(zip(multipliers, shifts, strict=True))) > 1),
        "multiplier": int(multipliers[0]),
        "shift": int(shifts[0]),
    }
    return replace(total, params=params, macs=batch * in_c * out_c)


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    rows = inputs[0].astype(np.int64).reshape(p["batch"], p["in_c"]) - p["input_zero_point"]
    weights = lowered.constants["weights"].astype(np.float64)
    # Products of integers below 2^53 are exact in float64, and BLAS is fast there.
    products = (rows.astype(np.float64) @ weights.T).astype(np.int64)
    return [requantized_sum(lowered, products).reshape(shapes[0])]


FULLY_CONNECTED = OpDef(
    name="FULLY_CONNECTED",
    options_table="FullyConnectedOptions",
    options_required=True,
    data_inputs=(0,),
    lower=_lower,
    reference=_reference,
    types=BOTH,
)
