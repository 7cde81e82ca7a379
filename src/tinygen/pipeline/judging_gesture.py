"""How well gestures are told apart: five folds, five recordings per class, gestures never seen, six axes.

Every draw and every training is seeded; each training is a step of the store, so an interrupted judgement is taken up
where it was.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinygen.core.canonical import digest_tree, pretty_json
from tinygen.core.errors import bad_input
from tinygen.core.files import write_atomic
from tinygen.core.progress import Progress, silent
from tinygen.core.resources import source_dir
from tinygen.core.store import Store
from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.datasets.load import load_dataset
from tinygen.datasets.negatives import NONE, with_none
from tinygen.datasets.values import Dataset, Recording, Split
from tinygen.datasets.window import cut
from tinygen.features.reference import frames_batch
from tinygen.features.spec import samples_per_inference
from tinygen.tasks import gesture, thresholds
from tinygen.training.int8 import check_structure, ends, model_inputs, run_tflm
from tinygen.training.run import train_model

SEED = 1
FOLDS = 5
SHOTS = 5
DRAWS = 3
UNSEEN = (("circle_cw", "circle_ccw"), ("corner", "square"))
"""Gestures left out of training, to see whether they are refused."""

_EXAMPLES = 2800
_EPOCHS = 15


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Judged:
    """INT8 outputs of TFLM's interpreter.

    Attributes:
        outputs: int64 [n, labels]: bytes as shares of 255. wanted: [n]: the label, or "" for a gesture never seen.
    """

    labels: tuple[str, ...]
    outputs: npt.NDArray[np.int64]
    wanted: tuple[str, ...]
    float_accuracy: float

    @property
    def accuracy(self) -> float:
        """Share of the recordings whose largest output is their label's."""
        found = [self.labels[i] for i in self.outputs.argmax(axis=1).tolist()]
        return float(np.mean([a == b for a, b in zip(found, self.wanted, strict=True)]))


def gesture_report(data: Path, store: Store, progress: Progress = silent) -> Report:
    """Judge the gesture task on the recordings of a folder.

    Args:
        data: holds uwave_dev.npz; spells_nanguoyu_train.npz and wand_jewang.npz where six axes are to be judged.
        store: keeps each training.
        progress: told how far it is.

    Raises:
        TinygenError: uwave_dev.npz is not there; TensorFlow or TFLM's interpreter is missing.
    """
    if not (data / "uwave_dev.npz").is_file():
        raise bad_input("there is no uwave_dev.npz", where=str(data))
    uwave = load_dataset("gesture", data / "uwave_dev.npz", store.root, SEED)
    jobs = _Jobs(store=store, progress=progress, total=FOLDS + DRAWS + 2 * len(UNSEEN) + 2)
    folds = [jobs.fold(uwave, k) for k in range(FOLDS)]
    few = [jobs.few(uwave, draw) for draw in range(DRAWS)]
    unseen = [(gone, jobs.unseen(uwave, gone, none=False), jobs.unseen(uwave, gone, none=True)) for gone in UNSEEN]
    spells, wand = data / "spells_nanguoyu_train.npz", data / "wand_jewang.npz"
    six = [("spells, 5 per class", jobs.few(load_dataset("gesture", spells, store.root, SEED), 0))] * spells.is_file()
    if wand.is_file():
        six.append(("wand and long negatives, 4 of 5", jobs.fold(load_dataset("gesture", wand, store.root, SEED), 0)))
    progress("judging gestures", jobs.total, jobs.total, "")
    return _report(uwave, folds, few, unseen, six)


