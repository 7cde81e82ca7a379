"""The host port over a pipe, under sanitizers."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tinygen.boards.loader import load_boards
from tinygen.core.files import write_tree
from tinygen.firmware.project_view import render_project

pytestmark = pytest.mark.host

ECHO = Path(__file__).parents[1] / "sim" / "echo_app.cpp"
CXX = ["-std=gnu++17", "-O1", "-fno-exceptions", "-fno-rtti"]
WARN = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef"]


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_host_port_echoes_and_ends_with_its_input(compiler: str, tmp_path: Path, needs_tool: object) -> None:
    assert callable(needs_tool)
    needs_tool(compiler)
    write_tree(tmp_path, render_project(load_boards()["host"], "echo", "aot", {}).files)
    sources = [*map(str, sorted(tmp_path.glob("lib/tinygen/src/port/host/*.cpp"))), str(ECHO), "src/main.cpp"]
    flags = [*CXX, *WARN, "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    command = [compiler, *flags, "-Iinclude", "-Ilib/tinygen/include", *sources, "-o", "program"]
    subprocess.run(command, cwd=tmp_path, check=True)
    sent = bytes(b for b in range(256) if b not in b"?!#^~") * 16  # more than the ring holds
    done = subprocess.run([str(tmp_path / "program")], input=sent + b"?", capture_output=True, timeout=20, check=True)
    start = b"start=00000000 kind=00000004 made=0000002a data=00001234 "
    assert done.stdout.startswith(start + bytes(b + 1 & 0xFF for b in sent) + b"stack=")
    assert re.search(rb"lost=00000000 ", done.stdout)
    assert done.stderr == b""


def test_reset_ends_the_program(tmp_path: Path, needs_tool: object) -> None:
    assert callable(needs_tool)
    needs_tool("g++")
    write_tree(tmp_path, render_project(load_boards()["host"], "echo", "aot", {}).files)
    sources = [*map(str, sorted(tmp_path.glob("lib/tinygen/src/port/host/*.cpp"))), str(ECHO), "src/main.cpp"]
    command = ["g++", *CXX, "-Iinclude", "-Ilib/tinygen/include", *sources, "-o", "program"]
    subprocess.run(command, cwd=tmp_path, check=True)
    with subprocess.Popen([str(tmp_path / "program")], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin is not None
        program.stdin.write(b"a!b")
        program.stdin.flush()
        assert program.wait(timeout=10) == 0
