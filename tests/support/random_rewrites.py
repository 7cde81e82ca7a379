"""Random small INT8 models in which every rewrite has something to do. The same seed gives the same file everywhere."""

from __future__ import annotations

import numpy as np

from tinygen.model.builder import ModelBuilder, Record

_SAME, _VALID = 0, 1


class _Maker:
    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.builder = ModelBuilder()
        self.quantization: dict[int, tuple[float, int]] = {}

    def pick(self, *choices: int) -> int:
        return int(self.rng.choice(choices))

    def tensor(self, shape: tuple[int, ...], scale: float, zero_point: int) -> int:
        exact = float(np.float32(scale))
        index = self.builder.tensor("t", "int8", shape, scales=[exact], zero_points=[zero_point])
        self.quantization[index] = (exact, zero_point)
        return index

    def like(self, index: int, shape: tuple[int, ...]) -> int:
        """A tensor with another's quantisation."""
        return self.tensor(shape, *self.quantization[index])

    def window(
        self,
        x: int,
        shape: tuple[int, ...],
        out: tuple[int, ...],
        *,
        zero_point: int,
        padding: int,
        stride: int,
        k: tuple[int, int],
        dead: float = 0.3,
        turned: bool = False,
    ) -> int:
        """A convolution, often depthwise where channels stay; some channels become constant by bias and clamp."""
        depthwise = shape[3] == out[3] and self.pick(0, 1) == 1
        strides = {"stride_w": stride, "stride_h": 1} if turned else {"stride_h": stride, "stride_w": 1}
        k = k[::-1] if turned else k
        axis = 3 if depthwise else 0
        w_shape = (1, *k, out[3]) if depthwise else (out[3], *k, shape[3])
        weights = self.rng.integers(-127, 128, w_shape).astype(np.int8)
        np.moveaxis(weights, axis, 0)[self.rng.random(out[3]) < dead / 3] = 0
        scales = [float(np.float32(0.01 * (1 + self.rng.random()))) for _ in range(out[3])]
        bias = self.rng.integers(-3000, 3000, out[3])
        bias = np.where(self.rng.random(out[3]) < dead, -4_000_000, bias).astype(np.int32)
        w = self.builder.tensor("w", "int8", w_shape, scales=scales, axis=axis, data=weights)
        b = self.builder.tensor("b", "int32", (out[3],), scales=scales, data=bias)
        taps = k[0] * k[1] * (1 if depthwise else shape[3])
        y = self.tensor(out, self.quantization[x][0] * 0.7 * taps**0.5, zero_point)
        fields = {"padding": padding, **strides, "fused_activation_function": self.pick(0, 1)}
        if depthwise:
            fields["depth_multiplier"] = 1
        name, options = ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions") if depthwise else ("CONV_2D", "Conv2DOptions")
        self.builder.op(name, [x, w, b], [y], Record(options, fields))
        return y

    def pooled(self, x: int, shape: tuple[int, ...]) -> int:
        """The mean over rows and columns, by a pool or by MEAN."""
        m = self.like(x, (1, 1, 1, shape[3]))
        if self.pick(0, 1):
            axes = self.builder.tensor("axes", "int32", (2,), data=np.array([1, 2], np.int32))
            self.builder.op("MEAN", [x, axes], [m], Record("ReducerOptions", {"keep_dims": True}))
            return m
        sizes = {"filter_height": shape[1], "filter_width": shape[2], "stride_h": 1, "stride_w": 1}
        self.builder.op("AVERAGE_POOL_2D", [x], [m], Record("Pool2DOptions", {"padding": _VALID, **sizes}))
        return m

    def finish(self, x: int, source: int, channels: int) -> bytes:
        """A reshape and a dense layer on top."""
        shape = self.builder.tensor("shape", "int32", (2,), data=np.array([1, channels], np.int32))
        flat = self.like(x, (1, channels))
        self.builder.op("RESHAPE", [x, shape], [flat], Record("ReshapeOptions", {}))
        weights = self.rng.integers(-127, 128, (4, channels)).astype(np.int8)
        w = self.builder.tensor("w", "int8", weights.shape, scales=[0.01], data=weights)
        y = self.tensor((1, 4), self.quantization[x][0] * 0.7 * channels**0.5, 5)
        self.builder.op("FULLY_CONNECTED", [flat, w], [y], Record("FullyConnectedOptions", {}))
        return self.builder.finish([source], [y])


