"""The arithmetic under all kernels, alone, against core/fixedpoint.py: extremes, ties, every shift."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tinygen.core.fixedpoint import INT32_MAX, INT32_MIN, multiply_by_quantized_multiplier, rounding_divide_by_pot
from tinygen.model.fixed_functions import one_over_one_plus

pytestmark = pytest.mark.host

MAIN = """
#include <cstdint>
#include <cstdio>

#include "tinygen/kernels/requantize.h"
#include "tinygen/kernels/softmax.h"

int main() {
  std::int32_t row[3];
  while (std::fread(row, sizeof(row), 1, stdin) == 1) {
    const std::int32_t out[3] = {
        tinygen::kernels::multiply_by_multiplier(row[0], row[1], row[2]),
        tinygen::kernels::rounding_shift_right(row[0], row[2] < 0 ? -row[2] : row[2]),
        tinygen::kernels::one_over_one_plus(row[1]),
    };
    std::fwrite(out, sizeof(out), 1, stdout);
  }
  return 0;
}
"""


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_requantisation_and_reciprocal(
    needs_tool: Callable[[str], str], root: Path, tmp_path: Path, compiler: str
) -> None:
    needs_tool(compiler)
    rng = np.random.default_rng(3)
    edges = np.array([0, 1, -1, 2, -2, 3, 1 << 30, -(1 << 30), (1 << 30) - 1, INT32_MAX, INT32_MIN, INT32_MIN + 1])
    values = np.concatenate([np.tile(edges, 62), rng.integers(INT32_MIN, INT32_MAX, 20000, endpoint=True)])
    halves = np.array([1 << 30, (1 << 30) + 1, INT32_MAX, 0])
    multipliers = np.where(
        rng.random(len(values)) < 0.3,
        rng.choice(halves, len(values)),
        rng.integers(1 << 30, INT32_MAX, len(values), endpoint=True),
    )
    shifts = rng.integers(-31, 31, len(values))
    shifts[: 12 * 62] = np.repeat(np.arange(-31, 31), 12)
    rows = np.stack([values, multipliers, shifts], axis=1).astype("<i4")
    (tmp_path / "main.cpp").write_text(MAIN)
    flags = ["-std=gnu++17", "-O2", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow"]
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    command = [compiler, *flags, *sanitize, f"-I{root}/firmware/include", "main.cpp", "-o", "run"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[:2000]
    done = subprocess.run([str(tmp_path / "run")], input=rows.tobytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[:2000]
    got = np.frombuffer(done.stdout, "<i4").reshape(-1, 3)
    np.testing.assert_array_equal(got[:, 0], multiply_by_quantized_multiplier(values, multipliers, shifts))
    np.testing.assert_array_equal(got[:, 1], rounding_divide_by_pot(values, np.abs(shifts)))
    np.testing.assert_array_equal(got[:, 2], one_over_one_plus(multipliers))
