"""AVERAGE_POOL_2D and MAX_POOL_2D: only values inside the input count, input and output share their quantisation.

Source: tensorflow/lite/kernels/internal/reference/integer_ops/pooling.h.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.model.lowering import BOTH, Array, Int64, Lowered, OpContext, OpDef, expect_shape
from tinygen.model.sums import window_params


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((1, 1))
    source, source_q = ctx.activation(0, (4, 4), BOTH)
    output, output_q = ctx.output((4, 4), BOTH)
    ctx.alike(source, output)
    if abs(source_q.scale - output_q.scale) > 1e-6 or source_q.zero_point != output_q.zero_point:
        raise ctx.fail("input and output have different quantisation; TFLM's pools need the same one")
    kernel = ctx.whole("filter_height", 1), ctx.whole("filter_width", 1)
    window = window_params(ctx, source, kernel=kernel, channels=source.shape[3], dilated=False)
    expect_shape(ctx, output, (window["batch"], window["out_h"], window["out_w"], window["out_c"]))
    low, high = ctx.activation_range(output_q, source.dtype)
    return Lowered(params={**window, "act_min": low, "act_max": high}, dtype=source.dtype)


def _windows(lowered: Lowered, source: Array) -> list[list[Array]]:
    """The part of the input each output pixel sees: [out_h][out_w] -> [batch, h, w, channels]."""
    p = lowered.params
    found = []
    for y in range(p["out_h"]):
        top = y * p["stride_h"] - p["pad_top"]
        row = []
        for x in range(p["out_w"]):
            left = x * p["stride_w"] - p["pad_left"]
            row.append(source[:, max(0, top) : top + p["k_h"], max(0, left) : left + p["k_w"], :])
        found.append(row)
    return found


def _average(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    out = np.empty(shapes[0], np.dtype(lowered.dtype))
    for y, row in enumerate(_windows(lowered, inputs[0])):
        for x, window in enumerate(row):
            count = window.shape[1] * window.shape[2]
            total: Int64 = window.astype(np.int64).sum(axis=(1, 2))
            # C division truncates; half the count is added away from zero.
            mean = np.where(total > 0, (total + count // 2) // count, -((count // 2 - total) // count))
            out[:, y, x, :] = np.clip(mean, p["act_min"], p["act_max"])
    return [out]


def _maximum(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    out = np.empty(shapes[0], np.dtype(lowered.dtype))
    for y, row in enumerate(_windows(lowered, inputs[0])):
        for x, window in enumerate(row):
            out[:, y, x, :] = np.clip(window.max(axis=(1, 2)), p["act_min"], p["act_max"])
    return [out]


AVERAGE_POOL_2D = OpDef(
    name="AVERAGE_POOL_2D",
    options_table="Pool2DOptions",
    options_required=True,
    data_inputs=(0,),
    lower=_lower,
    reference=_average,
    types=BOTH,
)

MAX_POOL_2D = OpDef(
    name="MAX_POOL_2D",
    options_table="Pool2DOptions",
    options_required=True,
    data_inputs=(0,),
    lower=_lower,
    reference=_maximum,
    types=BOTH,
)
