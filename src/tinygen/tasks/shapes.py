"""Shapes, parameters and multiply-accumulates of layers, without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tinygen.tasks.spec import Layer

Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one inference, batch normalisation folded: weights and biases; multiply-accumulates."""

    parameters: int
    macs: int


def _extent(size: int, kernel: int, stride: int, padding: str) -> int:
    return -(-size // stride) if padding == "same" else (size - kernel) // stride + 1


def step(layer: Layer, shape: Shape) -> tuple[Shape, Cost]:
    """(shape [height, width, channels] after one layer, its cost)."""
    height, width, channels = shape
    rows, columns = layer.kernel
    out_h = _extent(height, rows, layer.strides[0], layer.padding)
    out_w = _extent(width, columns, layer.strides[1], layer.padding)
    match layer.kind:
        case "conv2d":
            weights = rows * columns * channels * layer.filters
            price = Cost(parameters=weights + layer.filters, macs=out_h * out_w * weights)
            return (out_h, out_w, layer.filters), price
        case "depthwise_conv2d":
            weights = rows * columns * channels
            return (out_h, out_w, channels), Cost(parameters=weights + channels, macs=out_h * out_w * weights)
        case "max_pool2d" | "average_pool2d":
            return (out_h, out_w, channels), Cost(parameters=0, macs=0)
        case "flatten":
            return (1, 1, height * width * channels), Cost(parameters=0, macs=0)
        case "dense":
            weights = channels * layer.filters
            return (height, width, layer.filters), Cost(
                parameters=weights + layer.filters, macs=height * width * weights
            )
        case "dropout":
            return shape, Cost(parameters=0, macs=0)
        case "residual":
            return after(layer.inner, shape), cost(layer.inner, shape)
        case "broadcast_residual":
            narrow = (height, 1, channels)
            out_h, _, out_c = after(layer.inner, narrow)
            return (out_h, width, out_c), cost(layer.inner, narrow)


def after(layers: Iterable[Layer], shape: Shape) -> Shape:
    """The shape after all layers."""
    for layer in layers:
        shape, _ = step(layer, shape)
    return shape


def cost(layers: Iterable[Layer], shape: Shape) -> Cost:
    """The cost of all layers together."""
    parameters = macs = 0
    for layer in layers:
        shape, one = step(layer, shape)
        parameters += one.parameters
        macs += one.macs
    return Cost(parameters=parameters, macs=macs)
