"""A plain network with its activation ranges as a full-INT8 TFLite flatbuffer. No TensorFlow, and no training needed.

TFLite's scheme: weights symmetric (-127..127) per output channel, per tensor for dense layers; activations asymmetric
in 256 steps with an exact zero; biases int32 at input scale times weight scale. What training imitates and what is
written here are the same numbers, so a network trained with rounding in the loop is converted without another guess.

Source: Jacob et al. 2018, arXiv:1712.05877; the TFLite 8-bit quantization specification.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tinygen.model.builder import ModelBuilder, Record
from tinygen.tasks.shapes import Shape, step
from tinygen.tasks.spec import Layer
from tinygen.training.layout import WEIGHTED, pieces, slots

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

LEAST_RANGE = 1e-3
"""A range of activations is at least this wide: a layer that is always 0 still needs a scale."""

LARGEST_BIAS = 1 << 30
"""In its steps: where a channel's weights have faded, they get a coarser scale, so that the bias still fits."""

LEAST_SCALE, LEAST_STEP = 1e-12, 1e-14
"""Of weights, and of a bias: finer ones are no plausible scales (the importer refuses what is below 1e-15)."""

_PADDING = {"same": 0, "valid": 1}
_RELU = 1


def count_ranges(layers: Sequence[Layer]) -> int:
    """Ranges of a plain network: one of the input, one of each weighted layer, one of each sum."""
    return 1 + _inner_ranges(layers)


def _inner_ranges(layers: Sequence[Layer]) -> int:
    return sum(_inner_ranges(layer.inner) + 1 if layer.inner else int(layer.kind in WEIGHTED) for layer in layers)


def scale_and_zero(low: float, high: float) -> tuple[float, int]:
    """Scale and zero point of a range that is widened to hold 0, as TFLite nudges it."""
    low, high = min(0.0, low), max(0.0, high)
    high = max(high, low + LEAST_RANGE)
    scale = float(np.float32((high - low) / 255.0))
    return scale, int(np.clip(round(-128.0 - low / scale), -128, 127))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    """A tensor of the model that is being written."""

    index: int
    shape: Shape
    scale: float
    zero: int


