"""What templates/model sees: every value arrives ready."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """A compile-time constant of a step."""

    name: str
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A named offset into the arena."""

    symbol: str
    offset: int
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """A step function; `call` is "" when the step needs no code."""

    number: int
    function: str
    struct: str
    comment: str
    choice: str
    params: tuple[Param, ...]
    call: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantView:
    """An array in weights.cpp.

    Attributes:
        crc: CRC-32 of its bytes on a little-endian machine.
        in_ram: it is one of the weights, and the plan has those copied to RAM.
    """

    symbol: str
    type: str
    count: int
    alignment_bytes: int
    comment: str
    values: str
    crc: int
    in_ram: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedView:
    """A tensor the protocol can ask for."""

    expression: str
    size_bytes: int
    step: int
    tensor: int
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndView:
    """A model input or output: where it lies, how large it is, where it stands in the concatenation of all."""

    expression: str
    size_bytes: int
    step: int
    tensor: int
    start: int
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InitialView:
    """How a part of the state gets its first value: `fill` repeated, or the array `symbol`."""

    place: str
    size_bytes: int
    fill: int
    symbol: str
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelView:
    """All that the templates print."""

    name: str
    digest: str
    runtime_version: int
    macs: int
    arena_bytes: int
    weights_bytes: int
    weights_in_ram: bool
    dual_issue: bool
    alignment_bytes: int
    input_bytes: int
    output_bytes: int
    inputs: tuple[EndView, ...]
    outputs: tuple[EndView, ...]
    state_bytes: int
    started_flag: bool
    state_places: tuple[Place, ...]
    initial: tuple[InitialView, ...]
    headers: tuple[str, ...]
    places: tuple[Place, ...]
    steps: tuple[StepView, ...]
    constants: tuple[ConstantView, ...]
    observed: tuple[ObservedView, ...]
    interpreted: bool = False
