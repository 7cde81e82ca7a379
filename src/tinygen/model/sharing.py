"""Constants that several steps have alike are in flash once: an operator's twins at a window's edges, equal tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinygen.model.ir import Step

Name = tuple[int, str]


def shared_constants(steps: Sequence[Step]) -> Mapping[Name, Name]:
    """{(step's position, constant's name): the first (position, name) with the same values}, for every constant.

    Only constants of one name share a place: the name says what they count as in figures, and how they are aligned.
    """
    first: dict[tuple[str, str, tuple[int, ...], bytes], Name] = {}
    found: dict[Name, Name] = {}
    for step in steps:
        for name, array in step.constants.items():
            key = (name, array.dtype.str, array.shape, array.tobytes())
            found[step.position, name] = first.setdefault(key, (step.position, name))
    return found
