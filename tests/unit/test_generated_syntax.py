"""Generated model code is C++ that compiles, with state and without; `make check` sees it, before anything is run.

Whether the bytes are right is asked by tests/host and tests/sim.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.random_graphs import random_model
from support.random_rewrites import streamable_model
from support.typed_graphs import svdf_model
from tinygen.boards.loader import find_board
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
    sources = sorted(str(p) for p in (tmp_path / "src").glob("*.cpp"))
    done = subprocess.run(
        [compiler, *FLAGS, f"-I{root}/firmware/include", f"-I{tmp_path}/src", *sources],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:4000]
