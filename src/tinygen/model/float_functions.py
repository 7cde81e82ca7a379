"""What float32 operators with one input compute: the functions that islands of them are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from tinygen.model.ir import Op

Real = npt.NDArray[np.float32]


def _cut(x: Real, low: float, high: float) -> Real:
    return np.minimum(np.maximum(x, np.float32(low)), np.float32(high))


def _rounded(function: Callable[[Real], Real]) -> Callable[[Real, Op], Real]:
    """A function computed in float64 and rounded once, as a good float32 library does."""
    return lambda x, op: function(x.astype(np.float64)).astype(np.float32)


def _logistic(x: Real, op: Op) -> Real:
    del op
    wide = x.astype(np.float64)
    # Beyond these limits TFLM takes 1 and exp(x). Source: internal/reference/logistic.h.
    middle = np.float32(1) / (np.float32(1) + np.exp(-wide).astype(np.float32))
    low = np.where(x < np.float32(-9.0), np.exp(wide).astype(np.float32), middle)
    return np.where(x > np.float32(16.619047164916992188), np.float32(1), low)


def _hard_swish(x: Real, op: Op) -> Real:
    del op
    return x * _cut(x + np.float32(3), 0, 6) / np.float32(6)


def _leaky(x: Real, op: Op) -> Real:
    return np.where(x > 0, x, x * np.float32(op.options.get("alpha", 0.0)))


def _elu(x: Real, op: Op) -> Real:
    del op
    return np.where(x < 0, np.expm1(np.minimum(x, 0).astype(np.float64)).astype(np.float32), x)


# float32 in, float32 out, proved entry by entry on the wheel (tests/property/test_model_simplify.py).
FLOAT_FUNCTIONS: Mapping[str, Callable[[Real, Op], Real]] = {
    "ABS": lambda x, op: np.abs(x),
    "COS": _rounded(np.cos),
    "ELU": _elu,
    "EXP": _rounded(np.exp),
    "FLOOR": lambda x, op: np.floor(x),
    "CEIL": lambda x, op: np.ceil(x),
    "HARD_SWISH": _hard_swish,
    "LEAKY_RELU": _leaky,
    "LOG": _rounded(np.log),
    "LOGISTIC": _logistic,
    "NEG": lambda x, op: -x,
    "RELU": lambda x, op: np.maximum(x, np.float32(0)),
    "RELU6": lambda x, op: _cut(x, 0, 6),
    "RSQRT": lambda x, op: (np.float32(1) / np.sqrt(x)).astype(np.float32),
    "SIN": _rounded(np.sin),
    "SQRT": lambda x, op: np.sqrt(x),
    "SQUARE": lambda x, op: x * x,
    "TANH": _rounded(np.tanh),
}
