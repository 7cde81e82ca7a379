"""How well what is none of a classifier's labels is refused, and the limit that refuses it. No TensorFlow here.

An event of a stream needs an output above a limit; the largest output of the labels that raise events is the score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.tasks import thresholds
from tinygen.tasks.spec import Task

Int8 = npt.NDArray[np.int8]
Int64 = npt.NDArray[np.int64]

LOWEST, HIGHEST = 128, 254
"""An output is a byte of 0..255, all outputs together are 255, and one must lie above the limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What `judged` found.

    Attributes:
        threshold: the limit, 1..254. metrics: ratios 0..1 on the test side. details: for the report.
    """

    threshold: int
    metrics: dict[str, float]
    details: dict[str, object]


def accuracy(task: Task, table: Int64) -> float:
    """Share that is right of a confusion matrix [truth, said]; made recordings of "none" are nobody's truth."""
    made = task.open_set.labels if task.open_set is not None and task.open_set.made else ()
    rows = [i for i, label in enumerate(task.labels) if label not in made]
    return float(sum(table[i, i] for i in rows) / max(1, int(table[rows].sum())))


def scores_of(task: Task, outputs: Int8) -> tuple[npt.NDArray[np.int32], Int64]:
    """(score 0..255 [n], label [n] it stands for) of output bytes int8 [n, labels]."""
    refused = task.open_set.labels if task.open_set is not None else ()
    watched = np.array([i for i, label in enumerate(task.labels) if label not in refused])
    values = outputs[:, watched].astype(np.int32) + 128
    return values.max(axis=1), watched[values.argmax(axis=1)]


def limit_of(task: Task, scores: npt.NDArray[np.int32]) -> int:
    """The limit that at most `false_accepts` of what is to be refused exceeds, never below half of the whole output.

    Args:
        task: gives target and plan.
        scores: [n] of recordings that are to be refused, on the validation side.
    """
    if task.open_set is None or not len(scores):
        return int(task.stream.threshold * 255)
    return min(HIGHEST, max(LOWEST, thresholds.quantile_threshold(scores, 1.0 - task.open_set.false_accepts)))


def judged(task: Task, chosen_on: Int8, chosen_classes: Int64, outputs: Int8, classes: Int64) -> Refusal | None:
    """The limit from the validation side, and what it does on the test side; None where nothing is to be refused.

    Args:
        task: with its `open_set`.
        chosen_on, chosen_classes: int8 [m, labels] of the validation side, and labels [m].
        outputs, classes: the same of the test side.
    """
    wanted = task.open_set
    if wanted is None:
        return None
    none = [task.labels.index(label) for label in wanted.labels]
    validation, test = np.isin(chosen_classes, none), np.isin(classes, none)
    limit = limit_of(task, scores_of(task, chosen_on)[0][validation])
    scores, labels = scores_of(task, outputs)
    accepted = scores > limit
    found = {"kept": float((accepted & (labels == classes))[~test].mean()) if (~test).any() else float("nan")}
    details: dict[str, object] = {
        "limit": limit,
        "limit_from": f"at most {wanted.false_accepts:.0%} of {int(validation.sum())} examples of "
        f"{' and '.join(wanted.labels)} on the validation side exceed it; it is never below half of the whole output",
        "open_set_made": wanted.made,
    }
    if test.any() and not test.all():
        area, interval = thresholds.auc(scores, ~test), thresholds.auc_interval(scores, ~test)
        found |= {"open_set_auc": area, "false_accepts": float(accepted[test].mean())}
        details["open_set_interval"] = list(interval)
        details["open_set_examples"] = int(test.sum())
        details["rates"] = [
            {
                "title": f"{'gestures' if task.name == 'gesture' else 'labels'} against {int(test.sum())} examples of "
                f"{' and '.join(wanted.labels)}{' (made)' if wanted.made else ''}",
                "lines": [{"name": f"AUC {area:.3f}", "points": thresholds.roc(scores, ~test)}],
            }
        ]
    return Refusal(threshold=limit, metrics=found, details=details)
