"""What a front end must offer to be one of the registry's kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Int16 = npt.NDArray[np.int16]
Tables = dict[str, npt.NDArray[np.generic]]

S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureKind(Generic[S]):
    """One front end: how its spec is checked, turned into tables, and computed.

    Attributes:
        name: the spec's `kind`.
        spec_type: the spec's class.
        problems: every reason why a spec of this kind is refused, each naming its field; empty when it is fine.
        tables: the integer tables the firmware gets, by name.
        frames_batch: raw int16 [batch, samples_per_inference, n_channels] -> int16 [batch, n_frames, values].
        stream: raw int16 [samples, n_channels] -> int16 [rows, values], every whole row of an endless signal.
        row_end: instants of the signal that have come when row number n (from 0) is whole.
    """

    name: str
    spec_type: type[S]
    problems: Callable[[S], list[str]]
    tables: Callable[[S], Tables]
    frames_batch: Callable[[S, Int16], Int16]
    stream: Callable[[S, Int16], Int16]
    row_end: Callable[[S, int], int]
