"""Cases of operators that work channel by channel: depthwise convolutions, pools, means, sums of two tensors."""

from __future__ import annotations

import random

import numpy as np

from support.cases.base import Case, T, numbers, single
from tinygen.model.builder import Record

_SAME, _VALID = 0, 1
# input (h, w, channels), kernel (h, w), stride (h, w), padding, multiplier, dilation. What is odd about them: odd and
# single channels, single pixels, a stride over the kernel, rows of 1 to 9 pixels, windows that hardly touch the image.
_DEPTHWISE = (
    ((25, 5, 8), (3, 3), (1, 1), _SAME, 1, 1),
    ((6, 6, 5), (3, 3), (1, 1), _SAME, 1, 1),
    ((7, 7, 3), (3, 3), (2, 2), _SAME, 1, 1),
    ((8, 8, 4), (3, 3), (2, 2), _SAME, 1, 1),
    ((9, 10, 2), (3, 3), (2, 1), _VALID, 1, 1),
    ((10, 9, 2), (3, 3), (1, 2), _SAME, 1, 1),
    ((3, 3, 7), (3, 3), (1, 1), _VALID, 1, 1),
    ((1, 1, 9), (3, 3), (1, 1), _SAME, 1, 1),
    ((2, 1, 1), (3, 3), (2, 2), _SAME, 1, 1),
    ((40, 40, 2), (3, 3), (1, 1), _SAME, 1, 1),
    ((41, 39, 1), (3, 3), (2, 2), _SAME, 1, 1),
    ((30, 62, 1), (3, 3), (1, 1), _VALID, 1, 1),
    ((8, 7, 3), (3, 3), (4, 4), _SAME, 1, 1),
    ((9, 9, 4), (3, 3), (1, 1), _SAME, 1, 2),
    ((9, 1, 8), (5, 1), (1, 1), _VALID, 1, 1),
    ((10, 1, 13), (10, 1), (1, 1), _VALID, 1, 1),
    ((15, 1, 16), (15, 1), (1, 1), _VALID, 1, 1),
    ((20, 1, 6), (7, 1), (2, 1), _SAME, 1, 1),
    ((1, 30, 4), (1, 9), (1, 1), _SAME, 1, 1),
    ((12, 11, 6), (5, 5), (2, 2), _SAME, 1, 1),
    ((12, 10, 1), (10, 8), (2, 2), _SAME, 8, 1),
    ((9, 9, 1), (3, 3), (2, 2), _SAME, 8, 1),
    ((8, 6, 1), (3, 3), (1, 1), _SAME, 5, 1),
    ((10, 10, 1), (4, 7), (1, 2), _VALID, 4, 1),
    ((7, 5, 3), (3, 3), (1, 1), _SAME, 2, 1),
)


def _zero(dice: random.Random) -> int:
    return dice.choice([-128, 127, 0, dice.randint(-128, 127)])


