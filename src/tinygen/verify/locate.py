"""From "something differs" to the first wrong layer, its first wrong values, and what is probably the cause."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import ExitCode, TinygenError
from tinygen.device.values import INPUT_TENSOR
from tinygen.model.ir import DType
from tinygen.verify.facts import NUMPY_DTYPE, DeviceClient, Layer, Mode
from tinygen.verify.values import Expected, Vector

_SHOWN_VALUES = 8
_WORD = 8  # bytes one stray write may change
_STRETCH = 8  # wrong bytes that make a stretch,
_DENSE = 0.5  # when at least this part of it is wrong (the others may be right by chance)
_VARIES = 0.2  # part of the other bytes that another input must change, or nothing is learned from it


class Verdict(StrEnum):
    """What a difference points to."""

    FEATURES = "features"
    KERNEL = "kernel"
    WEIGHTS = "weights in flash"
    MEMORY = "memory overwritten"
    COMPILER = "compiler arithmetic"
    MODEL = "model, step unknown"
    BUILD = "another build"


REASONS: dict[Verdict, str] = {
    Verdict.FEATURES: "the device's front end made another model input than the NumPy reference",
    Verdict.KERNEL: "the step's inputs are right and its result is wrong in several channels",
    Verdict.WEIGHTS: "the step's inputs are right and one output channel alone is wrong: its weights, bias or scale",
    Verdict.MEMORY: "the same input gave other bytes when it was run again, or bytes changed after being written",
    Verdict.COMPILER: "our NumPy reference differs from TFLM here too: the compiler's arithmetic, not the device",
    Verdict.MODEL: "the device gives no layer digests, so the step is not known",
    Verdict.BUILD: "the image on the device was not made from this model",
}


# More is known where the device has digests of its weights.
WEIGHTS_DAMAGED = "the step's inputs are right, and the device's own digests say that weights in its flash are damaged"
ALWAYS_OVERWRITTEN = (
    "a few neighbouring bytes alone are wrong, each time, and the weights are intact: something else writes there"
)
SAME_WHATEVER_THE_INPUT = (
    "a stretch of bytes is wrong and holds the same values for quite another input, while the rest changes: something "
    "else writes there, or the step never does"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueDifference:
    """One value that is wrong. `flat` counts elements, `coordinates` is its place in the tensor's shape (NHWC)."""

    flat: int
    coordinates: tuple[int, ...]
    expected: int | float
    actual: int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One located difference.

    Attributes:
        layer: the first layer that differs; None for the model input or an output without layers.
        place: what differs, in words.
        differing: how many elements of it are wrong, of `elements`.
        channels: how many indices of the last axis are touched.
        values: the first few.
    """

    vector: str
    mode: Mode
    layer: Layer | None
    place: str
    verdict: Verdict
    reason: str
    differing: int
    differing_bytes: int
    elements: int
    channels: int
    values: tuple[ValueDifference, ...]

    @property
    def sentence(self) -> str:
        """One line for people."""
        text = f"{self.place}: {self.differing} of {self.elements} values differ"
        if self.values:
            first = self.values[0]
            where = ", ".join(map(str, first.coordinates))
            text += f", first at [{where}] (index {first.flat}): expected {first.expected:g}, got {first.actual:g}"
        return f"{text}; {self.mode} mode, vector {self.vector}; verdict: {self.verdict.value}"


def compare_bytes(
    expected: bytes, actual: bytes, dtype: DType, shape: Sequence[int]
) -> tuple[int, int, int, tuple[ValueDifference, ...]]:
    """(differing elements, differing bytes, touched indices of the last axis, first few differences).

    Args:
        expected, actual: the tensor's bytes; a missing or surplus tail of `actual` counts as differing bytes.
        dtype, shape: of the tensor.
    """
    common = min(len(expected), len(actual))
    differing_bytes = abs(len(expected) - len(actual)) + _unequal(expected[:common], actual[:common])
    size = np.dtype(NUMPY_DTYPE[dtype]).itemsize
    count = common // size
    want = np.frombuffer(expected, dtype=NUMPY_DTYPE[dtype], count=count)
    got = np.frombuffer(actual, dtype=NUMPY_DTYPE[dtype], count=count)
    raw = np.frombuffer(expected, np.uint8, count * size) != np.frombuffer(actual, np.uint8, count * size)
    wrong = np.flatnonzero(raw.reshape(count, size).any(axis=1))
    dims = tuple(shape) if math.prod(shape) >= count else (count,)
    last = dims[-1] if dims else 1
    values = tuple(
        ValueDifference(
            flat=int(i),
            coordinates=tuple(int(c) for c in np.unravel_index(int(i), dims)) if dims else (),
            expected=want[i].item(),
            actual=got[i].item(),
        )
        for i in wrong[:_SHOWN_VALUES]
    )
    return len(wrong), differing_bytes, len(np.unique(wrong % last)), values


def _unequal(left: bytes, right: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(left, np.uint8) != np.frombuffer(right, np.uint8)))


def count_differing(expected: bytes, actual: bytes) -> int:
    """Bytes that differ; a missing or surplus tail counts too."""
    common = min(len(expected), len(actual))
    return abs(len(expected) - len(actual)) + _unequal(expected[:common], actual[:common])


def first_wrong(layers: Sequence[Layer], digests: Sequence[int], expected: Expected) -> Layer | None:
    """The first layer whose digest is not that of the oracle's tensor."""
    for layer, digest in zip(layers, digests, strict=False):
        wanted = expected.tensors.get(layer.tensor)
        if wanted is not None and zlib.crc32(wanted) != digest:
            return layer
    return None


