"""C++ that tests and proofs stand on compiles: generated models, and what takes the place of an engine or a port.

`make check` sees it here, within seconds, before anything is built for a board or run.

Whether the bytes are right is asked by tests/host and tests/sim.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from support.random_graphs import random_model
from support.random_rewrites import streamable_model
from support.smallest import SMALLEST
from support.typed_graphs import svdf_model
from tinygen.boards.loader import find_board
from tinygen.firmware.bare_view import render_bare
from tinygen.firmware.model_view import render_model
from tinygen.model.compile import plan
from tinygen.model.importer import load
from tinygen.model.ir import Graph
from tinygen.model.rewrite.registry import rewrite

FLAGS = ("-std=gnu++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-fno-exceptions", "-fno-rtti")


def _stateless() -> tuple[bytes, Graph]:
    data = random_model(3)
    return data, rewrite(load(data, "m"))


def _variables() -> tuple[bytes, Graph]:
    data = svdf_model(1)
    return data, load(data, "m")


def _incremental() -> tuple[bytes, Graph]:
    data = streamable_model(2)
    return data, rewrite(load(data, "m"), incremental=True)


@pytest.mark.parametrize(
    ("make", "has_state"), [(_stateless, False), (_variables, True), (_incremental, True)], ids=lambda v: str(v)[:24]
)
def test_generated_model_code_compiles(
    needs_tool: Callable[[str], str],
    root: Path,
    tmp_path: Path,
    *,
    make: Callable[[], tuple[bytes, Graph]],
    has_state: bool,
) -> None:
    compiler = needs_tool("g++")
    data, graph = make()
    result = plan(graph, find_board("host").chip)
    assert bool(result.state_bytes) == has_state
    for path, content in render_model(result, data).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    compile_all(compiler, sorted((tmp_path / "src").glob("*.cpp")), root, tmp_path / "src")


@pytest.mark.parametrize("files", [SMALLEST, render_bare()], ids=["the smallest engine", "a model alone"])
def test_what_takes_the_place_of_an_engine_compiles(
    needs_tool: Callable[[str], str], root: Path, tmp_path: Path, files: dict[str, bytes]
) -> None:
    compiler = needs_tool("g++")
    (tmp_path / "src").mkdir()
    for path, content in files.items():
        (tmp_path / path).write_bytes(content)
    compile_all(compiler, sorted((tmp_path / "src").glob("*.cpp")), root, tmp_path / "src")


def test_the_image_of_the_protocol_tests_links(needs_tool: Callable[[str], str], root: Path, tmp_path: Path) -> None:
    compiler = needs_tool("g++")
    own = [root / "tests/host" / name for name in ("test_protocol_engine.cpp", "test_protocol_port.cpp")]
    sources = [*own, *sorted((root / "firmware/protocol").glob("*.cpp"))]
    flags = [flag for flag in FLAGS if flag != "-fsyntax-only"]
    done = subprocess.run(
        [compiler, *flags, f"-I{root}/firmware/include", *map(str, sources), "-o", str(tmp_path / "image")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:4000]


def compile_all(compiler: str, sources: Sequence[Path], root: Path, *include: Path) -> None:
    """Look at the sources' syntax and types, with warnings as errors."""
    assert sources
    places = [f"-I{place}" for place in (root / "firmware/include", *include)]
    done = subprocess.run([compiler, *FLAGS, *places, *map(str, sources)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]
