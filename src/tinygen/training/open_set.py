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
LEAST_KEPT = 0.5
"""A limit that leaves fewer of the right ones than this is no use: what is made is then too like a gesture."""


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


def limit_of(task: Task, refused: npt.NDArray[np.int32], kept: npt.NDArray[np.int32]) -> int:
    """The limit that at most `false_accepts` of what is to be refused exceeds, never below half of the whole output.

    The plan's own where nothing is there to be refused, or where hardly a label would be left.

    Args:
        task: gives target and plan.
        refused, kept: scores [n] of recordings that are, and that are not to be refused, on the validation side.
    """
    own = int(task.stream.threshold * 255)
    if task.open_set is None or not len(refused):
        return own
    asked = thresholds.quantile_threshold(refused, 1.0 - task.open_set.false_accepts)
    limit = min(HIGHEST, max(LOWEST, asked))
    return limit if not len(kept) or float((kept > limit).mean()) >= LEAST_KEPT else own


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
    chosen = scores_of(task, chosen_on)[0]
    limit = limit_of(task, chosen[validation], chosen[~validation])
    usual = int((chosen[validation] > limit).sum()) > wanted.false_accepts * int(validation.sum())
    told = (
        f"the task's own: {wanted.false_accepts:.0%} of {' and '.join(wanted.labels)} on the validation side would "
        f"leave less than {LEAST_KEPT:.0%} of the others"
        if usual
        else f"at most {wanted.false_accepts:.0%} of {int(validation.sum())} examples of {' and '.join(wanted.labels)} "
        "on the validation side exceed it; it is never below half of the whole output"
    )
    scores, labels = scores_of(task, outputs)
    accepted = scores > limit
    found = {"kept": float((accepted & (labels == classes))[~test].mean()) if (~test).any() else float("nan")}
    details: dict[str, object] = {
        "limit": limit,
        "limit_from": told,
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
