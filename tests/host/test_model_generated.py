"""Generated C++ == reference at every observed tensor, on this machine under sanitizers; and it compiles for boards."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from support.random_graphs import random_model
from tinygen.boards.spec import ChipSpec, MemoryRegion
from tinygen.firmware.model_view import render_model
from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.compile import plan
from tinygen.model.importer import load
from tinygen.model.ir import Plan
from tinygen.model.reference import run
from tinygen.model.selection import Options

pytestmark = pytest.mark.host

N_GRAPHS = int(os.environ.get("TINYGEN_RANDOM_GRAPHS", "8"))
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
    "hello_world_int8",
    "micro_speech_quantized",
    "kws_ref_model",
    "ad01_int8",
    "str_ww_ref_model",
    "pretrainedResnet_quant",
    "vww_96_int8",
    "person_detect",
    "residual_wake_word",
)

# Writes every observed tensor after its step, then the output of a second run without observation.
MAIN = """
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "tinygen/model_api.h"

namespace tm = tinygen::model;

static std::int8_t line[1 << 20];

static bool after(void*, std::uint16_t step) {
  for (std::uint16_t i = 0; i < tm::kInfo.observed_count; ++i) {
    const tm::TensorView& view = tm::observed(i);
    if (view.step == step) std::fwrite(view.data, 1, view.bytes, stdout);
  }
  return true;
}

int main() {
  const std::size_t size = tm::kInfo.input_bytes;
  while (std::fread(line, 1, size, stdin) == size) {
    std::memcpy(tm::input_copy(), line, size);
    std::memcpy(tm::input(), tm::input_copy(), size);
    tm::infer(after, nullptr);
    std::memcpy(tm::input(), tm::input_copy(), size);
    tm::infer(nullptr, nullptr);
    std::fwrite(tm::output(), 1, tm::kInfo.output_bytes, stdout);
  }
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
        regions=(
            MemoryRegion(name="flash", address=0, size_bytes=1 << 20, kind="flash"),
            MemoryRegion(name="ram", address=0, size_bytes=1 << 17, kind="ram"),
        ),
        arena_alignment_bytes=alignment,
        define="",
        port="host",
        family="",
        max_clock_hz=1,
        peripherals={},
        cycle_counter="none",
        sources=(),
    )


def write_sources(result: Plan, tflite: bytes, folder: Path) -> None:
    for path, content in {**render_model(result, tflite), "src/main.cpp": MAIN.encode()}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def checked(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]


