"""The DSP instructions' portable twins, and the short requantisation against TensorFlow Lite's two roundings."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tinygen.core.fixedpoint import multiply_by_quantized_multiplier

pytestmark = pytest.mark.host

FLAGS = ["-std=gnu++17", "-O2", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-Wundef"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
INSTRUCTIONS = """
#include <cstdint>
#include <cstdio>

#include "tinygen/kernels/dsp/simd.h"

namespace dsp = tinygen::kernels::dsp;
int main() {
  std::uint32_t in[3];
  while (std::fread(in, sizeof(in), 1, stdin) == 1) {
    const std::uint32_t a = in[0], b = in[1];
    const auto acc = static_cast<std::int32_t>(in[2]), sa = static_cast<std::int32_t>(a),
               sb = static_cast<std::int32_t>(b);
    const std::uint32_t out[] = {
        dsp::sxtb16(a),
        dsp::sxtb16_ror8(a),
        static_cast<std::uint32_t>(dsp::smlad(a, b, acc)),
        static_cast<std::uint32_t>(dsp::smuad(a, b)),
        static_cast<std::uint32_t>(dsp::smlabb(a, b, acc)),
        static_cast<std::uint32_t>(dsp::smlabt(a, b, acc)),
        static_cast<std::uint32_t>(dsp::smlatb(a, b, acc)),
        static_cast<std::uint32_t>(dsp::smlatt(a, b, acc)),
        static_cast<std::uint32_t>(dsp::smmulr(sa, sb)),
        static_cast<std::uint32_t>(dsp::smmlar(sa, sb, acc)),
        dsp::sadd16(a, b),
        static_cast<std::uint32_t>(dsp::ssat8(sa)),
        dsp::pkhbt(a, b),
        dsp::pkhtb(a, b),
        dsp::sxtab16(a, b),
        dsp::sxtab16_ror8(a, b),
        dsp::max8(a, b),
    };
    std::fwrite(out, sizeof(out), 1, stdout);
  }
  return 0;
}
"""
REQUANTIZE = """
#include <cstdint>
#include <cstdio>

#include "tinygen/kernels/dsp/requantize.h"

int main() {
  std::int32_t in[4];
  while (std::fread(in, sizeof(in), 1, stdin) == 1) {
    const std::int32_t out = tinygen::kernels::dsp::scaled_fast(in[0], in[1], in[2], in[3]);
    std::fwrite(&out, sizeof(out), 1, stdout);
  }
  return 0;
}
"""


def built(compiler: str, source: str, folder: Path, root: Path) -> Path:
    (folder / "main.cpp").write_text(source)
    command = [compiler, *FLAGS, *SANITIZE, f"-I{root}/firmware/include", "main.cpp", "-o", "run"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:2000]
    return folder / "run"


def answers(program: Path, rows: bytes) -> bytes:
    done = subprocess.run([str(program)], input=rows, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()[:2000]
    return done.stdout


def pair(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first & 0xFFFF) | (second & 0xFFFF) << 16


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_instructions_do_what_the_manual_says(
    needs_tool: Callable[[str], str], root: Path, tmp_path: Path, compiler: str
) -> None:
    needs_tool(compiler)
    rng = np.random.default_rng(1)
    edges = np.array([0, 1, 0x80, 0x7F, 0x8000, 0x7FFF, 0x80008000, 0x7FFF7FFF, 0xFFFFFFFF, 0x80000000, 0x7FFFFFFF])
    rows = np.concatenate(
        [
            np.stack(np.meshgrid(edges, edges, edges), axis=-1).reshape(-1, 3),
            rng.integers(0, 1 << 32, (20000, 3)),
        ]
    ).astype("<u4")
    got = np.frombuffer(answers(built(compiler, INSTRUCTIONS, tmp_path, root), rows.tobytes()), "<u4").reshape(-1, 17)
    words = rows.astype(np.int64)
    a, b, acc = (words[:, i] for i in range(3))
    signed = [np.where(v >= 1 << 31, v - (1 << 32), v) for v in (a, b)]
    lanes = rows.view("<i2").astype(np.int64).reshape(-1, 3, 2)
    (a_low, a_high), (b_low, b_high) = lanes[:, 0].T, lanes[:, 1].T
    signs, others = np.moveaxis(rows.view("<i1").astype(np.int64).reshape(-1, 3, 4), 1, 0)[:2]
    larger = np.maximum(signs, others) & 0xFF
    # halves upward; 64-bit products of int32 fit int64
    high = (signed[0] * signed[1] + (1 << 31)) >> 32
    wanted = np.stack(
        [
            pair(signs[:, 0], signs[:, 2]),
            pair(signs[:, 1], signs[:, 3]),
            acc + a_low * b_low + a_high * b_high,
            a_low * b_low + a_high * b_high,
            acc + a_low * b_low,
            acc + a_low * b_high,
            acc + a_high * b_low,
            acc + a_high * b_high,
            high,
            acc + high,
            pair(a_low + b_low, a_high + b_high),
            np.clip(signed[0], -128, 127),
            pair(a_low, b_low),
            pair(a_high, b_high),
            pair(a_low + others[:, 0], a_high + others[:, 2]),
            pair(a_low + others[:, 1], a_high + others[:, 3]),
            (larger << np.array([0, 8, 16, 24])).sum(axis=1),
        ],
        axis=1,
    )
    np.testing.assert_array_equal(got, wanted & 0xFFFFFFFF)


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_short_requantisation_rounds_as_tensorflow_lite_does(
    needs_tool: Callable[[str], str], root: Path, tmp_path: Path, compiler: str
) -> None:
    """Every shift it is for, sums near every tie of both roundings, the largest sums and offsets."""
    needs_tool(compiler)
    rng = np.random.default_rng(2)
    shift = rng.integers(1, 23, 400_000)
    multiplier = np.where(
        rng.random(len(shift)) < 0.3,
        rng.choice(np.array([0, 1 << 30, (1 << 30) + 1, (1 << 31) - 1]), len(shift)),
        rng.integers(1 << 30, 1 << 31, len(shift)),
    )
    limit = (1 << 30) - 1
    wide = rng.integers(-limit, limit + 1, len(shift))
    small = rng.integers(-4, 5, len(shift))
    # sums whose scaled value is a whole number and a half of the last place, or next to it
    steps = rng.integers(-300, 301, len(shift)) * 2 + 1
    ties = (steps << (shift + 30)) // np.maximum(multiplier, 1 << 30) + rng.integers(-2, 3, len(shift))
    kind = rng.integers(0, 3, len(shift))
    total = np.clip(np.choose(kind, [wide, small, ties]), -limit, limit)
    total[:4] = [limit, -limit, 0, -1]
    zero_point = rng.choice(np.array([-128, -127, -1, 0, 1, 5, 127]), len(shift))
    offset = (zero_point << shift) + (1 << (shift - 1))
    rows = np.stack([total * 2, multiplier, offset, shift], axis=1).astype("<i4")
    got = np.frombuffer(answers(built(compiler, REQUANTIZE, tmp_path, root), rows.tobytes()), "<i4")
    np.testing.assert_array_equal(got, multiply_by_quantized_multiplier(total, multiplier, -shift) + zero_point)
