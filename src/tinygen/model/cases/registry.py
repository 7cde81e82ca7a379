"""All cases by the name of their file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tinygen.model.cases import binary, channelwise, movement, shaping, unary
from tinygen.model.cases.base import Case

CASES: Mapping[str, Callable[[], list[Case]]] = {
    "binary": binary.cases,
    "channelwise": channelwise.cases,
    "movement": movement.cases,
    "shaping": shaping.cases,
    "unary": unary.cases,
}
