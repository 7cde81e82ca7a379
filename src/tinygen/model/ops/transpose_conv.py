"""TRANSPOSE_CONV: every input pixel adds its filter's picture to the output.

Source: tensorflow/lite/kernels/internal/reference/integer_ops/transpose_conv.h; micro/kernels/transpose_conv.cc.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinygen.model.lowering import BOTH, Array, Lowered, OpContext, OpDef
from tinygen.model.movement import whole_numbers
from tinygen.model.sums import requantized_sum, weighted_sum


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((3, 4))
    source, _ = ctx.activation(2, (4, 4), BOTH)
    filters = ctx.constant(1, "int8", "weights")
    output, _ = ctx.output((4, 4), BOTH)
    if len(filters.shape) != 4 or filters.data is None:
        raise ctx.fail(f"weights '{filters.name}' have shape {list(filters.shape)}, expected OHWI")
    out_c, k_h, k_w, in_c = filters.shape
    batch, in_h, in_w, channels = source.shape
    if channels != in_c:
        raise ctx.fail(f"weights are for {in_c} input channels, the input has {channels}")
    stride_h, stride_w = ctx.whole("stride_h", 1), ctx.whole("stride_w", 1)
    wanted = tuple(whole_numbers(ctx, 0, "output shape"))
    if wanted != output.shape or wanted[0] != batch or wanted[3] != out_c:
        raise ctx.fail(f"output '{output.label}' is declared {list(output.shape)}, the operator makes {list(wanted)}")
    pads = []
    same = ctx.word("padding", ("same", "valid")) == "same"
    for axis, size, out, kernel, stride in (
        ("height", in_h, wanted[1], k_h, stride_h),
        ("width", in_w, wanted[2], k_w, stride_w),
    ):
        # The convolution this one turns round must make `size` out of `out`.
        if (-(-out // stride) if same else (out - kernel) // stride + 1) != size:
            raise ctx.fail(f"a {axis} of {size} does not become {out} with kernel {kernel} and stride {stride}")
        pads.append(max(0, (size - 1) * stride + kernel - out) // 2 if same else 0)
    total = weighted_sum(ctx, filters, source_slot=2, bias_slot=3, channel_axis=0, biases=("int64", "int16"))
    params = {
        "batch": batch,
        "in_h": in_h,
        "in_w": in_w,
        "in_c": in_c,
        "out_h": wanted[1],
        "out_w": wanted[2],
        "out_c": out_c,
        "k_h": k_h,
        "k_w": k_w,
        "stride_h": stride_h,
        "stride_w": stride_w,
        "pad_top": pads[0],
        "pad_left": pads[1],
        **total.params,
    }
    return replace(total, params=params, macs=batch * in_h * in_w * in_c * k_h * k_w * out_c)


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    centred = (inputs[0].astype(np.int64) - p["input_zero_point"]).astype(np.float64)
    weights = lowered.constants["weights"].astype(np.float64)
    tall, wide = (p["in_h"] - 1) * p["stride_h"] + p["k_h"], (p["in_w"] - 1) * p["stride_w"] + p["k_w"]
    total = np.zeros(
        (p["batch"], max(tall, p["pad_top"] + p["out_h"]), max(wide, p["pad_left"] + p["out_w"]), p["out_c"])
    )
    for ky in range(p["k_h"]):
        for kx in range(p["k_w"]):
            # Products of integers below 2^53 are exact in float64.
            part = centred @ weights[:, ky, kx, :].T
            y = slice(ky, ky + (p["in_h"] - 1) * p["stride_h"] + 1, p["stride_h"])
            x = slice(kx, kx + (p["in_w"] - 1) * p["stride_w"] + 1, p["stride_w"])
            total[:, y, x] += part
    cut = total[:, p["pad_top"] :, p["pad_left"] :][:, : p["out_h"], : p["out_w"]]
    return [requantized_sum(lowered, cut.astype(np.int64)).reshape(shapes[0])]


TRANSPOSE_CONV = OpDef(
    name="TRANSPOSE_CONV",
    options_table="TransposeConvOptions",
    options_required=True,
    data_inputs=(2,),
    lower=_lower,
    reference=_reference,
    types=BOTH,
)
