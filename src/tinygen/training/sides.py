"""The three sides of a split as examples, from the cache where they were made before. No TensorFlow here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tinygen.core.progress import Progress
from tinygen.datasets.values import Dataset, Recording, Split
from tinygen.tasks.spec import Task
from tinygen.training.examples import Examples, cached_examples, make_examples, make_varied_examples, side_digest
from tinygen.training.settling import plain
from tinygen.training.words import log_mel_of


def sides_of(
    task: Task, dataset: Dataset, split: Split, *, seed: int, work_dir: Path, progress: Progress
) -> tuple[Examples, Examples, Examples]:
    """Examples of the three sides, from the cache where they were made before.

    Raises:
        TinygenError: the features cannot be computed.
    """
    noises = dataset.noises
    varied = [list(task.training.augment), seed, side_digest(noises)]
    train = cached_examples(
        work_dir,
        _side_key("train", task, split.train, *varied),
        lambda: make_varied_examples(task, split.train, noises, seed, progress),
    )
    return train, *_judging_sides(task, split, work_dir, progress)


def staged_sides(
    task: Task, dataset: Dataset, split: Split, *, seed: int, work_dir: Path, progress: Progress
) -> tuple[Examples, Examples, Examples]:
    """`sides_of` for a training that varies features: those of the training side come from the plain front end.

    Raises:
        TinygenError: the features cannot be computed, or are no log-mel ones.
    """
    quiet = replace(task, features=plain(log_mel_of(task)))
    train = cached_examples(
        work_dir,
        _side_key("plain", quiet, split.train),
        lambda: make_examples(quiet, split.train, progress, "features of the training side"),
    )
    return train, *_judging_sides(task, split, work_dir, progress)


def _judging_sides(task: Task, split: Split, work_dir: Path, progress: Progress) -> tuple[Examples, Examples]:
    validation = cached_examples(
        work_dir,
        _side_key("plain", task, split.validation),
        lambda: make_examples(task, split.validation, progress, "features of the validation side"),
    )
    test = cached_examples(
        work_dir,
        _side_key("plain", task, split.test),
        lambda: make_examples(task, split.test, progress, "features of the test side"),
    )
    return validation, test


def _side_key(name: str, task: Task, recordings: Sequence[Recording], *more: object) -> list[object]:
    return [name, task.name, asdict(task.features), list(task.labels), side_digest(recordings), *more]
