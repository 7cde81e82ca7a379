"""Kernels for Cortex-M's DSP extension whose outputs depend on one channel of the input."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tinygen.boards.spec import ChipSpec
from tinygen.model.kernels.base import KernelDef, Packed, fold_input_zero_point, without
from tinygen.model.kernels.dsp_packing import fast, largest_sum
from tinygen.model.lowering import Array, Int32, Lowered

_CHANNEL_ARGUMENTS = ("weights", "bias", "multiplier", "shift")
# What a depthwise kernel sets aside of a channel. Little, because the largest layers are where the arena has its peak.
_STRIP_BYTES = 768
_WIDEST_ROW_WORDS = 120  # three rows are within reach of LDRD's offset, 1020 bytes


def by_channel(lowered: Lowered) -> Array:
    """Depthwise weights: int8 [channels, taps]."""
    weights = lowered.constants["weights"]
    return np.ascontiguousarray(weights.reshape(-1, weights.shape[-1]).T)


def _bias(lowered: Lowered) -> Int32:
    return fold_input_zero_point(lowered, (0, 1)).constants["bias"].astype(np.int32)


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
    del chip
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
    return why_not_fast(lowered)


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
