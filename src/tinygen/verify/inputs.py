"""Constructed inputs for any model: random values, extremes, and the ties at which roundings differ."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.model.ir import Graph, Tensor
from tinygen.verify.values import Vector

Array = npt.NDArray[np.generic]
Maker = Callable[[], Array]

# In the order they are taken: varied ones first, so that a short proof still has varying outputs.
KINDS = ("random", "highest", "lowest", "ends", "random", "ramp", "alternating", "zero", "ties", "random")
_INTEGERS = {"int8": "int8", "uint8": "uint8", "int16": "<i2", "int32": "<i4", "int64": "<i8", "bool": "uint8"}
_FLOAT_LIMIT = 1e6  # in steps of the scale: TFLM's conversion of more than an int32 holds is not defined


def model_inputs(graph: Graph, count: int, seed: int) -> tuple[Vector, ...]:
    """`count` vectors for a model without a front end; `Vector.model_input` holds the bytes of all inputs in order.

    Args:
        graph: the model as imported.
        count: at least 1.
        seed: the same one gives the same vectors.

    Raises:
        TinygenError: count below 1, or an input of a type no vector can be made for.
    """
    if count < 1:
        raise bad_input(f"at least one vector is needed, not {count}", where="vectors")
    vectors: list[Vector] = []
    for number in range(count):
        kind = KINDS[number] if number < len(KINDS) else "random"
        rng = np.random.default_rng([seed, number])
        parts = [_values(graph, graph.tensors[index], kind, rng).tobytes() for index in graph.inputs]
        data = np.frombuffer(b"".join(parts), dtype=np.int8)
        vectors.append(Vector(name=f"constructed-{number}-{kind}", raw=None, model_input=data, label=""))
    return tuple(vectors)


def split(graph: Graph, model_input: npt.NDArray[np.int8]) -> list[Array]:
    """The arrays of the inputs in a vector's bytes, each of its tensor's dtype and shape."""
    arrays: list[Array] = []
    data, start = model_input.tobytes(), 0
    for index in graph.inputs:
        tensor = graph.tensors[index]
        part = data[start : start + tensor.n_bytes]
        start += tensor.n_bytes
        dtype = "<f4" if tensor.dtype == "float32" else _INTEGERS.get(tensor.dtype, "int8")
        arrays.append(np.frombuffer(part, dtype=dtype).reshape(tensor.shape))
    return arrays


def _values(graph: Graph, tensor: Tensor, kind: str, rng: np.random.Generator) -> Array:
    size = tensor.n_elements
    if tensor.dtype == "float32":
        return _floats(graph, tensor, kind, rng)
    if tensor.dtype not in _INTEGERS:
        raise bad_input(
            f"no test vectors can be made for {tensor.dtype}", where=f"input {tensor.index} '{tensor.name}'"
        )
    dtype = np.dtype(_INTEGERS[tensor.dtype])
    low, high = (0, 1) if tensor.dtype == "bool" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    span = high - low + 1
    zero = tensor.quantization.zero_point if tensor.quantization is not None else 0
    position = np.arange(size, dtype=np.int64)
    makers: dict[str, Maker] = {
        "highest": lambda: np.full(size, high),
        "lowest": lambda: np.full(size, low),
        "ends": lambda: rng.choice([low, high], size=size),
        "ramp": lambda: position * max(span // 256, 1) % span + low,
        "alternating": lambda: np.where(position % 2 == 0, low, high),
        "zero": lambda: np.full(size, zero),
        "ties": lambda: np.clip(zero + rng.integers(-2, 2, size=size, endpoint=True), low, high),
    }
    maker = makers.get(kind, lambda: rng.integers(low, high, size=size, endpoint=True))
    return maker().astype(dtype)


def _floats(graph: Graph, tensor: Tensor, kind: str, rng: np.random.Generator) -> Array:
    """Around the range that the model's first QUANTIZE takes; -1..1 where there is none."""
    scale, zero = 1.0 / 128.0, 0
    for op in graph.ops:
        if op.name == "QUANTIZE" and op.inputs[0] == tensor.index:
            quantization = graph.tensors[op.outputs[0]].quantization
            if quantization is not None:
                scale, zero = quantization.scale, quantization.zero_point
    size = tensor.n_elements
    low, high = -128.0 - zero, 127.0 - zero
    makers: dict[str, Maker] = {
        "highest": lambda: np.full(size, high),
        "lowest": lambda: np.full(size, low),
        "ends": lambda: rng.choice([low - 1.0, low, high, high + 1.0, -_FLOAT_LIMIT, _FLOAT_LIMIT], size=size),
        "ramp": lambda: np.linspace(low * 1.1, high * 1.1, size),
        "alternating": lambda: np.where(np.arange(size) % 2 == 0, low, high),
        "zero": lambda: np.zeros(size),
        "ties": lambda: rng.integers(int(low), int(high), size=size) + 0.5,
    }
    steps = makers.get(kind, lambda: rng.uniform(low * 1.1, high * 1.1, size=size))()
    return (steps.astype(np.float64) * scale).astype("<f4")
