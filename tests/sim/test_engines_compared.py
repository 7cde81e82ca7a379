"""TFLM's interpreter as firmware, beside generated code: only where a tree of its project generator is named."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from tinygen.cli import cli
from tinygen.toolchain.tflm_tree import ENVIRONMENT, HOW

pytestmark = [pytest.mark.sim, pytest.mark.soak]


@pytest.fixture
def tree() -> str:
    named = os.environ.get(ENVIRONMENT)
    if not named:
        pytest.skip(f"{ENVIRONMENT} names no TFLM tree: {HOW}")
    return named


@pytest.mark.parametrize("model", ["hello_world_int8", "kws_ref_model", "alexa"])
def test_both_engines_give_the_same_bytes(
    model: str, tree: str, tmp_path: Path, shared_dir: Callable[..., Path], needs_tool: Callable[..., str]
) -> None:
    needs_tool("qemu-system-arm")
    needs_tool("arm-none-eabi-g++")
    words = ["compare-engines", str(shared_dir(f"models/{model}.tflite")), "--board", "feather_f405", "--on", "qemu"]
    words += ["--tflm-tree", tree, "--offline", "--json", "--build-dir", str(tmp_path / "build"), "--vectors", "4"]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["aot_differing_bytes"] == found["tflm_differing_bytes"] == 0
    assert found["aot_compared_output_bytes"] == found["tflm_compared_output_bytes"] > 0
    assert found["tflm_layers_compared"] >= found["aot_layers_compared"]
    assert found["tflm"]["arena_bytes"] <= found["tflm"]["recorded_arena_bytes"]
    assert found["tflm_arena_bytes"] > found["aot_arena_bytes"]
