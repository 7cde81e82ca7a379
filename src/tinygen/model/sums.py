"""What convolutions and dense layers share: weights, bias, scales and clamp in, requantised sums out; windows.

int8 inputs have int32 sums. int16 inputs (int8 weights) have int64 sums, scaled with one rounding, unless the model's
bias is int32.

Source: tensorflow/lite/kernels/internal/reference/integer_ops/{conv,depthwise_conv,fully_connected,transpose_conv}.h;
MultiplyByQuantizedMultiplier in tensorflow/lite/kernels/internal/common.cc.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.core.fixedpoint import quantize_multiplier
from tinygen.model.ir import DType, Tensor
from tinygen.model.lowering import BOTH, Array, Int64, Lowered, OpContext, requantized, window_extent

_INT32_TYPE = 2  # TensorType in the schema, as quantized_bias_type gives it
# Where a 64-bit sum is scaled, TFLM allows left shifts up to this.
MAX_WIDE_SHIFT = 7


def weighted_sum(
    ctx: OpContext,
    filters: Tensor,
    *,
    source_slot: int,
    bias_slot: int,
    channel_axis: int,
    ranks: tuple[int, int] = (4, 4),
    biases: tuple[DType, ...] = ("int64", "int32"),
) -> Lowered:
    """Scales, bias and clamp of an operator that sums products; the caller adds its shapes and its macs.

    Args:
        filters: int8 weights.
        channel_axis: of the weights, whose indices are output channels.
        ranks: of input and output.
        biases: types of the bias that TFLM takes with int16 inputs, the accumulator's own first.
    """
    source, source_q = ctx.activation(source_slot, ranks, BOTH)
    output, output_q = ctx.output(ranks, BOTH)
    ctx.alike(source, output)
    channels = filters.shape[channel_axis]
    scales = ctx.channel_scales(filters, channel_axis, channels)
    if filters.from_int4 and (source.dtype != "int8" or (ctx.op.name == "FULLY_CONNECTED" and len(set(scales)) > 1)):
        raise ctx.fail(
            f"weights '{filters.name}' are int4; TFLM takes those with int8 inputs, in FULLY_CONNECTED with one scale"
        )
    parts = [quantize_multiplier(source_q.scale * scale / output_q.scale) for scale in scales]
    weights = np.asarray(filters.data, np.int8).reshape(filters.shape)
    if source.dtype == "int8":
        bias = ctx.bias(bias_slot, channels)
    else:
        narrow = ctx.op.options.get("quantized_bias_type", 0) == _INT32_TYPE and "int32" in biases
        bias = ctx.bias(bias_slot, channels, biases, "int32" if narrow else "int64")
        bias = bias.astype(np.int64) if bias.dtype == np.int16 else bias
    others = tuple(axis for axis in range(weights.ndim) if axis != channel_axis)
    ctx.accumulator_fits(bias, np.abs(weights.astype(np.int64)).sum(axis=others).tolist(), source.dtype)
    if bias.dtype == np.int64 and max(shift for _, shift in parts) > MAX_WIDE_SHIFT:
        raise ctx.fail(f"output scale {output_q.scale:g} is far too small for its input's and weights' scales")
    low, high = ctx.activation_range(output_q, source.dtype)
    params = {
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
    note = "4-bit weights, unpacked when generating: a byte each in flash" if filters.from_int4 else ""
    return Lowered(params=params, constants=constants, dtype=source.dtype, note=note)


def requantized_sum(lowered: Lowered, products: Int64) -> Array:
    """The operator's result from its sums of products: bias, scale, clamp."""
    p, c = lowered.params, lowered.constants
    return requantized(
        products + c["bias"].astype(np.int64),
        c["multiplier"],
        c["shift"],
        lowered.dtype,
        c["bias"].dtype == np.int64,
        zero_point=p["output_zero_point"],
        low=p["act_min"],
        high=p["act_max"],
    )


def window_params(
    ctx: OpContext, source: Tensor, *, kernel: Sequence[int], channels: int, dilated: bool = True
) -> dict[str, int]:
    """Sizes of a sliding window over an NHWC tensor: in_*, out_*, k_*, stride_*, dilation_*, pad_*."""
    batch, in_h, in_w, in_c = source.shape
    found = {"batch": batch, "in_h": in_h, "in_w": in_w, "in_c": in_c, "out_c": channels}
    for axis, word, size, taps, before in (
        ("h", "height", in_h, kernel[0], "pad_top"),
        ("w", "width", in_w, kernel[1], "pad_left"),
    ):
        stride = ctx.whole(f"stride_{axis}", 1)
        dilation = ctx.whole(f"dilation_{axis}_factor", 1) if dilated else 1
        out, pad = window_extent(ctx, word, size, kernel=taps, stride=stride, dilation=dilation)
        found |= {f"out_{axis}": out, f"k_{axis}": taps, f"stride_{axis}": stride, f"dilation_{axis}": dilation}
        found[before] = pad
    return found
