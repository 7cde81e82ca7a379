"""A model as a part of somebody's project: each kind is built with it here, and gives the reference's bytes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tinygen.boards.loader import find_board
from tinygen.core.errors import TinygenError
from tinygen.core.files import write_own
from tinygen.features.quantize import apply, for_input
from tinygen.features.reference import frames
from tinygen.features.spec import ScaledWindowSpec
from tinygen.firmware.component_view import KINDS, Component, Kind, render_component
from tinygen.firmware.decision_view import render_decision
from tinygen.firmware.features_view import render_features
from tinygen.firmware.model_view import compiler_level, render_model
from tinygen.model import compile as compiler
from tinygen.model import importer
from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.reference import run
from tinygen.pipeline.component import refuse_foreign
from tinygen.tasks.spec import DecisionRule
from tinygen.toolchain import pio, setup

pytestmark = pytest.mark.host

STANDINS = Path(__file__).resolve().parents[1] / "standins"
SPEC = ScaledWindowSpec(rate_hz=50, n_channels=2, decimation=2, n_frames=4)
LABELS = ("left", "right", "none")
SAMPLES = [(37 * i * i) % 900 - 450 for i in range(16)]
MAIN = """
#include "tinygen_move.h"
#include <cstdio>

namespace tinygen { namespace mine {
void once() {
  static const std::int16_t samples[16] = {SAMPLES};
  features::reset();
  features::push(samples, 8, model::input_copy());
  if (features::frames_done() != features::kInfo.frames) return;
  model::load_input();
  model::infer(nullptr, nullptr);
  const decision::Result said = decision::decide(model::input_copy(), model::output());
  for (int i = 0; i < 8; ++i) std::printf("%d ", model::input_copy()[i]);
  for (int i = 0; i < 3; ++i) std::printf("%d ", model::output()[i]);
  std::printf("%s\\n", decision::label_name(said.label));
}
} }
"""


def small_model() -> bytes:
    """A dense layer of 8 inputs and 3 outputs."""
    builder = ModelBuilder(description="a tiny model in fixed numbers")
    rng = np.random.default_rng(7)
    source = builder.tensor("signal", "int8", (1, 8), scales=[0.0625], zero_points=[-3])
    kernel = rng.integers(-127, 128, (3, 8)).astype(np.int8)
    weights = builder.tensor("weights", "int8", (3, 8), scales=[0.01], data=kernel)
    offsets = rng.integers(-900, 900, 3).astype(np.int32)
    bias = builder.tensor("bias", "int32", (3,), scales=[0.000625], data=offsets)
    scores = builder.tensor("scores", "int8", (1, 3), scales=[0.125], zero_points=[5])
    builder.op("FULLY_CONNECTED", [source, weights, bias], [scores], Record("FullyConnectedOptions", {}))
    return builder.finish([source], [scores])


@pytest.fixture(scope="module")
def expected() -> str:
    """What the program has to print: the model's input, its output, the label; by the NumPy references."""
    graph = importer.load(small_model(), "tiny")
    quantization = graph.tensors[graph.inputs[0]].quantization
    assert quantization is not None
    rows = frames(SPEC, np.array(SAMPLES, np.int16).reshape(8, 2))
    made = apply(rows, for_input(SPEC, quantization.scale, quantization.zero_point)).reshape(1, 8)
    output = run(graph, [made])[graph.outputs[0]].reshape(-1)
    return " ".join(map(str, [*made.reshape(-1), *output])) + f" {LABELS[int(np.argmax(output))]}"


def component(kind: Kind) -> Component:
    """The tiny model for a kind of project."""
    tflite = small_model()
    plan = compiler.plan(importer.load(tflite, "tiny"), find_board("host").chip)
    graph = plan.graph
    in_q, out_q = graph.tensors[graph.inputs[0]].quantization, graph.tensors[graph.outputs[0]].quantization
    assert in_q is not None and out_q is not None
    files = {
        **render_model(plan, tflite),
        **render_features(SPEC, for_input(SPEC, in_q.scale, in_q.zero_point)),
        **render_decision(
            DecisionRule(kind="argmax", labels=LABELS), input_elements=8, output_elements=3, in_q=in_q, out_q=out_q
        ),
    }
    return render_component(kind, "move", files, level=compiler_level(plan), arena_bytes=16, weights_bytes=36)


