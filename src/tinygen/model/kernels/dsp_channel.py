"""Kernels for Cortex-M's DSP extension whose outputs depend on one channel of the input."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tinygen.boards.spec import ChipSpec
from tinygen.model.kernels import work
from tinygen.model.kernels.base import KernelDef, Packed, without
from tinygen.model.kernels.dsp_matrix import FULLY_CONNECTED_INT8_DSP_PER_CHANNEL
from tinygen.model.kernels.dsp_packing import channel_records, fast, folded_bias, largest_sum, needs_words
from tinygen.model.kernels.order import own_block_then_channel, sliding_window
from tinygen.model.lowering import Array, Int32, Lowered

_CHANNEL_ARGUMENTS = ("weights", "bias", "multiplier", "shift")
# What a depthwise kernel sets aside of a channel. Little, because the largest layers are where the arena has its peak.
_STRIP_BYTES = 768
_LARGEST_WINDOW = 256
_WIDEST_ROW_WORDS = 120  # three rows are within reach of LDRD's offset, 1020 bytes


def by_channel(lowered: Lowered) -> Array:
    """Depthwise weights: int8 [channels, taps]."""
    weights = lowered.constants["weights"]
    return np.ascontiguousarray(weights.reshape(-1, weights.shape[-1]).T)


def _bias(lowered: Lowered) -> Int32:
    return folded_bias(lowered, (0, 1))


def why_not_fast(lowered: Lowered) -> str | None:
    """The reason the short requantisation of dsp/requantize.h cannot be used for some channel."""
    if fast(lowered, largest_sum(by_channel(lowered), _bias(lowered))):
        return None
    return "a channel's scale or sum is too large for the short requantisation"


def _row_words(p: Mapping[str, int]) -> int:
    """Words of a row that is set aside: what the windows of all its pixels reach, two values a word."""
    return ((p["out_w"] - 1) * p["stride_w"] + 4) // 2


def _strip_rows(p: Mapping[str, int]) -> int:
    """Output rows made of one strip: all, or as many as fit."""
    rows = (_STRIP_BYTES // (4 * _row_words(p)) - 3) // p["stride_h"] + 1
    return max(1, min(p["out_h"], rows))


def _strip_scratch(lowered: Lowered) -> int:
    p = lowered.params
    return 4 * _row_words(p) * ((_strip_rows(p) - 1) * p["stride_h"] + 3)


def _stays_behind(p: Mapping[str, int]) -> bool:
    """Whether no strip's results reach the rows that later strips read, when both images start at the same byte."""
    rows = _strip_rows(p)
    for done in range(rows, p["out_h"], rows):
        unread = max(0, (done - 1) * p["stride_h"] + 3 - p["pad_top"])
        if unread < p["in_h"] and done * p["out_w"] > unread * p["in_w"]:
            return False
    return p["out_h"] * p["out_w"] <= p["in_h"] * p["in_w"]


def _accepts_3x3(lowered: Lowered, chip: ChipSpec) -> str | None:
    p = lowered.params
    if p["depth_multiplier"] != 1:
        return f"the depth multiplier is {p['depth_multiplier']}, not 1"
    if (p["k_h"], p["k_w"], p["dilation_h"], p["dilation_w"]) != (3, 3, 1, 1):
        return f"the kernel is {p['k_h']}x{p['k_w']} with dilation {p['dilation_h']}x{p['dilation_w']}, not a dense 3x3"
    if p["stride_w"] not in (1, 2) or p["stride_h"] not in (1, 2):
        return f"the stride is {p['stride_h']}x{p['stride_w']}, not 1 or 2"
    if _row_words(p) > _WIDEST_ROW_WORDS:
        return f"a row of {2 * _row_words(p)} values is more than {2 * _WIDEST_ROW_WORDS}"
    if not _stays_behind(p):
        return "the result would overtake its input"
    return needs_words(chip) or why_not_fast(lowered)


