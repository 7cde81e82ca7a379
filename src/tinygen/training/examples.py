"""Recordings become examples: windows, their integer features, their class. No TensorFlow here."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinygen.core.canonical import digest, digest_tree
from tinygen.core.files import write_atomic
from tinygen.core.progress import Progress
from tinygen.core.resources import source_dir
from tinygen.datasets.adapt import HEALTHY
from tinygen.datasets.assemble import digest_recordings
from tinygen.datasets.augment import vary_motion, vary_speech, vary_vibration
from tinygen.datasets.values import Int16, Recording
from tinygen.datasets.window import cut
from tinygen.features.reference import frames_batch
from tinygen.features.spec import FeatureSpec, lead_in_samples, samples_per_window
from tinygen.tasks.spec import Task

_CHUNK = 64  # recordings computed together


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examples:
    """What one side of a split gives.

    Attributes:
        features: int16 [n, frames, values].
        classes: int64 [n], index into the task's labels.
        groups: the group of each example.
    """

    features: Int16
    classes: npt.NDArray[np.int64]
    groups: tuple[str, ...]

    def where(self, mask: npt.NDArray[np.bool_]) -> Examples:
        """The examples for which `mask` [n] is true."""
        chosen = tuple(group for group, keep in zip(self.groups, mask.tolist(), strict=True) if keep)
        return Examples(features=self.features[mask], classes=self.classes[mask], groups=chosen)


def class_of(task: Task, label: str) -> int:
    """Index of a recording's label; for anomaly tasks 0 = healthy and 1 = anything else."""
    if task.decision == "reconstruction":
        return 0 if label == HEALTHY else 1
    return task.labels.index(label)


def real_input(task: Task, features: Int16) -> npt.NDArray[np.float32]:
    """What the model sees of integer features: float32 [n, *input_shape], feature * feature_scale."""
    scaled = features.astype(np.float32) * np.float32(task.features.feature_scale)
    return scaled.reshape(len(features), *task.input_shape)


def windows_of(spec: FeatureSpec, recording: Recording, max_windows: int = 64) -> list[Int16]:
    """What each inference over a recording consumes, int16 [samples_per_inference, channels]."""
    return cut(recording, samples_per_window(spec), lead_in=lead_in_samples(spec), max_windows=max_windows)


def make_examples(task: Task, recordings: Sequence[Recording], progress: Progress, what: str) -> Examples:
    """Examples of unchanged recordings.

    Raises:
        TinygenError: the features cannot be computed.
    """
    windows: list[Int16] = []
    classes: list[int] = []
    groups: list[str] = []
    for recording in recordings:
        for window in windows_of(task.features, recording):
            windows.append(window)
            classes.append(class_of(task, recording.label))
            groups.append(recording.group)
    features = _features(task.features, windows, lambda window, _: window, seed=0, progress=progress, what=what)
    return Examples(features=features, classes=np.array(classes, dtype=np.int64), groups=tuple(groups))


def make_varied_examples(
    task: Task, recordings: Sequence[Recording], noises: Sequence[Recording], seed: int, progress: Progress
) -> Examples:
    """Examples of the recordings as they are and once more for each entry of the task's `augment`, varied.

    Raises:
        TinygenError: the features cannot be computed.
    """
    plain = make_examples(task, recordings, progress, "features of the training side")
    cuts = [window for recording in recordings for window in windows_of(task.features, recording)]
    backgrounds = [noise.signal for noise in noises]
    parts = [plain.features]
    for number, name in enumerate(task.training.augment):
        vary = _variation(name, backgrounds)
        what = f"varied features {number + 1} of {len(task.training.augment)}"
        parts.append(_features(task.features, cuts, vary, seed=seed * 1000 + number + 1, progress=progress, what=what))
    repeats = len(parts)
    return Examples(
        features=np.concatenate(parts),
        classes=np.tile(plain.classes, repeats),
        groups=plain.groups * repeats,
    )


def cached_examples(folder: Path, key_parts: object, make: Callable[[], Examples]) -> Examples:
    """Examples from `folder` where the same ones were made before (same key and same code), else made and kept."""
    code = digest_tree([source_dir("features"), source_dir("datasets"), Path(__file__)], suffixes=(".py",))
    path = folder / f"features-{digest({'key': key_parts, 'code': code})[:20]}.npz"
    if path.is_file():
        try:
            with np.load(path, allow_pickle=False) as kept:
                return Examples(
                    features=kept["features"],
                    classes=kept["classes"],
                    groups=tuple(str(group) for group in kept["groups"].tolist()),
                )
        except Exception:
            path.unlink(missing_ok=True)
    examples = make()
    out = io.BytesIO()
    np.savez(out, features=examples.features, classes=examples.classes, groups=np.array(examples.groups, dtype=np.str_))
    write_atomic(path, out.getvalue())
    return examples


def side_digest(recordings: Sequence[Recording]) -> str:
    """Identifies the recordings of one side of a split."""
    return digest_recordings(recordings)


def _variation(name: str, noises: Sequence[Int16]) -> Callable[[Int16, np.random.Generator], Int16]:
    match name:
        case "speech":
            return lambda signal, rng: vary_speech(signal, noises, rng)
        case "motion":
            return vary_motion
        case "vibration":
            return vary_vibration
    raise ValueError(f"no augmentation '{name}'")


def _features(
    spec: FeatureSpec,
    windows: Sequence[Int16],
    vary: Callable[[Int16, np.random.Generator], Int16],
    *,
    seed: int,
    progress: Progress,
    what: str,
) -> Int16:
    """int16 [n, frames, values]; chunks run on all processors, each with its own seed, so order does not matter."""

    def one(start: int) -> Int16:
        chunk = windows[start : start + _CHUNK]
        varied = [vary(window, np.random.default_rng([seed, start + i])) for i, window in enumerate(chunk)]
        return frames_batch(spec, np.stack(varied))

    starts = range(0, len(windows), _CHUNK)
    parts: list[Int16] = []
    pool = ThreadPoolExecutor(max_workers=cpu_count() or 1)
    try:
        for part in pool.map(one, starts):
            parts.append(part)
            progress(what, min(len(parts) * _CHUNK, len(windows)), len(windows))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return np.concatenate(parts)
