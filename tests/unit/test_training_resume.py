"""A training that is killed and started again ends with the very same model, byte for byte."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinygen.core.canonical import digest_bytes
from tinygen.datasets.assemble import assemble
from tinygen.datasets.split import split
from tinygen.datasets.values import Dataset, Recording
from tinygen.tasks.recipes import Choice, chosen
from tinygen.tasks.registry import make_task
from tinygen.tasks.spec import Task

EPOCHS = 6


def made(kind: str) -> tuple[Task, Dataset]:
    """A small task of the network's own training ("gesture") or of one in stages ("kws"), with its recordings."""
    rng = np.random.default_rng(4)
    samples, rate_hz, channels = (64, 100, 3) if kind == "gesture" else (16000, 16000, 1)
    recordings = []
    for label in range(3):
        for person in range(9):
            for take in range(2):
                wave = rng.normal(0, 900, size=(samples, channels))
                t = np.arange(samples) / samples
                rate = 3 + rng.uniform(0, 1) if kind == "gesture" else 300 * (label + 1) * rng.uniform(0.9, 1.1)
                wave[:, label % channels] += 2000 * np.sin(2 * np.pi * rate * t)
                recordings.append(
                    Recording(
                        signal=wave.astype(np.int16), rate_hz=rate_hz, label="abc"[label], group=f"p{person}",
                        name=f"{label}_{person}_{take}",
                    )
                )  # fmt: skip
    dataset = assemble(
        name="made", recordings=recordings, synthetic=True, licence="MIT", source="", group_kind="person"
    )
    task = make_task(kind, dataset)
    if kind == "kws":
        task = chosen(task, Choice(recipe="ds_cnn"))
        means = task.training.means
        assert means is not None
        task = replace(task, training=replace(task.training, means=replace(means, rounding_epochs=2, batch_size=16)))
    return task, dataset


def model_digest(kind: str, folder: Path, kill_in: str = "", kill_after: int = 0) -> str:
    """Train in `folder`; die like a process that is killed, in the midst of the stage `kill_in`."""
    from tinygen.training.run import train_model

    task, dataset = made(kind)

    def told(stage: str, done: int, total: int, remark: str = "") -> None:
        if (stage, done) == (kill_in, kill_after):
            os.kill(os.getpid(), signal.SIGKILL)

    model = train_model(task, dataset, split(dataset, 1), seed=1, work_dir=folder, epochs=EPOCHS, progress=told)
    return digest_bytes(model.tflite)


def child(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run a line of Python with this file imported as `t`, in a process of its own."""
    code = f"import {Path(__file__).stem} as t; from pathlib import Path; {code}"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "kills"),
    [
        ("gesture", [("training", 3)]),
        pytest.param("kws", [("training", 3), ("training with rounding", 1)], marks=pytest.mark.soak),
    ],
    ids=["its own network", "in stages"],
)
def test_a_killed_training_ends_with_the_same_bytes(
    kind: str, kills: list[tuple[str, int]], tmp_path: Path, needs_module: Callable[..., None]
) -> None:
    needs_module("tensorflow", "train")
    needs_module("tflite_micro", "verify")
    for stage, epoch in kills:
        ended = child(tmp_path, f"t.model_digest({kind!r}, Path('cut'), {stage!r}, {epoch})")
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert list((tmp_path / "cut").glob("checkpoint-*.npz"))
    # A resumed training does not see the epochs that were done before it was killed: it dies there no more.
    again = child(
        tmp_path,
        f"print(t.model_digest({kind!r}, Path('cut'), 'training', 2), t.model_digest({kind!r}, Path('whole')))",
    )
    assert again.returncode == 0, again.stderr
    resumed, whole = again.stdout.split()
    assert resumed == whole


@pytest.mark.slow
def test_a_damaged_checkpoint_is_no_checkpoint(tmp_path: Path, needs_module: Callable[..., None]) -> None:
    needs_module("tensorflow", "train")
    needs_module("tflite_micro", "verify")
    first = model_digest("gesture", tmp_path)
    (kept,) = tmp_path.glob("checkpoint-fit-*.npz")
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2])
    assert model_digest("gesture", tmp_path) == first
