"""The matrix-product kernels for the DSP extension on this machine: their portable twins, under sanitizers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support.random_layers import random_layer
from tinygen.core.errors import TinygenError
from tinygen.firmware.model_view import render_model
from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.compile import plan
from tinygen.model.importer import load
from tinygen.model.kernels.dsp_packing import fast, folded_bias, largest_sum
from tinygen.model.lowering import OpContext
from tinygen.model.ops.registry import find_op
from tinygen.model.selection import Options
from tinygen.pipeline.counting import core_chip

pytestmark = [pytest.mark.host, pytest.mark.slow]

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
KERNELS = {
    "conv_2d_int8_dsp": 12,
    "conv_2d_int8_dsp_window": 4,
    "fully_connected_int8_dsp_per_tensor": 5,
    "fully_connected_int8_dsp_per_channel": 5,
}
MAIN = """
#include <cstdio>
#include "tinygen/model_api.h"
namespace tm = tinygen::model;
int main() {
  while (std::fread(tm::input(), 1, tm::kInfo.input_bytes, stdin) == tm::kInfo.input_bytes) {
    tm::infer(nullptr, nullptr);
    std::fwrite(tm::output(), 1, tm::kInfo.output_bytes, stdout);
  }
  return 0;
}
"""


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_portable_twins_equal_the_reference(
    needs_tool: Callable[..., str], root: Path, tmp_path: Path, kernel: str, compiler: str
) -> None:
    needs_tool(compiler)
    for seed in range(KERNELS[kernel]):
        one = random_layer(kernel, seed)
        folder = tmp_path / str(seed)
        files = render_model(one.plan(core_chip("cortex-m4")), b"")
        for path, content in {**files, "src/main.cpp": MAIN.encode()}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        names = ["src/model.cpp", "src/weights.cpp", "src/main.cpp"]
        include = [f"-I{root}/firmware/include", "-Isrc"]
        command = [compiler, "-std=gnu++17", "-O1", *WARNINGS, *SANITIZE, *include, *names, "-o", "run"]
        built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert built.returncode == 0, built.stderr[:4000]
        fed = b"".join(x.tobytes() for x in one.inputs)
        done = subprocess.run([str(folder / "run")], input=fed, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr.decode()[:4000]
        assert done.stdout == b"".join(one.expected), one.graph.name


def test_layers_reach_short_and_general_requantisation() -> None:
    found = set()
    for kernel in KERNELS:
        for seed in range(24):
            graph = random_layer(kernel, seed).graph
            definition = find_op(graph.ops[0].name)
            assert definition is not None
            lowered = definition.lower(OpContext(model="m", op=graph.ops[0], tensors=graph.tensors))
            weights = lowered.constants["weights"]
            bias = folded_bias(lowered, tuple(range(1, weights.ndim)))
            is_fast = fast(lowered, largest_sum(weights.reshape(len(weights), -1), bias))
            p = lowered.params
            found.add((is_fast, (p["act_min"], p["act_max"]) == (-128, 127), p["output_zero_point"] <= p["act_min"]))
    # Scales that want a shift to the left leave no clamp below the zero point but int8's.
    assert found == {(a, b, c) for a in (False, True) for b in (False, True) for c in (False, True)} - {
        (False, False, False)
    }


@pytest.mark.parametrize(("weight", "count", "reason"), [(-128, 3, "-128"), (127, 600, "too long")])
def test_what_cannot_be_packed_is_refused(weight: int, count: int, reason: str) -> None:
    builder = ModelBuilder()
    x = builder.tensor("x", "int8", (1, count), scales=[0.05], zero_points=[0])
    w = builder.tensor("w", "int8", (2, count), scales=[0.01], data=np.full((2, count), weight, np.int8))
    y = builder.tensor("y", "int8", (1, 2), scales=[1.0], zero_points=[0])
    builder.op("FULLY_CONNECTED", [x, w], [y], Record("FullyConnectedOptions", {}))
    graph = load(builder.finish([x], [y]), "m")
    made = plan(graph, core_chip("cortex-m4"))
    assert "dsp" not in made.steps[0].kernel
    assert reason in dict(made.steps[0].refused)["fully_connected_int8_dsp_per_tensor"]
    with pytest.raises(TinygenError, match=r"-128|too long"):
        plan(graph, core_chip("cortex-m4"), Options(kernels={"0": "fully_connected_int8_dsp_per_tensor"}))
