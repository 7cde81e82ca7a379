"""Layers as data become a function of TensorFlow: inputs and one vector of weights in, logits out.

All weights lie in one vector: an optimiser step, a moving average and a checkpoint are one array operation each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tinygen.tasks.shapes import Shape, step
from tinygen.tasks.spec import Layer
from tinygen.training.fold import tap_of
from tinygen.training.layout import Slot, branches_of, slots, statistics_size

EPSILON = 1e-3
"""Of every normalisation."""


@dataclass(slots=True, kw_only=True)
class Hooks:
    """What may be done to kernels and activations on their way; here nothing."""

    def kernel(self, layer: Layer, kernel: Any) -> Any:
        """A kernel before its use."""
        return kernel

    def made(self, layer: Layer | None, x: Any) -> Any:
        """An activation that has a range of its own; the input comes without a layer."""
        return x

    def pooled(self, x: Any, like: Any) -> Any:
        """A mean, in the range `like` of what was averaged."""
        return x

    def span(self) -> Any:
        """The range of the last activation."""
        return None

    def back(self, span: Any) -> None:
        """Go on from an earlier activation."""


@dataclass(slots=True, kw_only=True)
class _Normaliser:
    """Running statistics in the order of use, and those of this batch on the way out; `drop` seeds what is dropped."""

    running: Iterator[Any]
    training: bool
    drop: Any = None
    found: list[Any] = field(default_factory=list)

    def __call__(self, x: Any, gamma: Any, beta: Any) -> Any:
        mean, variance = next(self.running), next(self.running)
        if self.training:
            made = tf.raw_ops.FusedBatchNormV3(
                x=x, scale=gamma, offset=beta, mean=mean[:0], variance=variance[:0], epsilon=EPSILON, is_training=True
            )
            self.found += [made.batch_mean, made.batch_variance]
            return made.y
        factor = gamma * tf.math.rsqrt(variance + EPSILON)
        return x * factor + (beta - mean * factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network while it trains; holds no weights.

    Attributes:
        layers: as data; a softmax at the end is left out here.
        shape: [height, width, channels] of the input.
    """

    layers: tuple[Layer, ...]
    shape: Shape

    @property
    def layout(self) -> list[Slot]:
        """Its arrays in order."""
        return slots(self.layers, self.shape)

    @property
    def n_statistics(self) -> int:
        """Numbers in the running statistics."""
        return statistics_size(self.layers, self.shape)

    def __call__(self, x: Any, weights: Any, running: Any, *, training: bool, drop: Any = None) -> tuple[Any, Any]:
        """(logits [n, classes], statistics of this batch like `running`).

        Args:
            x: float32 [n, height, width, channels], normalised.
            weights: float32, the vector of `layout`.
            running: float32 [n_statistics].
            training: True normalises with the batch's own statistics.
            drop: int32 [2], seeds what is dropped while training; None drops nothing.
        """
        layout = self.layout
        split = tf.split(weights, [slot.size for slot in layout])
        arrays = iter([tf.reshape(a, slot.shape) for a, slot in zip(split, layout, strict=True)])
        sizes = [slot.size for slot in layout if slot.role == "gamma" for _ in range(2)]
        normalise = _Normaliser(running=iter(tf.split(running, sizes) if sizes else []), training=training, drop=drop)
        x = through(self.layers, self.shape, x, arrays, Hooks(), normalise=normalise)
        return tf.reshape(x, (tf.shape(x)[0], -1)), tf.concat(normalise.found, 0) if normalise.found else running


def through(
    layers: Sequence[Layer],
    shape: Shape,
    x: Any,
    arrays: Iterator[Any],
    hooks: Hooks,
    *,
    normalise: _Normaliser | None = None,
) -> Any:
    """x after all layers; `arrays` are used up in the order of the layout."""
    for layer in layers:
        x = _layer(layer, shape, x, arrays, hooks=hooks, normalise=normalise)
        shape, _ = step(layer, shape)
    return x


