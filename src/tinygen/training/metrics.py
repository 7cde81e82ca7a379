"""Figures of merit. No TensorFlow here."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]


def confusion(truth: Int64, found: Int64, n_classes: int) -> Int64:
    """Counts int64 [true class, found class]."""
    table = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(table, (truth, found), 1)
    return table


def accuracy(table: Int64) -> float:
    """Share of the diagonal of a confusion matrix, 0..1."""
    return float(np.trace(table) / max(1, int(table.sum())))


def auc(scores: npt.NDArray[Any], positive: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC: how often a positive scores above a negative, ties counting half; NaN without both."""
    n_positive = int(positive.sum())
    n_negative = positive.size - n_positive
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2.0)[inverse]
    total = float(ranks[positive].sum()) - n_positive * (n_positive + 1) / 2.0
    return total / (n_positive * n_negative)


def roc(scores: npt.NDArray[Any], positive: npt.NDArray[np.bool_], points: int = 101) -> list[list[float]]:
    """Up to `points` pairs [false alarm rate, detection rate] from (0, 0) to (1, 1)."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    alarms = np.cumsum(~positive[order])
    # A threshold lies between different scores only.
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    rates = [[0.0, 0.0]] + [
        [float(alarms[i] / max(1, alarms[-1])), float(hits[i] / max(1, hits[-1]))] for i in ends.tolist()
    ]
    if len(rates) <= points:
        return rates
    chosen = np.unique(np.linspace(0, len(rates) - 1, points).round().astype(int))
    return [rates[i] for i in chosen.tolist()]


def quantile_threshold(scores: npt.NDArray[np.int32], quantile: float) -> int:
    """The smallest score that at least this share of `scores` does not exceed."""
    ordered = np.sort(scores)
    index = min(len(ordered) - 1, max(0, int(np.ceil(quantile * len(ordered))) - 1))
    return int(ordered[index])