@dataclass(slots=True, kw_only=True)
class _Jobs:
    store: Store
    progress: Progress
    total: int
    done: int = 0

    def fold(self, dataset: Dataset, k: int) -> _Judged:
        """Fold k of FOLDS by recording, each class divided evenly; the networks stop by an eighth of the rest."""
        parts = _parts(dataset.recordings)
        rest = [r for i, part in enumerate(parts) if i != k for r in part]
        held = rest[::8]
        train = [r for i, r in enumerate(rest) if i % 8]
        return self._judged(f"fold {k + 1}", dataset, train, held, parts[k])

    def few(self, dataset: Dataset, draw: int) -> _Judged:
        """SHOTS recordings of each class train, all others judge."""
        chosen, others = _drawn(dataset.recordings, draw)
        return self._judged(f"{SHOTS} per class, draw {draw + 1}", dataset, chosen, chosen, others)

    def unseen(self, dataset: Dataset, gone: Sequence[str], *, none: bool) -> _Judged:
        """Fold 0 without some gestures; they are judged, too, and should be refused."""
        parts = _parts(dataset.recordings)
        rest = [r for part in parts[1:] for r in part if r.label not in gone]
        if none:
            rest = list(with_none(replace(dataset, recordings=tuple(rest)), SEED).recordings)
        held, train = rest[::8], [r for i, r in enumerate(rest) if i % 8]
        what = f"without {' and '.join(gone)}" + (", with none" if none else "")
        return self._judged(what, dataset, train, held, parts[0])

    def _judged(
        self,
        what: str,
        dataset: Dataset,
        train: Sequence[Recording],
        held: Sequence[Recording],
        test: Sequence[Recording],
    ) -> _Judged:
        self.progress("judging gestures", self.done, self.total, what)
        self.done += 1
        known = replace(dataset, recordings=tuple(train))
        task = gesture.make(known)
        if gesture.fewest_recordings(known) > gesture.FEW_RECORDINGS:
            repeats = min(40, max(1, _EXAMPLES // len(train) - 1))
            plan = replace(task.training, epochs=_EPOCHS, augment=("motion",) * repeats)
            task = replace(task, training=plan)
        wanted = tuple(r.label if r.label in task.labels else "" for r in test)
        inputs = {
            "what": what,
            "data": dataset.digest,
            "task": asdict(task),
            "sides": [[r.name for r in side] for side in (train, held, test)],
            "seed": SEED,
            "code": [digest_tree([source_dir(room)], suffixes=(".py",)) for room in ("features", "tasks", "training")],
        }

        def make(folder: Path) -> None:
            seen = tuple(r for r in test if r.label in task.labels)
            split = Split(train=tuple(train), validation=tuple(held), test=seen)
            model = train_model(task, dataset, split, seed=SEED, work_dir=folder)
            graph = check_structure(model.tflite, "gesture")
            size = samples_per_inference(task.features)
            cuts = [(window, label) for r, label in zip(test, wanted, strict=True) for window in cut(r, size)]
            features = frames_batch(task.features, np.stack([window for window, _ in cuts]))
            outputs = run_tflm(model.tflite, graph, model_inputs(task.features, features, ends(graph)))
            kept = {
                "outputs": (outputs.astype(np.int64) + 128).tolist(),
                "wanted": [label for _, label in cuts],
                "float": model.float_metrics["accuracy"],
            }
            write_atomic(folder / "outputs.json", pretty_json(kept).encode())

        path = self.store.step("judge-gesture", inputs, make).path / "outputs.json"
        kept = json.loads(path.read_text())
        return _Judged(
            labels=task.labels,
            outputs=np.array(kept["outputs"], np.int64),
            wanted=tuple(kept["wanted"]),
            float_accuracy=kept["float"],
        )


def _parts(recordings: Sequence[Recording]) -> list[list[Recording]]:
    """FOLDS parts with as many of each label as can be, in a seeded order."""
    order = np.random.default_rng(SEED).permutation(len(recordings)).tolist()
    parts: list[list[Recording]] = [[] for _ in range(FOLDS)]
    seen: dict[str, int] = {}
    for i in order:
        label = recordings[i].label
        parts[seen.setdefault(label, 0) % FOLDS].append(recordings[i])
        seen[label] += 1
    return parts


def _drawn(recordings: Sequence[Recording], draw: int) -> tuple[list[Recording], list[Recording]]:
    order = np.random.default_rng([SEED, draw]).permutation(len(recordings)).tolist()
    chosen: list[Recording] = []
    others: list[Recording] = []
    seen: dict[str, int] = {}
    for i in order:
        label = recordings[i].label
        seen[label] = seen.get(label, 0) + 1
        (chosen if seen[label] <= SHOTS else others).append(recordings[i])
    return chosen, others


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """How gestures that were never seen are told from those that were.

    Attributes:
        auc: of the largest output of a gesture, less that of "none".
        refused: share of the unseen ones below the task's own limit, or called none. kept: share of the seen ones that
            are called rightly and above it.
    """

    auc: float
    refused: float
    kept: float


def _refusal(judged: _Judged, limit: float) -> _Refusal:
    gestures = [i for i, label in enumerate(judged.labels) if label != NONE]
    best = judged.outputs[:, gestures].max(axis=1)
    called = judged.outputs.argmax(axis=1)
    none = np.array([judged.labels[i] == NONE for i in called.tolist()])
    refusing = [i for i, label in enumerate(judged.labels) if label == NONE]
    seen = np.array([label != "" for label in judged.wanted])
    right = np.array([judged.labels[i] == label for i, label in zip(called.tolist(), judged.wanted, strict=True)])
    accepted = (best > limit * 255) & ~none
    return _Refusal(
        auc=thresholds.auc(best - judged.outputs[:, refusing].sum(axis=1), seen),
        refused=float((~accepted[~seen]).mean()),
        kept=float((accepted & right)[seen].mean()),
    )


def _report(
    uwave: Dataset,
    folds: Sequence[_Judged],
    few: Sequence[_Judged],
    unseen: Sequence[tuple[Sequence[str], _Judged, _Judged]],
    six: Sequence[tuple[str, _Judged]],
) -> Report:
    five, shots = ([judged.accuracy for judged in many] for many in (folds, few))
    limit = gesture.make(uwave).stream.threshold
    refusals = [
        (" and ".join(gone), way, _refusal(judged, limit))
        for gone, plain, none in unseen
        for way, judged in (("gestures only", plain), ("with a made class none", none))
    ]
    with_none_auc = float(np.mean([r.auc for _, way, r in refusals if way != "gestures only"]))
    gap = float(np.mean([j.accuracy - j.float_accuracy for j in folds]))
    return Report(
        kind="judge-gesture",
        subject={
            "task": "gesture",
            "data": uwave.name,
            "recordings": str(len(uwave.recordings)),
            "licence": uwave.licence,
        },
        checks=(
            _check(f"uWave, {FOLDS}-fold: at least 94 %", float(np.mean(five)) >= 0.94, _spread(five)),
            _check(f"uWave, {SHOTS} per class: at least 85 %", float(np.mean(shots)) >= 0.85, _spread(shots)),
        ),
        measurements=(
            _measured("five_fold_accuracy", float(np.mean(five)), "INT8, uWave"),
            _measured("five_fold_int8_minus_float", gap, "uWave"),
            _measured("few_shot_accuracy", float(np.mean(shots)), f"INT8, {SHOTS} per class"),
            _measured("unseen_auc", with_none_auc, "seen against unseen gestures, with a made class none"),
            *(_measured(f"six_axes_{i}", judged.accuracy, f"INT8, {name}") for i, (name, judged) in enumerate(six)),
        ),
        tables=(
            Table(
                title="accuracy",
                columns=("what", "INT8", "float"),
                rows=tuple(
                    (name, f"{j.accuracy:.1%}", f"{j.float_accuracy:.1%}")
                    for name, j in (
                        *((f"fold {i + 1}", j) for i, j in enumerate(folds)),
                        *((f"{SHOTS} per class, draw {i + 1}", j) for i, j in enumerate(few)),
                        *six,
                    )
                ),
            ),
            Table(
                title=f"gestures never seen (an event needs more than {limit:.0%} of the largest output)",
                columns=("left out", "trained on", "AUC", "unseen refused", "seen kept and right"),
                rows=tuple(
                    (gone, way, f"{r.auc:.3f}", f"{r.refused:.1%}", f"{r.kept:.1%}") for gone, way, r in refusals
                ),
            ),
        ),
        notes=(
            "people are not identified in uWave: folds keep recordings apart, not people, so figures are optimistic",
            f"INT8: TFLM's interpreter; seed {SEED}; spreads over folds and draws",
            "float figures of six axes and unseen gestures are of recordings, INT8 ones of all their windows",
        ),
        details={
            "five_fold": five,
            "few_shot": shots,
            "unseen": [{"left_out": gone, "way": way, **asdict(r)} for gone, way, r in refusals],
            "six_axes": {name: judged.accuracy for name, judged in six},
        },
    )


def _spread(values: Sequence[float]) -> str:
    return f"mean {np.mean(values):.1%}, {min(values):.1%} to {max(values):.1%} over {len(values)}"


def _measured(name: str, value: float, note: str) -> Measurement:
    return Measurement(name=name, value=round(value, 4), unit="ratio", origin="measured-on-host", note=note)


def _check(name: str, met: bool, reason: str) -> Check:
    return Check(name=name, status=CheckStatus.PASSED if met else CheckStatus.FAILED, reason=reason)
