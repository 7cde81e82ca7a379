"""Layers as data become Keras: a network to train, and the plain one that is converted.

The trained network normalises its input and uses batch normalisation. The plain one has both folded into weights and
biases, so that what is converted is convolutions, dense layers, pools and nothing else, and its input is the model's
real input, feature * feature_scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tinygen.tasks.spec import Layer, Task

_NAMES = ("kernel", "bias")

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Normalization:
    """(x - mean) / spread; both float64 [channels] of the network's input."""

    mean: Float64
    spread: Float64


def input_normalization(task: Task, inputs: Float32) -> Normalization:
    """Mean per channel, and one spread for all channels of reconstruction tasks, else one per channel.

    One spread makes the training loss of an autoencoder the very score the device computes, up to a factor.
    """
    axes = tuple(range(inputs.ndim - 1))
    x = inputs.astype(np.float64)
    mean = x.mean(axis=axes)
    if task.loss == "reconstruction":
        spread = np.full_like(mean, float(np.sqrt(np.mean((x - mean) ** 2))))
    else:
        spread = x.std(axis=axes)
    return Normalization(mean=mean, spread=np.maximum(spread, 1e-6))


def network_shape(task: Task) -> tuple[int, ...]:
    """The Keras input shape without the batch: a vector where height and width are 1, so that no reshape is needed."""
    height, width, channels = task.input_shape
    return (channels,) if height == width == 1 else task.input_shape


def training_network(task: Task) -> Any:
    """A Keras model over normalised inputs; weights from the current random seed."""
    inputs = keras.Input(shape=network_shape(task))
    x = inputs
    for layer in task.layers:
        x = _trained(layer, x)
    return keras.Model(inputs, x)


def _trained(layer: Layer, x: Any) -> Any:
    activation = None if layer.batch_norm else layer.activation
    x = _keras_layer(layer, activation)(x)
    if layer.batch_norm:
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
        x = keras.layers.Activation(layer.activation)(x)
    return x


def _keras_layer(layer: Layer, activation: str | None) -> Any:
    geometry = {"strides": layer.strides, "padding": layer.padding}
    match layer.kind:
        case "conv2d":
            return keras.layers.Conv2D(layer.filters, layer.kernel, activation=activation, **geometry)
        case "depthwise_conv2d":
            return keras.layers.DepthwiseConv2D(layer.kernel, activation=activation, **geometry)
        case "dense":
            return keras.layers.Dense(layer.filters, activation=activation)
        case "max_pool2d":
            return keras.layers.MaxPooling2D(layer.kernel, **geometry)
        case "average_pool2d":
            return keras.layers.AveragePooling2D(layer.kernel, **geometry)
        case "flatten":
            return keras.layers.Flatten()
        case "dropout":
            return keras.layers.Dropout(layer.rate)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlainNetwork:
    """Layers with their weights as constants; no variables, so nothing has to be frozen before converting.

    Attributes:
        shape: of one input, batch 1 included.
        weights: (kernel, bias) float32 of each layer, None for layers without.
    """

    shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    weights: tuple[tuple[Float32, Float32] | None, ...]

    def __call__(self, x: Any) -> Any:
        """The output tensor for an input tensor float32 [1, ...]."""
        for layer, pair in zip(self.layers, self.weights, strict=True):
            x = _plain(layer, pair, x)
        return x

    @classmethod
    def of(cls, task: Task, pairs: Sequence[tuple[Float32, Float32]]) -> PlainNetwork:
        """The task's layers with (kernel, bias) for those that have weights, in order."""
        layers = tuple(layer for layer in task.layers if layer.kind != "dropout")
        left = iter(pairs)
        weights = tuple(
            next(left) if layer.kind in ("conv2d", "depthwise_conv2d", "dense") else None for layer in layers
        )
        return cls(shape=(1, *network_shape(task)), layers=layers, weights=weights)

    def arrays(self) -> dict[str, Float32]:
        """The weights as named arrays, to be kept in a file."""
        pairs = [pair for pair in self.weights if pair is not None]
        return {f"{name}_{i}": array for i, pair in enumerate(pairs) for name, array in zip(_NAMES, pair, strict=True)}

    @classmethod
    def from_arrays(cls, task: Task, arrays: Mapping[str, Float32]) -> PlainNetwork:
        """What `arrays` gave."""
        count = len(arrays) // len(_NAMES)
        return cls.of(task, [(arrays[f"kernel_{i}"], arrays[f"bias_{i}"]) for i in range(count)])


