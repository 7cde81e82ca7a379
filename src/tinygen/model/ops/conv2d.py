"""CONV_2D: int8 or int16 activations, int8 weights, one scale per output channel.

Source: tensorflow/lite/kernels/internal/reference/integer_ops/conv.h; TFLite 8-bit quantisation specification.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinygen.model.lowering import BOTH, Array, Int64, Lowered, OpContext, OpDef, expect_shape
from tinygen.model.sums import requantized_sum, weighted_sum, window_params


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((2, 3))
    source, _ = ctx.activation(0, (4, 4), BOTH)
    filters = ctx.constant(1, "int8", "weights")
    if len(filters.shape) != 4 or filters.data is None:
        raise ctx.fail(f"weights '{filters.name}' have shape {list(filters.shape)}, expected OHWI")
    out_c, k_h, k_w, group_c = filters.shape
    in_c = source.shape[3]
    if in_c % group_c or out_c % (in_c // group_c):
        raise ctx.fail(f"{in_c} input channels do not divide into groups of {group_c} for {out_c} output channels")
    window = window_params(ctx, source, kernel=(k_h, k_w), channels=out_c)
    shape = (window["batch"], window["out_h"], window["out_w"], out_c)
    expect_shape(ctx, ctx.tensors[ctx.op.outputs[0]], shape)
    total = weighted_sum(ctx, filters, source_slot=0, bias_slot=2, channel_axis=0)
    return replace(
        total,
        params={**window, "groups": in_c // group_c, **total.params},
        macs=math.prod(shape) * k_h * k_w * group_c,
    )


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
    return [requantized_sum(lowered, np.concatenate(parts, axis=-1))]


CONV_2D = OpDef(
    name="CONV_2D",
    options_table="Conv2DOptions",
    options_required=True,
    data_inputs=(0,),
    lower=_lower,
    reference=_reference,
    types=BOTH,
)
