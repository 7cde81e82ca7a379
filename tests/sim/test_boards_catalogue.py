"""Every board of the catalogue: it builds offline, runs its self-test and verifies in a simulator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinygen.boards.loader import load_boards

pytestmark = [pytest.mark.sim, pytest.mark.slow]

BOARDS = [board for board in load_boards().values() if board.chip.arch != "native"]
TASK = ("--task", "gesture", "--epochs", "1", "--offline")


def tinygen(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tinygen", *words, "--json"],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env={**os.environ, "TINYGEN_WERROR": "1"},
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, needs_module: Callable[..., None]) -> Path:
    """One folder for all: the task is trained once."""
    for module in ("tensorflow", "tflite_micro", "unicorn", "labwired"):
        needs_module(module, "all")
    return tmp_path_factory.mktemp("boards")


@pytest.mark.parametrize("board_id", [board.id for board in BOARDS])
def test_a_board_runs_its_self_test_and_verifies(board_id: str, place: Path, needs_tool: Callable[..., str]) -> None:
    board = load_boards()[board_id]
    arm = board.chip.port == "stm32"
    needs_tool(*(("arm-none-eabi-g++", "gcc-arm-none-eabi") if arm else ("xtensa-lx106-elf-g++", "gcc-xtensa-lx106")))
    on, count = ("unicorn", 5) if arm else ("labwired", 1)
    done = tinygen("verify", *TASK, "--board", board_id, "--on", on, "--vectors", str(count), cwd=place)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-500:]
    found: dict[str, Any] = json.loads(done.stdout)
    assert (found["vectors"], found["differing_bytes"], found["target"]) == (count, 0, on)
    assert {"name": "self-test", "status": "passed"}.items() <= _check(found, "self-test").items()
    assert found["layers_compared"] == found["layers_total"]
    assert found["ram_bytes"] <= board.chip.ram.size_bytes
    if arm:
        assert found["flash_bytes"] <= board.chip.flash.size_bytes


def _check(found: dict[str, Any], name: str) -> dict[str, str]:
    return next(check for check in found["checks"] if check["name"] == name)


def test_a_model_that_does_not_fit_a_small_board_is_refused_with_its_reason(
    place: Path, shared_dir: Callable[..., Path]
) -> None:
    model = shared_dir("models/pretrainedResnet_quant.tflite")
    done = tinygen("compile", str(model), "--board", "bluepill_f103c8", "--offline", cwd=place)
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert "bluepill_f103c8 has 20,480" in error["message"]
    assert "peaks at step" in error["message"]
    assert "nucleo" in error["hint"]
