"""Float islands as tables and shape arithmetic, against TFLM's interpreter."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from support.typed_graphs import moved_floats
from tinygen.core.errors import TinygenError
from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.float_functions import FLOAT_FUNCTIONS
from tinygen.model.importer import load
from tinygen.model.reference import run

ALL = np.arange(-128, 128).astype(np.int8).reshape(1, 256)


def island(names: list[str], scale: float, zero: int, out_scale: float, out_zero: int) -> bytes:
    builder = ModelBuilder()
    source = builder.tensor("x", "int8", (1, 256), scales=[scale], zero_points=[zero])
    at = builder.tensor("f0", "float32", (1, 256))
    builder.op("DEQUANTIZE", [source], [at])
    for number, name in enumerate(names):
        after = builder.tensor(f"f{number + 1}", "float32", (1, 256))
        options = Record("LeakyReluOptions", {"alpha": 0.3}) if name == "LEAKY_RELU" else None
        builder.op(name, [at], [after], options)
        at = after
    result = builder.tensor("y", "int8", (1, 256), scales=[out_scale], zero_points=[out_zero])
    builder.op("QUANTIZE", [at], [result])
    return builder.finish([source], [result])


def oracle_output(tflite: bytes, values: np.ndarray) -> bytes:
    from tflite_micro.python.tflite_micro import runtime

    oracle = runtime.Interpreter.from_bytes(tflite, arena_size=1 << 18)
    oracle.set_input(values, 0)
    oracle.invoke()
    return np.asarray(oracle.get_output(0)).tobytes()


@pytest.mark.parametrize("name", [*sorted(FLOAT_FUNCTIONS), ""])
def test_every_entry_of_an_island_equals_the_interpreter(needs_module: Callable[[str, str], None], name: str) -> None:
    needs_module("tflite_micro", "verify")
    dice = random.Random(name)
    for _ in range(40):
        scale = float(np.float32(0.004 * 100 ** dice.random()))
        out_scale = float(np.float32(0.003 * 60 ** dice.random()))
        # Without negative inputs where the function has none.
        zero = -128 if name in ("LOG", "SQRT", "RSQRT") else dice.choice([-128, 127, 0, dice.randint(-128, 127)])
        names = [name] if name else []
        if name and dice.random() < 0.3:
            names.append(dice.choice(["RELU", "ABS", "TANH", "LOGISTIC"]))
        data = island(names, scale, zero, out_scale, dice.choice([-128, 0, 40]))
        graph = load(data, name or "none")
        assert [op.name for op in graph.ops] == ["TABLE"]
        ours = run(graph, [ALL])[graph.outputs[0]]
        assert ours.tobytes() == oracle_output(data, ALL), f"{names} {scale} {zero} {out_scale}"


def test_an_island_with_reshapes_is_one_table(needs_module: Callable[[str, str], None]) -> None:
    needs_module("tflite_micro", "verify")
    builder = ModelBuilder()
    source = builder.tensor("x", "int8", (1, 256), scales=[0.03], zero_points=[7])
    real = builder.tensor("f0", "float32", (1, 256))
    builder.op("DEQUANTIZE", [source], [real])
    shape = builder.tensor("shape", "int32", (3,), data=np.array([1, 8, 32], np.int32))
    folded = builder.tensor("f1", "float32", (1, 8, 32))
    builder.op("RESHAPE", [real, shape], [folded], Record("ReshapeOptions", {}))
    bent = builder.tensor("f2", "float32", (1, 8, 32))
    builder.op("TANH", [folded], [bent])
    flat = builder.tensor("f3", "float32", (8, 32))
    builder.op("SQUEEZE", [bent], [flat], Record("SqueezeOptions", {}))
    result = builder.tensor("y", "int8", (8, 32), scales=[1 / 128])
    builder.op("QUANTIZE", [flat], [result])
    data = builder.finish([source], [result])
    graph = load(data, "reshaped")
    assert [op.name for op in graph.ops] == ["TABLE"]
    assert run(graph, [ALL])[result].tobytes() == oracle_output(data, ALL)


def moved_island(seed: int) -> tuple[bytes, tuple[int, ...]]:
    """DEQUANTIZE, functions among operators that give the values other places, QUANTIZE; and the input's shape."""
    dice = random.Random(seed)
    builder = ModelBuilder()
    shape: tuple[int, ...] = (1, 4 * dice.randint(1, 2), 4, 8)
    source = builder.tensor("x", "int8", shape, scales=[0.03], zero_points=[dice.choice([-128, 7, 127])])
    at = builder.tensor("f", "float32", shape)
    builder.op("DEQUANTIZE", [source], [at])
    given = shape

    def whole(values: list[int]) -> int:
        return builder.tensor("c", "int32", (len(values),), data=np.array(values, np.int32))

    for _ in range(dice.randint(2, 5)):
        kind = dice.choice(["TRANSPOSE", "SLICE", "STRIDED_SLICE", "SPACE_TO_DEPTH", "RESHAPE", "TANH", "ABS"])
        inputs, options, after = [at], None, shape
        if kind == "TRANSPOSE":
            order = dice.sample(range(4), 4)
            inputs, after = [at, whole(order)], tuple(shape[i] for i in order)
        elif kind == "SLICE":
            begin = [dice.randint(0, n - 1) for n in shape]
            size = [dice.randint(1, n - b) for n, b in zip(shape, begin, strict=True)]
            inputs, after = [at, whole(begin), whole(size)], tuple(size)
        elif kind == "STRIDED_SLICE":
            step = [dice.choice([1, 1, 2]) for _ in shape]
            inputs = [at, whole([0] * 4), whole(list(shape)), whole(step)]
            after = tuple(-(-n // s) for n, s in zip(shape, step, strict=True))
            options = Record("StridedSliceOptions", {})
        elif kind == "SPACE_TO_DEPTH":
            if shape[1] % 2 or shape[2] % 2:
                continue
            after = (shape[0], shape[1] // 2, shape[2] // 2, shape[3] * 4)
            options = Record("SpaceToDepthOptions", {"block_size": 2})
        elif kind == "RESHAPE":
            after = (shape[0], shape[3], shape[2], shape[1])
            inputs, options = [at, whole(list(after))], Record("ReshapeOptions", {})
        result = builder.tensor("f", "float32", after)
        builder.op(kind, inputs, [result], options)
        at, shape = result, after
    result = builder.tensor("y", "int8", shape, scales=[0.02], zero_points=[3])
    builder.op("QUANTIZE", [at], [result])
    return builder.finish([source], [result]), given


def test_islands_with_moves_become_moves_of_bytes_and_a_table(needs_module: Callable[[str, str], None]) -> None:
    needs_module("tflite_micro", "verify")
    rng = np.random.default_rng(5)
    kinds: set[str] = set()
    for seed in range(60):
        data, shape = moved_island(seed)
        graph = load(data, f"moved-{seed}")
        assert graph.ops[-1].name == "TABLE"
        assert {tensor.dtype for tensor in graph.tensors.values()} <= {"int8", "int32"}
        kinds |= {op.name for op in graph.ops}
        values = rng.integers(-128, 128, shape).astype(np.int8)
        assert run(graph, [values])[graph.outputs[0]].tobytes() == oracle_output(data, values), f"seed {seed}"
    assert kinds >= {"TABLE", "TRANSPOSE", "SLICE", "STRIDED_SLICE", "SPACE_TO_DEPTH", "RESHAPE"}


def test_float_ends_are_moved_as_they_are(needs_module: Callable[[str, str], None]) -> None:
    needs_module("tflite_micro", "verify")
    data = moved_floats()
    graph = load(data, "ends")
    rng = np.random.default_rng(2)
    values = rng.standard_normal((1, 6, 4, 4)).astype(np.float32)
    assert run(graph, [values])[graph.outputs[0]].tobytes() == oracle_output(data, values)


def test_float_arithmetic_of_two_inputs_is_refused_and_says_why() -> None:
    builder = ModelBuilder()
    source = builder.tensor("x", "int8", (1, 4), scales=[0.03])
    reals = [builder.tensor(f"f{i}", "float32", (1, 4)) for i in range(2)]
    builder.op("DEQUANTIZE", [source], reals[:1])
    builder.op("ADD", [reals[0], reals[0]], reals[1:], Record("AddOptions", {}))
    result = builder.tensor("y", "int8", (1, 4), scales=[0.03])
    builder.op("QUANTIZE", reals[1:], [result])
    with pytest.raises(TinygenError, match=r"computes ADD in float32; .* a chain of ABS"):
        load(builder.finish([source], [result]), "two")


def test_a_shape_computed_at_run_time_folds(needs_module: Callable[[str, str], None]) -> None:
    needs_module("tflite_micro", "verify")
    builder = ModelBuilder()
    x = builder.tensor("x", "int8", (2, 3, 4), scales=[0.1])

    def whole(name: str, *values: int) -> int:
        return builder.tensor(name, "int32", (len(values),), data=np.array(values, np.int32))

    shape = builder.tensor("shape", "int32", (3,))
    builder.op("SHAPE", [x], [shape], Record("ShapeOptions", {"out_type": 2}))
    first = builder.tensor("first", "int32", ())
    slices = [shape, whole("begin", 0), whole("end", 1), whole("step", 1)]
    builder.op("STRIDED_SLICE", slices, [first], Record("StridedSliceOptions", {"shrink_axis_mask": 1}))
    twelve = builder.tensor("twelve", "int32", (), data=np.array(12, np.int32))
    packed = builder.tensor("packed", "int32", (2,))
    builder.op("PACK", [first, twelve], [packed], Record("PackOptions", {"values_count": 2, "axis": 0}))
    y = builder.tensor("y", "int8", (2, 12), scales=[0.1])
    builder.op("RESHAPE", [x, packed], [y], Record("ReshapeOptions", {}))
    data = builder.finish([x], [y])
    graph = load(data, "shapes")
    assert [op.name for op in graph.ops] == ["RESHAPE"]
    values = np.arange(24).astype(np.int8).reshape(2, 3, 4)
    assert run(graph, [values])[y].tobytes() == oracle_output(data, values)
