"""How well bearings are judged: across machines and each from its own beginning, on run-to-failure recordings.

Nothing is drawn at random but the autoencoder's weights (seeded); each fold is a step of the store, so an interrupted
judgement is taken up where it was.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinygen.core.canonical import pretty_json
from tinygen.core.errors import bad_input
from tinygen.core.files import write_atomic
from tinygen.core.progress import Progress, silent
from tinygen.core.store import Store
from tinygen.core.values import Report
from tinygen.datasets.adapt import HEALTHY
from tinygen.datasets.load import load_dataset
from tinygen.datasets.values import Dataset, Recording, Split
from tinygen.features import quantize, reference
from tinygen.features.spec import BandEnergySpec
from tinygen.pipeline.judged_code import judged_code
from tinygen.pipeline.vibration_views import (
    END_OF_LIFE,
    FALSE_ALARMS,
    IN_A_ROW,
    OWN_SNAPSHOTS,
    SEED,
    Bearing,
    Float64,
    Own,
    Scored,
    rates_of,
    report,
)
from tinygen.tasks import learning, thresholds, vibration
from tinygen.tasks.decision import reconstruction_scores
from tinygen.tasks.spec import Layer
from tinygen.training.int8 import check_structure, ends, model_inputs, run_tflm
from tinygen.training.mahalanobis import dense_layer, feature_weights
from tinygen.training.quiet import prepare_tensorflow
from tinygen.training.run import train_model

_STEP, _ZERO_POINT = 11.0, -60  # of int8 inputs for the device's own distance: 0.17 octave, -12 to +32 octaves
_BEYOND = 4.0  # octaves above and below everything healthy that the INT8 input still shows


def vibration_report(data: Path, store: Store, progress: Progress = silent) -> Report:
    """Judge every method on the FEMTO bearings of a folder.

    Args:
        data: holds femto_*.npz.
        store: keeps each fold.
        progress: told how far it is.

    Raises:
        TinygenError: fewer than three bearings there; TensorFlow or TFLM's interpreter is missing.
    """
    files = sorted(data.glob("femto_*.npz"))
    if len(files) < 3:
        raise bad_input(f"{len(files)} files femto_*.npz, at least 3 are needed", where=str(data))
    sets = [load_dataset("vibration", path, store.root, SEED) for path in files]
    first = sets[0].recordings[0]
    spec = vibration.condition_front_end(
        rate_hz=first.rate_hz, n_channels=first.signal.shape[1], samples=first.signal.shape[0]
    )
    bearings = [_bearing(spec, dataset) for dataset in sets]
    prepare_tensorflow()
    folds = _Folds(store=store, sets=sets, spec=spec, bearings=bearings)
    across: dict[str, list[float]] = {}
    total = 3 * len(bearings)
    for m, method in enumerate(("distance", "mahalanobis", "autoencoder")):
        across[method] = []
        for i in range(len(bearings)):
            progress("judging other bearings", m * len(bearings) + i, total, f"{method}, {bearings[i].name}")
            across[method].append(folds.area(method, i))
    progress("judging other bearings", total, total, "")
    own = [_own(spec, bearing) for bearing in bearings]
    scored = {method: folds.judged(method) for method in across}
    return report(
        data, sets, spec, bearings, across, [o for o, _ in own], {m: folds.intervals(m) for m in across},
        rates_of(bearings, scored, across, own),
    )  # fmt: skip


def _own(spec: BandEnergySpec, bearing: Bearing) -> tuple[Own, Scored]:
    quantization = quantize.for_input(spec, spec.feature_scale * _STEP, _ZERO_POINT)
    rows = quantize.apply(bearing.rows, quantization)[:, 0]
    known = rows[:OWN_SNAPSHOTS]
    spreads = thresholds.spreads_for(FALSE_ALARMS, learning.kept_count(len(known)))
    threshold = learning.threshold_at(known, spreads)
    scores = learning.scores(learning.learn(known), rows)
    above = scores > threshold
    other = slice(OWN_SNAPSHOTS, bearing.healthy)
    judged, worn = _against(scores[other], scores[-END_OF_LIFE:])
    at = thresholds.first_alarm(above[OWN_SNAPSHOTS:], IN_A_ROW)
    weights = feature_weights(spec)
    kernel, bias = dense_layer(_real(bearing.rows[:OWN_SNAPSHOTS]), [bearing.name] * OWN_SNAPSHOTS, weights)
    real = _real(bearing.rows).astype(np.float64)
    whitened = ((real - (real @ kernel + bias)) ** 2).sum(axis=1)
    found = Own(
        auc=thresholds.auc(judged, worn),
        interval=thresholds.auc_interval(judged, worn),
        threshold=threshold,
        above=int(above[other].sum()),
        alarms=thresholds.alarms(above[other], IN_A_ROW),
        alarm_life=1.0 if at is None else float(bearing.life[OWN_SNAPSHOTS + at]),
        mahalanobis=thresholds.auc(*_against(whitened[other], whitened[-END_OF_LIFE:])),
    )
    return found, (judged / threshold, worn)  # in thresholds, so that bearings can be taken together


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Folds:
    """Leave one bearing out: each method learns from the healthy snapshots of all others."""

    store: Store
    sets: Sequence[Dataset]
    spec: BandEnergySpec
    bearings: Sequence[Bearing]

    def area(self, method: str, left_out: int) -> float:
        return thresholds.auc(*self._scores(method, left_out))

    def judged(self, method: str) -> list[Scored]:
        return [self._scores(method, i) for i in range(len(self.bearings))]

    def intervals(self, method: str) -> list[tuple[float, float]]:
        return [thresholds.auc_interval(*scored) for scored in self.judged(method)]

    def _scores(self, method: str, left_out: int) -> tuple[Float64, npt.NDArray[np.bool_]]:
        inputs = {
            "method": method,
            "left_out": self.bearings[left_out].name,
            "data": [dataset.digest for dataset in self.sets],
            "features": asdict(self.spec),
            "seed": SEED,
            "code": judged_code(),
        }

        def make(folder: Path) -> None:
            found = {"distance": self._distance, "mahalanobis": self._mahalanobis}.get(method, self._autoencoder)
            healthy, worn = found(left_out, folder)
            kept = {"healthy": healthy.tolist(), "worn": worn.tolist()}
            write_atomic(folder / "scores.json", pretty_json(kept).encode())

        path = self.store.step("judge-vibration", inputs, make).path / "scores.json"
        kept = json.loads(path.read_text())
        return _against(np.array(kept["healthy"], np.float64), np.array(kept["worn"], np.float64))

    def _learned(self, left_out: int) -> tuple[npt.NDArray[np.int16], list[str]]:
        others = [b for i, b in enumerate(self.bearings) if i != left_out]
        names = [b.name for b in others for _ in range(b.healthy)]
        return np.concatenate([b.rows[: b.healthy] for b in others]), names

    def _judged(self, left_out: int) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
        bearing = self.bearings[left_out]
        return bearing.rows[: bearing.healthy], bearing.worn

    def _distance(self, left_out: int, _folder: Path) -> tuple[Float64, Float64]:
        quantization = quantize.for_input(self.spec, self.spec.feature_scale * _STEP, _ZERO_POINT)
        known = learning.learn(quantize.apply(self._learned(left_out)[0], quantization)[:, 0])
        healthy, worn = (
            learning.scores(known, quantize.apply(rows, quantization)[:, 0]).astype(np.float64)
            for rows in self._judged(left_out)
        )
        return healthy, worn

    def _mahalanobis(self, left_out: int, folder: Path) -> tuple[Float64, Float64]:
        from tinygen.training.build import PlainNetwork
        from tinygen.training.convert import convert

        rows, machines = self._learned(left_out)
        real = _real(rows)
        pair = dense_layer(real, machines, feature_weights(self.spec))
        width = real.shape[1]
        network = PlainNetwork(shape=(1, width), layers=(Layer(kind="dense", filters=width),), weights=(pair,))
        beyond = np.stack([real.max(axis=0) + _BEYOND, real.min(axis=0) - _BEYOND]).astype(np.float32)
        tflite = convert(network, np.concatenate([real[::4], beyond]))
        write_atomic(folder / "model.tflite", tflite)
        graph = check_structure(tflite, "mahalanobis")
        at = ends(graph)

        def scores(features: npt.NDArray[np.int16]) -> Float64:
            inputs = model_inputs(self.spec, features, at)
            found = reconstruction_scores(inputs, run_tflm(tflite, graph, inputs), at.model_input, at.model_output)
            return found.astype(np.float64)

        healthy, worn = self._judged(left_out)
        return scores(healthy), scores(worn)

    def _autoencoder(self, left_out: int, folder: Path) -> tuple[Float64, Float64]:
        others = [dataset for i, dataset in enumerate(self.sets) if i != left_out]
        held = self.sets[left_out]
        task = vibration.make_autoencoder(held)

        def healthy(dataset: Dataset) -> list[Recording]:
            return [r for r in dataset.recordings if r.label == HEALTHY]

        split = Split(
            train=tuple(r for dataset in others[1:] for r in healthy(dataset)),
            validation=tuple(healthy(others[0])),
            test=tuple(r for r in held.recordings if r.label in (HEALTHY, "end_of_life")),
        )
        model = train_model(task, held, split, seed=SEED, work_dir=folder, cache=self.store.root / "cache")
        graph = check_structure(model.tflite, "autoencoder")
        at = ends(graph)
        spec = task.features

        def scores(recordings: Sequence[Recording]) -> Float64:
            raw = np.stack([r.signal for r in recordings])
            inputs = model_inputs(spec, reference.frames_batch(spec, raw), at)
            found = reconstruction_scores(
                inputs, run_tflm(model.tflite, graph, inputs), at.model_input, at.model_output
            )
            return found.astype(np.float64)

        return scores(healthy(held)), scores(held.recordings[-END_OF_LIFE:])


def _bearing(spec: BandEnergySpec, dataset: Dataset) -> Bearing:
    recordings = dataset.recordings
    rows = reference.frames_batch(spec, np.stack([r.signal for r in recordings]))
    healthy = sum(r.label == HEALTHY for r in recordings)
    if healthy <= OWN_SNAPSHOTS or any(r.label != HEALTHY for r in recordings[:healthy]):
        raise bad_input(f"has {healthy} healthy snapshots, more than {OWN_SNAPSHOTS} are needed", where=dataset.name)
    return Bearing(name=recordings[0].group, recordings=recordings, rows=rows, healthy=healthy)


def _real(rows: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    return (rows[:, 0] * np.float32(BandEnergySpec().feature_scale)).astype(np.float32)


def _against(healthy: npt.NDArray[np.generic], worn: npt.NDArray[np.generic]) -> tuple[Float64, npt.NDArray[np.bool_]]:
    scores = np.concatenate([healthy, worn]).astype(np.float64)
    return scores, np.arange(len(scores)) >= len(healthy)
