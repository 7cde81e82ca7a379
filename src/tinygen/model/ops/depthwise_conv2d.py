"""DEPTHWISE_CONV_2D: each input channel has `depth_multiplier` filters of its own.

Source: tensorflow/lite/kernels/internal/reference/integer_ops/depthwise_conv.h.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.core.fixedpoint import quantize_multiplier
from tinygen.model.lowering import (
    Array,
    Int64,
    Lowered,
    OpContext,
    OpDef,
    expect_shape,
    requantized,
    window_extent,
)
from tinygen.model.ops.conv2d import padded_taps


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((2, 3))
    source, source_q = ctx.activation(0, (4, 4))
    filters = ctx.constant(1, "int8", "weights")
    output, output_q = ctx.output((4, 4))
    if len(filters.shape) != 4 or filters.shape[0] != 1 or filters.data is None:
        raise ctx.fail(
            f"weights '{filters.name}' have shape {list(filters.shape)}, expected [1, height, width, channels]"
        )
    _, k_h, k_w, out_c = filters.shape
    batch, in_h, in_w, in_c = source.shape
    multiplier = ctx.whole("depth_multiplier", 1)
    if in_c * multiplier != out_c:
        raise ctx.fail(f"depth_multiplier {multiplier} times {in_c} input channels is not {out_c} weight channels")
    stride_h, stride_w = ctx.whole("stride_h", 1), ctx.whole("stride_w", 1)
    dilation_h, dilation_w = ctx.whole("dilation_h_factor", 1), ctx.whole("dilation_w_factor", 1)
    out_h, pad_top = window_extent(ctx, "height", in_h, kernel=k_h, stride=stride_h, dilation=dilation_h)
    out_w, pad_left = window_extent(ctx, "width", in_w, kernel=k_w, stride=stride_w, dilation=dilation_w)
    expect_shape(ctx, output, (batch, out_h, out_w, out_c))
    low, high = ctx.activation_range(output_q)
    scales = ctx.channel_scales(filters, 3, out_c)
    parts = [quantize_multiplier(source_q.scale * scale / output_q.scale) for scale in scales]
    weights = np.asarray(filters.data, np.int8).reshape(k_h, k_w, out_c)
    bias = ctx.bias(2, out_c)
    ctx.accumulator_fits(bias, np.abs(weights.astype(np.int64)).sum(axis=(0, 1)).tolist())
    params = {
        "batch": batch,
        "in_h": in_h,
        "in_w": in_w,
        "in_c": in_c,
        "out_h": out_h,
        "out_w": out_w,
        "out_c": out_c,
        "depth_multiplier": multiplier,
        "k_h": k_h,
        "k_w": k_w,
        "stride_h": stride_h,
        "stride_w": stride_w,
        "dilation_h": dilation_h,
        "dilation_w": dilation_w,
        "pad_top": pad_top,
        "pad_left": pad_left,
        "input_zero_point": source_q.zero_point,
        "output_zero_point": output_q.zero_point,
        "act_min": low,
        "act_max": high,
    }
    constants: dict[str, Array] = {
        "weights": weights,
        "bias": bias,
        "multiplier": np.array([m for m, _ in parts], np.int32),
        "shift": np.array([s for _, s in parts], np.int8),
    }
    return Lowered(params=params, constants=constants, macs=batch * out_h * out_w * out_c * k_h * k_w)


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    del shapes
    p = lowered.params
    weights = lowered.constants["weights"].astype(np.int64)
    acc: Int64 = np.zeros((p["batch"], p["out_h"], p["out_w"], p["out_c"]), np.int64)
    for ky, row in enumerate(padded_taps(lowered, inputs[0])):
        for kx, tap in enumerate(row):
            # Output channel c belongs to input channel c // depth_multiplier.
            acc += np.repeat(tap, p["depth_multiplier"], axis=-1) * weights[ky, kx]
    acc += lowered.constants["bias"].astype(np.int64)
    return [
        requantized(
            acc,
            lowered.constants["multiplier"],
            lowered.constants["shift"],
            zero_point=p["output_zero_point"],
            low=p["act_min"],
            high=p["act_max"],
        )
    ]


DEPTHWISE_CONV_2D = OpDef(
    name="DEPTHWISE_CONV_2D",
    options_table="DepthwiseConv2DOptions",
    options_required=True,
    data_inputs=(0,),
    lower=_lower,
    reference=_reference,
)
