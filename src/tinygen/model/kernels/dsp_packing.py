"""What the kernels for Cortex-M's DSP extension assume about an operator, proved here, and their constants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.boards.spec import ChipSpec
from tinygen.model.kernels.base import fold_input_zero_point
from tinygen.model.lowering import INT8_MAX, INT8_MIN, Array, Int8, Int32, Int64, Lowered, requantized

# offset + |h| stays below 2^31: 2^29 for the zero point, 2^21 for rounding, 2^30 for h.
_FAST_SHIFTS = (1, 22)
_FAST_SUM = 1 << 30
_HIGH_SUM = 1 << 23  # what is left of an int32 above the eight bits of the other channel
CHANNEL_WORDS = 4


def needs_words(chip: ChipSpec) -> str | None:
    """The reason a chip's arena cannot hold tiles, which are words."""
    if chip.arena_alignment_bytes % 4:
        return f"the arena is aligned to {chip.arena_alignment_bytes} bytes, not to words"
    return None


def sum_ends(weights: Array, bias: Int32) -> tuple[Int64, Int64]:
    """The least and the largest accumulator of each channel for any int8 input.

    Args:
        weights: int8 [channels, taps].
        bias: int32 [channels], with the input's zero point folded in.

    Returns:
        int64 [channels] each.
    """
    w = weights.astype(np.int64)
    ends = np.stack([w * INT8_MIN, w * INT8_MAX])
    low: Int64 = bias.astype(np.int64) + ends.min(axis=0).sum(axis=1)
    high: Int64 = bias.astype(np.int64) + ends.max(axis=0).sum(axis=1)
    return low, high


def largest_sum(weights: Array, bias: Int32) -> Int64:
    """The largest |accumulator| of each channel, see `sum_ends`."""
    low, high = sum_ends(weights, bias)
    largest: Int64 = np.maximum(np.abs(low), np.abs(high))
    return largest


def settled(lowered: Lowered) -> Lowered:
    """The same outputs, but channels that give one value for any input get weights 0 and a scale of 1/4.

    Training leaves such channels with huge biases and tiny scales, which the short requantisation cannot take.

    Args:
        lowered: its weights are int8 [channels, ...], its multipliers and shifts per channel.
    """
    p, c = lowered.params, lowered.constants
    axes = tuple(range(1, c["weights"].ndim))
    bias = folded_bias(lowered, axes)
    ends = sum_ends(c["weights"].reshape(len(bias), -1), bias)
    # Scaling to the right grows with the sum; one to the left may wrap.
    values = [
        requantized(end, c["multiplier"], c["shift"], zero_point=p["output_zero_point"], low=INT8_MIN, high=INT8_MAX)
        for end in ends
    ]
    one = (values[0] == values[1]) & (c["shift"].astype(np.int64) <= 0)
    steps = values[0].astype(np.int64) - p["output_zero_point"]
    constants = {
        **c,
        "weights": np.where(one.reshape(-1, *(1 for _ in axes)), 0, c["weights"]).astype(np.int8),
        "bias": np.where(one, 4 * steps, c["bias"]).astype(np.int32),
        "multiplier": np.where(one, 1 << 30, c["multiplier"]).astype(np.int32),
        "shift": np.where(one, -1, c["shift"]).astype(np.int8),
    }
    return Lowered(params=p, constants=constants, macs=lowered.macs)


def fast(lowered: Lowered, largest: Int64) -> bool:
    """Whether every channel can be requantised with the short sequence of dsp/requantize.h.

    Args:
        largest: of `largest_sum`, or of a rewrite of the operator.
    """
    right = -lowered.constants["shift"].astype(np.int64)
    low, high = _FAST_SHIFTS
    return bool((right >= low).all() and (right <= high).all() and (largest < _FAST_SUM).all())


def channel_records(lowered: Lowered, bias: Int32, *, is_fast: bool) -> Int32:
    """The `Channel` structs of dsp/requantize.h.

    Args:
        bias: int32 [channels], with the input's zero point folded in.
        is_fast: of `fast`.

    Returns:
        int32 [channels, 4]: bias, multiplier, offset, shift.
    """
    shift = lowered.constants["shift"].astype(np.int64)
    records = np.zeros((len(bias), CHANNEL_WORDS), np.int64)
    records[:, 0] = bias
    records[:, 1] = lowered.constants["multiplier"]
    records[:, 3] = shift
    if is_fast:
        records[:, 0] *= 2
        records[:, 2] = (lowered.params["output_zero_point"] << -shift) + (np.int64(1) << (-shift - 1))
        records[:, 3] = -shift
    packed: Int32 = records.astype(np.int32)
    return packed


