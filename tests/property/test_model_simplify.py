"""Float islands as tables and shape arithmetic, against TFLM's interpreter."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from tinygen.core.errors import TinygenError
from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.importer import load
from tinygen.model.reference import run
from tinygen.model.simplify import FLOAT_FUNCTIONS

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