def host_outputs(
    result: Plan, tflite: bytes, values: list[npt.NDArray[np.int8]], *, folder: Path, include: Path, compiler: str
) -> bytes:
    write_sources(result, tflite, folder)
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    names = ["src/model.cpp", "src/weights.cpp", "src/input_copy.cpp", "src/main.cpp"]
    checked(
        [compiler, "-std=gnu++17", "-O1", *WARNINGS, *sanitize, f"-I{include}", "-Isrc", *names, "-o", "run"], folder
    )
    done = subprocess.run(
        [str(folder / "run")],
        input=b"".join(v.tobytes() for v in values),
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()[:4000]
    return done.stdout


def expected_outputs(result: Plan, values: list[npt.NDArray[np.int8]]) -> bytes:
    parts = []
    for one in values:
        written = run(result.graph, [one])
        parts += [written[index].tobytes() for index in result.observed]
        parts.append(written[result.graph.outputs[0]].tobytes())
    return b"".join(parts)


def inputs_of(result: Plan, seed: int, count: int) -> list[npt.NDArray[np.int8]]:
    rng = np.random.default_rng(seed)
    shape = result.graph.tensors[result.graph.inputs[0]].shape
    random_ones = [rng.integers(-128, 128, shape).astype(np.int8) for _ in range(count)]
    return [*random_ones, np.full(shape, -128, np.int8), np.full(shape, 127, np.int8)]


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("seed", range(100, 100 + N_GRAPHS))
def test_random_graphs(needs_tool: Callable[[str], str], root: Path, tmp_path: Path, seed: int, compiler: str) -> None:
    needs_tool(compiler)
    data = random_model(seed)
    result = plan(load(data, f"random-{seed}"), chip())
    values = inputs_of(result, seed, 4)
    got = host_outputs(result, data, values, folder=tmp_path, include=root / "firmware" / "include", compiler=compiler)
    assert got == expected_outputs(result, values)


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("name", MODELS)
def test_published_models(
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
    result = plan(load(data, name), chip(16))
    values = [golden["inputs"][0], *inputs_of(result, 1, 1)]
    got = host_outputs(result, data, values, folder=tmp_path, include=root / "firmware" / "include", compiler=compiler)
    assert got == expected_outputs(result, values)


@pytest.mark.parametrize("seed", range(4))
def test_generated_code_compiles_for_cortex_m4_with_the_planned_arena(
    needs_tool: Callable[[str], str], root: Path, tmp_path: Path, seed: int
) -> None:
    compiler, nm = needs_tool("arm-none-eabi-g++"), needs_tool("arm-none-eabi-nm")
    data = random_model(seed)
    result = plan(load(data, "m"), chip())
    write_sources(result, data, tmp_path)
    flags = ["-std=gnu++17", "-mcpu=cortex-m4", "-mthumb", "-O2", *WARNINGS]
    for name in ("model.cpp", "weights.cpp", "input_copy.cpp", "model_data.cc"):
        checked(
            [compiler, *flags, f"-I{root}/firmware/include", "-Isrc", "-c", f"src/{name}", "-o", f"{name}.o"], tmp_path
        )
    listed = subprocess.run([nm, "-S", "model.cpp.o"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    in_ram = [line.split() for line in listed.splitlines() if len(line.split()) == 4 and line.split()[2] in "bBdD"]
    assert [(int(size, 16), name) for _, size, _, name in in_ram] == [(result.arena_bytes, "tinygen_arena")]
    for name in ("weights.cpp.o", "model_data.cc.o"):
        listed = subprocess.run([nm, "-S", name], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        assert not any(line.split()[-2] in "bBdD" for line in listed.splitlines() if len(line.split()) >= 3)


def test_generated_code_compiles_for_lx106(needs_tool: Callable[[str], str], root: Path, tmp_path: Path) -> None:
    compiler = needs_tool("xtensa-lx106-elf-g++")
    for name, header in (("cstdint", "stdint.h"), ("cstddef", "stddef.h")):
        words = ["int8_t", "uint8_t", "int16_t", "uint16_t", "int32_t", "uint32_t", "int64_t", "uint64_t"]
        uses = "".join(f"using ::{w};" for w in words) if name == "cstdint" else "using ::size_t;"
        (tmp_path / name).write_text(f"#pragma once\n#include <{header}>\nnamespace std {{ {uses} }}\n")
    for seed in range(3):
        data = random_model(seed)
        write_sources(plan(load(data, "m"), chip(16)), data, tmp_path)
        flags = ["-std=gnu++17", "-ffreestanding", "-mlongcalls", "-O2", *WARNINGS]
        for name in ("model.cpp", "weights.cpp", "input_copy.cpp", "model_data.cc"):
            include = ["-I.", f"-I{root}/firmware/include", "-Isrc"]
            checked([compiler, *flags, *include, "-c", f"src/{name}", "-o", "x.o"], tmp_path)


def test_another_runtime_is_refused_at_compile_time(
    needs_tool: Callable[[str], str], root: Path, tmp_path: Path
) -> None:
    compiler = needs_tool("g++")
    data = random_model(1)
    write_sources(plan(load(data, "m"), chip()), data, tmp_path)
    source = tmp_path / "src" / "model.cpp"
    text = source.read_text()
    source.write_text(text.replace("TINYGEN_RUNTIME_VERSION ==", "TINYGEN_RUNTIME_VERSION == 1000 +"))
    command = [compiler, "-std=gnu++17", f"-I{root}/firmware/include", "-Isrc", "-c", "src/model.cpp", "-o", "x.o"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "another tinygen runtime" in done.stderr


def window_model(kind: str) -> bytes:
    """One sliding-window or dense operator whose output could reach into its input."""
    rng = np.random.default_rng(5)
    builder = ModelBuilder()
    x = builder.tensor("x", "int8", (1, 6, 5, 8), scales=[0.05], zero_points=[3])
    if kind == "1x1":
        data = rng.integers(-127, 128, (8, 1, 1, 8)).astype(np.int8)
        w = builder.tensor("w", "int8", data.shape, scales=[0.01], data=data)
        y = builder.tensor("y", "int8", (1, 6, 5, 8), scales=[0.1])
        fields = {"padding": 1, "stride_w": 1, "stride_h": 1, "fused_activation_function": 0}
        builder.op("CONV_2D", [x, w], [y], Record("Conv2DOptions", fields))
    elif kind == "conv":
        data = rng.integers(-127, 128, (6, 3, 3, 8)).astype(np.int8)
        w = builder.tensor("w", "int8", data.shape, scales=[0.01], data=data)
        y = builder.tensor("y", "int8", (1, 6, 5, 6), scales=[0.2])
        fields = {"padding": 0, "stride_w": 1, "stride_h": 1, "fused_activation_function": 0}
        builder.op("CONV_2D", [x, w], [y], Record("Conv2DOptions", fields))
    else:
        data = rng.integers(-127, 128, (1, 3, 3, 8)).astype(np.int8)
        w = builder.tensor("w", "int8", data.shape, scales=[0.01], data=data)
        y = builder.tensor("y", "int8", (1, 6, 5, 8), scales=[0.1])
        fields = {"padding": 0, "stride_w": 1, "stride_h": 1, "depth_multiplier": 1, "fused_activation_function": 0}
        builder.op("DEPTHWISE_CONV_2D", [x, w], [y], Record("DepthwiseConv2DOptions", fields))
    return builder.finish([x], [y])


@pytest.mark.parametrize("kind", ["1x1", "conv", "depthwise"])
def test_declared_overlap_is_enough_and_less_is_not(
    needs_tool: Callable[[str], str], root: Path, tmp_path: Path, kind: str
) -> None:
    needs_tool("g++")
    data = window_model(kind)
    result = plan(load(data, kind), chip(1), Options(optimize="size"))  # the fast ones copy windows out instead
    x, y = result.graph.inputs[0], result.graph.outputs[0]
    distance = result.buffer_of(x).offset - result.buffer_of(y).offset
    assert 0 < distance < result.buffer_of(y).size_bytes
    assert result.arena_bytes < result.buffer_of(x).size_bytes + result.buffer_of(y).size_bytes
    values = inputs_of(result, 1, 4)[:4]
    include = root / "firmware" / "include"
    assert host_outputs(
        result, data, values, folder=tmp_path / "a", include=include, compiler="g++"
    ) == expected_outputs(result, values)
    # A whole tile closer: bytes that are still to be read get lost, which the comparison must show.
    closer = dataclasses.replace(
        result,
        buffers=tuple(
            dataclasses.replace(b, offset=b.offset - distance) if b.tensor == x else b for b in result.buffers
        ),
    )
    assert host_outputs(
        closer, data, values, folder=tmp_path / "b", include=include, compiler="g++"
    ) != expected_outputs(result, values)
