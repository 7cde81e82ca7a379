"""Which weights a network of layers has while it trains, in the order they are used. No TensorFlow here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tinygen.tasks.shapes import Shape, step
from tinygen.tasks.spec import Layer

Float32 = npt.NDArray[np.float32]

WEIGHTED = ("conv2d", "depthwise_conv2d", "dense")
NESTED = ("residual", "broadcast_residual")

BranchKind = Literal["full", "point", "skip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One array of weights.

    Attributes:
        role: "kernel" is drawn around zero, "gamma" starts at `start`, "beta" and "bias" at zero.
        fan_in: inputs of one output, for the width of the draw.
    """

    shape: tuple[int, ...]
    role: Literal["kernel", "gamma", "beta", "bias"]
    fan_in: int = 1
    start: float = 1.0

    @property
    def size(self) -> int:
        """Numbers in it."""
        return math.prod(self.shape)


def branches_of(layer: Layer, shape: Shape) -> tuple[BranchKind, ...]:
    """The parallel paths of a layer with batch normalisation while it trains."""
    found: list[BranchKind] = ["full"] * max(1, layer.branches)
    if layer.branches:
        if layer.kernel != (1, 1):
            found.append("point")
        out, _ = step(layer, shape)
        if out[2] == shape[2] and layer.strides == (1, 1):
            found.append("skip")
    return tuple(found)


def outputs_of(layer: Layer, shape: Shape) -> int:
    """Channels a weighted layer gives."""
    return shape[2] if layer.kind == "depthwise_conv2d" else layer.filters


def kernel_shape(layer: Layer, shape: Shape, kernel: tuple[int, int]) -> tuple[int, ...]:
    """As TensorFlow keeps it: HWIO, HWC1 for depthwise, IO for dense."""
    if layer.kind == "dense":
        return (shape[2], layer.filters)
    if layer.kind == "depthwise_conv2d":
        return (*kernel, shape[2], 1)
    return (*kernel, shape[2], layer.filters)


def slots(layers: Iterable[Layer], shape: Shape) -> list[Slot]:
    """The arrays of a network with input [height, width, channels], in the order they are used."""
    found: list[Slot] = []
    for layer in layers:
        found += _slots_of(layer, shape)
        shape, _ = step(layer, shape)
    return found


def _slots_of(layer: Layer, shape: Shape) -> list[Slot]:
    if layer.kind == "residual":
        return slots(layer.inner, shape)
    if layer.kind == "broadcast_residual":
        return slots(layer.inner, (shape[0], 1, shape[2]))
    if layer.kind not in WEIGHTED:
        return []
    n_out = outputs_of(layer, shape)
    if not layer.batch_norm:
        own = kernel_shape(layer, shape, layer.kernel)
        fan = math.prod(layer.kernel) * (1 if layer.kind == "depthwise_conv2d" else shape[2])
        return [Slot(shape=own, role="kernel", fan_in=fan), Slot(shape=(n_out,), role="bias")]
    found = []
    paths = branches_of(layer, shape)
    for path in paths:
        kernel = layer.kernel if path == "full" else (1, 1)
        fan = math.prod(kernel) * (1 if layer.kind == "depthwise_conv2d" else shape[2])
        if path != "skip":
            found.append(Slot(shape=kernel_shape(layer, shape, kernel), role="kernel", fan_in=fan))
        found.append(Slot(shape=(n_out,), role="gamma", start=1.0 / math.sqrt(len(paths))))
        found.append(Slot(shape=(n_out,), role="beta"))
    return found


def initial(layout: Sequence[Slot], seed: int) -> Float32:
    """All weights in one float32 vector: kernels normal with variance 0.5 / fan_in.

    That is half the width of He et al. 2015: behind a normalisation the scale of a kernel only divides the learning
    rate, and with these short schedules the faster start is worth much.
    """
    rng = np.random.default_rng([seed, 13])
    parts = []
    for slot in layout:
        match slot.role:
            case "kernel":
                parts.append(rng.normal(0.0, math.sqrt(0.5 / slot.fan_in), size=slot.size))
            case "gamma":
                parts.append(np.full(slot.size, slot.start))
            case _:
                parts.append(np.zeros(slot.size))
    return np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, np.float32)


def decayed(layout: Sequence[Slot]) -> Float32:
    """1 for weights that weight decay pulls towards zero (kernels), else 0."""
    return np.concatenate([np.full(slot.size, float(slot.role == "kernel")) for slot in layout]).astype(np.float32)


def pieces(layout: Sequence[Slot], flat: Float32) -> list[Float32]:
    """The arrays of a vector."""
    ends = np.cumsum([slot.size for slot in layout])
    return [part.reshape(slot.shape) for slot, part in zip(layout, np.split(flat, ends[:-1]), strict=True)]


def statistics_size(layers: Iterable[Layer], shape: Shape) -> int:
    """Numbers in the running statistics: a mean and a variance per channel of every normalised path."""
    return sum(2 * slot.size for slot in slots(layers, shape) if slot.role == "gamma")
