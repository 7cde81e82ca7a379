"""Every operator case: generated C++ == NumPy reference under sanitizers; a family of cases is one program."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support.cases.base import combined, input_values
from support.cases.registry import CASES
from support.cases.shaping import gather_at_run_time
from support.random_graphs import random_model
from tinygen.boards.spec import ChipSpec, MemoryRegion
from tinygen.firmware.model_view import render_model
from tinygen.model.compile import plan
from tinygen.model.importer import load
from tinygen.model.reference import run

pytestmark = pytest.mark.host

N_GRAPHS = int(os.environ.get("TINYGEN_RANDOM_GRAPHS", "4"))

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef"]
RAM = MemoryRegion(name="ram", address=0, size_bytes=1 << 17, kind="ram")
CHIP = ChipSpec(
    id="test",
    title="test",
    arch="armv7em",
    cpu="cortex-m4",
    isa=(),
    fpu="",
    regions=(RAM,),
    arena_alignment_bytes=4,
    define="",
    port="host",
    family="",
    max_clock_hz=1,
    peripherals={},
    cycle_counter="none",
    sources=(),
)

MAIN = """
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
  while (true) {
    for (std::uint16_t i = 0; i < tm::kInfo.input_count; ++i) {
      const tm::TensorView& view = tm::input_view(i);
      if (std::fread(const_cast<void*>(view.data), 1, view.bytes, stdin) != view.bytes) return 0;
    }
    tm::infer(after, nullptr);
  }
}
"""


def compare(data: bytes, *, folder: Path, include: Path, compiler: str, isa: tuple[str, ...] = ()) -> None:
    """The program of a model gives the reference's bytes at every tensor."""
    result = plan(load(data, "m"), dataclasses.replace(CHIP, isa=isa))
    for path, content in {**render_model(result, data), "src/main.cpp": MAIN.encode()}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    flags = [
        "-std=gnu++17",
        "-O1",
        "-fno-exceptions",
        "-fno-rtti",
        *WARNINGS,
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
    ]
    sources = ["src/model.cpp", "src/weights.cpp", "src/main.cpp"]
    command = [compiler, *flags, f"-I{include}", "-Isrc", *sources, "-o", "run"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[:4000]
    rng = np.random.default_rng(2)
    for number in range(5):
        given = [input_values(result.graph.tensors[index], number, rng) for index in result.graph.inputs]
        written = run(result.graph, given)
        done = subprocess.run(
            [str(folder / "run")], input=b"".join(v.tobytes() for v in given), capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()[:4000]
        assert done.stdout == b"".join(written[index].tobytes() for index in result.observed)


@pytest.mark.parametrize("isa", [(), ("dsp",)], ids=["portable", "dsp"])
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("family", sorted(CASES))
def test_generated_operators_equal_the_reference(
    needs_tool: Callable[[str], str], root: Path, tmp_path: Path, family: str, compiler: str, isa: tuple[str, ...]
) -> None:
    needs_tool(compiler)
    include = root / "firmware" / "include"
    compare(combined(CASES[family]()), folder=tmp_path, include=include, compiler=compiler, isa=isa)


@pytest.mark.parametrize("seed", range(200, 200 + N_GRAPHS))
def test_wide_random_graphs(needs_tool: Callable[[str], str], root: Path, tmp_path: Path, seed: int) -> None:
    needs_tool("g++")
    data = random_model(seed, wide=True)
    compare(data, folder=tmp_path, include=root / "firmware" / "include", compiler="g++")


def test_gather_with_any_index_reads_nothing_foreign(
    needs_tool: Callable[[str], str], root: Path, tmp_path: Path
) -> None:
    """The indices are all int32 values, under sanitizers."""
    needs_tool("g++")
    data = gather_at_run_time(1).tflite
    compare(data, folder=tmp_path, include=root / "firmware" / "include", compiler="g++")