def locate_input(client: DeviceClient, vector: Vector, shape: tuple[int, ...]) -> Finding:
    """Read the model input the device made from a signal and show where it differs from the NumPy front end's.

    Args:
        shape: of the model input, to name coordinates.
    """
    wanted = np.ascontiguousarray(vector.model_input, dtype=np.int8).tobytes()
    actual = client.read_tensor(INPUT_TENSOR, len(wanted))
    differing, wrong_bytes, channels, values = compare_bytes(wanted, actual, "int8", shape)
    return Finding(
        vector=vector.name,
        mode="raw",
        layer=None,
        place="model input made on the device",
        verdict=Verdict.FEATURES,
        reason=REASONS[Verdict.FEATURES],
        differing=differing,
        differing_bytes=wrong_bytes,
        elements=len(wanted),
        channels=channels,
        values=values,
    )


def locate_layer(
    client: DeviceClient,
    vector: Vector,
    mode: Mode,
    *,
    layer: Layer,
    digests: Sequence[int],
    expected: Expected,
    reference: Mapping[int, npt.NDArray[np.generic]] | None,
    weights: str = "",
) -> Finding:
    """Read the first wrong layer's tensor (the device still holds the input) and judge what made it wrong.

    Args:
        digests: what the device said, to see whether it says the same again.
        reference: every tensor as our NumPy reference makes it, if it was asked.
        weights: what the device finds of its weights now: "intact", "damaged"; anything else is not known.
    """
    wanted = expected.tensors[layer.tensor]
    client.infer(stop_after=layer.step)
    actual = client.read_tensor(layer.number, layer.n_bytes)
    client.infer(digests=True)
    again = client.digests()
    differing, wrong_bytes, channels, values = compare_bytes(wanted, actual, layer.dtype, layer.shape)
    # Stopping early executes the same steps: another answer means that memory is not what was written.
    stable = list(again) == list(digests) and zlib.crc32(actual) == digests[layer.number]
    own = reference.get(layer.tensor) if reference is not None else None
    own_wrong = own is not None and np.ascontiguousarray(own).tobytes() != wanted
    if own_wrong:
        verdict, reason = Verdict.COMPILER, REASONS[Verdict.COMPILER]
    elif not stable:
        verdict, reason = Verdict.MEMORY, REASONS[Verdict.MEMORY]
    elif weights == "damaged":
        verdict, reason = Verdict.WEIGHTS, WEIGHTS_DAMAGED
    elif weights == "intact" and _one_word(wanted, actual):
        verdict, reason = Verdict.MEMORY, ALWAYS_OVERWRITTEN
    elif weights != "intact" and channels == 1 and layer.shape and layer.shape[-1] > 1:
        verdict, reason = Verdict.WEIGHTS, REASONS[Verdict.WEIGHTS]
    elif _same_whatever_the_input(client, vector, layer, wanted, actual):
        verdict, reason = Verdict.MEMORY, SAME_WHATEVER_THE_INPUT
    else:
        verdict, reason = Verdict.KERNEL, REASONS[Verdict.KERNEL]
    return Finding(
        vector=vector.name,
        mode=mode,
        layer=layer,
        place=layer.title,
        verdict=verdict,
        reason=reason,
        differing=differing,
        differing_bytes=wrong_bytes,
        elements=math.prod(layer.shape),
        channels=channels,
        values=values,
    )


