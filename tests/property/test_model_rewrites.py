"""Rewritten graphs == TFLM's interpreter on the tensors that are left, in NumPy and in generated C++ on the host."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from support.random_graphs import random_model
from support.random_rewrites import rewritable_model, streamable_model
from tinygen.boards.spec import ChipSpec, MemoryRegion
from tinygen.core.errors import TinygenError
from tinygen.firmware.model_view import render_model
from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.compile import plan
from tinygen.model.importer import load
from tinygen.model.ir import Graph, Rewritten
from tinygen.model.reference import initial_state, run
from tinygen.model.rewrite.registry import PASSES, rewrite

N_GRAPHS = int(os.environ.get("TINYGEN_RANDOM_GRAPHS", "40"))
N_BUILT = max(3, N_GRAPHS // 10)
Int8 = npt.NDArray[np.int8]
Array = npt.NDArray[np.generic]
WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wconversion",
    "-Wdouble-promotion",
    "-Wshadow",
    "-Wundef",
    "-fno-exceptions",
    "-fno-rtti",
]
MODELS = ("kws_ref_model", "vww_96_int8", "person_detect", "residual_wake_word", "pretrainedResnet_quant")

MAIN = """
#include <cstdint>
#include <cstdio>

#include "tinygen/model_api.h"

namespace tm = tinygen::model;

static bool after(void*, std::uint16_t step) {
  for (std::uint16_t i = 0; i < tm::kInfo.observed_count; ++i) {
    const tm::TensorView& view = tm::observed(i);
    if (view.step == step) std::fwrite(view.data, 1, view.bytes, stdout);
  }
  return true;
}