def project(kind: Kind, folder: Path, main: str) -> Path:
    """Somebody's project with the component in it and the program that uses it; returns the program's source."""
    made = component(kind)
    write_own(folder / made.folder, made.files)
    source = folder / {"platformio": "src/main.cpp", "espidf": "main/main.cpp", "arduino": "mine/mine.cpp"}.get(
        kind, "main.cpp"
    )
    source.parent.mkdir(exist_ok=True)
    source.write_text(MAIN.replace("SAMPLES", ", ".join(map(str, SAMPLES))) + main)
    return source


def said(command: list[str], folder: Path, **more: object) -> str:
    """Standard output of a command that has to succeed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def test_in_a_cmake_project(tmp_path: Path, expected: str, needs_tool: Callable[..., str]) -> None:
    cmake = needs_tool("cmake")
    project("cmake", tmp_path, "int main() { tinygen::mine::once(); }\n")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(mine LANGUAGES CXX)\nadd_executable(mine main.cpp)\n"
        "add_subdirectory(tinygen_move)\ntarget_link_libraries(mine PRIVATE tinygen_move)\n"
    )
    said([cmake, "-S", ".", "-B", "b"], tmp_path)
    said([cmake, "--build", "b"], tmp_path)
    assert said([str(tmp_path / "b/mine")], tmp_path).strip() == expected


def test_in_an_esp_idf_project(tmp_path: Path, expected: str, needs_tool: Callable[..., str]) -> None:
    cmake = needs_tool("cmake")
    project("espidf", tmp_path, 'extern "C" void app_main() { tinygen::mine::once(); }\n')
    (tmp_path / "main/CMakeLists.txt").write_text('idf_component_register(SRCS "main.cpp" REQUIRES tinygen_move)\n')
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\ninclude($ENV{IDF_PATH}/tools/cmake/project.cmake)\nproject(mine)\n"
    )
    environment = {"IDF_PATH": str(STANDINS / "espidf"), "PATH": "/usr/bin:/bin"}
    said([cmake, "-S", ".", "-B", "b"], tmp_path, env=environment)
    said([cmake, "--build", "b"], tmp_path)
    assert said([str(tmp_path / "b/mine")], tmp_path).strip() == expected


def test_in_a_platformio_project(tmp_path: Path, expected: str, needs_module: Callable[..., None]) -> None:
    needs_module("platformio", "offline")
    needs_module("SCons", "offline")
    project("platformio", tmp_path, "int main() { tinygen::mine::once(); }\n")
    platform = find_board("host").platformio.platform
    (tmp_path / "platformio.ini").write_text(f"[env:mine]\nplatform = {platform}\nbuild_flags = -std=gnu++17\n")
    core = setup.prepare([find_board("host")], cache=tmp_path / "cache")
    said([*pio.command("run")], tmp_path, env=pio.environment(core, {}))
    assert said([str(tmp_path / ".pio/build/mine/program")], tmp_path).strip() == expected


def test_as_an_arduino_library(tmp_path: Path, expected: str, needs_tool: Callable[..., str]) -> None:
    """Compiled as the IDE does: every source below src, with src itself on the include path."""
    compiler = needs_tool("g++")
    source = project("arduino", tmp_path, "int main() { tinygen::mine::once(); }\n")
    library = tmp_path / "libraries/tinygen_move"
    assert "includes=tinygen_move.h" in (library / "library.properties").read_text()
    sources = [str(source), *map(str, sorted((library / "src").rglob("*.cpp")))]
    said(
        [compiler, "-std=gnu++17", "-Wall", "-Wextra", "-Werror", f"-I{library}/src", *sources, "-o", "program"],
        tmp_path,
    )
    assert said([str(tmp_path / "program")], tmp_path).strip() == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_not_ours_is_refused_and_ours_is_replaced(kind: Kind, tmp_path: Path) -> None:
    made = component(kind)
    place = tmp_path / made.folder
    refuse_foreign(place, made)
    write_own(place, made.files)
    refuse_foreign(place, made)  # a second time: all of them are ours
    (place / ".tinygen-files").unlink()
    with pytest.raises(TinygenError, match="not tinygen's"):
        refuse_foreign(place, made)
