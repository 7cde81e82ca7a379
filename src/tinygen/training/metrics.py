"""Figures of merit. No TensorFlow here."""

from __future__ import annotations

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
