"""Kernels of int16 activations (with int8 weights where there are weights)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tinygen.core.fixedpoint import reduced_multiplier
from tinygen.model.kernels.base import KernelDef, Packed, elementwise_overlap, no_overlap, without
from tinygen.model.kernels.binary import broadcast_overlap
from tinygen.model.kernels.order import own_channel, singles, sliding_window
from tinygen.model.lowering import Array, Lowered

_ZERO_POINTS = ("input_zero_point", "output_zero_point")


def _in_bytes(overlap: Callable[[Lowered], dict[int, int]]) -> Callable[[Lowered], dict[int, int]]:
    """A distance in elements, twice as long in bytes."""
    return lambda lowered: {slot: 2 * distance for slot, distance in overlap(lowered).items()}


def _scales_of_wide_sums(constants: Mapping[str, Array]) -> dict[str, Array]:
    """64-bit sums are scaled with a 15-bit multiplier and a right shift."""
    multiplier = np.vectorize(reduced_multiplier, otypes=[np.int32])(constants["multiplier"].astype(np.int64))
    shift = (15 - constants["shift"].astype(np.int64)).astype(np.int8)
    return {**constants, "multiplier": multiplier, "shift": shift}


def _pack_sum(*names: str) -> Callable[[Lowered], Packed]:
    """Without the named parameters, and with the scales as the sums' width wants them."""

    def pack(lowered: Lowered) -> Packed:
        wide = lowered.constants["bias"].dtype == np.int64
        constants = _scales_of_wide_sums(lowered.constants) if wide else lowered.constants
        return Packed(params=without(lowered.params, *_ZERO_POINTS, *names), constants=constants)

    return pack


def _sum_kernel(op: str, overlap: Callable[[Lowered], dict[int, int]], *names: str) -> KernelDef:
    return KernelDef(
        id=f"{op.lower()}_int16_generic",
        op=op,
        header="int16_sums.h",
        arguments=("weights", "bias", "multiplier", "shift"),
        why="int16 values, int8 weights, sums as wide as the bias",
        pack=_pack_sum(*names),
        overlap=overlap,
        dtype="int16",
    )


def _rows(lowered: Lowered) -> dict[int, int]:
    """A row's outputs are written one by one while the whole row is still read."""
    p = lowered.params
    row = np.arange(p["batch"], dtype=np.int64)
    # Before the last output of a row is made, out_c - 1 of it are written; the next row starts in_c further.
    written = np.concatenate([row * p["out_c"] + p["out_c"] - 1, row[1:] * p["out_c"]])
    still_read = np.concatenate([row * p["in_c"], row[1:] * p["in_c"]])
    return {0: int((written - still_read).max())}


CONV_2D_INT16_GENERIC = _sum_kernel("CONV_2D", _in_bytes(sliding_window(singles)))
DEPTHWISE_CONV_2D_INT16_GENERIC = _sum_kernel("DEPTHWISE_CONV_2D", _in_bytes(sliding_window(own_channel)))
FULLY_CONNECTED_INT16_GENERIC = _sum_kernel("FULLY_CONNECTED", _in_bytes(_rows), "per_channel", "multiplier", "shift")
TRANSPOSE_CONV_INT16_GENERIC = _sum_kernel("TRANSPOSE_CONV", no_overlap)


def _pair_kernel(op: str, *names: str) -> KernelDef:
    return KernelDef(
        id=f"{op.lower()}_int16_broadcast",
        op=op,
        header="int16_elementwise.h",
        arguments=(),
        why="element by element; an input may be repeated along its dimensions of size 1",
        pack=lambda lowered: Packed(params=without(lowered.params, "n_elements", "same_shape", *names), constants={}),
        overlap=broadcast_overlap,
        dtype="int16",
    )


_POINTS = ("zero_point_1", "zero_point_2", "output_zero_point")
ADD_INT16_BROADCAST = _pair_kernel("ADD", *_POINTS)
SUB_INT16_BROADCAST = _pair_kernel("SUB", *_POINTS)
MUL_INT16_BROADCAST = _pair_kernel("MUL", *_POINTS)
MINIMUM_INT16_BROADCAST = _pair_kernel("MINIMUM")
MAXIMUM_INT16_BROADCAST = _pair_kernel("MAXIMUM")


def _first_overlap(lowered: Lowered) -> dict[int, int]:
    """The slopes have a type of their own: only the values may lie where the results go."""
    return {slot: distance for slot, distance in broadcast_overlap(lowered).items() if slot == 0}


PRELU_INT16_BROADCAST = KernelDef(
    id="prelu_int16_broadcast",
    op="PRELU",
    header="int16_elementwise.h",
    arguments=(),
    why="int16 values, int8 slopes",
    pack=lambda lowered: Packed(
        params=without(lowered.params, "n_elements", "same_shape", "zero_point_1", "output_zero_point"), constants={}
    ),
    overlap=_first_overlap,
    dtype="int16",
)


