"""The importer accepts what the compiler can run and explains everything else, whatever the bytes are."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from support.random_graphs import random_model
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.model.builder import ModelBuilder, Record, write
from tinygen.model.importer import load
from tinygen.model.kernels.registry import KERNELS, candidates
from tinygen.model.ops.registry import OPS
from tinygen.model.reference import run


def refused(data: bytes) -> TinygenError:
    with pytest.raises(TinygenError) as caught:
        load(data, "m.tflite")
    assert caught.value.code == ExitCode.BAD_INPUT
    return caught.value


def dense_model(
    *,
    bias: int = 0,
    output_shape: tuple[int, ...] = (1, 2),
    input_shape: tuple[int, ...] = (1, 3),
    quantized: bool = True,
    op_name: str = "FULLY_CONNECTED",
    op_inputs: tuple[int, ...] = (0, 1, 2),
    zero_point: int = 0,
) -> bytes:
    builder = ModelBuilder()
    scales = [0.5] if quantized else []
    builder.tensor("x", "int8", input_shape, scales=scales)
    builder.tensor("w", "int8", (2, 3), scales=[0.25], zero_points=[zero_point], data=np.ones((2, 3), np.int8))
    builder.tensor("b", "int32", (2,), scales=[0.125], data=np.full(2, bias, np.int32))
    builder.tensor("y", "int8", output_shape, scales=[1.0])
    options = Record("FullyConnectedOptions", {"fused_activation_function": 0})
    builder.op(op_name, list(op_inputs), [3], options if op_name == "FULLY_CONNECTED" else None)
    return builder.finish([0], [3])


def test_a_small_model_is_read_and_runs() -> None:
    graph = load(dense_model(bias=8), "m.tflite")
    assert [op.name for op in graph.ops] == ["FULLY_CONNECTED"]
    tensors = run(graph, [np.array([[1, 2, 3]], np.int8)])
    # (1+2+3) * 0.5 * 0.25 + 8 * 0.125 = 1.75
    assert tensors[3].tolist() == [[2, 2]]


def test_every_operator_file_and_kernel_is_listed() -> None:
    folder = Path(__file__).resolve().parents[2] / "src" / "tinygen" / "model"
    files = {p.stem for p in (folder / "ops").glob("*.py")} - {"__init__", "registry"}
    listed = {op.lower.__module__.rsplit(".", 1)[1] for op in OPS}
    assert files == listed
    assert len({op.name for op in OPS}) == len(OPS)
    assert all(candidates(op.name) for op in OPS)
    assert {kernel.op for kernel in KERNELS} == {op.name for op in OPS}
    kernel_folder = folder.parents[2] / "firmware" / "include" / "tinygen" / "kernels"
    for kernel in KERNELS:
        if kernel.header:
            assert f"void {kernel.id}(" in (kernel_folder / kernel.header).read_text(), kernel.id


@pytest.mark.parametrize("seed", range(4))
def test_every_truncation_is_refused(seed: int) -> None:
    data = random_model(seed)
    rng = random.Random(seed)
    lengths = {0, 1, 7, 8, 12, len(data) - 1} | {rng.randrange(len(data)) for _ in range(150)}
    for length in sorted(lengths):
        # A string's terminator may be cut off harmlessly; anything else must be noticed.
        if length == len(data) - 1 and data[-1] == 0:
            continue
        with pytest.raises(TinygenError) as caught:
            load(data[:length], "m.tflite")
        assert caught.value.code == ExitCode.BAD_INPUT


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(4))
def test_damaged_bytes_are_an_explained_error_or_still_a_model(seed: int) -> None:
    original = random_model(seed)
    rng = random.Random(seed)
    for _ in range(250):
        data = bytearray(original)
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(data))
            data[place] = rng.choice([0, 1, 127, 128, 255, data[place] ^ (1 << rng.randrange(8))])
        try:
            load(bytes(data), "m.tflite")
        except TinygenError as error:
            assert error.code == ExitCode.BAD_INPUT
            assert "m.tflite" in error.where


def test_other_files_are_named_as_such() -> None:
    assert "not a TensorFlow Lite model" in str(refused(b"RIFF....WAVEfmt "))
    assert "not a TensorFlow Lite model" in str(refused(b""))


def test_an_unsupported_operator_is_named_with_what_is_supported() -> None:
    error = refused(dense_model(op_name="COS"))
    assert "COS" in str(error)
    assert "op 0" in error.where
    assert "CONV_2D" in error.hint


def test_a_float_model_is_refused_with_how_to_quantise() -> None:
    builder = ModelBuilder()
    builder.tensor("x", "float32", (1, 3))
    builder.tensor("w", "float32", (2, 3), data=np.ones((2, 3), np.float32))
    builder.tensor("y", "float32", (1, 2))
    builder.op("FULLY_CONNECTED", [0, 1, -1], [2], Record("FullyConnectedOptions", {}))
    error = refused(builder.finish([0], [2]))
    assert "float model" in str(error)
    assert "representative_dataset" in error.hint


def test_missing_quantisation_names_the_tensor() -> None:
    error = refused(dense_model(quantized=False))
    assert "'x'" in str(error)
    assert "no quantisation" in str(error)
    assert "op 0 FULLY_CONNECTED" in error.where


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (dense_model(input_shape=(-1, 3)), "dynamic shape"),
        (dense_model(input_shape=(0, 3)), "has no values"),
        (dense_model(input_shape=(1 << 20, 1 << 10)), "absurd shape"),
        (dense_model(output_shape=(1, 5)), "declared [1, 5]"),
        (dense_model(bias=2**31 - 1), "more than int32 holds"),
        (dense_model(op_inputs=(0, 99, 2)), "names tensor 99"),
        (dense_model(op_inputs=(0, -7, 2)), "names tensor -7"),
        (dense_model(op_inputs=(3, 1, 2)), "reads before anything has written"),
        (dense_model(op_inputs=(0,)), "has 1 inputs"),
        (dense_model(op_inputs=(0, 0, 2)), "must be a constant"),
        (dense_model(zero_point=3), "zero points other than 0"),
        (dense_model(op_inputs=(0, 1, 1)), "bias ('w') is int8"),
    ],
)
def test_each_fault_is_said(data: bytes, words: str) -> None:
    assert words in str(refused(data))


def test_a_tensor_cannot_be_written_twice_nor_an_output_be_left_out() -> None:
    builder = ModelBuilder()
    builder.tensor("x", "int8", (1, 4), scales=[1.0])
    builder.tensor("y", "int8", (1, 4), scales=[1.0])
    builder.tensor("z", "int8", (1, 4), scales=[1.0])
    builder.op("RELU", [0], [1])
    assert "not computed by any operator" in str(refused(builder.finish([0], [2])))
    builder.op("RELU", [0], [1])
    assert "second time" in str(refused(builder.finish([0], [1])))
    assert "at least one of each" in str(refused(builder.finish([], [1])))


def test_two_subgraphs_and_another_schema_are_refused() -> None:
    empty = Record("SubGraph", {"tensors": [], "inputs": [], "outputs": [], "operators": []})
    model = {"version": 3, "subgraphs": [empty, empty], "buffers": [], "operator_codes": []}
    assert "2 subgraphs" in str(refused(write(Record("Model", model), b"TFL3")))
    assert "schema version 2" in str(refused(write(Record("Model", {**model, "version": 2}), b"TFL3")))