@dataclass(slots=True, kw_only=True)
class _Writer:
    builder: ModelBuilder
    arrays: Iterator[Float32]
    ranges: Iterator[Float64]
    counter: int = 0
    kept: dict[str, int] = field(default_factory=dict)

    def tensor(self, shape: Shape, scale: float, zero: int, name: str = "", flat: bool = False) -> _Value:
        """A new activation."""
        self.counter += 1
        extents = (1, shape[2]) if flat else (1, *shape)
        index = self.builder.tensor(
            name or f"value_{self.counter}", "int8", extents, scales=[scale], zero_points=[zero]
        )
        return _Value(index=index, shape=shape, scale=scale, zero=zero)

    def ranged(self, layer: Layer, shape: Shape, flat: bool = False) -> _Value:
        """A new activation with the next range."""
        low, high = next(self.ranges)
        scale, zero = scale_and_zero(0.0 if layer.activation == "relu" else float(low), float(high))
        return self.tensor(shape, scale, zero, flat=flat)

    def numbers(self, values: Sequence[int]) -> int:
        """A constant int32 vector."""
        self.counter += 1
        data = np.array(values, dtype=np.int32)
        return self.builder.tensor(f"numbers_{self.counter}", "int32", data.shape, data=data)

    def take(self, layers: Sequence[Layer], x: _Value) -> _Value:
        """Write all layers; the value after them."""
        for layer in layers:
            x = self._layer(layer, x)
        return x

    def _layer(self, layer: Layer, x: _Value) -> _Value:
        out, _ = step(layer, x.shape)
        match layer.kind:
            case "residual":
                inner = self.take(layer.inner, x)
                return self._sum(layer, inner, self._newest(x, out), out)
            case "broadcast_residual":
                width = x.shape[1]
                narrow = self._pool(
                    "AVERAGE_POOL_2D", x, (1, width), (1, width), padding=1, out=(x.shape[0], 1, x.shape[2])
                )
                inner = self.take(layer.inner, narrow)
                return self._sum(layer, self._newest(x, out), inner, out)
            case "max_pool2d" | "average_pool2d":
                name = "MAX_POOL_2D" if layer.kind == "max_pool2d" else "AVERAGE_POOL_2D"
                return self._pool(name, x, layer.kernel, layer.strides, padding=_PADDING[layer.padding], out=out)
            case "flatten":
                return self._flat(x, out)
            case "dropout":
                return x
        y = self._weighted(layer, x, out)
        if layer.activation == "softmax":
            final = self.tensor(out, 1 / 256, -128, "output", flat=True)
            self.builder.op("SOFTMAX", [y.index], [final.index], Record("SoftmaxOptions", {"beta": 1.0}))
            return final
        return y

    def _flat(self, x: _Value, out: Shape) -> _Value:
        flat = self.tensor(out, x.scale, x.zero, flat=True)
        self.builder.op("RESHAPE", [x.index, self.numbers([1, out[2]])], [flat.index], Record("ReshapeOptions", {}))
        return flat

    def _pool(
        self, name: str, x: _Value, kernel: tuple[int, int], strides: tuple[int, int], *, padding: int, out: Shape
    ) -> _Value:
        y = self.tensor(out, x.scale, x.zero)
        fields = {
            "padding": padding,
            "stride_h": strides[0],
            "stride_w": strides[1],
            "filter_height": kernel[0],
            "filter_width": kernel[1],
        }
        self.builder.op(name, [x.index], [y.index], Record("Pool2DOptions", fields))
        return y

    def _newest(self, x: _Value, shape: Shape) -> _Value:
        """The last rows and the middle bands, as `network.newest` takes them."""
        rows, bands = x.shape[0] - shape[0], x.shape[1] - shape[1]
        if not rows and not bands:
            return x
        begin = (0, rows, bands // 2, 0)
        y = self.tensor((shape[0], shape[1], x.shape[2]), x.scale, x.zero)
        size = (1, shape[0], shape[1], x.shape[2])
        self.builder.op("SLICE", [x.index, self.numbers(begin), self.numbers(size)], [y.index])
        return y

    def _sum(self, layer: Layer, a: _Value, b: _Value, out: Shape) -> _Value:
        y = self.ranged(layer, out)
        fused = {"fused_activation_function": _RELU if layer.activation == "relu" else 0}
        self.builder.op("ADD", [a.index, b.index], [y.index], Record("AddOptions", fused))
        return y

    def _weighted(self, layer: Layer, x: _Value, out: Shape) -> _Value:
        kernel, bias = next(self.arrays).astype(np.float64), next(self.arrays).astype(np.float64)
        y = self.ranged(layer, out, flat=layer.kind == "dense")
        fused = {"fused_activation_function": _RELU if layer.activation == "relu" else 0}
        if layer.kind == "dense":
            w = self._constants(kernel.T, bias, x.scale, axis=0, per_channel=False)
            self.builder.op("FULLY_CONNECTED", [x.index, *w], [y.index], Record("FullyConnectedOptions", fused))
            return y
        fields = {
            "padding": _PADDING[layer.padding],
            "stride_h": layer.strides[0],
            "stride_w": layer.strides[1],
            **fused,
        }
        if layer.kind == "conv2d":
            w = self._constants(kernel.transpose(3, 0, 1, 2), bias, x.scale, axis=0)
            self.builder.op("CONV_2D", [x.index, *w], [y.index], Record("Conv2DOptions", fields))
        else:
            w = self._constants(kernel.transpose(3, 0, 1, 2), bias, x.scale, axis=3)
            record = Record("DepthwiseConv2DOptions", {**fields, "depth_multiplier": 1})
            self.builder.op("DEPTHWISE_CONV_2D", [x.index, *w], [y.index], record)
        return y

    def _constants(
        self, kernel: Float64, bias: Float64, input_scale: float, *, axis: int, per_channel: bool = True
    ) -> tuple[int, int]:
        """Weights and biases of a layer as tensors."""
        self.counter += 1
        others = tuple(i for i in range(kernel.ndim) if i != axis) if per_channel else None
        step = np.maximum((np.abs(bias) if per_channel else np.abs(bias).max()) / LARGEST_BIAS, LEAST_STEP)
        least = np.maximum(step / input_scale, LEAST_SCALE)
        scales = np.maximum(np.atleast_1d(weight_scales(kernel, others)), least)
        shaped = scales.reshape([-1 if i == axis else 1 for i in range(kernel.ndim)]) if per_channel else scales
        data = np.clip(np.rint(kernel / shaped), -127, 127).astype(np.int8)
        stored = scales.astype(np.float32).astype(np.float64)
        weights = self.builder.tensor(
            f"weights_{self.counter}", "int8", data.shape, scales=stored.tolist(), axis=axis, data=data
        )
        steps = input_scale * stored
        rounded = np.rint(bias / steps).astype(np.int32)
        wide = np.broadcast_to(steps, rounded.shape) if per_channel else steps
        biases = self.builder.tensor(
            f"bias_{self.counter}",
            "int32",
            rounded.shape,
            scales=wide.tolist(),
            zero_points=[0] * len(wide),
            data=rounded,
        )
        return weights, biases


def weight_scales(kernel: Float64, others: tuple[int, ...] | None) -> Float64:
    """Symmetric scales of a kernel over all axes but one; a channel of zeros gets the scale of its neighbours' mean."""
    largest = np.abs(kernel).max(axis=others)
    usual = float(np.mean(largest)) or 1.0
    return np.where(largest > 0, largest, usual).astype(np.float64) / 127.0


def write_int8(layers: Sequence[Layer], shape: Shape, weights: Float32, ranges: Float32) -> bytes:
    """The .tflite file of a plain network.

    Args:
        layers: as `fold.plain_layers` gives them.
        shape: [height, width, channels] of the input.
        weights: float32, its kernels and biases.
        ranges: float32 [count_ranges(layers), 2], lowest and highest real value of each activation in order.

    Raises:
        ValueError: the weights or ranges are not this network's.
    """
    layout = slots(layers, shape)
    if len(weights) != sum(slot.size for slot in layout) or len(ranges) != count_ranges(layers):
        raise ValueError("weights and ranges do not belong to these layers")
    pairs = iter(ranges.astype(np.float64))
    writer = _Writer(builder=ModelBuilder(), arrays=iter(pieces(layout, weights)), ranges=pairs)
    scale, zero = scale_and_zero(*(float(v) for v in next(pairs)))
    source = writer.tensor(shape, scale, zero, "input")
    last = writer.take(layers, source)
    return writer.builder.finish([source.index], [last.index])
