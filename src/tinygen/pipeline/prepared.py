"""A task with its recordings, divided, as training and search take them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tinygen.config import Config
from tinygen.datasets.negatives import ADVICE, NOTE, made_none, with_recordings
from tinygen.datasets.split import split
from tinygen.datasets.values import Dataset, Recording, Split
from tinygen.tasks import gesture, kws
from tinygen.tasks.recipes import USUAL, chosen
from tinygen.tasks.registry import make_task
from tinygen.tasks.spec import Task


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """What is trained on.

    Attributes:
        sides: of `dataset`; made recordings are on the side of those they were made of.
        heldout: the recordings of the test side that somebody made.
    """

    task: Task
    dataset: Dataset
    sides: Split
    heldout: tuple[Recording, ...]


def prepared(config: Config, dataset: Dataset) -> Prepared:
    """The configured task for a data set; gestures without a class "none" get one, made of them, if that is asked.

    Raises:
        TinygenError: the data does not suit the task, cannot be divided, or its split leaks.
    """
    sides = split(dataset, config.seed)
    heldout = sides.test
    lacking = config.task == gesture.NAME and not any(r.label.lower() in gesture.IDLE for r in dataset.recordings)
    making = lacking and config.made_none
    if lacking and not making:
        dataset = replace(dataset, notes=(*dataset.notes, ADVICE))
    if making:
        every = (sides.train, sides.validation, sides.test)
        made = [made_none(side, config.seed + number) for number, side in enumerate(every)]
        sides = Split(
            **{
                name: (*side, *more)
                for name, side, more in zip(("train", "validation", "test"), every, made, strict=True)
            }
        )
        dataset = with_recordings(dataset, [r for more in made for r in more], NOTE)
    task = make_task(config.task, dataset, config.features)
    choice = config.training or (USUAL if task.name == kws.NAME else None)
    if choice is not None:
        task = chosen(task, choice)
    if task.open_set is not None:
        wanted = replace(task.open_set, made=making, false_accepts=config.false_accepts)
        task = replace(task, open_set=wanted)
    return Prepared(task=task, dataset=dataset, sides=sides, heldout=heldout)
