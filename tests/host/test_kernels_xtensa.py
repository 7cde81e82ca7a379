"""No 64-bit arithmetic inside a loop of multiply-accumulates: lx106 object code, not ESP32-S3 time.

The lx106 calls a helper for every 64-bit product, as any Xtensa does without the right instruction; a requantised
output may have its one, a product inside the window must not. Loops are read off the object code: an innermost one is
a backward jump with no other one inside.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tinygen.boards.loader import find_board
from tinygen.core.files import write_tree
from tinygen.core.process import run
from tinygen.core.resources import resource_dir
from tinygen.firmware.model_view import render_model
from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.compile import plan
from tinygen.model.importer import load
from tinygen.model.selection import Options
from tinygen.toolchain.cross import compile_object, cross_compiler

pytestmark = [pytest.mark.host]

_HELPER = re.compile(r"__(?:mul|div|udiv|mod|umod|ashl|ashr|lshr|neg)di\d|__mulsidi3|__umulsidi3")
_LINE = re.compile(r"^\s*([0-9a-f]+):\s+(?:[0-9a-f]+\s+)?(.*)$")
_JUMP = re.compile(r"^(?:j|b\w+(?:\.n)?)\s.*?\b([0-9a-f]+) <")


def mac_loops(listing: str) -> tuple[int, int, int]:
    """(innermost loops that multiply, those of them that call a 64-bit helper, all such calls) of `objdump -dr`."""
    innermost = dirty = calls = 0
    for body in re.split(r"\n\n", listing):
        code: list[tuple[int, str]] = [
            (int(found[1], 16), found[2]) for line in body.splitlines() if (found := _LINE.match(line))
        ]
        jumps = ((at, int(found[1], 16)) for at, text in code if (found := _JUMP.match(text)))
        loops = sorted({(target, at) for at, target in jumps if target <= at})
        helpers = [at for at, text in code if "R_XTENSA" in text and _HELPER.search(text)]
        products = [at for at, text in code if re.match(r"mul(?:l|16[su])\b", text)]
        calls += len(helpers)
        for first, last in loops:
            if any(first <= a and b <= last and (a, b) != (first, last) for a, b in loops):
                continue
            if any(first <= at <= last for at in products):
                innermost += 1
                dirty += any(first <= at <= last for at in helpers)
    return innermost, dirty, calls


def _listing(source: Path, include: tuple[Path, ...], *flags: str) -> str:
    compiler = cross_compiler(find_board("esp32s3").chip)
    # Without -mlongcalls a call names what it calls.
    output = compile_object(
        compiler, source, source.with_suffix(".o"), include=include, flags=("-mno-longcalls", *flags)
    )
    return run([f"{compiler.prefix}objdump", "-dr", str(output)], timeout_s=60).stdout


def _layer(op: str, taps: int, in_c: int, out_c: int) -> bytes:
    rng = np.random.default_rng(5)
    builder = ModelBuilder()
    depthwise = op == "DEPTHWISE_CONV_2D"
    dense = op == "FULLY_CONNECTED"
    shape = (1, in_c) if dense else (1, 9, 9, in_c)
    x = builder.tensor("x", "int8", shape, scales=[0.05], zero_points=[-3])
    kernel = (out_c, in_c) if dense else (1, taps, taps, out_c) if depthwise else (out_c, taps, taps, in_c)
    scales = [0.01] if dense else [0.01 + 0.001 * i for i in range(out_c)]
    axis = 3 if depthwise else 0
    data = rng.integers(-127, 128, kernel).astype(np.int8)
    w = builder.tensor("w", "int8", kernel, scales=scales, axis=axis, data=data)
    b = builder.tensor("b", "int32", (out_c,), data=rng.integers(-999, 999, out_c).astype(np.int32))
    y = builder.tensor("y", "int8", (1, out_c) if dense else (1, 9, 9, out_c), scales=[0.1], zero_points=[4])
    fields: dict[str, object] = {} if dense else {"padding": 0, "stride_h": 1, "stride_w": 1}
    if depthwise:
        fields["depth_multiplier"] = out_c // in_c
    options = "DepthwiseConv2DOptions" if depthwise else "FullyConnectedOptions" if dense else "Conv2DOptions"
    builder.op(op, [x, w, b], [y], Record(options, fields))
    return builder.finish([x], [y])


@pytest.mark.parametrize("level", ["-O2", "-Os"])
@pytest.mark.parametrize(
    ("op", "kernel", "taps", "channels"),
    [
        ("CONV_2D", "conv_2d_int8_1x1", 1, (16, 12)),
        ("CONV_2D", "conv_2d_int8_generic", 3, (8, 12)),
        ("DEPTHWISE_CONV_2D", "depthwise_conv_2d_int8_blocks", 5, (12, 12)),
        ("DEPTHWISE_CONV_2D", "depthwise_conv_2d_int8_in_place", 5, (12, 12)),
        ("DEPTHWISE_CONV_2D", "depthwise_conv_2d_int8_generic", 5, (2, 16)),
        ("FULLY_CONNECTED", "fully_connected_int8_per_tensor", 1, (40, 12)),
    ],
)
def test_no_64_bit_helper_in_a_loop_of_products(
    tmp_path: Path,
    needs_tool: Callable[..., str],
    op: str,
    kernel: str,
    taps: int,
    channels: tuple[int, int],
    level: str,
) -> None:
    """Representative layers: the loops multiply 8 by 8 bits, and only what comes behind them calls for 64."""
    needs_tool("xtensa-lx106-elf-g++", "gcc-xtensa-lx106")
    chip = find_board("esp32s3").chip
    made = plan(load(_layer(op, taps, *channels), "layer"), chip, Options(kernels={"0": kernel}))
    assert made.steps[0].kernel == kernel
    write_tree(tmp_path, render_model(made, b""))
    include = (resource_dir("firmware") / "include", tmp_path / "include", tmp_path / "src")
    innermost, dirty, calls = mac_loops(_listing(tmp_path / "src" / "model.cpp", include, level))
    assert innermost >= 1, "no loop of products was found: nothing is shown"
    assert calls >= 1, "no requantisation was found: nothing is shown"
    assert dirty == 0


def test_a_64_bit_sum_of_products_is_found(tmp_path: Path, needs_tool: Callable[..., str]) -> None:
    """The check sees what it looks for."""
    needs_tool("xtensa-lx106-elf-g++", "gcc-xtensa-lx106")
    source = tmp_path / "bad.cpp"
    source.write_text(
        "#include <cstdint>\n"
        "std::int64_t bad(const std::int32_t* a, const std::int32_t* b, const std::int16_t* c, int n) {\n"
        "  std::int64_t sum = 0;\n"
        "  for (int i = 0; i < n; ++i) sum += static_cast<std::int64_t>(a[i]) * b[i] + c[i] * c[i + 1];\n"
        "  return sum;\n}\n"
    )
    innermost, dirty, calls = mac_loops(_listing(source, (), "-O2"))
    assert (innermost, dirty) == (1, 1)
    assert calls >= 1
