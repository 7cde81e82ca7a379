"""All cases by the name of their file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from support.cases import binary, channelwise, int4, int16, movement, shaping, unary
from support.cases.base import Case

CASES: Mapping[str, Callable[[], list[Case]]] = {
    "binary": binary.cases,
    "channelwise": channelwise.cases,
    "int4": int4.cases,
    "int16": int16.cases,
    "movement": movement.cases,
    "shaping": shaping.cases,
    "unary": unary.cases,
}