def _one_word(wanted: bytes, actual: bytes) -> bool:
    """Whether all that is wrong lies within a word, in a tensor that is much larger."""
    if len(wanted) != len(actual) or len(wanted) < 8 * _WORD:
        return False
    wrong = np.flatnonzero(np.frombuffer(wanted, np.uint8) != np.frombuffer(actual, np.uint8))
    return len(wrong) > 0 and int(wrong[-1] - wrong[0]) < _WORD


def _same_whatever_the_input(client: DeviceClient, vector: Vector, layer: Layer, wanted: bytes, actual: bytes) -> bool:
    """Whether the wrong bytes lie in one stretch and come out the same for the opposite input, unlike the others."""
    if len(wanted) != len(actual):
        return False
    first = np.frombuffer(actual, np.uint8)
    wrong = np.flatnonzero(np.frombuffer(wanted, np.uint8) != first)
    span = int(wrong[-1] - wrong[0]) + 1
    if len(wrong) < _STRETCH or len(wrong) < span * _DENSE or span > len(first) // 2:
        return False
    model_input = np.ascontiguousarray(vector.model_input)
    client.write_input(bytes(byte ^ 0xFF for byte in model_input.tobytes()))
    client.infer(stop_after=layer.step)
    second = np.frombuffer(client.read_tensor(layer.number, layer.n_bytes), np.uint8)
    inside = np.zeros(len(first), bool)
    inside[wrong[0] : wrong[-1] + 1] = True
    changed = first != second
    return not changed[inside].any() and bool(changed[~inside].mean() > _VARIES)


def locate_output(
    vector: Vector,
    mode: Mode,
    *,
    expected: Expected,
    actual: bytes,
    dtype: DType,
    shape: tuple[int, ...],
    layers: bool,
) -> Finding:
    """An output that is wrong although every layer's digest is right, or where the device gives no digests.

    Args:
        layers: all layers were compared and are equal.
    """
    differing, wrong_bytes, channels, values = compare_bytes(expected.output, actual, dtype, shape)
    verdict = Verdict.MEMORY if layers else Verdict.MODEL
    return Finding(
        vector=vector.name,
        mode=mode,
        layer=None,
        place="model output",
        verdict=verdict,
        reason=REASONS[verdict],
        differing=differing,
        differing_bytes=wrong_bytes,
        elements=len(expected.output) // np.dtype(NUMPY_DTYPE[dtype]).itemsize,
        channels=channels,
        values=values,
    )


def is_silence(error: TinygenError) -> bool:
    """True when the device stopped answering (rather than answering nonsense)."""
    return error.code is ExitCode.NO_ANSWER
