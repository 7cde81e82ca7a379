"""Generated C++ == reference for models with state and for types other than int8, as sequences, under sanitizers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from support.typed_graphs import (
    EXTREME_FLOATS,
    PAIRS,
    conversion,
    lstm_model,
    moved_floats,
    sequence,
    svdf_model,
    wide_lstm_model,
)
from tinygen.boards.spec import ChipSpec, MemoryRegion
from tinygen.firmware.model_view import render_model
from tinygen.model.compile import plan
from tinygen.model.importer import load
from tinygen.model.ir import NUMPY_TYPES, DType
from tinygen.model.reference import initial_state, run

pytestmark = pytest.mark.host

Array = npt.NDArray[np.generic]
COMPILERS = ["g++", "clang++"]

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
MODELS = (
    "alexa",
    "hey_mycroft",
    "trained_lstm_int8",
    "keyword_scrambled_8bit",
    "magic_wand",
    "rock_paper_scissors",
    "ecg_autoencoder",
)
CHIP = ChipSpec(
    id="test",
    title="test",
    arch="armv7em",
    cpu="cortex-m4",
    isa=("dsp",),
    fpu="",
    regions=(
        MemoryRegion(name="flash", address=0, size_bytes=1 << 20, kind="flash"),
        MemoryRegion(name="ram", address=0, size_bytes=1 << 17, kind="ram"),
    ),
    arena_alignment_bytes=1,
    define="",
    port="host",
    family="",
    max_clock_hz=1,
    peripherals={},
    cycle_counter="none",
    sources=(),
)

# Every inference runs twice from the same state: once observed, once not. After the sequence, reset() and the last
# input must give what a new program gives.
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

static void run_again() {
  tm::load_input();
  tm::infer(nullptr, nullptr);
  std::fwrite(tm::gathered_output(), 1, tm::kInfo.output_bytes, stdout);
}

int main() {
  const std::size_t size = tm::kInfo.input_bytes;
  while (std::fread(tm::input_copy(), 1, size, stdin) == size) {
    tm::load_input();
    tm::save_state();
    tm::infer(after, nullptr);
    tm::restore_state();
    run_again();
  }
  tm::reset();
  run_again();
  return 0;
}
"""


def check(tflite: bytes, given: list[Array], *, folder: Path, include: Path, compiler: str) -> int:
    """Compare a sequence; its last input is run once more after a reset. Returns the state's bytes."""
    result = plan(load(tflite, "m"), CHIP)
    for path, content in {**render_model(result, tflite), "src/main.cpp": MAIN.encode()}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    names = ["src/model.cpp", "src/weights.cpp", "src/input_copy.cpp", "src/main.cpp"]
    command = [compiler, "-std=gnu++17", "-O1", *WARNINGS, *sanitize, f"-I{include}", "-Isrc", *names, "-o", "run"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[:4000]
    data = b"".join(values.tobytes() for values in given)
    done = subprocess.run([str(folder / "run")], input=data, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr.decode()[:4000]
    state, parts = initial_state(result.graph), []
    for values in given:
        written = run(result.graph, [values], state)
        parts += [written[index].tobytes() for index in result.observed]
        parts += [written[index].tobytes() for index in result.graph.outputs]
    again = run(result.graph, [given[-1]])
    parts += [again[index].tobytes() for index in result.graph.outputs]
    assert done.stdout == b"".join(parts)
    return result.state_bytes


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("make", [lstm_model, wide_lstm_model, svdf_model])
@pytest.mark.parametrize("seed", range(2))
def test_recurrent_layers(
    needs_tool: Callable[[str], str],
    root: Path,
    tmp_path: Path,
    *,
    make: Callable[[int], bytes],
    seed: int,
    compiler: str,
) -> None:
    needs_tool(compiler)
    data = make(seed + 100)
    graph = load(data, "m")
    given = sequence(np.random.default_rng(seed), graph.tensors[graph.inputs[0]], 5)
    include = root / "firmware" / "include"
    assert check(data, given, folder=tmp_path, include=include, compiler=compiler) > 0


@pytest.mark.parametrize("pair", PAIRS)
def test_integer_conversions(
    needs_tool: Callable[[str], str], root: Path, tmp_path: Path, pair: tuple[DType, DType]
) -> None:
    needs_tool("g++")
    info = np.iinfo(np.dtype(NUMPY_TYPES[pair[0]]))
    values = np.linspace(max(info.min, -99999), min(info.max, 99999), 700).astype(NUMPY_TYPES[pair[0]])[None]
    data = conversion("QUANTIZE", (pair[0], 0.3, 0), (pair[1], 0.7, 0), values.size)
    check(data, [values], folder=tmp_path, include=root / "firmware" / "include", compiler="g++")


@pytest.mark.parametrize("compiler", COMPILERS)
def test_float_conversions(needs_tool: Callable[[str], str], root: Path, tmp_path: Path, compiler: str) -> None:
    needs_tool(compiler)
    include = root / "firmware" / "include"
    floats = EXTREME_FLOATS[None]
    data = conversion("QUANTIZE", ("float32", 0, 0), ("int8", 0.5, -7), floats.size)
    check(data, [floats], folder=tmp_path / "q", include=include, compiler=compiler)
    bytes_ = np.arange(-128, 128).astype(np.int8)[None]
    data = conversion("DEQUANTIZE", ("int8", 0.1, -7), ("float32", 0, 0), bytes_.size)
    check(data, [bytes_], folder=tmp_path / "d", include=include, compiler=compiler)


@pytest.mark.parametrize("compiler", COMPILERS)
def test_moved_floats(needs_tool: Callable[[str], str], root: Path, tmp_path: Path, compiler: str) -> None:
    needs_tool(compiler)
    rng = np.random.default_rng(4)
    given: list[Array] = [rng.standard_normal((1, 6, 4, 4)).astype(np.float32) for _ in range(3)]
    check(moved_floats(), given, folder=tmp_path, include=root / "firmware" / "include", compiler=compiler)


@pytest.mark.slow
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("name", MODELS)
def test_published_models_with_state_and_floats(
    needs_tool: Callable[[str], str],
    shared_dir: Callable[[str], Path],
    root: Path,
    tmp_path: Path,
    *,
    name: str,
    compiler: str,
) -> None:
    needs_tool(compiler)
    data = shared_dir(f"models/{name}.tflite").read_bytes()
    golden = np.load(shared_dir(f"models/golden/{name}.npz"))
    include = root / "firmware" / "include"
    check(data, list(golden["inputs"][:30]), folder=tmp_path, include=include, compiler=compiler)