def plain_network(task: Task, trained: Any, normalization: Normalization) -> PlainNetwork:
    """The network to convert: batch 1, everything folded, weights taken from `trained`.

    The last dense layer of a reconstruction task also undoes the normalisation, so its output is the real input.
    """
    pairs = _folded_weights(trained)
    pairs[0] = _fold_input(task, pairs[0], normalization)
    if task.loss == "reconstruction":
        kernel, bias = pairs[-1]
        pairs[-1] = (kernel * normalization.spread, bias * normalization.spread + normalization.mean)
    return PlainNetwork.of(task, [_float32(*pair) for pair in pairs])


def _float32(kernel: Float64, bias: Float64) -> tuple[Float32, Float32]:
    return kernel.astype(np.float32), bias.astype(np.float32)


def _plain(layer: Layer, pair: tuple[Float32, Float32] | None, x: Any) -> Any:
    strides = (1, *layer.strides, 1)
    padding = layer.padding.upper()
    match layer.kind:
        case "max_pool2d":
            return tf.nn.max_pool2d(x, layer.kernel, layer.strides, padding)
        case "average_pool2d":
            return tf.nn.avg_pool2d(x, layer.kernel, layer.strides, padding)
        case "flatten":
            return tf.reshape(x, (1, int(np.prod(x.shape))))
    if pair is None:
        raise ValueError(f"layer '{layer.kind}' has no weights")
    kernel, bias = (tf.constant(array) for array in pair)
    if layer.kind == "conv2d":
        x = tf.nn.conv2d(x, kernel, strides, padding)
    elif layer.kind == "depthwise_conv2d":
        x = tf.nn.depthwise_conv2d(x, kernel, strides, padding)
    else:
        x = tf.matmul(x, kernel)
    x = tf.nn.bias_add(x, bias)
    return {"relu": tf.nn.relu, "softmax": tf.nn.softmax, "linear": tf.identity}[layer.activation](x)


def _folded_weights(trained: Any) -> list[tuple[Float64, Float64]]:
    """(kernel, bias) of every weighted layer with the batch normalisation behind it folded in."""
    pairs: list[tuple[Float64, Float64]] = []
    kinds: list[str] = []
    for layer in trained.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = (w.astype(np.float64) for w in layer.get_weights())
            factor = gamma / np.sqrt(variance + layer.epsilon)
            kernel, bias = pairs[-1]
            shaped = factor[:, None] if kinds[-1] == "DepthwiseConv2D" else factor  # HWCM against ...O
            pairs[-1] = (kernel * shaped, (bias - mean) * factor + beta)
        elif layer.get_weights():
            kernel, bias = (w.astype(np.float64) for w in layer.get_weights())
            pairs.append((kernel, bias))
            kinds.append(type(layer).__name__)
    return pairs


def _fold_input(task: Task, pair: tuple[Float64, Float64], normalization: Normalization) -> tuple[Float64, Float64]:
    """Weights over the real input from weights over the normalised one."""
    first = task.layers[0]
    if first.kind not in ("conv2d", "dense") or (first.kind == "conv2d" and first.padding != "valid"):
        # Padding is real 0, which is not the mean: folding would not be exact.
        raise ValueError("the first layer must be dense or an unpadded conv2d")
    kernel, bias = pair
    scaled = kernel / normalization.spread[:, None]
    moved = scaled * normalization.mean[:, None]
    return scaled, bias - moved.sum(axis=tuple(range(moved.ndim - 1)))