def folded_bias(lowered: Lowered, axes: tuple[int, ...]) -> Int32:
    """The bias with the input's zero point inside.

    Args:
        axes: the axes of the weights that belong to one output channel.
    """
    bias: Int32 = fold_input_zero_point(lowered, axes).constants["bias"].astype(np.int32)
    return bias


def tap_order(row: int, *, rows: int = 1) -> list[int]:
    """The taps in the order of a tile's lanes (`widen` of dsp/conv_2d.h), -1 where a lane is of no meaning.

    Args:
        row: bytes of a window that lie next to each other.
        rows: how often that repeats.
    """
    whole, rest = divmod(row, 4)
    order = [first + lane for first in range(0, 4 * whole, 4) for lane in (0, 2, 1, 3)]
    order += [4 * whole + tap if tap >= 0 else -1 for tap in ([], [0, -1], [0, 1], [0, 2, 1, -1])[rest]]
    return [tap if tap < 0 else r * row + tap for r in range(rows) for tap in order]


def part_words(filters: Int8) -> int:
    """How many words (of four inputs) a dense row may have at once, so that no high channel's sum reaches 2^23.

    Args:
        filters: int8 [channels, inputs].

    Returns:
        The whole row's words where that is enough, else a part's; parts are equally long but for the last.
    """
    words = -(-int(filters.shape[1]) // 4)
    none = np.zeros(len(filters[1::2]), np.int32)
    for parts in range(1, words + 1):
        size = -(-words // parts)
        pieces = [filters[1::2, 4 * i : 4 * (i + size)] for i in range(0, words, size)]
        if all(int(largest_sum(piece, none).max(initial=0)) < _HIGH_SUM for piece in pieces):
            return size
    return 1


def why_not_dense(filters: Int8) -> str | None:
    """The reason a dense layer's channels cannot be packed, see `why_not_pairs`; long rows are summed in parts."""
    if int(filters.min(initial=0)) == INT8_MIN:
        return why_not_pairs(filters)
    if part_words(filters) < -(-filters.shape[1] // 4) and len(filters) % 4:
        return f"rows too long to sum at once want blocks of four outputs, there are {len(filters)}"
    return None


def why_not_pairs(filters: Int8) -> str | None:
    """The reason the channels cannot be packed two by two as 256 * b + a.

    Args:
        filters: int8 [channels, taps].
    """
    if int(filters.min(initial=0)) == INT8_MIN:
        return "a weight is -128, which TFLite's specification excludes"
    largest = largest_sum(filters, np.zeros(len(filters), np.int32))
    if int(largest.max(initial=0)) >= _HIGH_SUM:
        return f"the sum of channel {int(largest.argmax())} can reach {int(largest.max())}, 2^23 is too much"
    return None


def interleaved_pairs(filters: Int8, order: Sequence[int]) -> Int8:
    """Two channels in one int16 per tap, two taps in a word; a missing last channel and lanes without a tap are zero.

    Args:
        filters: int8 [channels, taps] without -128.
        order: the tap of every lane, from `tap_order`.

    Returns:
        int8 [pairs of channels, lanes, 2]: little-endian 256 * b + a.
    """
    wide = np.zeros((len(filters) + len(filters) % 2, filters.shape[1] + 1), np.int16)
    wide[: len(filters), :-1] = filters
    lanes = wide[:, list(order)]  # -1 takes the column of zeros
    words = (256 * lanes[1::2] + lanes[::2]).astype("<i2")
    packed: Int8 = np.ascontiguousarray(words).view(np.int8).reshape(len(words), len(order), 2)
    return packed


def dense_blocks(filters: Int8) -> Int8:
    """The weights of dsp/fully_connected.h: blocks of four channels, then of two, over words of four inputs.

    Args:
        filters: int8 [channels, inputs] without -128.

    Returns:
        int8 [bytes].
    """
    taps = filters.shape[1]
    order = [
        tap if tap < taps else -1 for first in range(0, taps, 4) for tap in (first, first + 2, first + 1, first + 3)
    ]
    pairs = interleaved_pairs(filters, order).reshape(-1, len(order) // 4, 8)
    fours = len(filters) // 4 * 2
    blocks = [pairs[i : i + 2].swapaxes(0, 1) for i in range(0, fours, 2)] + [pairs[fours:]]
    packed: Int8 = np.concatenate([np.ascontiguousarray(block).reshape(-1) for block in blocks])
    return packed
