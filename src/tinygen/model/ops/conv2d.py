"""CONV_2D: int8 activations and weights, int32 bias, one scale per output channel.

Source: tensorflow/lite/kernels/internal/reference/integer_ops/conv.h; TFLite 8-bit quantisation specification.
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


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((2, 3))
    source, source_q = ctx.activation(0, (4, 4))
    filters = ctx.constant(1, "int8", "weights")
    output, output_q = ctx.output((4, 4))
    if len(filters.shape) != 4 or filters.data is None:
        raise ctx.fail(f"weights '{filters.name}' have shape {list(filters.shape)}, expected OHWI")
    out_c, k_h, k_w, group_c = filters.shape
    batch, in_h, in_w, in_c = source.shape
    if in_c % group_c or out_c % (in_c // group_c):
        raise ctx.fail(f"{in_c} input channels do not divide into groups of {group_c} for {out_c} output channels")
    groups = in_c // group_c
    stride_h, stride_w = ctx.whole("stride_h", 1), ctx.whole("stride_w", 1)
    dilation_h, dilation_w = ctx.whole("dilation_h_factor", 1), ctx.whole("dilation_w_factor", 1)
    out_h, pad_top = window_extent(ctx, "height", in_h, kernel=k_h, stride=stride_h, dilation=dilation_h)
    out_w, pad_left = window_extent(ctx, "width", in_w, kernel=k_w, stride=stride_w, dilation=dilation_w)
    expect_shape(ctx, output, (batch, out_h, out_w, out_c))
    low, high = ctx.activation_range(output_q)
    scales = ctx.channel_scales(filters, 0, out_c)
    parts = [quantize_multiplier(source_q.scale * scale / output_q.scale) for scale in scales]
    weights = np.asarray(filters.data, np.int8).reshape(filters.shape)
    bias = ctx.bias(2, out_c)
    ctx.accumulator_fits(bias, np.abs(weights.astype(np.int64)).sum(axis=(1, 2, 3)).tolist())
    params = {
        "batch": batch,
        "in_h": in_h,
        "in_w": in_w,
        "in_c": in_c,
        "out_h": out_h,
        "out_w": out_w,
        "out_c": out_c,
        "k_h": k_h,
        "k_w": k_w,
        "stride_h": stride_h,
        "stride_w": stride_w,
        "dilation_h": dilation_h,
        "dilation_w": dilation_w,
        "pad_top": pad_top,
        "pad_left": pad_left,
        "groups": groups,
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
    return Lowered(params=params, constants=constants, macs=batch * out_h * out_w * out_c * k_h * k_w * group_c)


def padded_taps(lowered: Lowered, source: Array) -> list[list[Int64]]:
    """For each kernel row and column, the zero-point-free input under it: int64 [batch, out_h, out_w, in_c]."""
    p = lowered.params
    below = max(0, (p["out_h"] - 1) * p["stride_h"] + (p["k_h"] - 1) * p["dilation_h"] + 1 - p["pad_top"] - p["in_h"])
    right = max(0, (p["out_w"] - 1) * p["stride_w"] + (p["k_w"] - 1) * p["dilation_w"] + 1 - p["pad_left"] - p["in_w"])
    centred = source.astype(np.int64) - p["input_zero_point"]
    padded = np.pad(centred, ((0, 0), (p["pad_top"], below), (p["pad_left"], right), (0, 0)))
    rows = []
    for ky in range(p["k_h"]):
        y = ky * p["dilation_h"]
        y_slice = slice(y, y + (p["out_h"] - 1) * p["stride_h"] + 1, p["stride_h"])
        row = []
        for kx in range(p["k_w"]):
            x = kx * p["dilation_w"]
            row.append(padded[:, y_slice, x : x + (p["out_w"] - 1) * p["stride_w"] + 1 : p["stride_w"], :])
        rows.append(row)
    return rows


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    del shapes
    p = lowered.params
    taps = padded_taps(lowered, inputs[0])
    weights = lowered.constants["weights"].astype(np.float64)
    group_in, group_out = p["in_c"] // p["groups"], p["out_c"] // p["groups"]
    parts = []
    for g in range(p["groups"]):
        columns = [tap[..., g * group_in : (g + 1) * group_in] for row in taps for tap in row]
        # Products of integers below 2^53 are exact in float64, and BLAS is fast there.
        patch = np.concatenate(columns, axis=-1).astype(np.float64)
        matrix = weights[g * group_out : (g + 1) * group_out].reshape(group_out, -1)
        parts.append((patch @ matrix.T).astype(np.int64))
    acc: Int64 = np.concatenate(parts, axis=-1) + lowered.constants["bias"].astype(np.int64)
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


CONV_2D = OpDef(
    name="CONV_2D",
    options_table="Conv2DOptions",
    options_required=True,
    data_inputs=(0,),
    lower=_lower,
    reference=_reference,
)
