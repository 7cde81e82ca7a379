"""Where TFLM's interpreter refuses a model, so does the compiler, and the other way round."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from support.cases.base import Case, T, number, numbers, single
from support.typed_graphs import svdf_model
from tinygen.core.errors import TinygenError
from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.importer import load
from tinygen.model.ir import DType


def tflm_takes(tflite: bytes) -> bool:
    from tflite_micro.python.tflite_micro import runtime

    try:
        # Some types are only refused when the operator runs.
        runtime.Interpreter.from_bytes(tflite, arena_size=1 << 18).invoke()
    except RuntimeError:
        return False
    return True


def why_not(tflite: bytes) -> str:
    """The compiler's reason against a model, "" when it takes it."""
    try:
        load(tflite, "m")
    except TinygenError as error:
        return error.message
    return ""


def dense(bias_scale: float, dtype: DType = "int8", scales: int = 1) -> bytes:
    """FULLY_CONNECTED whose bias should have scale 0.002; the output's is 0.05."""
    builder = ModelBuilder()
    x = builder.tensor("x", dtype, (1, 4), scales=[0.1])
    w = builder.tensor("w", "int8", (2, 4), scales=[0.02] * scales, data=np.ones((2, 4), np.int8))
    wide: DType = "int32" if dtype == "int8" else "int64"
    steps = [bias_scale] * scales if bias_scale else []
    bias = builder.tensor("b", wide, (2,), scales=steps, data=np.array([5, 6], np.dtype(wide)))
    y = builder.tensor("y", dtype, (1, 2), scales=[0.05])
    builder.op("FULLY_CONNECTED", [x, w, bias], [y], Record("FullyConnectedOptions", {}))
    return builder.finish([x], [y])


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_a_dense_bias_of_another_scale(needs_module: Callable[[str, str], None], dtype: DType) -> None:
    needs_module("tflite_micro", "verify")
    answers = []
    for scale in (0.0, 0.0001, 0.00099, 0.00101, 0.002, 0.0021, 0.00299, 0.00301, 0.02, 1.0):
        for scales in (1, 2):
            data = dense(scale, dtype, scales)
            answers.append(tflm_takes(data))
            assert (why_not(data) == "") is answers[-1], f"bias scale {scale}, {scales} weight scales"
    assert {True, False} <= set(answers)
    assert "has scale 1, but input and weights make 0.002" in why_not(dense(1.0, dtype))


def test_a_recurrent_bias_of_another_scale(needs_module: Callable[[str, str], None]) -> None:
    needs_module("tflite_micro", "verify")
    answers = []
    for off in (0.0, 5e-6, -5e-6, 2e-5, 0.1):
        for seed in range(4):
            data = svdf_model(seed, bias_scale_off=off)
            answers.append(tflm_takes(data))
            assert (why_not(data) == "") is answers[-1], f"bias scale off by {off}"
    assert {True, False} <= set(answers)


def empty_slices() -> list[Case]:
    """Operators that leave nothing of a tensor, alone."""
    whole = T(shape=(2, 4))
    return [
        single("slice", "SLICE", [whole, numbers(0, 1), numbers(2, 0)], [T(shape=(2, 0))]),
        single(
            "strided_slice",
            "STRIDED_SLICE",
            [whole, numbers(0, 1), numbers(2, 1), numbers(1, 1)],
            [T(shape=(2, 0))],
            Record("StridedSliceOptions", {}),
        ),
        single(
            "strided_slice-backwards",
            "STRIDED_SLICE",
            [whole, numbers(0, 3), numbers(2, 1), numbers(1, 1)],
            [T(shape=(2, 0))],
            Record("StridedSliceOptions", {}),
        ),
        single(
            "split_v",
            "SPLIT_V",
            [whole, numbers(4, 0), number(1)],
            [whole, T(shape=(2, 0))],
            Record("SplitVOptions", {"num_splits": 2}),
        ),
    ]


