"""Imports run one way through the house."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[2] / "src" / "tinygen"

# From the ground up. Rooms on one line never import each other.
FLOORS = (
    ("core",),
    ("boards", "features", "datasets"),
    ("tasks",),
    ("model",),
    ("device",),
    ("training", "firmware", "verify", "toolchain", "report"),
    ("config", "console", "pipeline"),
    ("cli", "pytest_plugin"),
)
FLOOR_OF = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}

ONLY_ROOM = {
    "tensorflow": "training",
    "keras": "training",
    "jinja2": "firmware",
    "serial": "device",
    "subprocess": "core",
}
# A room may hold a second door to a library only where this says why.
DOORS = {
    ("subprocess", "device"): "targets are child processes that are talked to while they run",
    ("subprocess", "toolchain"): "the installer runs before anything else is there",
}


def room_of(path: Path) -> str:
    relative = path.relative_to(SRC)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports_of(path: Path) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                found.append((node.lineno, ".".join(("tinygen", room_of(path), node.module or ""))))
            else:
                found.append((node.lineno, node.module or ""))
                found += [(node.lineno, f"{node.module}.{a.name}") for a in node.names if node.module == "tinygen"]
    return found


ALL = sorted(SRC.rglob("*.py"))


@pytest.mark.parametrize("path", ALL, ids=lambda p: p.relative_to(SRC).as_posix())
def test_imports_point_down(path: Path) -> None:
    room = room_of(path)
    if room in ("__init__", "__main__", "_data"):
        return
    assert room in FLOOR_OF, f"{path.name}: the room '{room}' has no floor"
    for line, name in imports_of(path):
        parts = name.split(".")
        if parts[0] != "tinygen" or len(parts) < 2 or parts[1] not in FLOOR_OF or parts[1] == room:
            continue
        assert FLOOR_OF[parts[1]] < FLOOR_OF[room] or {room, parts[1]} == {"config", "pipeline"}, (
            f"{path.name}:{line}: {room} must not import {name}"
        )


@pytest.mark.parametrize("path", ALL, ids=lambda p: p.relative_to(SRC).as_posix())
def test_each_library_lives_in_one_room(path: Path) -> None:
    room = room_of(path)
    for line, name in imports_of(path):
        library = name.split(".")[0]
        if library in ONLY_ROOM and ONLY_ROOM[library] != room and (library, room) not in DOORS:
            pytest.fail(f"{path.name}:{line}: {library} lives in {ONLY_ROOM[library]}, not in {room}")


HEAVY = ("tensorflow", "keras", "unicorn", "labwired", "tflite_micro", "scipy", "soundfile", "SCons")
POSIX_ONLY = {"pty", "tty", "fcntl", "termios", "resource", "grp", "pwd", "posix", "crypt"}


def test_the_command_line_starts_without_heavy_modules() -> None:
    code = f"import sys, tinygen.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_pytest_starts_without_the_rest_of_us() -> None:
    code = "import sys, tinygen.pytest_plugin; print(sorted(m for m in sys.modules if m.startswith('tinygen')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['tinygen', 'tinygen.pytest_plugin']"


@pytest.mark.parametrize("path", ALL, ids=lambda p: p.relative_to(SRC).as_posix())
def test_nothing_posix_only_is_imported_at_start(path: Path) -> None:
    for node in ast.parse(path.read_text()).body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names.append(node.module or "")
        assert not POSIX_ONLY & {name.split(".")[0] for name in names}, f"{path.name}:{node.lineno}"
