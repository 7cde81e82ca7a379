"""The main job, as users start it: three tasks on every kind of target, 0 differing bytes, in both modes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.sim, pytest.mark.slow]

TASKS = ("gesture", "vibration", "kws")
TOOLS = {
    "host": ("g++", "g++"),
    "qemu": ("qemu-system-arm", "qemu-system-arm"),
    "qemu-xtensa": ("qemu-system-xtensa", "qemu-system-misc"),
}
COMPILERS = {
    "host": ("g++", "g++"),
    "esp32s3": ("xtensa-lx106-elf-g++", "gcc-xtensa-lx106"),
}
ARM = ("arm-none-eabi-g++", "gcc-arm-none-eabi")

# (board, where, least number of vectors by task)
PLACES = [
    ("host", "host", {"gesture": 50, "vibration": 50, "kws": 50}),
    ("feather_f405", "qemu", {"gesture": 50, "vibration": 50, "kws": 50}),
    ("feather_f405", "unicorn", {"gesture": 50, "vibration": 50, "kws": 50}),
    ("nucleo_f446re", "unicorn", {"gesture": 50, "vibration": 50, "kws": 50}),
    ("esp32s3", "labwired", {"gesture": 5, "vibration": 5, "kws": 1}),
    ("esp32s3", "qemu-xtensa", {"gesture": 50, "vibration": 50, "kws": 50}),
]


def tinygen(*words: str, cwd: Path) -> dict[str, Any]:
    """Run the command as a user does and return its document."""
    done = subprocess.run(
        [sys.executable, "-m", "tinygen", *words, "--offline", "--json"],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env={**os.environ, "TINYGEN_WERROR": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-500:]
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all: a task is trained once, for all its targets."""
    return tmp_path_factory.mktemp("tasks")


@pytest.mark.parametrize(("board", "on", "least"), PLACES, ids=[f"{b}-{o}" for b, o, _ in PLACES])
@pytest.mark.parametrize("task", TASKS)
def test_every_byte_is_equal(
    task: str,
    board: str,
    on: str,
    least: dict[str, int],
    place: Path,
    needs_tool: Callable[..., str],
    needs_module: Callable[..., None],
) -> None:
    for module in ("tensorflow", "tflite_micro"):
        needs_module(module, "all")
    if on in ("unicorn", "labwired"):
        needs_module(on, "sim")
    elif on in TOOLS:
        needs_tool(*TOOLS[on])
    needs_tool(*COMPILERS.get(board, ARM))
    if task == "kws":
        needs_tool("espeak-ng", "espeak-ng")
    found = tinygen("run", "--task", task, "--board", board, "--on", on, cwd=place)
    assert (found["board"], found["target"], found["engine"]) == (board, on, "aot")
    assert found["vectors"] >= least[task]
    assert found["vectors_done"] == found["vectors"]
    assert found["differing_bytes"] == 0
    assert found["modes"] == ["raw", "tensor"]
    assert found["layers_compared"] == found["layers_total"] > 0
    assert found["distinct_outputs"] > 1 or found["vectors"] == 1
    for figure in ("vectors", "differing_bytes", "arena_bytes", "flash_bytes", "ram_bytes", "instructions"):
        assert found["origins"][figure]
    assert found["origins"]["arena_bytes"] == "planned"
    assert found["origins"]["ram_bytes"] == "linked"
    if on != "host":
        assert found["instructions"] > 1000
        assert found["origins"]["instructions"].startswith("simulated-on-")
    assert not [check for check in found["checks"] if check["status"] in ("failed", "error")]


def test_an_unchanged_run_redoes_nothing_and_a_changed_seed_does(
    place: Path, needs_module: Callable[..., None]
) -> None:
    for module in ("tensorflow", "tflite_micro"):
        needs_module(module, "all")
    words = ("convert", "--task", "gesture", "--epochs", "1")
    tinygen(*words, cwd=place)
    assert tinygen(*words, cwd=place)["subject"]["redone"].startswith("no")
    assert tinygen(*words, "--seed", "2", cwd=place)["subject"]["redone"] == "yes"


def test_generating_twice_gives_identical_bytes(place: Path, needs_module: Callable[..., None]) -> None:
    for module in ("tensorflow", "tflite_micro"):
        needs_module(module, "all")
    words = ("generate", "--task", "gesture", "--board", "disco_f407vg", "--epochs", "1")
    trees = []
    for name in ("one", "two"):
        tinygen(*words, "-o", name, cwd=place)
        root = place / name
        trees.append({p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()})
    assert trees[0] == trees[1]
    text = b"\n".join(trees[0].values())
    assert str(place).encode() not in text
    assert b"g_model_data" in trees[0]["src/model_data.cc"]