@pytest.mark.parametrize("case", empty_slices(), ids=lambda case: case.name)
def test_tflm_has_no_empty_slices(needs_module: Callable[[str, str], None], case: Case) -> None:
    """It takes a tensor of no bytes for one of unknown size and does not start: there is no answer to be equal to."""
    needs_module("tflite_micro", "verify")
    assert not tflm_takes(case.tflite)
    assert "has no values, its shape is [2, 0]" in why_not(case.tflite)


def movements(dtype: DType) -> list[Case]:
    """Operators that move values, in the smallest form."""

    def t(*shape: int) -> T:
        return T(shape=shape, dtype=dtype)

    pads = T(shape=(2, 2), dtype="int32", scale=0, data=np.array([[0, 1], [1, 0]], np.int32))
    joined = Record("ConcatenationOptions", {"axis": 1})
    return [
        single("concatenation", "CONCATENATION", [t(2, 3), t(2, 4)], [t(2, 7)], joined),
        single("split", "SPLIT", [number(1), t(2, 4)], [t(2, 2)] * 2, Record("SplitOptions", {"num_splits": 2})),
        single("slice", "SLICE", [t(2, 4), numbers(0, 1), numbers(2, 2)], [t(2, 2)]),
        single("transpose", "TRANSPOSE", [t(2, 3), numbers(1, 0)], [t(3, 2)]),
        single("squeeze", "SQUEEZE", [t(2, 1, 4)], [t(2, 4)], Record("SqueezeOptions", {})),
        single("expand_dims", "EXPAND_DIMS", [t(2, 4), number(1)], [t(2, 1, 4)]),
        single("reshape", "RESHAPE", [t(2, 4), numbers(4, 2)], [t(4, 2)], Record("ReshapeOptions", {})),
        single("pack", "PACK", [t(4)] * 2, [t(2, 4)], Record("PackOptions", {"values_count": 2, "axis": 0})),
        single("unpack", "UNPACK", [t(2, 4)], [t(4)] * 2, Record("UnpackOptions", {"num": 2, "axis": 0})),
        single("gather", "GATHER", [t(4, 5), numbers(3, 1)], [t(2, 5)], Record("GatherOptions", {"axis": 0})),
        single("pad", "PAD", [t(2, 4), pads], [t(3, 5)], Record("PadOptions", {})),
        single(
            "depth_to_space",
            "DEPTH_TO_SPACE",
            [t(1, 2, 2, 4)],
            [t(1, 4, 4, 1)],
            Record("DepthToSpaceOptions", {"block_size": 2}),
        ),
        single(
            "space_to_depth",
            "SPACE_TO_DEPTH",
            [t(1, 4, 4, 1)],
            [t(1, 2, 2, 4)],
            Record("SpaceToDepthOptions", {"block_size": 2}),
        ),
        *(
            single(op.lower(), op, [t(1, 4, 5, 2), numbers(1, 2)], [t(1, 2)], Record("ReducerOptions", {}))
            for op in ("REDUCE_MAX", "REDUCE_MIN", "SUM", "MEAN")
        ),
        *(
            single(op.lower(), op, [t(1, 3, 3, 2), numbers(5, 5)], [t(1, 5, 5, 2)], Record(f"{options}Options", {}))
            for op, options in (
                ("RESIZE_BILINEAR", "ResizeBilinear"),
                ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighbor"),
            )
        ),
        *(single(op.lower(), op, [t(2, 5)], [t(2, 5)]) for op in ("ELU", "HARD_SWISH")),
    ]


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_types_are_taken_where_tflm_takes_them(needs_module: Callable[[str, str], None], dtype: DType) -> None:
    needs_module("tflite_micro", "verify")
    answers = {case.name: (tflm_takes(case.tflite), why_not(case.tflite)) for case in movements(dtype)}
    assert {name: ours for name, (theirs, ours) in answers.items() if (ours == "") is not theirs} == {}
    taken = {name for name, (theirs, _) in answers.items() if theirs}
    assert "pack" in taken
    assert (dtype == "int8") is ("gather" in taken)
