"""Inputs a proof is made over: held-out recordings, and constructed signals to reach the number asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.datasets.values import Recording
from tinygen.datasets.window import cut
from tinygen.features.quantize import InputQuantization, apply
from tinygen.features.reference import frames_batch
from tinygen.features.spec import FeatureSpec, lead_in_samples, samples_per_inference, samples_per_window
from tinygen.verify.bundle import VectorSet, export, load
from tinygen.verify.signals import constructed, constructed_input
from tinygen.verify.values import Vector

__all__ = ["VectorSet", "export", "load", "make", "make_inputs"]

_CONSTRUCTED_SHARE = 10  # one in ten, so that a proof also sees what no recording holds
_BATCH = 32

Int16 = npt.NDArray[np.int16]


def make(
    recordings: Sequence[Recording], spec: FeatureSpec, quantization: InputQuantization, count: int, seed: int
) -> tuple[Vector, ...]:
    """`count` vectors with a signal behind each: one in ten constructed, the rest held out (as far as they reach).

    Recordings are taken class by class in turn, one window each before any gives a second one.

    Args:
        recordings: the test side, resampled and with the channels `spec` wants.
        spec, quantization: the front end and how its rows become the model's input.
        count: at least 1.
        seed: of the constructed signals.

    Raises:
        TinygenError: count below 1; a recording with another rate or number of channels.
    """
    if count < 1:
        raise bad_input(f"at least one vector is needed, not {count}", where="vectors")
    samples = samples_per_inference(spec)
    picked = _pick(recordings, spec, count - count // _CONSTRUCTED_SHARE)
    missing = range(count - len(picked))
    made = [("", *constructed(number, seed, samples, spec.n_channels)) for number in missing]
    signals = [*picked, *made]
    vectors: list[Vector] = []
    for start in range(0, count, _BATCH):
        part = signals[start : start + _BATCH]
        rows = frames_batch(spec, np.stack([signal for _, _, signal in part]))
        inputs = apply(rows, quantization)
        for (label, name, signal), model_input in zip(part, inputs, strict=True):
            vectors.append(Vector(name=name, raw=signal, model_input=model_input.reshape(-1), label=label))
    return tuple(vectors)


def make_inputs(count: int, seed: int, size: int) -> tuple[Vector, ...]:
    """`count` constructed model inputs of `size` int8 values, for a model without a front end."""
    if count < 1:
        raise bad_input(f"at least one vector is needed, not {count}", where="vectors")
    named = [constructed_input(number, seed, size) for number in range(count)]
    return tuple(Vector(name=name, raw=None, model_input=values, label="") for name, values in named)


def _pick(recordings: Sequence[Recording], spec: FeatureSpec, wanted: int) -> list[tuple[str, str, Int16]]:
    """(label, name, int16 [samples, channels]) of up to `wanted` windows, classes in turn."""
    queues: dict[str, list[Recording]] = {}
    for recording in recordings:
        shape = recording.signal.shape
        if recording.rate_hz != spec.rate_hz or len(shape) != 2 or shape[1] != spec.n_channels or not shape[0]:
            raise bad_input(
                f"has shape {list(shape)} at {recording.rate_hz} Hz; the front end takes [samples, {spec.n_channels}] "
                f"at {spec.rate_hz} Hz",
                where=recording.name,
            )
        queues.setdefault(recording.label, []).append(recording)
    order: list[Recording] = []
    for turn in range(max((len(queue) for queue in queues.values()), default=0)):
        order += [queue[turn] for queue in queues.values() if turn < len(queue)]
    samples, lead_in = samples_per_window(spec), lead_in_samples(spec)
    windows: dict[int, list[Int16]] = {}
    found: list[tuple[str, str, Int16]] = []
    turn = 0
    while len(found) < wanted:
        before = len(found)
        for number, recording in enumerate(order):
            if len(found) == wanted:
                break
            if number not in windows:
                windows[number] = cut(recording, samples, lead_in=lead_in)
            if turn < len(windows[number]):
                name = recording.name if turn == 0 else f"{recording.name}#{turn}"
                found.append((recording.label, name, windows[number][turn]))
        if len(found) == before:
            break
        turn += 1
    return found
