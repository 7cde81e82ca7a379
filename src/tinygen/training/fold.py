"""From the network that was trained to the plain one that is converted: same function, fewer arrays. No TensorFlow.

Normalisations become factors of kernels and biases, parallel paths one kernel (Ding et al. 2021, RepVGG), and the
normalisation of the input part of the first layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tinygen.tasks.shapes import Shape, step
from tinygen.tasks.spec import Layer
from tinygen.training.layout import WEIGHTED, BranchKind, branches_of, kernel_shape, pieces, slots

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Pair = tuple[Float64, Float64]


def plain_layers(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers of the folded network: no normalisation, no branches, nothing that only training needs."""
    return tuple(
        replace(layer, batch_norm=False, branches=0, inner=plain_layers(layer.inner))
        for layer in layers
        if layer.kind != "dropout"
    )


def folded(
    layers: Sequence[Layer],
    shape: Shape,
    weights: Float32,
    running: Float32,
    *,
    mean: Float32,
    spread: Float32,
    eps: float,
) -> Float32:
    """The vector of weights of `plain_layers`: kernel and bias of every weighted layer.

    Args:
        layers, shape: as trained.
        weights, running: what training gave.
        mean, spread: float32 [channels]; the trained network's inputs are (real input - mean) / spread.
        eps: what normalisations add to variances.

    Raises:
        ValueError: the first layer is padded: padding is real 0, which is not the mean, so folding would not be exact.
    """
    layout = slots(layers, shape)
    arrays = iter([array.astype(np.float64) for array in pieces(layout, weights)])
    statistics = _statistics([slot.size for slot in layout if slot.role == "gamma"], running.astype(np.float64))
    pairs = list(_pairs(layers, shape, arrays, statistics, eps))
    first = layers[0]
    if first.kind not in WEIGHTED or (first.kind != "dense" and first.padding != "valid"):
        raise ValueError("the first layer must be dense or an unpadded convolution")
    kernel, bias = pairs[0]
    scaled = kernel / spread[:, None]
    if first.kind == "depthwise_conv2d":
        moved = (scaled[..., 0] * mean).sum(axis=(0, 1))
    else:
        moved = (scaled * mean[:, None]).sum(axis=tuple(range(scaled.ndim - 1)))
    pairs[0] = scaled, bias - moved
    return np.concatenate([array.reshape(-1) for pair in pairs for array in pair]).astype(np.float32)


def _statistics(sizes: Sequence[int], running: Float64) -> Iterator[tuple[Float64, Float64]]:
    at = 0
    for size in sizes:
        yield running[at : at + size], running[at + size : at + 2 * size]
        at += 2 * size


def _pairs(
    layers: Sequence[Layer],
    shape: Shape,
    arrays: Iterator[Float64],
    statistics: Iterator[tuple[Float64, Float64]],
    eps: float,
) -> Iterator[Pair]:
    for layer in layers:
        if layer.inner:
            inner = (shape[0], 1, shape[2]) if layer.kind == "broadcast_residual" else shape
            yield from _pairs(layer.inner, inner, arrays, statistics, eps)
        elif layer.kind in WEIGHTED and not layer.batch_norm:
            yield next(arrays), next(arrays)
        elif layer.kind in WEIGHTED:
            yield _one(layer, shape, arrays, statistics, eps)
        shape, _ = step(layer, shape)


def _one(
    layer: Layer,
    shape: Shape,
    arrays: Iterator[Float64],
    statistics: Iterator[tuple[Float64, Float64]],
    eps: float,
) -> Pair:
    """The sum of all paths of a layer as one kernel and one bias."""
    total = np.zeros(kernel_shape(layer, shape, layer.kernel))
    bias: Float64 = np.zeros(1)
    for path in branches_of(layer, shape):
        own = _kernel(layer, shape, path, arrays)
        gamma, beta = next(arrays), next(arrays)
        mean, variance = next(statistics)
        factor = gamma / np.sqrt(variance + eps)
        total = total + own * (factor[:, None] if layer.kind == "depthwise_conv2d" else factor)
        bias = bias + beta - mean * factor
    return total, bias


def _kernel(layer: Layer, shape: Shape, path: BranchKind, arrays: Iterator[Float64]) -> Float64:
    """A path's kernel, grown to the layer's size: 1x1 ones sit where `network.tap_of` says."""
    if path == "full":
        return next(arrays)
    grown = np.zeros(kernel_shape(layer, shape, layer.kernel))
    row, column = tap_of(layer)
    if path == "point":
        grown[row, column] = next(arrays)[0, 0]
    elif layer.kind == "depthwise_conv2d":
        grown[row, column, :, 0] = 1.0
    else:
        grown[row, column] = np.eye(shape[2])
    return grown


def tap_of(layer: Layer) -> tuple[int, int]:
    """Where in the kernel a 1x1 path sits: the newest row and the middle band, or the middle where it is padded."""
    rows, columns = layer.kernel
    return (rows // 2 if layer.padding == "same" else rows - 1, columns // 2)