def rewritable_model(seed: int) -> bytes:
    """PAD, convolution, clamp, windows that pad and that do not, a residual, two tables, a pool, a dense layer."""
    maker = _Maker(seed)
    h, w, c, d = maker.pick(5, 6), maker.pick(4, 7), maker.pick(1, 3), maker.pick(5, 8, 9)
    source = maker.tensor((1, h, w, c), 0.05, maker.pick(-128, 0, 127, 11))
    pads = np.array([[0, 0], [1, maker.pick(0, 1)], [maker.pick(0, 1), 1], [0, 0]], np.int32)
    h, w = h + int(pads[1].sum()), w + int(pads[2].sum())
    paddings = maker.builder.tensor("pads", "int32", (4, 2), data=pads)
    padded = maker.like(source, (1, h, w, c))
    maker.builder.op("PAD", [source, paddings], [padded], Record("PadOptions", {}))
    own = maker.pick(_SAME, _VALID)
    inner = (h, w) if own == _SAME else (h - 2, w - 2)
    shape = (1, *inner, d)
    zero = maker.pick(-128, -128, 0, 17)
    y = maker.window(padded, (1, h, w, c), shape, zero_point=zero, padding=own, stride=1, k=(3, 3))
    clamped = maker.like(y, shape)
    maker.builder.op("RELU6", [y], [clamped])
    u = maker.window(clamped, shape, shape, zero_point=maker.pick(-128, 3), padding=_SAME, stride=1, k=(3, 3))
    v = maker.window(u, shape, shape, zero_point=-128, padding=_VALID, stride=1, k=(1, 1))
    top = v
    if maker.pick(0, 1):
        top = maker.tensor(shape, maker.quantization[v][0] * 1.5, -128)
        maker.builder.op("ADD", [v, clamped], [top], Record("AddOptions", {}))
    smooth = maker.tensor(shape, 1 / 256, -128)
    maker.builder.op("LOGISTIC", [top], [smooth])
    again = maker.tensor(shape, 1 / 200, -128)
    maker.builder.op("RELU", [smooth], [again])
    return maker.finish(maker.pooled(again, shape), source, d)


def streamable_model(seed: int, *, time_axis: int = 1) -> bytes:
    """Windows along time, a RELU, then all rows at once.

    Every other seed's windows pad along time too, and may go two ways to a sum.
    """
    maker = _Maker(seed)
    turned = time_axis == 2

    def placed(rows: int, width: int, channels: int) -> tuple[int, ...]:
        return (1, width, rows, channels) if turned else (1, rows, width, channels)

    pads = seed % 2 == 1
    width, channels = maker.pick(1, 3), maker.pick(2, 5)
    taps = [maker.pick(1, 2, 3) for _ in range(3)]
    strides = [maker.pick(1, 2) if k > 1 else 1 for k in taps]
    rows = [maker.pick(2, 3, 4) + (8 if pads else 0)]
    for k, stride in zip(reversed(taps), reversed(strides), strict=True):
        rows.insert(0, rows[0] * stride if pads else (rows[0] - 1) * stride + k)
    shape = placed(rows[0], width, channels)
    source = x = maker.tensor(shape, 0.05, maker.pick(-128, 0, 9))
    for k, stride, left in zip(taps, strides, rows[1:], strict=True):
        across = 1 if k > 1 else maker.pick(1, 3)
        out = placed(left, width, maker.pick(shape[3], 6))
        padding = _SAME if pads or (k == 1 and stride == 1) else _VALID
        zero = maker.pick(-128, 0)
        across = across if padding == _SAME else 1
        x = maker.window(
            x, shape, out, zero_point=zero, padding=padding, stride=stride, k=(k, across), dead=0.1, turned=turned
        )
        shape = out
    if pads and maker.pick(0, 1):
        aside = maker.window(x, shape, shape, zero_point=-128, padding=_SAME, stride=1, k=(3, 1), turned=turned)
        total = maker.tensor(shape, maker.quantization[x][0] * 1.5, -128)
        maker.builder.op("ADD", [x, aside], [total], Record("AddOptions", {}))
        x = total
    if maker.pick(0, 1):
        y = maker.tensor(shape, maker.quantization[x][0], -128)
        maker.builder.op("RELU", [x], [y])
        x = y
    return maker.finish(maker.pooled(x, shape), source, shape[3])
