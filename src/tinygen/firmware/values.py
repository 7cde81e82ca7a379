"""What this room takes and gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RenderedTree:
    """A generated project: {POSIX path: bytes}, and the id the device will say in its hello.

    `build_id` is 32 hex digits: SHA-256 over every other file of the tree.
    """

    files: dict[str, bytes]
    build_id: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SelfTestVector:
    """A vector compiled into the image: input int8 bytes and the oracle's output bytes."""

    model_input: npt.NDArray[np.int8]
    expected_output: npt.NDArray[np.int8]
