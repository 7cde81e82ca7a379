"""Kernels of CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED."""

from __future__ import annotations

from tinygen.boards.spec import ChipSpec
from tinygen.model.kernels import work
from tinygen.model.kernels.base import KernelDef, Packed, fold_input_zero_point, without
from tinygen.model.kernels.order import (
    own_block_then_channel,
    own_channel,
    pairs,
    pixel_pairs,
    row_by_row,
    sliding_window,
)
from tinygen.model.lowering import Lowered

CHANNEL_ARGUMENTS = ("weights", "bias", "multiplier", "shift")


def accepts_1x1(lowered: Lowered, chip: ChipSpec) -> str | None:
    """The reason a step is no matrix product over pixels as they lie."""
    del chip
    p = lowered.params
    if (p["k_h"], p["k_w"]) != (1, 1):
        return f"the kernel is {p['k_h']}x{p['k_w']}, not 1x1"
    if (p["stride_h"], p["stride_w"]) != (1, 1):
        return "the stride is not 1"
    if (p["out_h"], p["out_w"]) != (p["in_h"], p["in_w"]):
        return "it pads"  # of a PAD that was taken in: outputs are not inputs one by one
    if p["groups"] != 1:
        return f"there are {p['groups']} groups"
    return None


def _pack_conv(lowered: Lowered) -> Packed:
    return fold_input_zero_point(lowered, (1, 2, 3))


def _pack_1x1(lowered: Lowered) -> Packed:
    packed = _pack_conv(lowered)
    p = lowered.params
    wanted = ("in_c", "out_c", "output_zero_point", "act_min", "act_max")
    params = {"n_pixels": p["batch"] * p["out_h"] * p["out_w"], **{name: p[name] for name in wanted}}
    return Packed(params=params, constants=packed.constants)


CONV_2D_INT8_1X1 = KernelDef(
    id="conv_2d_int8_1x1",
    op="CONV_2D",
    header="conv_2d.h",
    arguments=CHANNEL_ARGUMENTS,
    why="a matrix product: two pixels times two channels per pass over the inputs",
    accepts=accepts_1x1,
    pack=_pack_1x1,
    overlap=pixel_pairs,
    work=work.matrix_1x1,
)

CONV_2D_INT8_GENERIC = KernelDef(
    id="conv_2d_int8_generic",
    op="CONV_2D",
    header="conv_2d.h",
    arguments=CHANNEL_ARGUMENTS,
    why="any kernel, stride, dilation and grouping",
    pack=_pack_conv,
    overlap=sliding_window(pairs),
    work=work.convolution,
)


def _accepts_blocks(lowered: Lowered, chip: ChipSpec) -> str | None:
    del chip
    p = lowered.params
    if p["depth_multiplier"] != 1:
        return f"the depth multiplier is {p['depth_multiplier']}, not 1"
    if p["out_c"] < 4:
        return f"only {p['out_c']} channels, a block has 4"
    return None


def _pack_depthwise(lowered: Lowered) -> Packed:
    return fold_input_zero_point(lowered, (0, 1))


def _pack_blocks(lowered: Lowered) -> Packed:
    packed = _pack_depthwise(lowered)
    return Packed(params=without(packed.params, "depth_multiplier"), constants=packed.constants)


DEPTHWISE_CONV_2D_INT8_BLOCKS = KernelDef(
    id="depthwise_conv_2d_int8_blocks",
    op="DEPTHWISE_CONV_2D",
    header="depthwise_conv_2d.h",
    arguments=CHANNEL_ARGUMENTS,
    why="four channels side by side in registers",
    accepts=_accepts_blocks,
    pack=_pack_blocks,
    overlap=sliding_window(own_block_then_channel),
    work=work.depthwise_blocks,
)

DEPTHWISE_CONV_2D_INT8_GENERIC = KernelDef(
    id="depthwise_conv_2d_int8_generic",
    op="DEPTHWISE_CONV_2D",
    header="depthwise_conv_2d.h",
    arguments=CHANNEL_ARGUMENTS,
    why="any kernel, stride, dilation and depth multiplier",
    pack=_pack_depthwise,
    overlap=sliding_window(own_channel),
    work=work.depthwise_generic,
)


def _accepts_in_place(lowered: Lowered, chip: ChipSpec) -> str | None:
    del chip
    p = lowered.params
    if p["depth_multiplier"] != 1:
        return f"the depth multiplier is {p['depth_multiplier']}, not 1"
    if p["out_h"] * p["out_w"] > p["in_h"] * p["in_w"]:
        return "there are more output than input pixels"
    return None


DEPTHWISE_CONV_2D_INT8_IN_PLACE = KernelDef(
    id="depthwise_conv_2d_int8_in_place",
    op="DEPTHWISE_CONV_2D",
    header="depthwise_in_place.h",
    arguments=CHANNEL_ARGUMENTS,
    why="the result takes its input's place, four channel planes at a time, which makes the arena smaller",
    accepts=_accepts_in_place,
    pack=_pack_blocks,
    scratch_bytes=lambda lowered: 4 * lowered.params["in_h"] * lowered.params["in_w"],
    in_place=True,
    work=work.depthwise_in_place,
)


def _pack_dense(lowered: Lowered) -> Packed:
    packed = fold_input_zero_point(lowered, (1,))
    names = ("batch", "in_c", "out_c", "output_zero_point", "act_min", "act_max")
    return Packed(params={name: lowered.params[name] for name in names}, constants=packed.constants)


def _pack_dense_per_tensor(lowered: Lowered) -> Packed:
    packed = _pack_dense(lowered)
    params = {**packed.params, "multiplier": lowered.params["multiplier"], "shift": lowered.params["shift"]}
    return Packed(params=params, constants={name: packed.constants[name] for name in ("weights", "bias")})


def _accepts_per_tensor(lowered: Lowered, chip: ChipSpec) -> str | None:
    del chip
    return "the outputs have different scales" if lowered.params["per_channel"] else None


FULLY_CONNECTED_INT8_PER_TENSOR = KernelDef(
    id="fully_connected_int8_per_tensor",
    op="FULLY_CONNECTED",
    header="fully_connected.h",
    arguments=("weights", "bias"),
    why="one scale for all outputs: multiplier and shift are constants in the code",
    accepts=_accepts_per_tensor,
    pack=_pack_dense_per_tensor,
    overlap=row_by_row,
    work=work.dense,
)

FULLY_CONNECTED_INT8_PER_CHANNEL = KernelDef(
    id="fully_connected_int8_per_channel",
    op="FULLY_CONNECTED",
    header="fully_connected.h",
    arguments=CHANNEL_ARGUMENTS,
    why="a multiplier and shift for each output",
    pack=_pack_dense,
    overlap=row_by_row,
    work=work.dense,
)
