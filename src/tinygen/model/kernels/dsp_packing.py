"""What the kernels for Cortex-M's DSP extension assume about an operator, proved here, and their constants."""

from __future__ import annotations

import numpy as np

from tinygen.boards.spec import ChipSpec
from tinygen.core.fixedpoint import Int64
from tinygen.model.lowering import INT8_MAX, INT8_MIN, Array, Int32, Lowered

# offset + |h| stays below 2^31: 2^29 for the zero point, 2^21 for rounding, 2^30 for h.
_FAST_SHIFTS = (1, 22)
_FAST_SUM = 1 << 30
CHANNEL_WORDS = 4


def needs_dsp(chip: ChipSpec) -> str | None:
    """The reason a chip cannot run these kernels."""
    return None if "dsp" in chip.isa else f"{chip.cpu} has no DSP instructions"


def largest_sum(weights: Array, bias: Int32) -> Int64:
    """The largest |accumulator| of each channel for any int8 input, the input's zero point already inside the bias.

    Args:
        weights: int8 [channels, taps].
        bias: int32 [channels], with the zero point folded in.

    Returns:
        int64 [channels].
    """
    w = weights.astype(np.int64)
    ends = np.stack([w * INT8_MIN, w * INT8_MAX])
    low = bias.astype(np.int64) + ends.min(axis=0).sum(axis=1)
    high = bias.astype(np.int64) + ends.max(axis=0).sum(axis=1)
    largest: Int64 = np.maximum(np.abs(low), np.abs(high))
    return largest


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
