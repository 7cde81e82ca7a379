"""What a training of `fit` keeps after every epoch, as one file."""

from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygen.core.canonical import digest_tree
from tinygen.core.files import write_atomic
from tinygen.core.resources import source_dir


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kept:
    """The state between two epochs.

    Attributes:
        variables: of the network and its optimiser, in their order.
        best_weights: those of the epoch with the lowest validation loss `best`, `since` epochs ago; None before any.
        history: figures of the epochs that are done.
        order, generator: of the examples of the next epoch.
    """

    variables: list[npt.NDArray[Any]]
    best_weights: list[npt.NDArray[Any]] | None
    best: float
    since: int
    history: list[dict[str, float]]
    order: npt.NDArray[np.int64]
    generator: dict[str, Any]


def training_code() -> str:
    """Identifies the code that trains: what was begun with another is not gone on with."""
    return digest_tree([source_dir("training"), source_dir("tasks")], suffixes=(".py",))


def keep(path: Path, state: Kept) -> None:
    """Write it; the file is the old one or the new one."""
    best = state.best_weights or []
    facts = {
        "best": state.best if math.isfinite(state.best) else None,
        "since": state.since,
        "history": state.history,
        "generator": state.generator,
        "counts": [len(state.variables), len(best)],
    }
    out = io.BytesIO()
    arrays = {f"array_{i}": array for i, array in enumerate([*state.variables, *best])}
    text = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    np.savez(out, order=state.order, facts=text, **arrays)  # type: ignore[arg-type]
    write_atomic(path, out.getvalue())


def kept_at(path: Path, n_weights: int) -> Kept | None:
    """What `keep` wrote; None where nothing readable is there for a network of `n_weights` arrays."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            facts = json.loads(file["facts"].tobytes())
            n_variables, n_best = facts["counts"]
            arrays = [file[f"array_{i}"] for i in range(n_variables + n_best)]
            if n_best not in (0, n_weights):
                return None
            return Kept(
                variables=arrays[:n_variables],
                best_weights=arrays[n_variables:] or None,
                best=math.inf if facts["best"] is None else float(facts["best"]),
                since=int(facts["since"]),
                history=facts["history"],
                order=file["order"],
                generator=facts["generator"],
            )
    except Exception:  # a file of another version, or a damaged one: train from the beginning
        return None