int main() {
  while (std::fread(tm::input(), 1, tm::kInfo.input_bytes, stdin) == tm::kInfo.input_bytes) tm::infer(after, nullptr);
  return 0;
}
"""


def chip(alignment: int = 4) -> ChipSpec:
    return ChipSpec(
        id="test",
        title="test",
        arch="armv7em",
        cpu="cortex-m4",
        isa=("dsp",),
        fpu="",
        regions=(MemoryRegion(name="ram", address=0, size_bytes=1 << 17, kind="ram"),),
        arena_alignment_bytes=alignment,
        define="",
        port="host",
        family="",
        max_clock_hz=1,
        peripherals={},
        cycle_counter="none",
        sources=(),
    )


def interpreter(tflite: bytes) -> Any:
    from tflite_micro.python.tflite_micro import runtime

    keep = runtime.InterpreterConfig.kPreserveAllTensors
    return runtime.Interpreter.from_bytes(tflite, intrepreter_config=keep, arena_size=4 << 20)


def record_of(graph: Graph) -> Rewritten:
    assert graph.rewritten is not None
    return graph.rewritten


class Wheel:
    """TFLM's tensors, cut to what a rewritten graph's tensors stand for."""

    def __init__(self, tflite: bytes) -> None:
        self._interpreter = interpreter(tflite)

    def expect(self, values: Array, graph: Graph, indices: Sequence[int]) -> list[bytes]:
        record = record_of(graph)
        slices = record.slices
        self._interpreter.set_input(values.reshape(record.source.tensors[graph.inputs[0]].shape), 0)
        self._interpreter.invoke()
        found = []
        for index in indices:
            theirs = np.asarray(self._interpreter.GetTensor(record.stands_for.get(index, index), 0)["tensor_data"])
            found.append((theirs.reshape(-1)[slices[index]] if index in slices else theirs).tobytes())
        return found


def run_on_host(graph: Graph, tflite: bytes, inputs: Sequence[Int8], folder: Path, root: Path) -> bytes:
    planned = plan(graph, chip())
    for path, content in {**render_model(planned, tflite), "src/main.cpp": MAIN.encode()}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    names = [f"src/{name}.cpp" for name in ("model", "weights", "input_copy", "main")]
    flags = ["-std=gnu++17", "-O1", *WARNINGS, "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    command = ["g++", *flags, f"-I{root}/firmware/include", "-Isrc", *names, "-o", "run"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[:4000]
    done = subprocess.run(
        [str(folder / "run")],
        input=b"".join(v.tobytes() for v in inputs),
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()[:4000]
    return done.stdout


def inputs_of(graph: Graph, seed: int, count: int) -> list[Int8]:
    rng = np.random.default_rng(seed)
    shape = graph.tensors[graph.inputs[0]].shape
    random_ones = [rng.integers(-128, 128, shape).astype(np.int8) for _ in range(count)]
    return [*random_ones, np.full(shape, -128, np.int8), np.full(shape, 127, np.int8)]


def stateless(tflite: bytes, name: str, seed: int, count: int) -> tuple[Graph, list[Int8], bytes, int]:
    """The rewritten graph, inputs, and what the wheel says of every tensor that is left; NumPy is compared here."""
    graph = rewrite(load(tflite, name))
    wheel = Wheel(tflite)
    inputs = inputs_of(graph, seed, count)
    expected: list[bytes] = []
    for values in inputs:
        ours = run(graph, [values])
        theirs = wheel.expect(values, graph, list(ours))
        for index, wanted in zip(ours, theirs, strict=True):
            assert ours[index].tobytes() == wanted, f"{name}: tensor {index}"
        expected += theirs
    return graph, inputs, b"".join(expected), len(ours)


def incremental(tflite: bytes, name: str, seed: int, hops: int, time_axis: int = 1) -> tuple[Graph, list[Int8], bytes]:
    """The same for an incremental graph: the wheel runs the full model on the last `window_rows` rows."""
    graph = rewrite(load(tflite, name), incremental=True, time_axis=time_axis)
    record = record_of(graph)
    source = graph.tensors[graph.inputs[0]]
    assert source.quantization is not None and source.shape[time_axis] == record.hop_rows
    zero = source.quantization.zero_point
    rng = np.random.default_rng(seed)
    inputs: list[Int8] = [rng.integers(-128, 128, source.shape).astype(np.int8) for _ in range(hops - 2)]
    inputs += [np.full(source.shape, value, np.int8) for value in (127, -128)]
    shape = (*source.shape[:time_axis], record.window_rows, *source.shape[time_axis + 1 :])
    window = np.full(shape, zero, np.int8)
    wheel, state = Wheel(tflite), initial_state(graph)
    expected: list[bytes] = []
    for number, fresh in enumerate(inputs):
        window = np.concatenate([window, fresh], time_axis)
        window = np.take(window, range(record.hop_rows, record.hop_rows + record.window_rows), time_axis)
        written = run(graph, [fresh], state)
        ours = {index: array for index, array in written.items() if _has_oracle(graph, index)}
        theirs = wheel.expect(np.ascontiguousarray(window), graph, list(ours))
        for index, wanted in zip(ours, theirs, strict=True):
            assert ours[index].tobytes() == wanted, f"{name}: hop {number}, tensor {index}"
        expected += theirs
    return graph, inputs, b"".join(expected)


def _has_oracle(graph: Graph, index: int) -> bool:
    return not graph.tensors[index].made or index in record_of(graph).stands_for


def test_rewrites_change_no_byte(needs_module: Callable[[str, str], None]) -> None:
    needs_module("tflite_micro", "verify")
    acted: dict[str, int] = {one.name: 0 for one in PASSES}
    for seed in range(N_GRAPHS):
        graph, _, _, _ = stateless(rewritable_model(seed), f"rewritable-{seed}", seed, 2)
        for log in record_of(graph).passes:
            acted[log.name] += bool(log.changes)
            assert log.macs_after <= log.macs_before and log.weights_after <= log.weights_before
        stateless(random_model(seed), f"random-{seed}", seed, 2)
    # Constant folding has nothing to do here: no operator of these reads constants only.
    assert all(count >= N_GRAPHS // 4 for name, count in acted.items() if name != "constant folding"), acted


def test_operators_on_constants_are_computed_now(needs_module: Callable[[str, str], None]) -> None:
    """A table the converter left to be requantised and turned at run time."""
    needs_module("tflite_micro", "verify")
    builder = ModelBuilder()
    x = builder.tensor("x", "int8", (1, 4, 3), scales=[0.05])
    data = np.arange(-6, 6).astype(np.int8).reshape(1, 3, 4)
    table = builder.tensor("table", "int8", (1, 3, 4), scales=[0.1], data=data)
    order = builder.tensor("order", "int32", (3,), data=np.array([0, 2, 1], np.int32))
    turned = builder.tensor("turned", "int8", (1, 4, 3), scales=[0.1])
    builder.op("TRANSPOSE", [table, order], [turned])
    scaled = builder.tensor("scaled", "int8", (1, 4, 3), scales=[0.05], zero_points=[3])
    builder.op("QUANTIZE", [turned], [scaled])
    y = builder.tensor("y", "int8", (1, 4, 3), scales=[0.1])
    builder.op("ADD", [x, scaled], [y], Record("AddOptions", {}))
    graph, _, _, _ = stateless(builder.finish([x], [y]), "constants", 1, 3)
    assert [op.name for op in graph.ops] == ["ADD"]
    assert len(next(log for log in record_of(graph).passes if log.name == "constant folding").changes) == 2


@pytest.mark.parametrize("axis", [1, 2])
def test_incremental_equals_full(needs_module: Callable[[str, str], None], axis: int) -> None:
    needs_module("tflite_micro", "verify")
    saved = 0
    for seed in range(N_GRAPHS):
        try:
            tflite = streamable_model(seed, time_axis=axis)
            graph, _, _ = incremental(tflite, f"streamable-{seed}", seed, 8, axis)
        except TinygenError as error:
            assert "cannot run incrementally" in str(error)
            continue
        saved += plan(graph, chip()).macs < plan(record_of(graph).source, chip()).macs
    assert saved >= N_GRAPHS // 2


@pytest.mark.parametrize("pads", [(2, 0), (0, 2), (1, 3)], ids=str)
def test_windows_that_see_padding_alone(needs_module: Callable[[str, str], None], pads: tuple[int, int]) -> None:
    """A PAD that became a narrow convolution's own: its outermost rows have no row of the input."""
    needs_module("tflite_micro", "verify")
    rng = np.random.default_rng(5)
    builder = ModelBuilder()
    x = builder.tensor("x", "int8", (1, 12, 2, 3), scales=[0.05], zero_points=[4])
    paddings = builder.tensor("p", "int32", (4, 2), data=np.array([[0, 0], pads, [0, 0], [0, 0]], np.int32))
    rows = 12 + sum(pads)
    padded = builder.tensor("padded", "int8", (1, rows, 2, 3), scales=[0.05], zero_points=[4])
    builder.op("PAD", [x, paddings], [padded], Record("PadOptions", {}))
    for height in (1, 3):
        data = rng.integers(-127, 128, (3, height, 1, 3)).astype(np.int8)
        w = builder.tensor("w", "int8", data.shape, scales=[0.01], data=data)
        b = builder.tensor("b", "int32", (3,), data=rng.integers(-900, 900, 3).astype(np.int32))
        rows -= height - 1
        y = builder.tensor("y", "int8", (1, rows, 2, 3), scales=[0.05], zero_points=[-3])
        fields = {"padding": 1, "stride_h": 1, "stride_w": 1}
        builder.op("CONV_2D", [padded, w, b], [y], Record("Conv2DOptions", fields))
        padded = y
    axes = builder.tensor("axes", "int32", (2,), data=np.array([1, 2], np.int32))
    mean = builder.tensor("mean", "int8", (1, 3), scales=[0.05], zero_points=[-3])
    builder.op("MEAN", [padded, axes], [mean], Record("ReducerOptions", {"keep_dims": False}))
    graph, _, _ = incremental(builder.finish([x], [mean]), "padding", 1, 8)
    assert record_of(graph).hop_rows == 1


