"""Matrix products on Cortex-M with the DSP extension: kernels of CONV_2D and FULLY_CONNECTED."""

from __future__ import annotations

import numpy as np

from tinygen.boards.spec import ChipSpec
from tinygen.model.kernels.base import KernelDef, Packed, without
from tinygen.model.kernels.dsp_packing import (
    channel_records,
    dense_blocks,
    fast,
    folded_bias,
    interleaved_pairs,
    largest_sum,
    needs_words,
    part_words,
    settled,
    tap_order,
    why_not_dense,
    why_not_pairs,
)
from tinygen.model.kernels.order import blocks_of_four, tiles_of
from tinygen.model.lowering import Array, Int8, Int32, Lowered

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
    lowered = settled(lowered)
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
    overlap=tiles_of(_TILE_PIXELS),
    needs=("dsp",),
    code="fast",
    work=_conv_work,
)


def _accepts_dense(lowered: Lowered, chip: ChipSpec) -> str | None:
    del chip
    return why_not_dense(_filters(lowered))


def _accepts_per_tensor(lowered: Lowered, chip: ChipSpec) -> str | None:
    if lowered.params["per_channel"]:
        return "the outputs have different scales"
    return _accepts_dense(lowered, chip)


def _pack_dense(lowered: Lowered, batch: int, filters: Int8, bias: Int32) -> Packed:
    is_fast = fast(lowered, largest_sum(filters, bias))
    params = {name: lowered.params[name] for name in ("output_zero_point", "act_min", "act_max")}
    params |= {"batch": batch, "in_c": filters.shape[1], "out_c": len(filters), "fast": int(is_fast)}
    params["part_words"] = part_words(filters)
    constants: dict[str, Array] = {
        "weights": dense_blocks(filters),
        "channels": channel_records(lowered, bias, is_fast=is_fast),
    }
    return Packed(params=params, constants=constants)


def _pack_per_channel(lowered: Lowered) -> Packed:
    return _pack_rows(settled(lowered))


def _pack_rows(lowered: Lowered) -> Packed:
    return _pack_dense(lowered, lowered.params["batch"], _filters(lowered), folded_bias(lowered, (1,)))


def _pack_per_tensor(lowered: Lowered) -> Packed:
    packed = _pack_rows(lowered)
    records = packed.constants["channels"]
    _, multiplier, offset, shift = (int(value) for value in records[0])
    params = {**packed.params, "multiplier": multiplier, "offset": offset, "shift": shift}
    return Packed(params=params, constants={"weights": packed.constants["weights"], "bias": records[:, 0].copy()})


def _dense_work(lowered: Lowered) -> dict[str, float]:
    """Steps of blocks of four outputs and of pairs; outputs."""
    p = lowered.params
    batch, filters = p["batch"], _filters(lowered)
    words = -(-filters.shape[1] // 4)
    fours, rest = divmod(len(filters), 4)
    return {
        "call": 1.0,
        "block_steps": float(batch * fours * words),
        "rest_steps": float(batch * -(-rest // 2) * words),
        "blocks": float(batch * (fours + -(-rest // 2))),
        "outputs": float(batch * len(filters)),
    }


FULLY_CONNECTED_INT8_DSP_PER_TENSOR = KernelDef(
    id="fully_connected_int8_dsp_per_tensor",
    op="FULLY_CONNECTED",
    header="dsp/fully_connected.h",
    arguments=("weights", "bias"),
    why="four outputs share the loads of a row; one scale for all, constants in the code",
    accepts=_accepts_per_tensor,
    pack=_pack_per_tensor,
    overlap=blocks_of_four,
    needs=("dsp",),
    code="fast",
    work=_dense_work,
)

FULLY_CONNECTED_INT8_DSP_PER_CHANNEL = KernelDef(
    id="fully_connected_int8_dsp_per_channel",
    op="FULLY_CONNECTED",
    header="dsp/fully_connected.h",
    arguments=("weights", "channels"),
    why="four outputs share the loads of a row; a scale for each",
    accepts=_accepts_dense,
    pack=_pack_per_channel,
    overlap=blocks_of_four,
    needs=("dsp",),
    code="fast",
    work=_dense_work,
)


def _accepts_window(lowered: Lowered, chip: ChipSpec) -> str | None:
    p = lowered.params
    if p["groups"] != 1:
        return f"there are {p['groups']} groups"
    if p["batch"] * p["out_h"] * p["out_w"] != 1:
        return f"there are {p['batch'] * p['out_h'] * p['out_w']} windows, not one"
    if (p["k_h"], p["k_w"], p["pad_top"], p["pad_left"]) != (p["in_h"], p["in_w"], 0, 0):
        return "the window is not the whole input"
    if any(p[f"k_{axis}"] != 1 and p[f"dilation_{axis}"] != 1 for axis in "hw"):
        return f"its taps are {p['dilation_h']}x{p['dilation_w']} apart, some of them behind the input"
    return _accepts_dense(lowered, chip)


def _pack_window(lowered: Lowered) -> Packed:
    lowered = settled(lowered)
    return _pack_dense(lowered, 1, _filters(lowered), folded_bias(lowered, (1, 2, 3)))


def _window_overlap(lowered: Lowered) -> dict[int, int]:
    taps = _filters(lowered).shape[1]
    return blocks_of_four(Lowered(params={"batch": 1, "in_c": taps, "out_c": lowered.params["out_c"]}))


CONV_2D_INT8_DSP_WINDOW = KernelDef(
    id="conv_2d_int8_dsp_window",
    op="CONV_2D",
    header="dsp/fully_connected.h",
    arguments=("weights", "channels"),
    why="one window, the whole input: a fully connected layer",
    accepts=_accepts_window,
    pack=_pack_window,
    overlap=_window_overlap,
    needs=("dsp",),
    code="fast",
    work=_dense_work,
)
