"""What the motion front end's `gravity` is worth where a device is mounted otherwise than where it was recorded.

usage: python tests/bench/gravity.py --data FOLDER [--build DIR] [--json FILE] [--folds N]

FOLDER holds spells_nanguoyu_train.npz and wand_jewang.npz, six axes with gravity in them, and uwave_dev.npz, whose axes
were each brought to mean 0 and spread 1, so that no gravity is left to level by. Networks are trained and divided as
`judge.py gesture` does, seed 1; each is then judged on its test side as recorded and turned, accelerometer and
gyroscope alike, three times at random per recording (seed 1). INT8, TFLM's interpreter. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from tinygen.core.canonical import pretty_json
from tinygen.core.files import write_atomic
from tinygen.core.store import Store
from tinygen.datasets.augment.motion import rotate
from tinygen.datasets.load import load_dataset
from tinygen.datasets.signal import to_int16
from tinygen.datasets.values import Dataset, Int16, Recording, Split
from tinygen.datasets.window import cut
from tinygen.features.reference import frames_batch
from tinygen.features.spec import samples_per_inference
from tinygen.pipeline.gesture_views import SEED
from tinygen.pipeline.judged_code import judged_code
from tinygen.pipeline.judging_gesture import divided, drawn, parted
from tinygen.tasks import gesture
from tinygen.training.int8 import check_structure, ends, model_inputs, run_tflm
from tinygen.training.run import train_model

MODES: tuple[Literal["keep", "remove", "level"], ...] = ("keep", "remove", "level")
DRAWS = 3
WITHOUT = "uWave, without gravity"
"""Nothing tells what is upright in it: it is judged as recorded only."""
_EPOCHS, _EXAMPLES = 15, 2800

Side = Sequence[Recording]


def turned(signal: Int16, axis: npt.NDArray[np.float64], degrees: float) -> Int16:
    """All triples of channels by the same rotation about an axis (Rodrigues)."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = np.deg2rad(degrees)
    matrix = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
    triples = signal.astype(np.float64).reshape(len(signal), -1, 3)
    return to_int16((triples @ matrix.T).reshape(signal.shape))


def _tilted(signal: Int16, rng: np.random.Generator, degrees: float) -> Int16:
    """About an axis that lies level: at right angles to the mean of the accelerometer."""
    return turned(signal, np.cross(signal[:, :3].mean(axis=0), rng.normal(size=3)), degrees)


RECORDED = "as recorded"
VIEWS: dict[str, Callable[[Int16, np.random.Generator], Int16]] = {
    RECORDED: lambda x, _: x,
    "to 30° about any axis": lambda x, rng: rotate(x, rng, 30.0),
    "tilted by 30°": lambda x, rng: _tilted(x, rng, 30.0),
    "tilted by 60°": lambda x, rng: _tilted(x, rng, 60.0),
    "any heading": lambda x, rng: turned(x, x[:, :3].mean(axis=0), rng.uniform(0, 360)),
}


def _sides(data: Path, store: Store, folds: int) -> list[tuple[str, Dataset, Side, Side, Side]]:
    spells = load_dataset("gesture", data / "spells_nanguoyu_train.npz", store.root, SEED)
    wand = load_dataset("gesture", data / "wand_jewang.npz", store.root, SEED)
    found: list[tuple[str, Dataset, Side, Side, Side]] = []
    for k in range(folds):
        chosen, others = drawn(spells.recordings, k)
        found.append(("spells, 5 per class", spells, chosen, chosen, others))
    uwave = load_dataset("gesture", data / "uwave_dev.npz", store.root, SEED)
    for what, dataset, count in (("wand", wand, folds), (WITHOUT, uwave, 1)):
        parts = parted(dataset.recordings)
        for k in range(count):
            rest = [r for i, part in enumerate(parts) if i != k for r in part]
            found.append((what, dataset, *divided(rest), parts[k]))
    return found


def _judged(
    store: Store,
    dataset: Dataset,
    sides: tuple[Side, Side, Side],
    mode: Literal["keep", "remove", "level"],
    views: Sequence[str],
) -> dict[str, float]:
    train, held, test = sides
    known = replace(dataset, recordings=tuple(train))
    task = gesture.make(known)
    task = replace(task, features=replace(gesture.front_end(known), gravity=mode))  # also where it would be refused
    if gesture.fewest_recordings(known) > gesture.FEW_RECORDINGS:
        repeats = max(1, _EXAMPLES // len(train) - 1)
        task = replace(task, training=replace(task.training, epochs=_EPOCHS, augment=("motion",) * repeats))
    names = [[r.name for r in side] for side in sides]
    model_of = {"data": dataset.digest, "task": asdict(task), "sides": names, "seed": SEED, "code": judged_code()}

    def make(folder: Path) -> None:
        split = Split(train=tuple(train), validation=tuple(held), test=tuple(test))
        model = train_model(task, dataset, split, seed=SEED, work_dir=folder, cache=store.root / "cache")
        write_atomic(folder / "judged.tflite", model.tflite)

    tflite = (store.step("gravity", model_of, make).path / "judged.tflite").read_bytes()
    graph = check_structure(tflite, "gesture")
    size = samples_per_inference(task.features)
    cuts = [(window, r.label) for r in test for window in cut(r, size)]
    found = {}
    for name in views:
        rng = np.random.default_rng(SEED)
        draws = 1 if name == RECORDED else DRAWS
        windows = np.stack([VIEWS[name](window, rng) for _ in range(draws) for window, _ in cuts])
        inputs = model_inputs(task.features, frames_batch(task.features, windows), ends(graph))
        called = [task.labels[i] for i in run_tflm(tflite, graph, inputs).argmax(axis=1).tolist()]
        wanted = [label for _, label in cuts] * draws
        found[name] = float(np.mean([a == b for a, b in zip(called, wanted, strict=True)]))
    return found


def _mean(found: Sequence[dict[str, float]], view: str) -> str:
    return f"{np.mean([accuracy[view] for accuracy in found]):.1%}" if view in found[0] else "-"


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--folds", type=int, default=2)
    given = parser.parse_args()
    store = Store(given.build / "steps")
    rows: dict[tuple[str, str], list[dict[str, float]]] = {}
    for what, dataset, *sides in _sides(given.data, store, given.folds):
        for mode in MODES:
            views = (RECORDED,) if what == WITHOUT else tuple(VIEWS)
            accuracy = _judged(store, dataset, (sides[0], sides[1], sides[2]), mode, views)
            rows.setdefault((what, mode), []).append(accuracy)
            print(what, mode, accuracy, file=sys.stderr, flush=True)
    print("| gestures | `gravity` |", *(f"{view} |" for view in VIEWS))
    print("|---" * (2 + len(VIEWS)) + "|")
    for (what, how), found in rows.items():
        print(f"| {what} | {how} |", *(f"{_mean(found, view)} |" for view in VIEWS))
    if given.json is not None:
        kept = [{"what": what, "gravity": how, "accuracy": found} for (what, how), found in rows.items()]
        write_atomic(given.json, pretty_json(kept).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
