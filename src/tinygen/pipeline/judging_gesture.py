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

from tinygen.core.canonical import pretty_json
from tinygen.core.errors import bad_input
from tinygen.core.files import write_atomic
from tinygen.core.progress import Progress, silent
from tinygen.core.store import Store
from tinygen.core.values import Report
from tinygen.datasets.load import load_dataset
from tinygen.datasets.negatives import made_none
from tinygen.datasets.values import Dataset, Recording, Split
from tinygen.datasets.window import cut
from tinygen.features.reference import frames_batch
from tinygen.features.spec import samples_per_inference
from tinygen.pipeline.gesture_views import DRAWS, FOLDS, SEED, SHOTS, Found, Judged, report
from tinygen.pipeline.judged_code import judged_code
from tinygen.tasks import gesture
from tinygen.training.int8 import check_structure, ends, model_inputs, run_tflm
from tinygen.training.run import train_model

UNSEEN = (("circle_cw", "circle_ccw"), ("corner", "square"), ("down", "left"), ("right", "up"))
"""Gestures left out of training, to see whether they are refused."""

_EXAMPLES = 2800
_EPOCHS = 15


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
    spells, wand = data / "spells_nanguoyu_train.npz", data / "wand_jewang.npz"
    total = 2 * FOLDS + 2 * DRAWS + 2 * len(UNSEEN) + spells.is_file() + FOLDS * wand.is_file()
    jobs = _Jobs(store=store, progress=progress, total=total)
    found = Found(
        folds=[jobs.fold(uwave, k) for k in range(FOLDS)],
        refusing_folds=[jobs.fold(uwave, k, none=True) for k in range(FOLDS)],
        few=[jobs.few(uwave, draw) for draw in range(DRAWS)],
        refusing_few=[jobs.few(uwave, draw, none=True) for draw in range(DRAWS)],
        unseen=[(gone, jobs.unseen(uwave, gone, none=False), jobs.unseen(uwave, gone, none=True)) for gone in UNSEEN],
        spells=[jobs.few(load_dataset("gesture", spells, store.root, SEED), 0)] if spells.is_file() else [],
        wand=_wand(jobs, load_dataset("gesture", wand, store.root, SEED)) if wand.is_file() else [],
    )
    progress("judging gestures", jobs.total, jobs.total, "")
    return report(uwave, found)


def _wand(jobs: _Jobs, dataset: Dataset) -> list[Judged]:
    return [jobs.fold(dataset, k) for k in range(FOLDS)]


@dataclass(slots=True, kw_only=True)
class _Jobs:
    store: Store
    progress: Progress
    total: int
    done: int = 0

    def fold(self, dataset: Dataset, k: int, *, none: bool = False) -> Judged:
        """Fold k of FOLDS by recording, each class divided evenly; the networks stop by an eighth of the rest."""
        parts = parted(dataset.recordings)
        rest = [r for i, part in enumerate(parts) if i != k for r in part]
        return self._judged(f"fold {k + 1}", dataset, *divided(rest), parts[k], none=none)

    def few(self, dataset: Dataset, draw: int, *, none: bool = False) -> Judged:
        """SHOTS recordings of each class train, all others judge."""
        chosen, others = drawn(dataset.recordings, draw)
        return self._judged(f"{SHOTS} per class, draw {draw + 1}", dataset, chosen, chosen, others, none=none)

    def unseen(self, dataset: Dataset, gone: Sequence[str], *, none: bool) -> Judged:
        """Fold 0 without some gestures; they are judged, too, and should be refused."""
        parts = parted(dataset.recordings)
        rest = [r for part in parts[1:] for r in part if r.label not in gone]
        return self._judged(f"without {' and '.join(gone)}", dataset, *divided(rest), parts[0], none=none)

    def _judged(
        self,
        what: str,
        dataset: Dataset,
        train: Sequence[Recording],
        held: Sequence[Recording],
        test: Sequence[Recording],
        *,
        none: bool,
    ) -> Judged:
        what += ", with a made none" if none else ""
        self.progress("judging gestures", self.done, self.total, what)
        self.done += 1
        known = replace(dataset, recordings=tuple(train))
        if none:  # as `tinygen train` does where nobody recorded any
            train = [*train, *made_none(train, SEED)]
            held = [*held, *made_none(held, SEED + 1)]
        task = gesture.make(replace(dataset, recordings=tuple(train)))
        if task.open_set is not None:
            task = replace(task, open_set=replace(task.open_set, made=none))
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
            "code": judged_code(),
        }

        def make(folder: Path) -> None:
            seen = tuple(r for r in test if r.label in task.labels)
            split = Split(train=tuple(train), validation=tuple(held), test=seen)
            model = train_model(task, dataset, split, seed=SEED, work_dir=folder, cache=self.store.root / "cache")
            graph = check_structure(model.tflite, "gesture")
            size = samples_per_inference(task.features)
            cuts = [(window, label) for r, label in zip(test, wanted, strict=True) for window in cut(r, size)]
            features = frames_batch(task.features, np.stack([window for window, _ in cuts]))
            outputs = run_tflm(model.tflite, graph, model_inputs(task.features, features, ends(graph)))
            kept = {
                "outputs": (outputs.astype(np.int64) + 128).tolist(),
                "wanted": [label for _, label in cuts],
                "float": model.float_metrics["accuracy"],
                "limit": model.decision.threshold or int(task.stream.threshold * 255),
            }
            write_atomic(folder / "outputs.json", pretty_json(kept).encode())

        path = self.store.step("judge-gesture", inputs, make).path / "outputs.json"
        kept = json.loads(path.read_text())
        return Judged(
            labels=task.labels,
            none=() if task.open_set is None else task.open_set.labels,
            limit=kept["limit"],
            outputs=np.array(kept["outputs"], np.int64),
            wanted=tuple(kept["wanted"]),
            float_accuracy=kept["float"],
        )


def divided(recordings: Sequence[Recording]) -> tuple[list[Recording], list[Recording]]:
    """(what trains, an eighth to stop by)."""
    return [r for i, r in enumerate(recordings) if i % 8], list(recordings[::8])


def parted(recordings: Sequence[Recording]) -> list[list[Recording]]:
    """FOLDS parts with as many of each label as can be, in a seeded order."""
    order = np.random.default_rng(SEED).permutation(len(recordings)).tolist()
    parts: list[list[Recording]] = [[] for _ in range(FOLDS)]
    seen: dict[str, int] = {}
    for i in order:
        label = recordings[i].label
        parts[seen.setdefault(label, 0) % FOLDS].append(recordings[i])
        seen[label] += 1
    return parts


def drawn(recordings: Sequence[Recording], draw: int) -> tuple[list[Recording], list[Recording]]:
    """(SHOTS of each label, all others), in an order seeded by the draw."""
    order = np.random.default_rng([SEED, draw]).permutation(len(recordings)).tolist()
    chosen: list[Recording] = []
    others: list[Recording] = []
    seen: dict[str, int] = {}
    for i in order:
        label = recordings[i].label
        seen[label] = seen.get(label, 0) + 1
        (chosen if seen[label] <= SHOTS else others).append(recordings[i])
    return chosen, others
