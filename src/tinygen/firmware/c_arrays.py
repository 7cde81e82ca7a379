"""Integer arrays as C++ text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_LINE = 116  # four columns of indent are added
_TYPES = {"int8": "std::int8_t", "uint8": "std::uint8_t", "int16": "std::int16_t", "uint16": "std::uint16_t"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CArray:
    """A constant array, ready to print: `constexpr <c_type> <name>[<count>] = {lines};`."""

    name: str
    c_type: str
    count: int
    lines: tuple[str, ...]


def c_array(name: str, values: npt.NDArray[np.generic]) -> CArray:
    """Flatten integers into lines of at most 120 columns.

    Args:
        name: the C++ name.
        values: int8, uint8, int16 or uint16 of any shape, not empty.
    """
    lines: list[str] = []
    line = ""
    for value in values.reshape(-1).tolist():
        word = f"{value},"
        if line and len(line) + 1 + len(word) > _LINE:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    lines.append(line)
    return CArray(name=name, c_type=_TYPES[str(values.dtype)], count=values.size, lines=tuple(lines))
