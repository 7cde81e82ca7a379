"""Cases of int8 operators with one input: every table entry is asked for."""

from __future__ import annotations

import random

import numpy as np

from support.cases.base import Case, T, single
from tinygen.core.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from tinygen.model.builder import Record

_ALL = (1, 16, 16, 1)


def _pair(dice: random.Random, low: float, high: float, ratio: tuple[float, float]) -> tuple[float, int, float, int]:
    scale = low * (high / low) ** dice.random()
    other = scale * ratio[0] * (ratio[1] / ratio[0]) ** dice.random()
    points = [dice.choice([-128, 127, 0, dice.randint(-128, 127)]) for _ in range(2)]
    return scale, points[0], other, points[1]


def _divided() -> list[Case]:
    """Scales whose quotient, rounded to float32, would change a result: TFLM divides in double."""
    dice = random.Random(6)
    centred = np.arange(-128, 128)
    found: list[Case] = []
    while len(found) < 12:
        scale, out_scale = (float(np.float32(0.01 * 20 ** dice.random())) for _ in range(2))
        zero, out_zero = dice.randint(-128, 127), dice.randint(-40, 40)
        wide, narrow = scale / out_scale, float(np.float32(scale) / np.float32(out_scale))
        results = [
            np.clip(multiply_by_quantized_multiplier(centred - zero, *quantize_multiplier(ratio)) + out_zero, -128, 127)
            for ratio in (wide, narrow)
        ]
        if (results[0] == results[1]).all():
            continue
        tensors = T(shape=_ALL, scale=scale, zero_point=zero), T(shape=_ALL, scale=out_scale, zero_point=out_zero)
        for op in ("ABS", "LEAKY_RELU", "RELU"):
            options = Record("LeakyReluOptions", {"alpha": 1.0}) if op == "LEAKY_RELU" else None
            found.append(single(f"{op.lower()}-divided-{len(found)}", op, tensors[:1], tensors[1:], options))
    return found


def cases() -> list[Case]:
    """ABS, ELU, HARD_SWISH, LEAKY_RELU, LOGISTIC, RELU, TANH over scales and zero points."""
    dice = random.Random(4)
    found = _divided()
    for i in range(12):
        for op in ("ABS", "ELU", "HARD_SWISH", "LEAKY_RELU", "RELU"):
            scale, zero, out_scale, out_zero = _pair(dice, 0.002, 0.5, (0.3, 3.0))
            if i == 0:
                out_scale = scale
            options = Record("LeakyReluOptions", {"alpha": dice.choice([0.0, 0.1, 0.2, 1.5, -0.3])})
            tensors = T(shape=_ALL, scale=scale, zero_point=zero), T(shape=_ALL, scale=out_scale, zero_point=out_zero)
            name = f"{op.lower()}-{i}-{scale:.4g}-{zero}-{out_scale:.4g}-{out_zero}"
            found.append(single(name, op, tensors[:1], tensors[1:], options if op == "LEAKY_RELU" else None))
        for op, result in (
            ("TANH", T(shape=_ALL, scale=1 / 128)),
            ("LOGISTIC", T(shape=_ALL, scale=1 / 256, zero_point=-128)),
        ):
            scale, zero, _, _ = _pair(dice, 0.0005, 1.0, (1.0, 1.0))
            # From 8 on everything but 0 is saturated, and TFLM's arithmetic is at its limit.
            scale = (7.999, 8.0, 30.0, 1e4)[i] if i < 4 else scale
            tensor = T(shape=_ALL, scale=scale, zero_point=zero)
            found.append(single(f"{op.lower()}-{i}-{scale:.4g}-{zero}", op, [tensor], [result]))
    return found
