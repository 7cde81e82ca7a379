"""The generated library on its own: it compiles with every warning, says what it takes, and takes nothing else."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.random_graphs import random_model
from tinygen.boards.loader import find_board
from tinygen.core.files import write_tree
from tinygen.firmware.library_view import identifier, render_library, runtime_headers
from tinygen.model import compile as compiler
from tinygen.model import importer
from tinygen.model.ir import Plan
from tinygen.toolchain.measure import measure_library

pytestmark = pytest.mark.host

WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef")


def library(folder: Path, board: str, seed: int = 3) -> Plan:
    data = random_model(seed)
    chip = find_board(board).chip
    plan = compiler.plan(importer.load(data, "random.tflite"), chip)
    write_tree(folder, render_library(plan, data, "random", chip))
    return plan


@pytest.mark.parametrize("compiler_name", ["g++", "clang++"])
def test_the_example_runs_with_every_warning_an_error(
    tmp_path: Path, needs_tool: Callable[..., str], compiler_name: str
) -> None:
    cxx = needs_tool(compiler_name)
    library(tmp_path, "host")
    sources = [tmp_path / name for name in ("src/model.cpp", "src/weights.cpp", "examples/minimal/main.cpp")]
    words = [cxx, "-std=c++17", "-O1", *WARNINGS, "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    words += [f"-I{tmp_path / 'include'}", *map(str, sources), "-o", str(tmp_path / "program")]
    built = subprocess.run(words, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[:3000]
    ran = subprocess.run([str(tmp_path / "program")], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode in (0, 1) and not ran.stderr, ran.stderr[:3000]


def test_the_example_is_ten_lines_of_code(tmp_path: Path) -> None:
    library(tmp_path, "host")
    lines = [line for line in (tmp_path / "examples/minimal/main.cpp").read_text().splitlines() if line.strip()]
    assert len([line for line in lines if not line.startswith("//")]) <= 10


@pytest.mark.parametrize(
    ("board", "tool"),
    [("host", "g++"), ("nucleo_f446re", "arm-none-eabi-g++"), ("esp32s3", "xtensa-lx106-elf-g++")],
)
def test_planned_is_linked(tmp_path: Path, needs_tool: Callable[..., str], board: str, tool: str) -> None:
    needs_tool(tool)
    plan = library(tmp_path / "lib", board)
    sizes = measure_library(tmp_path / "lib", find_board(board).chip, tmp_path / "work")
    assert sum(sizes.ram_bytes.values()) == plan.arena_bytes, sizes.ram_bytes
    assert sizes.linked_weights_bytes == plan.weights_bytes
    assert sizes.linked_ram_bytes in (None, plan.arena_bytes)
    assert plan.weights_bytes < sizes.flash_bytes < plan.weights_bytes + 32 * 1024
    assert sizes.stack is not None and sizes.stack.bounded
    assert 0 < sizes.stack.total_bytes <= 1024
    assert sizes.stack.path[0][0].startswith("_ZN7tinygen5model5infer")


def test_only_headers_in_use_travel(tmp_path: Path) -> None:
    library(tmp_path, "host")
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.h")}
    assert "include/tinygen/model_api.h" in names
    assert not any("protocol" in name or "features" in name for name in names)
    for path in tmp_path.rglob("*"):
        if path.suffix in (".h", ".cpp"):
            wanted = runtime_headers({"": path.read_bytes()})
            assert set(wanted) <= names


def test_the_library_builds_with_cmake(tmp_path: Path, needs_tool: Callable[..., str]) -> None:
    cmake = needs_tool("cmake")
    library(tmp_path / "lib", "host")
    for words in (
        [cmake, "-S", str(tmp_path / "lib"), "-B", str(tmp_path / "b")],
        [cmake, "--build", str(tmp_path / "b")],
    ):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:3000] + done.stdout[-2000:]
    assert (tmp_path / "b" / "minimal").is_file()


def test_names_become_identifiers() -> None:
    assert identifier("kws_ref_model") == "kws_ref_model"
    assert identifier("3 Wörter-8bit") == "model_3_w_rter_8bit"
    assert identifier("...") == "model"
