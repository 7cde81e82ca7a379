"""Structured pruning: whole channels are driven to zero while training, so that the compiler removes them with a proof.

A channel whose normalisations have factor 0 and offset 0 is a constant for every input; the compiler's constant-channel
pass folds constants into what reads them and drops what nobody reads any more. Nothing here changes a shape.

Source: Liu et al. 2017, "Learning Efficient Convolutional Networks through Network Slimming" (factors of batch
normalisation rank channels).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.tasks.shapes import Shape, step
from tinygen.tasks.spec import Layer
from tinygen.training.layout import WEIGHTED, branches_of, pieces, slots

Float32 = npt.NDArray[np.float32]

_LEAST_LEFT = 0.25  # of a layer's channels: no layer is strangled


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """How many channels go, and when.

    Attributes:
        share: of the channels of all prunable layers, 0..1; 0 prunes nothing.
        begin, end: share of the epochs between which channels are given up, cubically (Zhu & Gupta 2017).
    """

    share: float = 0.0
    begin: float = 0.2
    end: float = 0.6

    def wanted(self, done: float) -> float:
        """The share that is gone after `done` of the epochs."""
        part = min(1.0, max(0.0, (done - self.begin) / max(1e-9, self.end - self.begin)))
        return self.share * (1.0 - (1.0 - part) ** 3)

    def mask(self, layers: tuple[Layer, ...], shape: Shape, weights: Float32, done: float) -> Float32:
        """0 for factors and offsets of channels that are given up, 1 for all other weights.

        Args:
            layers, shape: the network, with batch normalisation.
            weights: float32, its vector.
            done: share of the epochs that are done.
        """
        layout = slots(layers, shape)
        arrays = pieces(layout, weights)
        alive = [np.ones_like(array) for array in arrays]
        groups = _prunable(layers, shape, 0)[0]
        scores = [np.sum([np.abs(arrays[i]) for i in group if layout[i].role == "gamma"], axis=0) for group in groups]
        relative = [score / max(1e-9, float(score.mean())) for score in scores]
        if relative and (count := int(self.wanted(done) * sum(len(score) for score in relative))):
            limit = np.sort(np.concatenate(relative))[count - 1]
            for group, score in zip(groups, relative, strict=True):
                gone = score <= limit
                most = int(len(score) * (1 - _LEAST_LEFT))
                if gone.sum() > most:
                    gone = np.zeros(len(score), dtype=bool)
                    gone[np.argsort(score, kind="stable")[:most]] = True
                for index in group:
                    alive[index][gone] = 0.0
        return np.concatenate([array.reshape(-1) for array in alive]).astype(np.float32)


NOTHING = Pruning()


def _prunable(layers: tuple[Layer, ...], shape: Shape, at: int) -> tuple[list[list[int]], int]:
    """([indices of factors and offsets in the layout] per layer whose channels may go, index behind the last array).

    Full convolutions with normalisation; a depthwise one follows its input's channels by itself, and what lies inside
    a residual block keeps its channels, which the sum would bring back.
    """
    found: list[list[int]] = []
    for layer in layers:
        if layer.inner:
            inner = (shape[0], 1, shape[2]) if layer.kind == "broadcast_residual" else shape
            _, at = _prunable(layer.inner, inner, at)
        elif layer.kind in WEIGHTED and not layer.batch_norm:
            at += 2
        elif layer.kind in WEIGHTED:
            own: list[int] = []
            for path in branches_of(layer, shape):
                at += path != "skip"
                own += [at, at + 1]
                at += 2
            if layer.kind == "conv2d":
                found.append(own)
        shape, _ = step(layer, shape)
    return found, at