def _layer(
    layer: Layer, shape: Shape, x: Any, arrays: Iterator[Any], *, hooks: Hooks, normalise: _Normaliser | None
) -> Any:
    padding = layer.padding.upper()
    match layer.kind:
        case "residual":
            inner = through(layer.inner, shape, x, arrays, hooks, normalise=normalise)
            return hooks.made(layer, activated(layer, inner + newest(x, step(layer, shape)[0])))
        case "broadcast_residual":
            narrow = hooks.pooled(tf.reduce_mean(x, axis=2, keepdims=True), hooks.span())
            inner = through(layer.inner, (shape[0], 1, shape[2]), narrow, arrays, hooks, normalise=normalise)
            return hooks.made(layer, activated(layer, inner + newest(x, step(layer, shape)[0])))
        case "max_pool2d":
            return tf.nn.max_pool2d(x, layer.kernel, layer.strides, padding)
        case "average_pool2d":
            return hooks.pooled(tf.nn.avg_pool2d(x, layer.kernel, layer.strides, padding), hooks.span())
        case "flatten":
            return tf.reshape(x, (-1, 1, 1, shape[0] * shape[1] * shape[2]))
        case "dropout":
            seed = normalise.drop if normalise is not None and normalise.training else None
            return x if seed is None else tf.nn.experimental.stateless_dropout(x, layer.rate, seed)
    if not layer.batch_norm or normalise is None:
        y = product(layer, x, hooks.kernel(layer, next(arrays))) + next(arrays)
        return hooks.made(layer, activated(layer, y))
    total = None
    for path in branches_of(layer, shape):
        y = x if path == "full" else point_input(layer, x)
        if path != "skip":
            y = product(layer, y, next(arrays))
        y = normalise(y, next(arrays), next(arrays))
        total = y if total is None else total + y
    return activated(layer, total)


def product(layer: Layer, x: Any, kernel: Any) -> Any:
    """The linear part of a weighted layer with a kernel of any size."""
    if layer.kind == "dense":
        return tf.tensordot(x, kernel, 1)
    strides, padding = (1, *layer.strides, 1), layer.padding.upper()
    if layer.kind == "conv2d":
        return tf.nn.conv2d(x, kernel, strides, padding)
    if strides[1] == strides[2] or padding == "SAME":
        return tf.nn.depthwise_conv2d(x, kernel, _equal(strides, x), padding)
    # TensorFlow's depthwise convolution has one stride for both axes: take the smaller one and leave positions out.
    least = min(layer.strides)
    x = tf.nn.depthwise_conv2d(x, kernel, (1, least, least, 1), padding)
    return x[:, :: layer.strides[0] // least, :: layer.strides[1] // least]


def _equal(strides: tuple[int, int, int, int], x: Any) -> tuple[int, int, int, int]:
    """The same stride for both axes; the one along an axis of extent 1 does not matter."""
    largest = max(strides)
    if strides[1] != strides[2] and 1 not in (x.shape[1], x.shape[2]):
        raise ValueError("a padded depthwise convolution needs the same stride for both axes")
    return (1, largest, largest, 1)


def activated(layer: Layer, x: Any) -> Any:
    """After its activation; a softmax is the loss's business."""
    return tf.nn.relu(x) if layer.activation == "relu" else x


def newest(x: Any, shape: Shape) -> Any:
    """The last rows and the middle bands of x that match [height, width, ...]."""
    rows, bands = x.shape[1] - shape[0], x.shape[2] - shape[1]
    return x[:, rows:, bands // 2 : bands // 2 + shape[1]] if rows or bands else x


def point_input(layer: Layer, x: Any) -> Any:
    """What a 1x1 path of an unpadded layer looks at; strides then pick the same positions as the kernel's."""
    if layer.padding == "same":
        return x
    row, column = tap_of(layer)
    rows, columns = layer.kernel
    return x[:, row : x.shape[1] - (rows - 1 - row), column : x.shape[2] - (columns - 1 - column)]


def initial_statistics(network: Network) -> npt.NDArray[np.float32]:
    """Means of 0 and variances of 1."""
    parts = [
        np.concatenate([np.zeros(slot.size), np.ones(slot.size)]) for slot in network.layout if slot.role == "gamma"
    ]
    return np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, np.float32)
