"""SOFTMAX of int16 values by straight lines between table entries, as TFLM computes it: parameters and reference.

Source: SoftmaxInt16 in tensorflow/lite/kernels/internal/reference/softmax.h; LUTPopulate and LUTLookup in
tensorflow/lite/kernels/internal/common.h; micro/kernels/softmax_common.cc.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from tinygen.core.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from tinygen.model.lowering import Array, Int64, OpContext

Real = npt.NDArray[np.float32]
# More rows' values of at most 32767 could leave an int32 sum.
MAX_DEPTH = 65535
_STEPS = 512
# The table of exp() reaches from -10 to 0 over 65536 steps.
_STEPS_PER_UNIT = 65535.0 / 10.0


def _rounded(values: Real) -> Real:
    """C's round() on float32: halves away from zero."""
    result: Real = np.copysign(np.floor(np.abs(values) + np.float32(0.5)), values)
    return result


def _table(function: Callable[[Real], Real], low: float, high: float) -> npt.NDArray[np.int16]:
    """513 entries in Q0.15 over [low, high], each lowered by half of what the straight line misses at its middle."""
    unit = np.float32(32768)
    step = np.float32((np.float32(high) - np.float32(low)) / np.float32(_STEPS))
    at = np.arange(_STEPS, dtype=np.float32)
    left = np.float32(low) + at * step
    sample = _rounded(function(left) * unit)
    middle = _rounded(function(left + step / np.float32(2)) * unit)
    ahead = function(np.float32(low) + (at + np.float32(1)) * step)
    line = _rounded((ahead * unit + sample) / np.float32(2))
    entries = sample - _rounded((line - middle) / np.float32(2))
    last = _rounded(function(np.array([high], np.float32)) * unit)
    result: npt.NDArray[np.int16] = np.clip(np.concatenate([entries, last]), -32768, 32767).astype(np.int16)
    return result


def tables() -> dict[str, Array]:
    """exp(x) for x in [-10, 0] and 1 / (1 + x) for x in [0, 1]: int16 [513] in Q0.15."""
    exp = _table(lambda x: np.exp(x.astype(np.float64)).astype(np.float32), -10.0, 0.0)
    return {"exp_table": exp, "reciprocal_table": _table(lambda x: np.float32(1) / (np.float32(1) + x), 0.0, 1.0)}


def params(ctx: OpContext, beta: float, scale: float) -> dict[str, int]:
    """The factor that brings differences of the input to steps of the exp() table."""
    multiplier, shift = quantize_multiplier(scale * beta * _STEPS_PER_UNIT)
    if shift > 15:
        raise ctx.fail(f"beta {beta:g} times input scale {scale:g} is too large for fixed point")
    return {"multiplier": multiplier, "shift": shift}


def _looked_up(table: npt.NDArray[np.generic], value: Int64) -> Int64:
    """A point on the straight line between two entries; value: int16 range."""
    wide = table.astype(np.int64)
    place = 256 + (value >> 7)
    result: Int64 = wide[place] + (((wide[place + 1] - wide[place]) * (value & 127) + 64) >> 7)
    return result


def reference(p: Mapping[str, int], constants: Mapping[str, Array], rows: Int64) -> npt.NDArray[np.int16]:
    """int16 values [rows, depth] to Q0.15."""
    differences = rows - rows.max(axis=1, keepdims=True)
    scaled = multiply_by_quantized_multiplier(differences, p["multiplier"], p["shift"])
    exps = _looked_up(constants["exp_table"], np.clip(scaled + 32767, -32768, 32767))
    sums = exps.sum(axis=1, keepdims=True)
    bits = np.frexp(sums.astype(np.float64))[1].astype(np.int64)
    # The sum with 17 bits, less the 1.5 that is the middle of the table of 1 / (1 + x).
    shifted = ((sums << (31 - bits)) + (1 << 13)) >> 14
    scale = _looked_up(constants["reciprocal_table"], np.clip(shifted - 3 * (1 << 15), -32768, 32767))
    shift = bits - 1
    parts = (exps * scale + (np.int64(1) << (shift - 1))) >> shift
    result: npt.NDArray[np.int16] = np.clip(parts, 0, 32767).astype(np.int16)
    return result
