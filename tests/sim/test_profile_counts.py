"""Work of a known size is found in the layer that does it, in every simulator; the layers add up to the whole."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tinygen.boards.loader import find_board
from tinygen.device.client import Client
from tinygen.device.counting import counting
from tinygen.device.registry import open_target
from tinygen.device.values import Image
from tinygen.verify.profile import Profile, measure

pytestmark = pytest.mark.sim

TARGETS = [
    ("feather_f405", "qemu", "qemu-system-arm", 40),
    ("feather_f405", "unicorn", "unicorn", 10),
    ("esp32s3", "qemu-xtensa", "qemu-system-xtensa", 80),
    ("esp32s3", "labwired", "labwired", 40),
]


def profiled(board_id: str, name: str, image: Image, turns: int) -> Profile:
    """Three steps; the first begins with 2,000 x `turns` instructions more."""
    with open_target(find_board(board_id), name, image) as target:
        client = Client(target.open(), target.capabilities.time_scale)
        meaning = counting(target.capabilities, client.hello())
        return measure(
            client,
            meaning,
            bytes([127, turns]) + bytes(38),
            np.zeros((25, 2), np.int16),
            layers=[("0 A", "a"), ("1 B", "b"), ("2 C", "c")],
            stages=("first", "second"),
            warmups=1,
            runs=3,
        )


@pytest.mark.parametrize(("board_id", "name", "tool", "error"), TARGETS)
def test_work_is_found_where_it_is_done(
    board_id: str, name: str, tool: str, error: int, images: Callable[[str, str], Image], need: Callable[[str], None]
) -> None:
    need(tool)
    image = images(board_id, name)
    short, long = (profiled(board_id, name, image, turns) for turns in (1, 51))
    assert short.counting.unit == "instructions"
    assert abs(long.layers[0].median - short.layers[0].median - 100_000) <= error
    for step in (1, 2):
        assert abs(long.layers[step].median - short.layers[step].median) <= error
    for found in (short, long):
        assert abs(sum(layer.median for layer in found.layers) - found.whole.median) <= 3 * error
        assert found.layers[2].median < found.layers[1].median  # four bytes copied, seven hundred computed
        assert (found.arena.arena_bytes, found.arena.high_water_bytes) == (700, 700)
        assert 0 < found.stack_used_bytes < found.stack_bytes
        assert found.stages[0].median < found.stages[1].median


@pytest.mark.slow
def test_the_verb_and_its_comparison(tmp_path: Path, needs_module: Callable[..., None]) -> None:
    """On unicorn, where counts are exact: a slower layer ends with exit code 1 and is named."""
    for module in ("tensorflow", "tflite_micro", "unicorn", "SCons"):
        needs_module(module, "all")

    def tinygen(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tinygen", "profile", "--task", "gesture", "--board", "feather_f405"]
        command += ["--on", "unicorn", "--epochs", "1", "--offline", "--runs", "2", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)

    first = tinygen("--json", "-o", str(tmp_path / "picture.html"))
    assert first.returncode == 0, first.stderr
    document = json.loads(first.stdout)
    found = document["profile"]
    assert (found["unit"], found["origin"], found["runs"]) == ("instructions", "simulated-on-unicorn", 2)
    assert [stage["name"] for stage in found["stages"]] == ["gather", "mean and quantize"]
    assert all(stage["median"] > 0 for stage in found["stages"])
    assert "<svg" in (tmp_path / "picture.html").read_text()
    assert "http" not in (tmp_path / "picture.html").read_text()
    old = tmp_path / "old.json"
    old.write_text(first.stdout)
    same = tinygen("--compare", str(old), "--threshold", "0")
    assert same.returncode == 0, same.stdout
    slowest = max(found["layers"], key=lambda layer: layer["median"])
    slowest["median"] *= 0.9
    old.write_text(json.dumps(document))
    worse = tinygen("--compare", str(old))
    assert worse.returncode == 1
    assert f"layers {slowest['name']} +11.1 %" in worse.stdout
    assert tinygen("--compare", str(old), "--threshold", "20").returncode == 0
    assert tinygen("--compare", str(tmp_path / "nothing")).returncode == 2