@pytest.mark.host
@pytest.mark.parametrize("seed", range(N_BUILT))
def test_generated_code_of_rewritten_graphs(
    needs_tool: Callable[[str], str], needs_module: Callable[[str, str], None], root: Path, tmp_path: Path, seed: int
) -> None:
    needs_tool("g++")
    needs_module("tflite_micro", "verify")
    tflite = rewritable_model(seed)
    graph, inputs, expected, _ = stateless(tflite, f"rewritable-{seed}", seed, 3)
    assert run_on_host(graph, tflite, inputs, tmp_path, root) == expected


@pytest.mark.host
@pytest.mark.parametrize("seed", range(2 * N_BUILT))
def test_generated_code_of_incremental_graphs(
    needs_tool: Callable[[str], str], needs_module: Callable[[str, str], None], root: Path, tmp_path: Path, seed: int
) -> None:
    needs_tool("g++")
    needs_module("tflite_micro", "verify")
    axis = 1 + seed % 2
    tflite = streamable_model(seed // 2, time_axis=axis)
    try:
        graph, inputs, expected = incremental(tflite, f"streamable-{seed}", seed, 8, axis)
    except TinygenError:
        pytest.skip("this seed's model saves nothing")
    assert run_on_host(graph, tflite, inputs, tmp_path, root) == expected


@pytest.mark.host
@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_published_models_rewritten(
    shared_dir: Callable[[str], Path],
    needs_tool: Callable[[str], str],
    needs_module: Callable[[str, str], None],
    root: Path,
    tmp_path: Path,
    *,
    name: str,
) -> None:
    needs_tool("g++")
    needs_module("tflite_micro", "verify")
    tflite = shared_dir(f"models/{name}.tflite").read_bytes()
    graph, inputs, expected, compared = stateless(tflite, name, 1, 1)
    golden = np.load(shared_dir(f"models/golden/{name}.npz"))["inputs"].astype(np.int8)
    wheel = Wheel(tflite)
    for values in golden:
        ours = run(graph, [values])
        assert [array.tobytes() for array in ours.values()] == wheel.expect(values, graph, list(ours))
    assert compared == len(record_of(graph).source.ops) - len(record_of(graph).absent(frozenset(ours)))
    assert run_on_host(graph, tflite, inputs, tmp_path, root) == expected


@pytest.mark.host
@pytest.mark.slow
def test_streaming_wake_word(
    shared_dir: Callable[[str], Path],
    needs_tool: Callable[[str], str],
    needs_module: Callable[[str, str], None],
    root: Path,
    tmp_path: Path,
) -> None:
    needs_tool("g++")
    needs_module("tflite_micro", "verify")
    tflite = shared_dir("models/str_ww_ref_model.tflite").read_bytes()
    graph, inputs, expected = incremental(tflite, "str_ww_ref_model", 3, 40)
    result = plan(graph, chip())
    assert result.macs <= 46_100
    assert result.arena_bytes + result.state_bytes <= 5_000
    assert run_on_host(graph, tflite, inputs, tmp_path, root) == expected


def test_constant_channels_of_vww(shared_dir: Callable[[str], Path]) -> None:
    graph = rewrite(load(shared_dir("models/vww_96_int8.tflite").read_bytes(), "vww"))
    log = record_of(graph).passes[-1]
    assert log.macs_after <= 3_800_000
    assert log.weights_after <= 31_000
    assert plan(graph, chip()).arena_bytes <= 38_000


@pytest.mark.parametrize(
    ("name", "most_macs"),
    [("kws_ref_model", 1_110_000), ("micro_speech_quantized", 93_000), ("residual_wake_word", 1_750_000)],
)
def test_padding_along_time_is_computed_anew_at_the_edges(
    shared_dir: Callable[[str], Path], needs_module: Callable[[str, str], None], name: str, most_macs: int
) -> None:
    """Every tensor, those of the edges too, at every hop against the full model in TFLM."""
    needs_module("tflite_micro", "verify")
    graph, _, _ = incremental(shared_dir(f"models/{name}.tflite").read_bytes(), name, 3, 6)
    record = record_of(graph)
    assert plan(graph, chip()).macs <= most_macs < plan(record.source, chip()).macs / 2
    assert record.stands_for, "no tensor of an edge was compared"


def test_float_input_and_rows_left_over(
    needs_module: Callable[[str, str], None], shared_dir: Callable[[str], Path]
) -> None:
    """magic_wand: float32 input, padding, pools whose last window ends before the newest row."""
    needs_module("tflite_micro", "verify")
    tflite = shared_dir("models/magic_wand.tflite").read_bytes()
    graph = rewrite(load(tflite, "magic_wand"), incremental=True)
    record, wheel, state = record_of(graph), Wheel(tflite), initial_state(graph)
    rng = np.random.default_rng(1)
    shape = (1, record.window_rows, *graph.tensors[graph.inputs[0]].shape[2:])
    window = np.zeros(shape, np.float32)
    for hop in range(20):
        fresh = rng.normal(0, 400, (1, record.hop_rows, *shape[2:])).astype(np.float32)
        window = np.concatenate([window, fresh], axis=1)[:, -record.window_rows :]
        written = run(graph, [fresh], state)
        indices = [index for index in written if _has_oracle(graph, index)]
        for index, theirs in zip(indices, wheel.expect(window, graph, indices), strict=True):
            assert written[index].tobytes() == theirs, f"hop {hop}, tensor {index}"
    assert plan(graph, chip()).macs < plan(record.source, chip()).macs
