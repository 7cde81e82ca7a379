"""Portable kernels of CONV_2D that copy windows out, so that the border costs what the inside costs."""

from __future__ import annotations

import numpy as np

from tinygen.boards.spec import ChipSpec
from tinygen.model.kernels import work
from tinygen.model.kernels.base import KernelDef, Packed, fold_input_zero_point, without
from tinygen.model.kernels.convolution import CHANNEL_ARGUMENTS, accepts_1x1
from tinygen.model.kernels.order import tiles_of
from tinygen.model.lowering import Lowered


def _contiguous(lowered: Lowered, chip: ChipSpec) -> str | None:
    del chip
    p = lowered.params
    if p["groups"] != 1:
        return f"there are {p['groups']} groups"
    if p["dilation_w"] != 1 and p["k_w"] != 1:
        return f"its columns are {p['dilation_w']} apart"
    return None


def _accepts_pairs(lowered: Lowered, chip: ChipSpec) -> str | None:
    if accepts_1x1(lowered, chip) is None:
        return "the 1x1 product needs no copies"
    return _contiguous(lowered, chip)


def _pack_pairs(lowered: Lowered) -> Packed:
    packed = fold_input_zero_point(lowered, (1, 2, 3))
    return Packed(params=without(packed.params, "groups", "dilation_w"), constants=packed.constants)


def _two_windows(lowered: Lowered) -> int:
    p = lowered.params
    return min(2, p["batch"] * p["out_h"] * p["out_w"]) * work.taps(p)


CONV_2D_INT8_PAIRS = KernelDef(
    id="conv_2d_int8_pairs",
    op="CONV_2D",
    header="conv_2d_pairs.h",
    arguments=CHANNEL_ARGUMENTS,
    why="the windows of two pixels are copied out, then two pixels times two channels share every load",
    accepts=_accepts_pairs,
    pack=_pack_pairs,
    scratch_bytes=_two_windows,
    overlap=tiles_of(2),
    code="fast",
    work=work.gathered_pairs,
)


def _accepts_unsigned(lowered: Lowered, chip: ChipSpec) -> str | None:
    if chip.arch != "xtensa":
        return f"{chip.title} loads bytes with their sign"
    return _contiguous(lowered, chip)


def _pack_unsigned(lowered: Lowered) -> Packed:
    """Weights int8 [pairs of channels, taps, 2], as bytes of w + 128; a bias for an even number of channels.

    Sums wrap at 32 bits and so may the bias; what comes out is bounded by `OpContext.accumulator_fits`.
    """
    packed = _pack_pairs(lowered)
    weights = packed.constants["weights"].astype(np.int64).reshape(len(packed.constants["weights"]), -1)
    rest = ((0, len(weights) % 2), (0, 0))
    shifted = np.pad(weights + 128, rest).astype(np.uint8).view(np.int8)
    bias = np.pad(packed.constants["bias"].astype(np.int64) - 128 * weights.sum(axis=1), rest[0])
    constants = {
        **packed.constants,
        "weights": np.ascontiguousarray(shifted.reshape(-1, 2, weights.shape[1]).swapaxes(1, 2)),
        "bias": bias.astype(np.int32),
    }
    return Packed(params=packed.params, constants=constants)


CONV_2D_INT8_UNSIGNED = KernelDef(
    id="conv_2d_int8_unsigned",
    op="CONV_2D",
    header="conv_2d_unsigned.h",
    arguments=CHANNEL_ARGUMENTS,
    why="as pairs, on bytes without a sign, which Xtensa loads in one instruction",
    accepts=_accepts_unsigned,
    pack=_pack_unsigned,
    scratch_bytes=lambda lowered: 2 * work.taps(lowered.params),
    overlap=tiles_of(2),
    code="fast",
    work=work.gathered_unsigned,
)
