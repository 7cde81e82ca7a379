"""The tasks there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tinygen.core.errors import bad_input, did_you_mean
from tinygen.datasets.values import Dataset
from tinygen.tasks import gesture, kws, vibration
from tinygen.tasks.spec import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKind:
    """One task before its data is known."""

    name: str
    title: str
    make: Callable[[Dataset, Mapping[str, Any]], Task]


TASKS: tuple[TaskKind, ...] = (
    TaskKind(name=kws.NAME, title=kws.TITLE, make=kws.make),
    TaskKind(name=vibration.NAME, title=vibration.TITLE, make=vibration.make),
    TaskKind(name=gesture.NAME, title=gesture.TITLE, make=gesture.make),
)


def make_task(name: str, dataset: Dataset, features: Mapping[str, Any] | None = None) -> Task:
    """The task `name` for a data set.

    Args:
        name: of the task.
        dataset: what it learns from.
        features: constants of its front end, as `front_end.checked` gives them.

    Raises:
        TinygenError: there is no such task, the data does not suit it, or the front end cannot be computed.
    """
    for kind in TASKS:
        if kind.name == name:
            return kind.make(dataset, features or {})
    raise bad_input(f"there is no task '{name}'", hint=did_you_mean(name, [kind.name for kind in TASKS]))
