"""Cases of int16 activations, with int8 weights where there are any, over scales, shapes and biases."""

from __future__ import annotations

import random

import numpy as np

from support.cases.base import Case, T, numbers, single
from tinygen.model.builder import Record

_SAME, _VALID = 0, 1
_ACTIVATIONS = (0, 0, 1, 2, 3)
_SHAPES = (
    ((1, 7, 5, 4), (1, 7, 5, 4)),
    ((1, 3, 4, 6), (6,)),
    ((2, 1, 4, 1), (1, 3, 1, 5)),
    ((40, 30), (40, 30)),
    ((30, 1), (30, 40)),
    ((1, 1), (1, 1)),
)


class _Maker:
    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.rng = np.random.default_rng(seed)

    def scale(self, low: float, high: float) -> float:
        return float(np.float32(low * (high / low) ** self.dice.random()))

    def weights(self, shape: tuple[int, ...], axis: int, per_channel: bool) -> T:
        data = self.rng.integers(-127, 128, shape).astype(np.int8)
        scales = tuple(self.scale(0.002, 0.02) for _ in range(shape[axis] if per_channel else 1))
        return T(shape=shape, scales=scales, axis=axis, data=data)

    def bias(self, channels: int, wide: bool) -> T:
        reach = 1 << (38 if wide else 22)
        data = self.rng.integers(-reach, reach, channels).astype(np.int64 if wide else np.int32)
        return T(shape=(channels,), dtype="int64" if wide else "int32", scale=0, data=data)

    def result(self, shape: tuple[int, ...], source: T, taps: int) -> T:
        """An output whose scale lets some values saturate."""
        spread = source.scale * 0.01 * 73 * 20000 * taps**0.5
        return T(shape=shape, dtype="int16", scale=self.scale(spread / 60000, spread / 8000))


