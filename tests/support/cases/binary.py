"""Cases of int8 operators with two inputs."""

from __future__ import annotations

import random

import numpy as np

from support.cases.base import Case, T, single
from tinygen.model.builder import Record

_SHAPES = (
    ((1, 7, 5, 4), (1, 7, 5, 4)),
    ((1, 3, 4, 6), (6,)),
    ((1, 3, 4, 6), (1, 1, 1, 6)),
    ((2, 1, 4, 1), (1, 3, 1, 5)),
    ((5, 7), (1,)),
    ((3, 1), (3, 9)),
    ((1, 1), (1, 1)),
)


def _scale(dice: random.Random, low: float, high: float) -> float:
    return low * float((high / low) ** dice.random())


def _zero(dice: random.Random) -> int:
    return dice.choice([-128, 127, 0, dice.randint(-128, 127)])


def cases() -> list[Case]:
    """SUB, MUL, MINIMUM, MAXIMUM, PRELU, over shapes, scales and fused activations."""
    dice = random.Random(9)
    rng = np.random.default_rng(9)
    found = []
    for i, (one, two) in enumerate(_SHAPES * 2):
        shape = tuple(np.broadcast_shapes(one, two))
        a = T(shape=one, scale=_scale(dice, 0.01, 0.2), zero_point=_zero(dice))
        b = T(shape=two, scale=_scale(dice, 0.01, 0.2), zero_point=_zero(dice))
        data = rng.integers(-128, 128, two).astype(np.int8)
        fixed = T(shape=two, scale=b.scale, zero_point=b.zero_point, data=data)
        pair = [a, fixed] if i % 2 else [a, b]
        if i % 4 == 2:
            pair.reverse()
        for op, reach in (("SUB", max(a.scale, b.scale)), ("MUL", a.scale * b.scale * 100)):
            activation = dice.choice([0, 0, 1, 2, 3])
            options = Record({"SUB": "SubOptions", "MUL": "MulOptions"}[op], {"fused_activation_function": activation})
            out = T(shape=shape, scale=_scale(dice, reach / 3, reach * 3), zero_point=_zero(dice))
            found.append(single(f"{op.lower()}-{i}", op, pair, [out], options))
        alike = [T(shape=t.shape, scale=a.scale, zero_point=a.zero_point, data=t.data) for t in (*pair, T(shape=shape))]
        for op in ("MINIMUM", "MAXIMUM"):
            found.append(single(f"{op.lower()}-{i}", op, alike[:2], alike[2:]))
        if i % 2 and np.broadcast_shapes(one, two) == one:
            out = T(shape=shape, scale=_scale(dice, a.scale / 3, a.scale * 3), zero_point=_zero(dice))
            found.append(single(f"prelu-{i}", "PRELU", [a, fixed], [out]))
    return found
