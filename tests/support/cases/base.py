"""How a model of a single operator is written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.ir import DType, Tensor

Array = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class T:
    """A tensor: `data` makes it a constant, `scale` 0 leaves it without quantisation."""

    shape: tuple[int, ...]
    dtype: DType = "int8"
    scale: float = 0.05
    zero_point: int = 0
    data: Array | None = None
    scales: tuple[float, ...] = ()
    axis: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One operator with its tensors; None = an input left out."""

    name: str
    op: str
    inputs: tuple[T | None, ...]
    outputs: tuple[T, ...]
    options: Record | None

    @property
    def tflite(self) -> bytes:
        """A model of this operator alone."""
        return combined([self])


def combined(cases: Sequence[Case]) -> bytes:
    """One model of many operators side by side; every tensor that is not constant is an input or output of it."""
    builder = ModelBuilder(description=cases[0].name)
    starts: list[int] = []
    ends: list[int] = []
    for number_, case in enumerate(cases):
        given = [-1 if t is None else _add(builder, t, f"{number_}.in{i}") for i, t in enumerate(case.inputs)]
        made = [_add(builder, t, f"{number_}.out{i}") for i, t in enumerate(case.outputs)]
        builder.op(case.op, given, made, case.options)
        pairs = zip(given, case.inputs, strict=True)
        starts += [index for index, tensor in pairs if tensor is not None and tensor.data is None]
        ends += made
    return builder.finish(starts, ends)


def _add(builder: ModelBuilder, tensor: T, label: str) -> int:
    quantized = tensor.dtype in ("int8", "int16") or tensor.scales
    scales = tensor.scales or ((tensor.scale,) if tensor.scale and quantized else ())
    return builder.tensor(
        label,
        tensor.dtype,
        tensor.shape,
        scales=[float(np.float32(s)) for s in scales],
        zero_points=[tensor.zero_point] * len(scales),
        axis=tensor.axis,
        data=tensor.data,
    )


def numbers(*values: int) -> T:
    """A constant int32 vector."""
    return T(shape=(len(values),), dtype="int32", scale=0, data=np.array(values, np.int32))


def number(value: int) -> T:
    """A constant int32 scalar."""
    return T(shape=(), dtype="int32", scale=0, data=np.array(value, np.int32))


def single(
    name: str,
    op: str,
    inputs: Sequence[T | None],
    outputs: Sequence[T],
    options: Record | None = None,
) -> Case:
    """A case from its parts."""
    return Case(name=name, op=op, inputs=tuple(inputs), outputs=tuple(outputs), options=options)


def input_values(tensor: Tensor, number: int, rng: np.random.Generator) -> Array:
    """Values for a model input: 0 all smallest, 1 all largest, 2 every byte in turn, 3 corners, then random ones."""
    dtype = np.dtype(tensor.dtype)
    if dtype.kind == "f":
        return (rng.standard_normal(tensor.shape) * 10.0 ** rng.integers(-2, 3)).astype(dtype)
    limits = np.iinfo(dtype)
    if number < 2:
        return np.full(tensor.shape, (limits.min, limits.max)[number], dtype)
    if number == 2 and tensor.n_elements >= 256 and tensor.dtype == "int8":
        return np.resize(np.arange(-128, 128), tensor.shape).astype(dtype)
    if number == 3:
        return rng.choice([limits.min, limits.max, 0, -1, 1], tensor.shape).astype(dtype)
    return rng.integers(limits.min, limits.max, tensor.shape, endpoint=True).astype(dtype)
