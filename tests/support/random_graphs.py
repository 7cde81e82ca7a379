"""Random small INT8 models, written as flatbuffers: one generator for importer, reference, kernels and planner.

The same seed gives the same file everywhere. Corner cases are drawn on purpose: strides larger than kernels, single
pixels, odd sizes, padding, dilation, zero points at the ends of their range, missing biases, residual branches.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinygen.model.builder import ModelBuilder, Record

_ACTIVATIONS = {"none": 0, "relu": 1, "relu_n1_to_1": 2, "relu6": 3}
_SAME, _VALID = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    """A tensor under construction."""

    index: int
    shape: tuple[int, ...]
    scale: float
    zero_point: int


@dataclass(slots=True)
class _Maker:
    builder: ModelBuilder
    dice: random.Random
    older: list[_Value]

    def scale(self, low: float, high: float) -> float:
        """A float32-exact scale, log-uniform."""
        return float(np.float32(low * (high / low) ** self.dice.random()))

    def zero_point(self) -> int:
        return self.dice.choice([-128, 127, 0, self.dice.randint(-128, 127)])

    def tensor(self, shape: tuple[int, ...], scale: float, zero_point: int) -> _Value:
        index = self.builder.tensor(
            f"t{self.dice.randint(0, 999)}", "int8", shape, scales=[scale], zero_points=[zero_point]
        )
        return _Value(index=index, shape=shape, scale=scale, zero_point=zero_point)

    def constant(self, shape: tuple[int, ...], scales: list[float], axis: int) -> int:
        low = self.dice.choice([-127, -128])
        values = np.array([self.dice.randint(low, 127) for _ in range(int(np.prod(shape)))], np.int8).reshape(shape)
        return self.builder.tensor("weights", "int8", shape, scales=scales, axis=axis, data=values)

    def bias(self, scales: list[float], reach: int) -> int:
        values = np.array([self.dice.randint(-reach, reach) for _ in scales], np.int32)
        return self.builder.tensor("bias", "int32", (len(scales),), scales=scales, data=values)

    def weight_scales(self, channels: int, per_channel: bool) -> list[float]:
        if per_channel:
            return [self.scale(0.001, 0.02) for _ in range(channels)]
        return [self.scale(0.001, 0.02)] * 1

    def activation(self) -> int:
        return _ACTIVATIONS[self.dice.choice(["none", "none", "relu", "relu6", "relu_n1_to_1"])]

    def window(self, size: int, dilated: bool) -> tuple[int, int, int, int, int]:
        """(kernel, stride, dilation, padding, output size) along one axis; padding is settled by the caller."""
        kernel = self.dice.randint(1, min(4, size + 2))
        stride = self.dice.randint(1, 3)
        dilation = self.dice.choice([1, 1, 2]) if dilated else 1
        effective = (kernel - 1) * dilation + 1
        valid = (size - effective) // stride + 1 if effective <= size else 0
        return kernel, stride, dilation, valid, -(-size // stride)

    def sliding(self, value: _Value, dilated: bool) -> tuple[dict[str, int], tuple[int, int]]:
        """Window parameters for both axes and the output size."""
        k_h, s_h, d_h, valid_h, same_h = self.window(value.shape[1], dilated)
        k_w, s_w, d_w, valid_w, same_w = self.window(value.shape[2], dilated)
        padding = self.dice.choice([_SAME, _VALID]) if valid_h and valid_w else _SAME
        out = (same_h, same_w) if padding == _SAME else (valid_h, valid_w)
        names = {"padding": padding, "stride_h": s_h, "stride_w": s_w, "k_h": k_h, "k_w": k_w, "d_h": d_h, "d_w": d_w}
        return names, out

    def finish_layer(
        self,
        name: str,
        *,
        value: _Value,
        weights: int,
        scales: list[float],
        taps: int,
        shape: tuple[int, ...],
        options: Record,
    ) -> _Value:
        """Bias, an output scale of a plausible size, and the operator."""
        reach = 127 * 60 * max(1, taps)
        inputs = [value.index, weights]
        if self.dice.random() < 0.8:
            inputs.append(self.bias([float(np.float32(value.scale * s)) for s in scales], reach))
        spread = value.scale * max(scales) * 127 * 40 * taps**0.5
        output = self.tensor(shape, self.scale(spread / 512, spread / 64), self.zero_point())
        self.builder.op(name, inputs, [output.index], options)
        return output

    def conv(self, value: _Value) -> _Value:
        if self.dice.random() < 0.35:
            w: dict[str, int] = {
                "padding": _VALID,
                "stride_h": 1,
                "stride_w": 1,
                "k_h": 1,
                "k_w": 1,
                "d_h": 1,
                "d_w": 1,
            }
            out = value.shape[1:3]
        else:
            w, out = self.sliding(value, dilated=True)
        in_c = value.shape[3]
        groups = 2 if in_c % 2 == 0 and self.dice.random() < 0.2 else 1
        out_c = groups * self.dice.randint(1, 6)
        scales = self.weight_scales(out_c, self.dice.random() < 0.8)
        shape = (out_c, w["k_h"], w["k_w"], in_c // groups)
        weights = self.constant(shape, scales, 0)
        options = Record(
            "Conv2DOptions",
            {
                "padding": w["padding"],
                "stride_w": w["stride_w"],
                "stride_h": w["stride_h"],
                "fused_activation_function": self.activation(),
                "dilation_w_factor": w["d_w"],
                "dilation_h_factor": w["d_h"],
            },
        )
        scales = scales * (out_c if len(scales) == 1 else 1)
        taps = w["k_h"] * w["k_w"] * in_c // groups
        return self.finish_layer(
            "CONV_2D",
            value=value,
            weights=weights,
            scales=scales,
            taps=taps,
            shape=(value.shape[0], *out, out_c),
            options=options,
        )

    def depthwise(self, value: _Value) -> _Value:
        w, out = self.sliding(value, dilated=True)
        multiplier = self.dice.choice([1, 1, 2, 3])
        out_c = value.shape[3] * multiplier
        scales = self.weight_scales(out_c, self.dice.random() < 0.8)
        weights = self.constant((1, w["k_h"], w["k_w"], out_c), scales, 3)
        options = Record(
            "DepthwiseConv2DOptions",
            {
                "padding": w["padding"],
                "stride_w": w["stride_w"],
                "stride_h": w["stride_h"],
                "depth_multiplier": multiplier,
                "fused_activation_function": self.activation(),
                "dilation_w_factor": w["d_w"],
                "dilation_h_factor": w["d_h"],
            },
        )
        scales = scales * (out_c if len(scales) == 1 else 1)
        taps = w["k_h"] * w["k_w"]
        return self.finish_layer(
            "DEPTHWISE_CONV_2D",
            value=value,
            weights=weights,
            scales=scales,
            taps=taps,
            shape=(value.shape[0], *out, out_c),
            options=options,
        )

    def pool(self, value: _Value) -> _Value:
        w, out = self.sliding(value, dilated=False)
        name = self.dice.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"])
        output = self.tensor((value.shape[0], *out, value.shape[3]), value.scale, value.zero_point)
        options = Record(
            "Pool2DOptions",
            {
                "padding": w["padding"],
                "stride_w": w["stride_w"],
                "stride_h": w["stride_h"],
                "filter_width": w["k_w"],
                "filter_height": w["k_h"],
                "fused_activation_function": self.dice.choice([0, 1, 3]),
            },
        )
        self.builder.op(name, [value.index], [output.index], options)
        return output

    def add(self, value: _Value) -> _Value:
        partners = [o for o in self.older if o.shape == value.shape]
        if partners and self.dice.random() < 0.7:
            other = self.dice.choice(partners)
        else:
            kind = self.dice.choice(["channel", "scalar", "full"])
            shape = {"channel": value.shape[-1:], "scalar": (1,), "full": value.shape}[kind]
            scale = self.scale(value.scale / 4, value.scale * 4)
            data = np.array([self.dice.randint(-128, 127) for _ in range(int(np.prod(shape)))], np.int8).reshape(shape)
            zero_point = self.zero_point()
            index = self.builder.tensor("operand", "int8", shape, scales=[scale], zero_points=[zero_point], data=data)
            other = _Value(index=index, shape=shape, scale=scale, zero_point=zero_point)
        largest = max(value.scale, other.scale)
        output = self.tensor(value.shape, self.scale(largest / 2, largest * 3), self.zero_point())
        pair = [value.index, other.index]
        if self.dice.random() < 0.5:
            pair.reverse()
        self.builder.op(
            "ADD", pair, [output.index], Record("AddOptions", {"fused_activation_function": self.activation()})
        )
        return output

    def pad(self, value: _Value) -> _Value:
        pairs = np.array([(self.dice.randint(0, 2), self.dice.randint(0, 2)) for _ in value.shape], np.int32)
        pairs[0] = 0
        index = self.builder.tensor("paddings", "int32", pairs.shape, data=pairs)
        shape = tuple(int(size + a + b) for size, (a, b) in zip(value.shape, pairs, strict=True))
        output = self.tensor(shape, value.scale, value.zero_point)
        self.builder.op("PAD", [value.index, index], [output.index], Record("PadOptions", {}))
        return output

    def elementwise(self, value: _Value) -> _Value:
        name = self.dice.choice(["RELU", "RELU6", "LOGISTIC"])
        if name == "LOGISTIC":
            output = self.tensor(value.shape, 1.0 / 256.0, -128)
        elif name == "RELU6":
            # TFLM wants six itself to have an int8 value.
            if not -128 <= round(6.0 / value.scale) + value.zero_point <= 127:
                return value
            output = self.tensor(value.shape, value.scale, value.zero_point)
        else:
            output = self.tensor(value.shape, self.scale(value.scale / 2, value.scale * 2), self.zero_point())
        self.builder.op(name, [value.index], [output.index])
        return output

    def mean(self, value: _Value) -> _Value:
        axes = self.dice.choice([(1, 2), (2,), (1,), (3,), (2, 3), (1, 2, 3), (-1, 1)])
        listed = np.array(axes, np.int32)
        index = self.builder.tensor("axes", "int32", listed.shape, data=listed)
        plain = {a % 4 for a in axes}
        shape = tuple(1 if i in plain else size for i, size in enumerate(value.shape))
        output = self.tensor(shape, self.scale(value.scale / 2, value.scale * 2), self.zero_point())
        self.builder.op("MEAN", [value.index, index], [output.index], Record("ReducerOptions", {"keep_dims": True}))
        return output

    def reshape(self, value: _Value, shape: tuple[int, ...]) -> _Value:
        listed = np.array(shape, np.int32)
        index = self.builder.tensor("shape", "int32", listed.shape, data=listed)
        output = self.tensor(shape, value.scale, value.zero_point)
        self.builder.op("RESHAPE", [value.index, index], [output.index], Record("ReshapeOptions", {}))
        return output

    def dense(self, value: _Value) -> _Value:
        in_c = value.shape[-1]
        out_c = self.dice.randint(1, 9)
        scales = self.weight_scales(out_c, self.dice.random() < 0.5)
        weights = self.constant((out_c, in_c), scales, 0)
        options = Record("FullyConnectedOptions", {"fused_activation_function": self.activation()})
        scales = scales * (out_c if len(scales) == 1 else 1)
        return self.finish_layer(
            "FULLY_CONNECTED",
            value=value,
            weights=weights,
            scales=scales,
            taps=in_c,
            shape=(*value.shape[:-1], out_c),
            options=options,
        )

    def softmax(self, value: _Value) -> _Value:
        output = self.tensor(value.shape, 1.0 / 256.0, -128)
        beta = self.dice.choice([1.0, 0.5, 2.0])
        self.builder.op("SOFTMAX", [value.index], [output.index], Record("SoftmaxOptions", {"beta": beta}))
        return output


class _WideMaker(_Maker):
    """Also draws the operators beyond classifiers: joins, cuts, orders, resizes and two-input arithmetic."""

    def arithmetic(self, value: _Value) -> _Value:
        name = self.dice.choice(["SUB", "MUL"])
        others = [o for o in self.older if o.shape == value.shape] or [value]
        other = self.dice.choice(others)
        reach = max(value.scale, other.scale) if name == "SUB" else value.scale * other.scale * 80
        output = self.tensor(value.shape, self.scale(reach / 2, reach * 3), self.zero_point())
        options = Record(f"{name.title()}Options", {"fused_activation_function": self.activation()})
        self.builder.op(name, [value.index, other.index], [output.index], options)
        return output

    def extreme(self, value: _Value) -> _Value:
        output = self.tensor(value.shape, value.scale, value.zero_point)
        data = np.array([self.dice.randint(-128, 127) for _ in range(value.shape[-1])], np.int8)
        label, scales, points = "bound", [value.scale], [value.zero_point]
        bound = self.builder.tensor(label, "int8", data.shape, scales=scales, zero_points=points, data=data)
        self.builder.op(self.dice.choice(["MINIMUM", "MAXIMUM"]), [value.index, bound], [output.index])
        return output

    def function(self, value: _Value) -> _Value:
        name = self.dice.choice(["ABS", "ELU", "HARD_SWISH", "LEAKY_RELU", "TANH"])
        if name == "TANH":
            output = self.tensor(value.shape, 1.0 / 128.0, 0)
        else:
            output = self.tensor(value.shape, self.scale(value.scale / 2, value.scale * 3), self.zero_point())
        alpha = Record("LeakyReluOptions", {"alpha": 0.25})
        self.builder.op(name, [value.index], [output.index], alpha if name == "LEAKY_RELU" else None)
        return output

    def joined(self, value: _Value) -> _Value:
        axis = self.dice.choice([1, 2, 3])
        alike = [
            o for o in self.older if (o.shape, o.scale, o.zero_point) == (value.shape, value.scale, value.zero_point)
        ]
        parts = [value, self.dice.choice([*alike, value])]
        shape = tuple(n * (1 + (i == axis)) for i, n in enumerate(value.shape))
        output = self.tensor(shape, value.scale, value.zero_point)
        options = Record("ConcatenationOptions", {"axis": axis})
        self.builder.op("CONCATENATION", [part.index for part in parts], [output.index], options)
        return output

    def cut(self, value: _Value) -> _Value:
        begins, ends, steps, shape = [], [], [], []
        for size in value.shape:
            first = self.dice.randrange(size)
            step = self.dice.choice([1, 1, 2, -1])
            end = self.dice.randint(first + 1, size) if step > 0 else -size - 1
            begins.append(first)
            ends.append(end)
            steps.append(step)
            shape.append(len(range(size)[first:end:step]))
        listed = [np.array(numbers, np.int32) for numbers in (begins, ends, steps)]
        inputs = [value.index, *(self.builder.tensor("bounds", "int32", (4,), data=data) for data in listed)]
        output = self.tensor(tuple(shape), value.scale, value.zero_point)
        self.builder.op("STRIDED_SLICE", inputs, [output.index], Record("StridedSliceOptions", {}))
        return output

    def turned(self, value: _Value) -> _Value:
        order = self.dice.choice([(0, 2, 1, 3), (0, 3, 1, 2), (0, 2, 3, 1)])
        index = self.builder.tensor("order", "int32", (4,), data=np.array(order, np.int32))
        output = self.tensor(tuple(value.shape[i] for i in order), value.scale, value.zero_point)
        self.builder.op("TRANSPOSE", [value.index, index], [output.index])
        return output

    def resized(self, value: _Value) -> _Value:
        name, table = self.dice.choice(
            [("RESIZE_BILINEAR", "ResizeBilinearOptions"), ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions")]
        )
        size = [self.dice.randint(1, 9) for _ in range(2)]
        index = self.builder.tensor("size", "int32", (2,), data=np.array(size, np.int32))
        corners, half = self.dice.choice([(0, 0), (1, 0), (0, 1)])
        output = self.tensor((value.shape[0], *size, value.shape[3]), value.scale, value.zero_point)
        options = Record(table, {"align_corners": corners, "half_pixel_centers": half})
        self.builder.op(name, [value.index, index], [output.index], options)
        return output


def random_model(seed: int, *, wide: bool = False) -> bytes:
    """A .tflite file with a random chain (and branches) of the supported operators, one input and one output.

    Args:
        seed: decides everything.
        wide: draw from the operators beyond classifiers too.
    """
    dice = random.Random(seed)
    maker = _WideMaker(ModelBuilder(description=f"random {seed}"), dice, [])
    shape = (1, dice.randint(1, 9), dice.randint(1, 9), dice.randint(1, 9))
    value = maker.tensor(shape, maker.scale(0.005, 0.1), maker.zero_point())
    first = value
    spatial: list[Callable[[_Value], _Value]] = [
        maker.conv,
        maker.conv,
        maker.depthwise,
        maker.depthwise,
        maker.pool,
        maker.add,
        maker.pad,
        maker.elementwise,
    ]
    if wide:
        spatial += [
            maker.arithmetic,
            maker.extreme,
            maker.function,
            maker.joined,
            maker.cut,
            maker.turned,
            maker.resized,
        ]
    for _ in range(dice.randint(1, 6)):
        maker.older.append(value)
        value = dice.choice(spatial)(value)
    if dice.random() < 0.3:
        value = maker.mean(value)
    if dice.random() < 0.7 or value is first:
        if dice.random() < 0.8:
            value = maker.reshape(value, (1, int(np.prod(value.shape))))
        value = maker.dense(value)
        if dice.random() < 0.5:
            value = maker.softmax(value)
    return maker.builder.finish([first.index], [value.index])
