"""The generated C++ decision against the NumPy one."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tinygen.firmware.decision_view import render_decision
from tinygen.tasks.decision import decide
from tinygen.tasks.spec import DecisionRule

pytestmark = pytest.mark.host

FLAGS = ["-std=gnu++17", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow"]
MAIN = """
#include <cstdio>
#include "tinygen/decision_api.h"
int main(int, char** argv) {
  static signed char input[INPUTS], output[OUTPUTS];
  std::printf("%d %s\\n", tinygen::decision::kKeepsInput ? 1 : 0, tinygen::decision::label_name(999));
  while (std::fread(input, 1, INPUTS, stdin) == INPUTS && std::fread(output, 1, OUTPUTS, stdin) == OUTPUTS) {
    const auto result = tinygen::decision::decide(input, output);
    const char* const label = tinygen::decision::label_name(result.label);
    std::printf("%d %ld %s\\n", result.label, static_cast<long>(result.score), label);
  }
  return argv[0] == nullptr;
}
"""


@dataclass(frozen=True)
class Affine:
    scale: float
    zero_point: int


def _anomaly(threshold: int) -> DecisionRule:
    return DecisionRule(kind="reconstruction", labels=("ok", "odd"), threshold=threshold)


RULES = {
    "argmax": (
        DecisionRule(kind="argmax", labels=("yes", 'no "?" \\', "ümläut", "4")),
        Affine(0.1, 3),
        Affine(1 / 256, -128),
    ),
    "argmax of bytes without a sign": (
        DecisionRule(kind="argmax", labels=("alexa", "other", "third"), unsigned_output=True),
        Affine(0.1, 3),
        Affine(1 / 256, 0),
    ),
    "same scale": (_anomaly(300), Affine(0.05, 7), Affine(0.05, 7)),
    "finer output": (_anomaly(800), Affine(0.11, -128), Affine(0.037, 127)),
    "coarser output": (_anomaly(2**31 - 1), Affine(0.01, 0), Affine(0.21, -9)),
}


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("name", list(RULES))
def test_firmware_decides_like_the_reference(
    name: str, compiler: str, tmp_path: Path, root: Path, needs_tool: Callable[..., str]
) -> None:
    rule, in_q, out_q = RULES[name]
    outputs = len(rule.labels) if rule.kind == "argmax" else 24
    rendered = render_decision(rule, input_elements=24, output_elements=outputs, in_q=in_q, out_q=out_q)
    (tmp_path / "decision.cpp").write_bytes(rendered["src/decision.cpp"])
    (tmp_path / "main.cpp").write_text(MAIN)
    sanitizers = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    sizes = ["-DINPUTS=24", f"-DOUTPUTS={outputs}", f"-I{root / 'firmware' / 'include'}"]
    sources = [str(tmp_path / "decision.cpp"), str(tmp_path / "main.cpp")]
    command = [needs_tool(compiler), *FLAGS, *sanitizers, *sizes, *sources, "-o", str(tmp_path / "decide")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    rng = np.random.default_rng(6)
    vectors = []
    for spread in (1, 4, 30, 256):
        for _ in range(60):
            model_input = rng.integers(-128, 128, 24)
            if rule.kind == "argmax":
                output = rng.integers(-spread // 2, spread // 2 + 1, outputs).astype(float)  # the small ones tie
            else:
                near = (model_input - in_q.zero_point) * in_q.scale / out_q.scale + out_q.zero_point
                output = near + rng.integers(-spread, spread, 24)
            vectors.append((model_input.astype(np.int8), np.clip(output, -128, 127).astype(np.int8)))
    extremes = [np.full(24, v, dtype=np.int8) for v in (-128, 127)]
    vectors += [(a, b[:outputs]) for a in extremes for b in extremes]
    data = b"".join(a.tobytes() + b.tobytes() for a, b in vectors)
    answer = subprocess.run([str(tmp_path / "decide")], input=data, capture_output=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stderr.decode()
    first, *lines = answer.stdout.decode().splitlines()
    assert first == f"{int(rule.kind == 'reconstruction')} ?"
    assert len(lines) == len(vectors)
    labels = set()
    for line, (given, answered) in zip(lines, vectors, strict=True):
        label, score = decide(rule, given, answered, in_q, out_q)
        assert line == f"{label} {ctypes.c_int32(score).value} {rule.labels[label]}"
        labels.add(label)
    assert len(labels) > 1 or name == "coarser output"