def _pack_3x3(lowered: Lowered) -> Packed:
    p = lowered.params
    params = {
        **without(p, "depth_multiplier", "k_h", "k_w", "dilation_h", "dilation_w"),
        "strip_rows": _strip_rows(p),
        "row_words": _row_words(p),
    }
    constants = {**lowered.constants, "weights": by_channel(lowered), "bias": 2 * _bias(lowered)}
    return Packed(params=params, constants=constants)


def _work_3x3(lowered: Lowered) -> dict[str, float]:
    p = lowered.params
    planes, rows = p["batch"] * p["out_c"], p["out_h"]
    strips = -(-rows // _strip_rows(p))
    read = rows * p["stride_h"] + 3 - p["stride_h"]
    return {
        "call": 1.0,
        "channels": float(planes),
        "rows": float(planes * (rows + read)),
        "inputs": float(planes * min(read, p["in_h"]) * p["in_w"]),
        "fours": float(planes * rows * (p["out_w"] // 4)),
        "rest": float(planes * rows * (p["out_w"] % 4)),
        "moved": float(planes * (strips - 1) * (3 - p["stride_h"]) * _row_words(p)),
    }


DEPTHWISE_CONV_2D_INT8_DSP_3X3 = KernelDef(
    id="depthwise_conv_2d_int8_dsp_3x3",
    op="DEPTHWISE_CONV_2D",
    header="dsp/depthwise_3x3.h",
    arguments=_CHANNEL_ARGUMENTS,
    why="a framed strip of one channel at a time, four pixels per pass, the result in its input's place",
    accepts=_accepts_3x3,
    pack=_pack_3x3,
    scratch_bytes=_strip_scratch,
    in_place=True,
    needs=("dsp",),
    code="fast",
    work=_work_3x3,
)


def _run(p: Mapping[str, int]) -> int:
    """Bytes of a window's row as it is gathered: three taps are a word."""
    return p["k_w"] + 1 if p["k_w"] % 4 == 3 else p["k_w"]


def _as_dense(lowered: Lowered) -> Lowered:
    """One pixel of a single input channel's depthwise convolution as FULLY_CONNECTED over its window."""
    p = lowered.params
    weights = np.zeros((p["out_c"], p["k_h"], _run(p)), np.int8)
    weights[:, :, : p["k_w"]] = by_channel(lowered).reshape(p["out_c"], p["k_h"], p["k_w"])
    names = ("out_c", "input_zero_point", "output_zero_point", "act_min", "act_max")
    params = {"batch": 1, "in_c": p["k_h"] * _run(p), "per_channel": 1, **{name: p[name] for name in names}}
    constants = {**lowered.constants, "weights": weights.reshape(p["out_c"], -1)}
    return Lowered(params=params, constants=constants, macs=lowered.macs)


def _accepts_one_input(lowered: Lowered, chip: ChipSpec) -> str | None:
    p = lowered.params
    if p["in_c"] != 1:
        return f"there are {p['in_c']} input channels, not 1"
    if p["out_c"] == 1:
        return "there is one output channel"
    if (p["dilation_h"], p["dilation_w"]) != (1, 1):
        return f"the dilation is {p['dilation_h']}x{p['dilation_w']}, not 1"
    if p["k_h"] * _run(p) > _LARGEST_WINDOW:
        return f"a window has {p['k_h'] * _run(p)} bytes, the stack takes {_LARGEST_WINDOW}"
    return FULLY_CONNECTED_INT8_DSP_PER_CHANNEL.accepts(_as_dense(lowered), chip)


def _pack_one_input(lowered: Lowered) -> Packed:
    p = lowered.params
    packed = FULLY_CONNECTED_INT8_DSP_PER_CHANNEL.pack(_as_dense(lowered))
    own = without(p, "batch", "in_c", "out_c", "depth_multiplier", "dilation_h", "dilation_w")
    return Packed(params={**own, **packed.params, "images": p["batch"]}, constants=packed.constants)


def _whole_pixel(p: Mapping[str, int], inside: bool) -> list[tuple[int, int]]:
    """The window is read, then all channels are written."""
    del inside
    return [(0, p["out_c"])]


def _work_one_input(lowered: Lowered) -> dict[str, float]:
    p = lowered.params
    pixels = float(p["batch"] * p["out_h"] * p["out_w"])
    within = p["batch"] * work.inside(p, "h") * work.inside(p, "w")
    above = p["batch"] * (p["out_h"] - work.inside(p, "h")) * work.inside(p, "w")
    fours, rest = divmod(p["out_c"], 4)
    words, odd = divmod(p["k_h"] * _run(p), 4)
    row_words, row_bytes = divmod(_run(p), 4)
    return {
        "call": 1.0,
        "pixels": pixels,
        "inside_rows": float(within * p["k_h"]),
        "inside_words": float(within * p["k_h"] * row_words),
        "inside_bytes": float(within * p["k_h"] * row_bytes),
        "above_rows": float(above * p["k_h"]),
        "side_rows": (pixels - within - above) * p["k_h"],
        "side_words": (pixels - within - above) * p["k_h"] * (row_words + row_bytes),
        "outputs": pixels * p["out_c"],
        "fours": pixels * fours,
        "words": pixels * fours * words,
        "odd": pixels * fours * bool(odd),
        "rest_words": pixels * rest * words,
    }


DEPTHWISE_CONV_2D_INT8_DSP_ONE_INPUT = KernelDef(
    id="depthwise_conv_2d_int8_dsp_one_input",
    op="DEPTHWISE_CONV_2D",
    header="dsp/depthwise_one_input.h",
    arguments=FULLY_CONNECTED_INT8_DSP_PER_CHANNEL.arguments,
    why="all output channels see the same window: a fully connected layer per pixel",
    accepts=_accepts_one_input,
    pack=_pack_one_input,
    overlap=sliding_window(_whole_pixel),
    needs=("dsp",),
    code="fast",
    work=_work_one_input,
)


def _accepts_words(lowered: Lowered, chip: ChipSpec) -> str | None:
    del chip
    p = lowered.params
    if p["depth_multiplier"] != 1:
        return f"the depth multiplier is {p['depth_multiplier']}, not 1"
    if p["out_c"] < 4:
        return f"{p['out_c']} channels fill no word"
    return why_not_fast(lowered)


def _pack_words(lowered: Lowered) -> Packed:
    weights, bias = by_channel(lowered), _bias(lowered)
    blocks = -(-len(weights) // 4)
    padded = np.zeros((4 * blocks, weights.shape[1]), np.int8)
    padded[: len(weights)] = weights
    constants: dict[str, Array] = {
        "weights": np.ascontiguousarray(padded.reshape(blocks, 4, -1).transpose(0, 2, 1)),
        "channels": channel_records(lowered, bias, is_fast=True),
    }
    return Packed(params=without(lowered.params, "depth_multiplier"), constants=constants)


def _work_words(lowered: Lowered) -> dict[str, float]:
    p = lowered.params
    within, border = work.windows(p)
    words, rest, taps = p["out_c"] // 4, p["out_c"] % 4, p["k_h"] * p["k_w"]
    return {
        "call": 1.0,
        "pixels": float(within + border),
        "checked": float(within + border) if border else 0.0,
        "words": float((within + border) * words),
        "word_taps": float(within * words * taps),
        "word_rows": float(within * words * (1 if p["k_w"] == 1 else p["k_h"])),
        "border_taps": float(border * words * taps),
        "border_rows": float(border * words * p["k_h"]),
        "rest_taps": float((within + border) * rest * taps),
        "rest": float((within + border) * rest),
    }


DEPTHWISE_CONV_2D_INT8_DSP_WORDS = KernelDef(
    id="depthwise_conv_2d_int8_dsp_words",
    op="DEPTHWISE_CONV_2D",
    header="dsp/depthwise_words.h",
    arguments=("weights", "channels"),
    why="a word holds a tap of four channels",
    accepts=_accepts_words,
    pack=_pack_words,
    overlap=sliding_window(own_block_then_channel),
    needs=("dsp",),
    code="fast",
    work=_work_words,
)
