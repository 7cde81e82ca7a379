"""Kernels for Helium (M-profile vector extension, Cortex-M55): 1x1 convolutions, fully connected layers, depthwise."""

from __future__ import annotations

from tinygen.boards.spec import ChipSpec
from tinygen.model.kernels import convolution, work
from tinygen.model.kernels.base import KernelDef, Packed, fold_input_zero_point
from tinygen.model.kernels.order import fours_then_singles, own_block, sliding_window
from tinygen.model.lowering import Lowered

_ARGUMENTS = ("weights", "bias", "multiplier", "shift")


def _product_work(lowered: Lowered) -> dict[str, float]:
    """Vectors of sixteen products, four outputs at a time; what is left over."""
    p = lowered.params
    rows = p["batch"] * p.get("out_h", 1) * p.get("out_w", 1)
    vectors, fours, rest = -(-p["in_c"] // 16), p["out_c"] // 4, p["out_c"] % 4
    return {
        "call": 1.0,
        "rows": float(rows),
        "fours": float(rows * fours),
        "four_vectors": float(rows * fours * vectors),
        "rest": float(rows * rest),
        "rest_vectors": float(rows * rest * vectors),
    }


def _pack_dense(lowered: Lowered) -> Packed:
    packed = fold_input_zero_point(lowered, (1,))
    names = ("in_c", "out_c", "output_zero_point", "act_min", "act_max")
    params = {"n_pixels": lowered.params["batch"], **{name: lowered.params[name] for name in names}}
    return Packed(params=params, constants=packed.constants)


def _accepts_depthwise(lowered: Lowered, chip: ChipSpec) -> str | None:
    del chip
    multiplier = lowered.params["depth_multiplier"]
    return None if multiplier == 1 else f"the depth multiplier is {multiplier}, not 1"


def _depthwise_work(lowered: Lowered) -> dict[str, float]:
    """Four channels at a time, inside and at the border."""
    p = lowered.params
    found = work.depthwise_blocks(lowered)
    blocks, inside = -(-p["out_c"] // 4), found["blocks"] / max(1, p["out_c"] // 4)
    border = found["pixels"] - inside
    taps = p["k_h"] * p["k_w"]
    return {
        "call": 1.0,
        "pixels": found["pixels"],
        "blocks": found["pixels"] * blocks,
        "taps": inside * blocks * taps,
        "tap_rows": inside * blocks * p["k_h"],
        "border_taps": border * blocks * taps,
    }


CONV_2D_INT8_MVE_1X1 = KernelDef(
    id="conv_2d_int8_mve_1x1",
    op="CONV_2D",
    header="mve/matrix.h",
    arguments=_ARGUMENTS,
    why="sixteen products an instruction, four outputs share every load of the input",
    accepts=convolution.CONV_2D_INT8_1X1.accepts,
    pack=convolution.CONV_2D_INT8_1X1.pack,
    overlap=fours_then_singles,
    needs=("mve",),
    code="fast",
    work=_product_work,
)

FULLY_CONNECTED_INT8_MVE = KernelDef(
    id="fully_connected_int8_mve",
    op="FULLY_CONNECTED",
    header="mve/matrix.h",
    arguments=_ARGUMENTS,
    why="sixteen products an instruction, four outputs share every load of the input",
    accepts=convolution.FULLY_CONNECTED_INT8_PER_CHANNEL.accepts,
    pack=_pack_dense,
    overlap=fours_then_singles,
    needs=("mve",),
    code="fast",
    work=_product_work,
)

DEPTHWISE_CONV_2D_INT8_MVE = KernelDef(
    id="depthwise_conv_2d_int8_mve",
    op="DEPTHWISE_CONV_2D",
    header="mve/depthwise.h",
    arguments=_ARGUMENTS,
    why="four channels in the lanes of a vector",
    accepts=_accepts_depthwise,
    pack=convolution.DEPTHWISE_CONV_2D_INT8_BLOCKS.pack,
    overlap=sliding_window(own_block),
    needs=("mve",),
    code="fast",
    work=_depthwise_work,
)
