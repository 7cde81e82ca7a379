"""Gestures of an accelerometer (and gyroscope): a window of motion becomes one of the data set's gestures.

Convolutions along time, written as 2-D ones of height 1.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from tinygen.core.errors import bad_input
from tinygen.datasets.assemble import UNLABELLED
from tinygen.datasets.values import Dataset
from tinygen.features import reference
from tinygen.features.spec import ScaledWindowSpec
from tinygen.tasks.front_end import WHERE, with_constants
from tinygen.tasks.segment import levels
from tinygen.tasks.shapes import after
from tinygen.tasks.spec import Acceptance, Layer, MotionPlan, OpenSet, StreamPlan, Task, TrainingPlan

NAME = "gesture"
TITLE = "Gesture recognition"

_MAX_FRAMES = 128
_MIN_FRAMES = 16
IDLE = ("none", "negative", "idle", "rest", "other")
"""Labels of recordings that are none of the gestures, in any case."""

FEW_RECORDINGS = 20
"""With no more of its rarest gesture, the task trains in few-shot mode: a wider network, many variations of each."""


def _conv(filters: int, taps: int, stride: int, padding: Literal["same", "valid"] = "same") -> Layer:
    return Layer(
        kind="conv2d",
        filters=filters,
        kernel=(1, taps),
        strides=(1, stride),
        padding=padding,
        activation="relu",
        batch_norm=True,
    )


_BODY = (_conv(16, 7, 2, "valid"), _conv(24, 5, 2), _conv(32, 5, 1))
_FEW_BODY = (_conv(24, 7, 2, "valid"), _conv(32, 5, 2), _conv(48, 5, 1), _conv(48, 3, 1))
_PLAN = TrainingPlan(epochs=30, batch_size=32, learning_rate=4e-3, augment=("motion",) * 3)
_FEW_EXAMPLES = 1600

_LEAST_GRAVITY = 0.1  # share of the acceleration; 0.4 and 0.7 in the recordings this was looked up in
_LOOKED_AT = 200  # recordings
_REST_ROWS = 8
_QUIET_S = 0.15


def _few_plan(recordings: int) -> TrainingPlan:
    repeats = min(60, max(4, -(-_FEW_EXAMPLES // max(recordings, 1)) - 1))
    return TrainingPlan(epochs=20, batch_size=32, learning_rate=4e-3, augment=("motion",) * repeats)


def fewest_recordings(dataset: Dataset) -> int:
    """How many recordings the rarest gesture has."""
    counts = Counter(r.label for r in dataset.recordings if r.label != UNLABELLED and r.label.lower() not in IDLE)
    return min(counts.values(), default=0)


def front_end(dataset: Dataset) -> ScaledWindowSpec:
    """A window that covers a gesture in at most 128 frames, scaled to a spread of about 1.

    Raises:
        TinygenError: the recordings are too short, or have too many channels.
    """
    moving = [r for r in dataset.recordings if r.label.lower() not in IDLE] or list(dataset.recordings)
    length = int(np.median([r.signal.shape[0] for r in moving]))
    channels = moving[0].signal.shape[1]
    if length < _MIN_FRAMES:
        hint = "record each gesture from before it begins until after it ends"
        raise bad_input(
            f"recordings have {length} samples, at least {_MIN_FRAMES} are needed", where=dataset.name, hint=hint
        )
    if channels > 9:
        raise bad_input(f"{channels} channels are more than the 9 that are supported", where=dataset.name)
    decimation = -(-length // _MAX_FRAMES) if length > 1.25 * _MAX_FRAMES else 1
    power = float(np.mean([np.mean(r.signal.astype(np.float64) ** 2) for r in moving]))
    return ScaledWindowSpec(
        rate_hz=moving[0].rate_hz,
        n_channels=channels,
        decimation=decimation,
        n_frames=min(_MAX_FRAMES, length // decimation),
        feature_scale=2.0 ** -round(math.log2(math.sqrt(power) + 1.0)),
    )


def make(dataset: Dataset, given: Mapping[str, Any] | None = None) -> Task:
    """The task for the gestures of a data set.

    Args:
        dataset: what it learns from.
        given: constants of the front end that are not what suits the recordings.

    Raises:
        TinygenError: as `front_end`; the front end cannot be computed; there is no gravity to level by.
    """
    features = with_constants(front_end(dataset), given or {})
    if features.gravity == "level":
        _check_gravity(dataset)
    labels = tuple(sorted({r.label for r in dataset.recordings} - {UNLABELLED}))
    refused = tuple(label for label in labels if label.lower() in IDLE)
    shape = (1, features.n_frames, features.n_channels)
    few = fewest_recordings(dataset) <= FEW_RECORDINGS
    body = _FEW_BODY if few else _BODY
    _, width, _ = after(body, shape)
    pool = max(1, width // 5)
    head = (
        Layer(kind="average_pool2d", kernel=(1, pool), strides=(1, pool)),
        Layer(kind="flatten"),
        Layer(kind="dropout", rate=0.4 if few else 0.3),
        Layer(kind="dense", filters=len(labels), activation="softmax"),
    )
    return Task(
        name="gesture",
        title=TITLE,
        labels=labels,
        features=features,
        input_shape=shape,
        layers=(*body, *head),
        loss="cross_entropy",
        decision="argmax",
        training=_few_plan(len(dataset.recordings)) if few else _PLAN,
        acceptance=Acceptance(metric="accuracy", at_least=0.85),
        stream=_stream_plan(dataset, features),
        open_set=OpenSet(labels=refused) if refused else None,
    )


def _check_gravity(dataset: Dataset) -> None:
    """Refuse to level by the mean of an accelerometer that was filtered or normalised: it points anywhere.

    Raises:
        TinygenError: in the median recording the mean is less than a tenth of the samples' size.
    """
    motions = [r.signal[:, :3].astype(np.float64) for r in dataset.recordings]
    sizes = [math.sqrt(float((m**2).sum(axis=1).mean())) for m in motions]
    shares = [float(np.linalg.norm(m.mean(axis=0))) / max(size, 1.0) for m, size in zip(motions, sizes, strict=True)]
    share = float(np.median(shares))
    if share < _LEAST_GRAVITY:
        raise bad_input(
            f"the recordings hold no gravity to level by: their mean acceleration is {share:.1%} of its size",
            where=f"{WHERE} gravity",
            hint='"keep" takes them as they are; "level" needs an accelerometer\'s own samples, 1 g at rest',
        )


def _stream_plan(dataset: Dataset, features: ScaledWindowSpec) -> StreamPlan:
    """One look per motion where recordings rest before and after it; else a look eight times per window."""
    motion = motion_plan(dataset, features)
    hop = features.n_frames // (8 if motion is None else 32)
    return StreamPlan(hop_rows=max(1, hop), smoothing=3, threshold=0.75, refractory_s=0.8, ignored=IDLE, motion=motion)


def motion_plan(dataset: Dataset, features: ScaledWindowSpec) -> MotionPlan | None:
    """When something moves, from how gestures stand out from the rest around them; None where they do not.

    Recordings that were cut to the gesture, or stretched to one length, show no rest: nothing can be learned of them.
    """
    moving = [r for r in dataset.recordings if r.label.lower() not in (*IDLE, UNLABELLED)]
    chosen = moving[:: max(1, len(moving) // _LOOKED_AT)]
    seen = [levels(reference.stream(features, r.signal)) for r in chosen if len(r.signal) >= features.decimation]
    seen = [level for level in seen if len(level) > 2 * _REST_ROWS]
    if not seen:
        return None
    peaks = np.array([level.max() for level in seen])
    # A level starts at 0 by itself, so the rest is seen at the end, when the leaky mean has forgotten the motion.
    rest = float(np.quantile([level[-_REST_ROWS:].min() for level in seen], 0.9))
    start = 0.35 * float(np.quantile(peaks, 0.2))
    stop = max(0.5 * start, 1.3 * rest)
    if rest <= 0 or stop > start:
        return None
    rows_per_s = features.rate_hz / features.decimation
    return MotionPlan(
        start=start * features.feature_scale,
        stop=stop * features.feature_scale,
        quiet_rows=max(3, round(_QUIET_S * rows_per_s)),
    )
