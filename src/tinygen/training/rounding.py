"""Quantisation-aware training: the plain network with TFLite's rounding in the loop, ranges learned with the weights.

Forward, every kernel and activation is what INT8 can hold; backward, rounding is passed over as if it were not there
(Bengio et al. 2013, straight-through) and ranges get TensorFlow's own gradient of fake quantisation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tinygen.tasks.shapes import Shape
from tinygen.tasks.spec import Layer
from tinygen.training.export import LEAST_RANGE, count_ranges
from tinygen.training.layout import Slot, slots
from tinygen.training.network import Hooks, through

Float32 = npt.NDArray[np.float32]


@dataclass(slots=True, kw_only=True)
class _Rounded(Hooks):
    """Kernels and activations as INT8 holds them."""

    ranges: Iterator[Any]
    current: tuple[Any, Any] | None = None

    def kernel(self, layer: Layer, kernel: Any) -> Any:
        axes = {"dense": (0, 1), "depthwise_conv2d": (0, 1, 3), "conv2d": (0, 1, 2)}[layer.kind]
        scale = tf.reduce_max(tf.abs(kernel), axis=axes, keepdims=True) / 127.0 + 1e-12
        scale = tf.stop_gradient(scale)
        rounded = tf.clip_by_value(tf.round(kernel / scale), -127.0, 127.0) * scale
        return kernel + tf.stop_gradient(rounded - kernel)

    def made(self, layer: Layer | None, x: Any) -> Any:
        pair = next(self.ranges)
        low = tf.zeros(()) if layer is not None and layer.activation == "relu" else tf.minimum(pair[0], 0.0)
        self.current = (low, tf.maximum(tf.maximum(pair[1], 0.0), low + LEAST_RANGE))
        return tf.quantization.fake_quant_with_min_max_vars(x, *self.current)

    def pooled(self, x: Any, like: tuple[Any, Any] | None) -> Any:
        return x if like is None else tf.quantization.fake_quant_with_min_max_vars(x, *like)

    def span(self) -> tuple[Any, Any] | None:
        return self.current

    def back(self, span: tuple[Any, Any] | None) -> None:
        self.current = span


@dataclass(slots=True, kw_only=True)
class _Watched(Hooks):
    """Notes the lowest and highest value of every activation."""

    found: list[Any]

    def made(self, layer: Layer | None, x: Any) -> Any:
        self.found.append(tf.stack([tf.reduce_min(x), tf.reduce_max(x)]))
        return x


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundedNetwork:
    """A plain network that computes as INT8 will; its vector ends with the ranges. Takes the place of a `Network`.

    With `input_range` the input's range is that one; the vector's own stays unused.
    """

    layers: tuple[Layer, ...]
    shape: Shape
    input_range: tuple[float, float] | None = None

    @property
    def layout(self) -> list[Slot]:
        """Arrays of the plain network, then one (low, high) per activation."""
        ranges = [Slot(shape=(2,), role="bias") for _ in range(count_ranges(self.layers))]
        return [*slots(self.layers, self.shape), *ranges]

    @property
    def n_statistics(self) -> int:
        """None: normalisations are folded."""
        return 0

    def __call__(self, x: Any, weights: Any, running: Any, *, training: bool, drop: Any = None) -> tuple[Any, Any]:
        """(logits, running), as `Network` has it; x is the real input."""
        layout = self.layout
        arrays = [
            tf.reshape(a, slot.shape)
            for a, slot in zip(tf.split(weights, [slot.size for slot in layout]), layout, strict=True)
        ]
        count = count_ranges(self.layers)
        ranges = arrays[-count:]
        if self.input_range is not None:
            ranges[0] = tf.constant(self.input_range, tf.float32)
        hooks = _Rounded(ranges=iter(ranges))
        x = hooks.made(None, x)
        x = through(self.layers, self.shape, x, iter(arrays[:-count]), hooks)
        return tf.reshape(x, (tf.shape(x)[0], -1)), running


def plain_call(layers: tuple[Layer, ...], shape: Shape, weights: Float32) -> Callable[[Any], Any]:
    """The plain network in float: real inputs as a tensor -> logits as a tensor."""
    arrays = _constants(layers, shape, weights)

    def run(x: Any) -> Any:
        x = through(layers, shape, x, iter(arrays), Hooks())
        return tf.reshape(x, (tf.shape(x)[0], -1))

    return run


def observed_ranges(layers: tuple[Layer, ...], shape: Shape, weights: Float32, inputs: Float32) -> Float32:
    """Lowest and highest value of each activation over real inputs float32 [n, ...]: float32 [ranges, 2]."""
    arrays = _constants(layers, shape, weights)

    def watch(x: Any) -> Any:
        hooks = _Watched(found=[])
        through(layers, shape, hooks.made(None, x), iter(arrays), hooks)
        return tf.stack(hooks.found)

    function = tf.function(watch, input_signature=[tf.TensorSpec((None, *shape), tf.float32)], autograph=False)
    parts = np.stack([function(inputs[at : at + 256]).numpy() for at in range(0, len(inputs), 256)])
    return np.stack([parts[:, :, 0].min(axis=0), parts[:, :, 1].max(axis=0)], axis=1).astype(np.float32)


def _constants(layers: tuple[Layer, ...], shape: Shape, weights: Float32) -> list[Any]:
    layout = slots(layers, shape)
    ends = np.cumsum([slot.size for slot in layout])[:-1]
    return [tf.constant(part.reshape(s.shape)) for s, part in zip(layout, np.split(weights, ends), strict=True)]