def _sums() -> list[Case]:
    maker, found = _Maker(3), []
    dice = maker.dice
    for i in range(18):
        h, w, c = dice.randint(3, 7), dice.randint(3, 7), dice.choice([1, 2, 3, 4, 6])
        k_h, k_w, stride, dilation = dice.randint(1, 3), dice.randint(1, 3), dice.randint(1, 2), dice.choice([1, 1, 2])
        padding = _SAME if (k_h - 1) * dilation + 1 > h or (k_w - 1) * dilation + 1 > w else dice.choice([0, 1])
        out = [
            -(-n // stride) if padding == _SAME else (n - (k - 1) * dilation - 1) // stride + 1
            for n, k in ((h, k_h), (w, k_w))
        ]
        source = T(shape=(1 + i % 2, h, w, c), dtype="int16", scale=maker.scale(1e-4, 1e-2))
        fields = {
            "padding": padding,
            "stride_w": stride,
            "stride_h": stride,
            "dilation_w_factor": dilation,
            "dilation_h_factor": dilation,
            "fused_activation_function": dice.choice(_ACTIVATIONS),
        }
        groups = 2 if c % 2 == 0 and i % 3 == 0 else 1
        channels = groups * dice.randint(1, 5)
        weights = maker.weights((channels, k_h, k_w, c // groups), 0, i % 4 != 0)
        biases = (None, maker.bias(channels, True), maker.bias(channels, False))
        bias = biases[i % 3]
        result = maker.result((source.shape[0], *out, channels), source, k_h * k_w * c)
        inputs = [source, weights, *([] if bias is None else [bias])]
        kind = 2 if bias is None and i % 2 else 0
        options = Record("Conv2DOptions", {**fields, "quantized_bias_type": kind})
        found.append(single(f"conv_2d-int16-{i}", "CONV_2D", inputs, [result], options))
        many = dice.choice([1, 1, 2])
        weights = maker.weights((1, k_h, k_w, c * many), 3, i % 4 != 0)
        result = maker.result((source.shape[0], *out, c * many), source, k_h * k_w)
        inputs = [source, weights, *([maker.bias(c * many, True)] if i % 3 else [])]
        options = Record("DepthwiseConv2DOptions", {**fields, "depth_multiplier": many})
        found.append(single(f"depthwise_conv_2d-int16-{i}", "DEPTHWISE_CONV_2D", inputs, [result], options))
    for i in range(12):
        batch, in_c, out_c = dice.choice([1, 1, 3]), dice.randint(1, 90), dice.randint(1, 9)
        source = T(shape=(batch, in_c), dtype="int16", scale=maker.scale(1e-4, 1e-2))
        weights = maker.weights((out_c, in_c), 0, i % 2 == 0)
        biases = (None, maker.bias(out_c, True), maker.bias(out_c, False))
        bias = biases[i % 3]
        fields = {"fused_activation_function": dice.choice(_ACTIVATIONS)}
        fields["quantized_bias_type"] = 2 if bias is None and i % 2 else 0
        inputs = [source, weights, *([] if bias is None else [bias])]
        options = Record("FullyConnectedOptions", fields)
        result = maker.result((batch, out_c), source, in_c)
        found.append(single(f"fully_connected-int16-{i}", "FULLY_CONNECTED", inputs, [result], options))
    for i in range(10):
        in_h, in_w, in_c, out_c = (dice.randint(1, 4) for _ in range(4))
        (k_h, s_h), (k_w, s_w) = ((dice.randint(1, 4), dice.randint(1, 3)) for _ in range(2))
        sizes = [n * s if i % 2 else (n - 1) * s + k for n, s, k in ((in_h, s_h, k_h), (in_w, s_w, k_w))]
        weights = maker.weights((out_c, k_h, k_w, in_c), 0, i % 3 != 0)
        source = T(shape=(1, in_h, in_w, in_c), dtype="int16", scale=maker.scale(1e-4, 1e-2))
        small = maker.rng.integers(-32768, 32768, out_c).astype(np.int16)
        short = T(shape=(out_c,), dtype="int16", data=small)
        inputs = [numbers(1, *sizes, out_c), weights, source]
        inputs += ([], [maker.bias(out_c, True)], [short])[i % 3]
        fields = {"padding": _SAME if i % 2 else _VALID, "stride_w": s_w, "stride_h": s_h}
        options = Record("TransposeConvOptions", fields)
        result = maker.result((1, *sizes, out_c), source, k_h * k_w * in_c)
        found.append(single(f"transpose_conv-int16-{i}", "TRANSPOSE_CONV", inputs, [result], options))
    return found


def _pairs() -> list[Case]:
    maker, found = _Maker(5), []
    dice = maker.dice
    for i, (one, two) in enumerate(_SHAPES * 3):
        shape = tuple(np.broadcast_shapes(one, two))
        a = T(shape=one, dtype="int16", scale=maker.scale(1e-4, 1e-2))
        data = maker.rng.integers(-32768, 32768, two).astype(np.int16) if i % 3 == 0 else None
        b = T(shape=two, dtype="int16", scale=maker.scale(1e-4, 1e-2), data=data)
        product = a.scale * b.scale * 20000
        for op, reach in (("ADD", max(a.scale, b.scale)), ("SUB", max(a.scale, b.scale)), ("MUL", product)):
            options = Record(f"{op.title()}Options", {"fused_activation_function": dice.choice(_ACTIVATIONS)})
            fields = {**options.fields, **({} if op == "MUL" else {"pot_scale_int16": False})}
            out = T(shape=shape, dtype="int16", scale=maker.scale(reach / 2, reach * 4))
            found.append(single(f"{op.lower()}-int16-{i}", op, [a, b], [out], Record(options.kind, fields)))
        like = T(shape=two, dtype="int16", scale=a.scale, data=data)
        out = T(shape=shape, dtype="int16", scale=a.scale)
        found += [single(f"{op.lower()}-int16-{i}", op, [a, like], [out]) for op in ("MINIMUM", "MAXIMUM")]
        if data is not None and shape == one:
            out = T(shape=shape, dtype="int16", scale=a.scale * maker.scale(0.5, 2))
            slopes = T(shape=two, scale=0.01, zero_point=dice.choice([0, 5]), data=data.astype(np.int8))
            found.append(single(f"prelu-int16-{i}", "PRELU", [a, slopes], [out]))
    return found


def _windows_and_reductions() -> list[Case]:
    maker, found = _Maker(7), []
    dice = maker.dice
    for i in range(10):
        h, w, c = dice.randint(2, 8), dice.randint(2, 8), dice.randint(1, 4)
        k_h, k_w, stride = dice.randint(1, min(3, h)), dice.randint(1, min(3, w)), dice.randint(1, 3)
        padding = dice.choice([_SAME, _VALID])
        out = [-(-n // stride) if padding == _SAME else (n - k) // stride + 1 for n, k in ((h, k_h), (w, k_w))]
        fields = {"padding": padding, "stride_w": stride, "stride_h": stride, "filter_width": k_w, "filter_height": k_h}
        fields["fused_activation_function"] = dice.choice(_ACTIVATIONS)
        scale = maker.scale(1e-4, 1e-2)
        tensors = T(shape=(1, h, w, c), dtype="int16", scale=scale), T(shape=(1, *out, c), dtype="int16", scale=scale)
        for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
            found.append(
                single(f"{op.lower()}-int16-{i}", op, tensors[:1], tensors[1:], Record("Pool2DOptions", fields))
            )
    for i, (shape, axes) in enumerate(
        (
            ((1, 5, 4, 3), (1, 2)),
            ((2, 3, 4, 5), (0, 2)),
            ((2, 3, 4, 5), (-1, 1)),
            ((9,), (0,)),
            ((1, 30, 20, 2), (1, 2)),
        )
    ):
        keep = i % 2
        plain = {axis % len(shape) for axis in axes}
        shape_out = tuple(1 if j in plain else n for j, n in enumerate(shape) if keep or j not in plain)
        for op in ("MEAN", "SUM"):
            for factor in (1.0, 0.7, 3.3):
                source = T(shape=shape, dtype="int16", scale=0.002)
                result = T(shape=shape_out, dtype="int16", scale=0.002 * factor)
                options = Record("ReducerOptions", {"keep_dims": keep})
                name = f"{op.lower()}-int16-{i}-{factor}"
                found.append(single(name, op, [source, numbers(*axes)], [result], options))
    pairs = np.array([[0, 0], [1, 2], [0, 1], [3, 0]], np.int32)
    paddings = T(shape=(4, 2), dtype="int32", scale=0, data=pairs)
    source, result = T(shape=(1, 2, 3, 2), dtype="int16"), T(shape=(1, 5, 4, 5), dtype="int16")
    value = T(shape=(1,), dtype="int16", data=np.array([-1234], np.int16))
    found.append(single("pad-int16", "PAD", [source, paddings], [result], Record("PadOptions", {})))
    found.append(single("padv2-int16", "PADV2", [source, paddings, value], [result]))
    for corners, half in ((0, 0), (1, 0), (0, 1)):
        options = Record("ResizeNearestNeighborOptions", {"align_corners": corners, "half_pixel_centers": half})
        tensors = T(shape=(1, 3, 4, 2), dtype="int16"), T(shape=(1, 6, 7, 2), dtype="int16")
        name = f"resize_nearest_neighbor-int16-{corners}{half}"
        inputs = [tensors[0], numbers(6, 7)]
        found.append(single(name, "RESIZE_NEAREST_NEIGHBOR", inputs, tensors[1:], options))
    return found


def _functions() -> list[Case]:
    maker, found = _Maker(9), []
    every = (1, 40, 49, 1)
    for i in range(10):
        scale = (2.0**-12, 2.0**-11, 2.0**-15, 1 / 4096 * 0.9)[i] if i < 4 else maker.scale(1e-5, 0.5)
        source = T(shape=every, dtype="int16", scale=scale)
        unit = T(shape=every, dtype="int16", scale=2.0**-15)
        found += [single(f"{op.lower()}-int16-{scale:g}", op, [source], [unit]) for op in ("LOGISTIC", "TANH")]
        other = T(shape=every, dtype="int16", scale=scale * (maker.scale(0.3, 3.0) if i else 1.0))
        found += [single(f"{op.lower()}-int16-{scale:g}", op, [source], [other]) for op in ("RELU", "ABS")]
        options = Record("LeakyReluOptions", {"alpha": maker.dice.choice([0.0, 0.1, 1.5, -0.3])})
        found.append(single(f"leaky_relu-int16-{scale:g}", "LEAKY_RELU", [source], [other], options))
        if 6 / scale < 32767:
            found.append(single(f"relu6-int16-{scale:g}", "RELU6", [source], [source]))
    for rows, depth, scale, beta in (
        (1, 1, 0.01, 1.0),
        (40, 49, 10 / 65535, 1.0),
        (7, 300, 2.0**-12, 0.5),
        (3, 1200, 2e-6, 1.0),
        (5, 10, 1.9, 1.0),
        (2, 3, 1e-9, 1e-3),
    ):
        ends = T(shape=(rows, depth), dtype="int16", scale=scale), T(shape=(rows, depth), dtype="int16", scale=2.0**-15)
        options = Record("SoftmaxOptions", {"beta": beta})
        found.append(single(f"softmax-int16-{depth}-{scale:g}", "SOFTMAX", ends[:1], ends[1:], options))
    return found


def cases() -> list[Case]:
    """Every operator that TFLM runs on int16 activations and the compiler takes."""
    return [*_sums(), *_pairs(), *_windows_and_reductions(), *_functions()]