def _extent(size: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    return -(-size // stride) if padding == _SAME else (size - (kernel - 1) * dilation - 1) // stride + 1


def _depthwise(dice: random.Random, rng: np.random.Generator) -> list[Case]:
    found = []
    for number, ((h, w, c), (k_h, k_w), (s_h, s_w), padding, many, dilation) in enumerate(_DEPTHWISE * 2):
        out_c = c * many
        taps = k_h * k_w
        source = T(shape=(dice.choice([1, 1, 2]), h, w, c), scale=0.04, zero_point=_zero(dice))
        data = rng.integers(-127, 128, (1, k_h, k_w, out_c)).astype(np.int8)
        scales = tuple(float(s) for s in 0.01 * rng.uniform(0.3, 3.0, out_c))
        bias = rng.integers(-(1 << 10), 1 << 10, out_c).astype(np.int32)
        # From scales that use all of int8 to ones that saturate nearly always, where multipliers are 1 and more.
        reach = 0.04 * 0.01 * 74 * taps**0.5
        scale = reach * dice.choice([2.0, 2.0, 0.7, 0.1]) if number % 9 != 8 else 0.0003
        result = T(
            shape=(
                source.shape[0],
                _extent(h, k_h, s_h, padding, dilation),
                _extent(w, k_w, s_w, padding, dilation),
                out_c,
            ),
            scale=scale,
            zero_point=-128 if number % 3 == 0 else _zero(dice),
        )
        fields = {"padding": padding, "stride_h": s_h, "stride_w": s_w, "depth_multiplier": many}
        fields |= {"fused_activation_function": dice.choice([0, 1, 1, 3]), "dilation_h_factor": dilation}
        fields |= {"dilation_w_factor": dilation}
        weights = T(shape=data.shape, data=data, scales=scales, axis=3)
        inputs = [source, weights, T(shape=(out_c,), dtype="int32", scale=0, data=bias)]
        name = f"depthwise-{number}-{h}x{w}x{c}-{k_h}x{k_w}"
        found.append(single(name, "DEPTHWISE_CONV_2D", inputs, [result], Record("DepthwiseConv2DOptions", fields)))
    return found


def _pools(dice: random.Random) -> list[Case]:
    found = []
    shapes = (
        ((6, 5, 3), (3, 3), (1, 1), _SAME),
        ((6, 6, 5), (2, 2), (2, 2), _VALID),
        ((25, 5, 16), (25, 5), (25, 5), _VALID),
        ((3, 3, 21), (3, 3), (3, 3), _VALID),
        ((1, 1, 4), (1, 1), (1, 1), _SAME),
        ((7, 4, 8), (2, 3), (3, 2), _SAME),
        ((16, 1, 6), (4, 1), (4, 1), _VALID),
    )
    for number, ((h, w, c), (k_h, k_w), (s_h, s_w), padding) in enumerate(shapes * 2):
        zero = _zero(dice)
        source = T(shape=(dice.choice([1, 1, 2]), h, w, c), scale=0.05, zero_point=zero)
        shape = (source.shape[0], _extent(h, k_h, s_h, padding), _extent(w, k_w, s_w, padding), c)
        fields = {"padding": padding, "stride_h": s_h, "stride_w": s_w, "filter_height": k_h, "filter_width": k_w}
        fields |= {"fused_activation_function": 0 if number < len(shapes) else dice.choice([0, 1, 3])}
        for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
            result = T(shape=shape, scale=0.05, zero_point=zero)
            found.append(single(f"{op.lower()}-{number}", op, [source], [result], Record("Pool2DOptions", fields)))
    return found


def _means(dice: random.Random) -> list[Case]:
    found = []
    for number, (shape, axes) in enumerate(
        [((1, 25, 5, 16), (1, 2)), ((1, 4, 4, 7), (1, 2)), ((2, 16, 8), (1,)), ((1, 6, 6, 5), (3,)), ((3, 9), (1,))] * 2
    ):
        zero, scale = _zero(dice), 0.05
        kept = tuple(size for i, size in enumerate(shape) if i not in axes)
        result = T(shape=kept, scale=scale if number % 2 else 0.013, zero_point=zero if number % 2 else _zero(dice))
        source = T(shape=shape, scale=scale, zero_point=zero)
        options = Record("ReducerOptions", {"keep_dims": False})
        found.append(single(f"mean-{number}", "MEAN", [source, numbers(*axes)], [result], options))
    return found


def _sums(dice: random.Random) -> list[Case]:
    found = []
    for number, (one, two) in enumerate([((1, 7, 5, 4), (1, 7, 5, 4)), ((3, 9), (3, 9)), ((2, 5, 6), (6,))] * 5):
        a = T(shape=one, scale=0.03 * dice.uniform(0.2, 4), zero_point=_zero(dice))
        b = T(shape=two, scale=0.03 * dice.uniform(0.2, 4), zero_point=_zero(dice))
        if number == 0:
            b = T(shape=two, scale=a.scale, zero_point=_zero(dice))
        scale = max(a.scale, b.scale) * dice.choice([2.0, 1.0, 0.25])
        result = T(shape=one, scale=scale, zero_point=_zero(dice))
        options = Record("AddOptions", {"fused_activation_function": dice.choice([0, 0, 1, 3])})
        found.append(single(f"add-{number}", "ADD", [a, b], [result], options))
    return found


def cases() -> list[Case]:
    """DEPTHWISE_CONV_2D, AVERAGE_POOL_2D, MAX_POOL_2D, MEAN, ADD over shapes, scales and zero points."""
    dice = random.Random(6)
    rng = np.random.default_rng(6)
    return [*_depthwise(dice, rng), *_pools(dice), *_means(dice), *_sums(dice)]
