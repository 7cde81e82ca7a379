"""What is compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vector:
    """One held-out input.

    Attributes:
        name: the recording it comes from, or "random-3".
        raw: int16 [samples_per_inference, n_channels], or None when there is no signal behind it.
        model_input: the model's int8 input, flat, as the NumPy feature reference makes it from `raw`.
        label: class name or "".
    """

    name: str
    raw: npt.NDArray[np.int16] | None
    model_input: npt.NDArray[np.int8]
    label: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expected:
    """What TFLM's interpreter makes of one vector.

    Attributes:
        output: raw bytes of all outputs, concatenated.
        tensors: {tensor index: bytes} of every tensor an operator writes.
    """

    output: bytes
    tensors: dict[int, bytes]