def _function_kernel(op: str, variant: str, *arguments: str) -> KernelDef:
    return KernelDef(
        id=f"{op.lower()}_int16_{variant}",
        op=op,
        header="int16_elementwise.h",
        arguments=arguments,
        why="straight lines between table entries" if arguments else "value by value",
        overlap=elementwise_overlap,
        dtype="int16",
    )


ABS_INT16_GENERIC = _function_kernel("ABS", "generic")
LEAKY_RELU_INT16_GENERIC = _function_kernel("LEAKY_RELU", "generic")
LOGISTIC_INT16_INTERPOLATED = _function_kernel("LOGISTIC", "interpolated", "sigmoid_table")
RELU_INT16_GENERIC = _function_kernel("RELU", "generic")
RELU6_INT16_GENERIC = _function_kernel("RELU6", "generic")
TANH_INT16_INTERPOLATED = _function_kernel("TANH", "interpolated", "sigmoid_table")
SOFTMAX_INT16_INTERPOLATED = KernelDef(
    id="softmax_int16_interpolated",
    op="SOFTMAX",
    header="softmax.h",
    arguments=("exp_table", "reciprocal_table"),
    why="int16 in and out; straight lines between entries of exp() and of 1 / (1 + x)",
    overlap=elementwise_overlap,
    dtype="int16",
)
UNIDIRECTIONAL_SEQUENCE_LSTM_INT16_GENERIC = KernelDef(
    id="unidirectional_sequence_lstm_int16_generic",
    op="UNIDIRECTIONAL_SEQUENCE_LSTM",
    header="lstm.h",
    arguments=("weights", "bias", "multiplier", "shift", "sigmoid_table"),
    why="cell by cell, 64-bit sums; the output's row holds the new hidden state until all cells have read the old",
    pack=lambda lowered: Packed(
        params=without(lowered.params, "input_zero_point"), constants=_scales_of_wide_sums(lowered.constants)
    ),
    dtype="int16",
)


def _plain(
    op: str, header: str, why: str, *names: str, overlap: Callable[[Lowered], dict[int, int]] = no_overlap
) -> KernelDef:
    return KernelDef(
        id=f"{op.lower()}_int16_generic",
        op=op,
        header=header,
        arguments=(),
        why=why,
        pack=lambda lowered: Packed(params=without(lowered.params, *names), constants={}),
        overlap=overlap,
        dtype="int16",
    )


_POOL = ("dilation_h", "dilation_w")
_SLIDING = _in_bytes(sliding_window(own_channel))
AVERAGE_POOL_2D_INT16_GENERIC = _plain("AVERAGE_POOL_2D", "pool_2d.h", "any window", *_POOL, overlap=_SLIDING)
MAX_POOL_2D_INT16_GENERIC = _plain("MAX_POOL_2D", "pool_2d.h", "any window", *_POOL, overlap=_SLIDING)
MEAN_INT16_GENERIC = _plain("MEAN", "reduce.h", "any axes", "count", *_ZERO_POINTS)
SUM_INT16_GENERIC = _plain("SUM", "reduce.h", "any axes", "count", *_ZERO_POINTS)
PAD_INT16_GENERIC = _plain("PAD", "pad.h", "up to 4 dimensions")
PADV2_INT16_GENERIC = _plain("PADV2", "pad.h", "up to 4 dimensions")

INT16_KERNELS: tuple[KernelDef, ...] = (
    CONV_2D_INT16_GENERIC,
    DEPTHWISE_CONV_2D_INT16_GENERIC,
    FULLY_CONNECTED_INT16_GENERIC,
    TRANSPOSE_CONV_INT16_GENERIC,
    ADD_INT16_BROADCAST,
    SUB_INT16_BROADCAST,
    MUL_INT16_BROADCAST,
    MINIMUM_INT16_BROADCAST,
    MAXIMUM_INT16_BROADCAST,
    PRELU_INT16_BROADCAST,
    ABS_INT16_GENERIC,
    LEAKY_RELU_INT16_GENERIC,
    LOGISTIC_INT16_INTERPOLATED,
    RELU_INT16_GENERIC,
    RELU6_INT16_GENERIC,
    SOFTMAX_INT16_INTERPOLATED,
    TANH_INT16_INTERPOLATED,
    UNIDIRECTIONAL_SEQUENCE_LSTM_INT16_GENERIC,
    AVERAGE_POOL_2D_INT16_GENERIC,
    MAX_POOL_2D_INT16_GENERIC,
    MEAN_INT16_GENERIC,
    SUM_INT16_GENERIC,
    PAD_INT16_GENERIC,
    PADV2_INT16_GENERIC,
)
