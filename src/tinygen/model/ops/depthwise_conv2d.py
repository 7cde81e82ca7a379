"""DEPTHWISE_CONV_2D: each input channel has `depth_multiplier` filters of its own.

Source: tensorflow/lite/kernels/internal/reference/integer_ops/depthwise_conv.h.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinygen.model.lowering import BOTH, Array, Int64, Lowered, OpContext, OpDef, expect_shape
from tinygen.model.ops.conv2d import padded_taps
from tinygen.model.sums import requantized_sum, weighted_sum, window_params


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((2, 3))
    source, _ = ctx.activation(0, (4, 4), BOTH)
    filters = ctx.constant(1, "int8", "weights")
    if len(filters.shape) != 4 or filters.shape[0] != 1 or filters.data is None:
        raise ctx.fail(
            f"weights '{filters.name}' have shape {list(filters.shape)}, expected [1, height, width, channels]"
        )
    _, k_h, k_w, out_c = filters.shape
    in_c = source.shape[3]
    multiplier = ctx.whole("depth_multiplier", 1)
    if in_c * multiplier != out_c:
        raise ctx.fail(f"depth_multiplier {multiplier} times {in_c} input channels is not {out_c} weight channels")
    window = window_params(ctx, source, kernel=(k_h, k_w), channels=out_c)
    shape = (window["batch"], window["out_h"], window["out_w"], out_c)
    expect_shape(ctx, ctx.tensors[ctx.op.outputs[0]], shape)
    total = weighted_sum(ctx, filters, source_slot=0, bias_slot=2, channel_axis=3, biases=("int64",))
    weights = total.constants["weights"].reshape(k_h, k_w, out_c)
    return replace(
        total,
        params={**window, "depth_multiplier": multiplier, **total.params},
        constants={**total.constants, "weights": weights},
        macs=math.prod(shape) * k_h * k_w,
    )


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    del shapes
    p = lowered.params
    weights = lowered.constants["weights"].astype(np.int64)
    acc: Int64 = np.zeros((p["batch"], p["out_h"], p["out_w"], p["out_c"]), np.int64)
    for ky, row in enumerate(padded_taps(lowered, inputs[0])):
        for kx, tap in enumerate(row):
            # Output channel c belongs to input channel c // depth_multiplier.
            acc += np.repeat(tap, p["depth_multiplier"], axis=-1) * weights[ky, kx]
    return [requantized_sum(lowered, acc)]


DEPTHWISE_CONV_2D = OpDef(
    name="DEPTHWISE_CONV_2D",
    options_table="DepthwiseConv2DOptions",
    options_required=True,
    data_inputs=(0,),
    lower=_lower,
    reference=_reference,
    types=BOTH,
)
