"""Matrix products on Cortex-M with the DSP extension: kernels of CONV_2D and FULLY_CONNECTED."""

from __future__ import annotations

import numpy as np

from tinygen.boards.spec import ChipSpec
from tinygen.model.kernels.base import KernelDef, Packed, without
from tinygen.model.kernels.dsp_packing import (
    channel_records,
    fast,
    folded_bias,
    interleaved_pairs,
    largest_sum,
    needs_words,
    tap_order,
    why_not_pairs,
)
from tinygen.model.kernels.order import tiles_of_four
from tinygen.model.lowering import Array, Int8, Lowered

_TILE_PIXELS = 4
_WORD_BYTES = 4


def _accepts_conv(lowered: Lowered, chip: ChipSpec) -> str | None:
    p = lowered.params
    if (reason := needs_words(chip)) is not None:
        return reason
    if p["groups"] != 1:
        return f"there are {p['groups']} groups"
    if p["dilation_w"] != 1 and p["k_w"] != 1:
        return f"its columns are {p['dilation_w']} apart"
    if p["batch"] * p["out_h"] * p["out_w"] == 1:
        return "there is one pixel, no tile"
    return why_not_pairs(_filters(lowered))


def _filters(lowered: Lowered) -> Int8:
    weights = lowered.constants["weights"]
    filters: Int8 = weights.reshape(len(weights), -1).astype(np.int8)
    return filters


def _steps(lowered: Lowered) -> int:
    p = lowered.params
    return p["k_h"] * -(-p["k_w"] * p["in_c"] // 2)


def _padded(lowered: Lowered) -> bool:
    p = lowered.params
    if p["pad_top"] or p["pad_left"]:
        return True
    return any(
        (p[f"out_{axis}"] - 1) * p[f"stride_{axis}"] + (p[f"k_{axis}"] - 1) * p[f"dilation_{axis}"] >= p[f"in_{axis}"]
        for axis in "hw"
    )


def _pack_conv(lowered: Lowered) -> Packed:
    filters, bias = _filters(lowered), folded_bias(lowered, (1, 2, 3))
    is_fast = fast(lowered, largest_sum(filters, bias))
    p = lowered.params
    row = p["k_w"] * p["in_c"]
    order = tap_order(row, rows=p["k_h"])
    params = {**without(p, "groups", "dilation_w"), "padded": int(_padded(lowered)), "fast": int(is_fast)}
    constants: dict[str, Array] = {
        "weights": interleaved_pairs(filters, order),
        "channels": channel_records(lowered, bias, is_fast=is_fast),
    }
    return Packed(params=params, constants=constants)


def _conv_work(lowered: Lowered) -> dict[str, float]:
    """Steps of whole tiles and of the pixels left over; outputs; words widened; rows of windows."""
    p = lowered.params
    pixels, pairs = p["batch"] * p["out_h"] * p["out_w"], -(-p["out_c"] // 2)
    whole, rest = divmod(pixels, _TILE_PIXELS)
    return {
        "call": 1.0,
        "tile_steps": float(whole * pairs * _steps(lowered)),
        "rest_steps": float(rest * pairs * _steps(lowered)),
        "outputs": float(pixels * p["out_c"]),
        "words": float(pixels * _steps(lowered)),
        "rows": float(pixels * p["k_h"]),
        "pixels": float(pixels),
    }


CONV_2D_INT8_DSP = KernelDef(
    id="conv_2d_int8_dsp",
    op="CONV_2D",
    header="dsp/conv_2d.h",
    arguments=("weights", "channels"),
    why="windows of four pixels are widened once; 16 products take 12 instructions",
    accepts=_accepts_conv,
    pack=_pack_conv,
    scratch_bytes=lambda lowered: _TILE_PIXELS * _WORD_BYTES * _steps(lowered),
    overlap=tiles_of_four,
    needs=("dsp",),
    code="fast",
    work=_conv_work,
)
