"""The stand-in's float32 arithmetic for the core without a floating-point unit, against this machine's."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from support.typed_graphs import conversion
from tinygen.boards.loader import find_board
from tinygen.core.files import write_tree
from tinygen.firmware.library_view import render_library
from tinygen.model import compile as compiler
from tinygen.model import importer
from tinygen.model.ir import DType
from tinygen.toolchain.measure import measure_library

pytestmark = pytest.mark.host

Bits = npt.NDArray[np.uint32]
_NAMES = ("__addsf3", "__subsf3", "__mulsf3", "__floatsisf", "__floatunsisf")
_MAIN = """
#include "{source}"
void run(const uint32_t* x, const uint32_t* y, uint32_t* out, int count) {{
  for (int i = 0; i < count; ++i) {{
    const float a = real_of(x[i]);
    const float b = real_of(y[i]);
    out[5 * i] = bits_of(ours__addsf3(a, b));
    out[5 * i + 1] = bits_of(ours__subsf3(a, b));
    out[5 * i + 2] = bits_of(ours__mulsf3(a, b));
    out[5 * i + 3] = bits_of(ours__floatsisf((int32_t)x[i]));
    out[5 * i + 4] = bits_of(ours__floatunsisf(x[i]));
  }}
}}
"""


def numbers(rng: np.random.Generator, count: int) -> Bits:
    """Bits of float32: any, subnormal, infinite and no number, zeros, near each other, with few digits."""
    bits = rng.integers(0, 1 << 32, count, dtype=np.uint64).astype(np.uint32)
    near = rng.integers(110, 140, count).astype(np.uint32) << 23
    kinds = rng.integers(0, 7, count)
    chosen = np.select(
        [kinds == 0, kinds == 1, kinds == 2, kinds == 3, kinds == 4],
        [
            bits & 0x807FFFFF,
            bits & 0x807FFFFF | 0x7F800000,
            bits & 0x80000000,
            bits & 0x807FFFFF | near,
            bits & 0x8000000F | near,
        ],
        bits,
    )
    return chosen.astype(np.uint32)


@pytest.mark.parametrize("optimize", ["-O1", "-O2"])
def test_it_rounds_as_ieee_754_does(needs_tool: Callable[..., str], root: Path, tmp_path: Path, optimize: str) -> None:
    cc = needs_tool("gcc")
    source = root / "firmware/standin/xtensa/runtime/float.c"
    (tmp_path / "run.c").write_text(_MAIN.format(source=source))
    words = [cc, optimize, "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow"]
    words += ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
    words += [*(f"-D{name}=ours{name}" for name in _NAMES), str(tmp_path / "run.c"), "-o", str(tmp_path / "run.so")]
    subprocess.run(words, check=True)
    rng = np.random.default_rng(1)
    count = 1 << 20
    x, y = numbers(rng, count), numbers(rng, count)
    out = np.zeros((count, 5), np.uint32)
    pointers = (array.ctypes.data_as(ctypes.c_void_p) for array in (x, y, out))
    ctypes.CDLL(str(tmp_path / "run.so")).run(*pointers, count)
    a, b = x.view(np.float32), y.view(np.float32)
    with np.errstate(all="ignore"):
        wanted = np.stack(
            [a + b, a - b, a * b, x.view(np.int32).astype(np.float32), x.astype(np.float32)], axis=1
        ).view(np.uint32)
    nothing = (wanted & 0x7FFFFFFF) > 0x7F800000
    assert ((out & 0x7FFFFFFF) > 0x7F800000)[nothing].all()
    wrong = np.argwhere((out != wanted) & ~nothing)
    assert not len(wrong), [(f"{x[i]:08x}", f"{y[i]:08x}", _NAMES[j]) for i, j in wrong[:5]]


@pytest.mark.parametrize("op", ["QUANTIZE", "DEQUANTIZE"])
def test_a_model_with_float_ends_is_measured_with_its_helpers(
    needs_tool: Callable[..., str], tmp_path: Path, op: str
) -> None:
    """Code and stack of the helpers are in the library's figures."""
    needs_tool("xtensa-lx106-elf-g++")
    real: tuple[DType, float, int] = ("float32", 0.0, 0)
    whole: tuple[DType, float, int] = ("int8", 0.1, 3)
    data = conversion(op, real, whole, 16) if op == "QUANTIZE" else conversion(op, whole, real, 16)
    chip = find_board("esp32s3").chip
    plan = compiler.plan(importer.load(data, "ends"), chip)
    write_tree(tmp_path / "lib", render_library(plan, data, "ends", chip))
    sizes = measure_library(tmp_path / "lib", chip, tmp_path / "work", optimize="-O2")
    assert sizes.c_library_flash_bytes > 200
    assert sizes.stack is not None and sizes.stack.bounded
    assert any(name.endswith("sf3") or name.endswith("sisf") for name, _ in sizes.stack.path)
