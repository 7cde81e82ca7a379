"""`tinygen compile` from a file to a report: figures with origins, a folder that is rebuilt in place, a proof."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from support.random_graphs import random_model
from support.random_rewrites import rewritable_model
from tinygen.config import load_config
from tinygen.core.errors import TinygenError
from tinygen.model.rewrite.registry import PASSES
from tinygen.pipeline import compilation, compile_values
from tinygen.pipeline.context import Context
from tinygen.report.json_view import document

pytestmark = pytest.mark.host

KEYS = (
    "arena_bytes", "state_bytes", "weights_bytes", "code_bytes", "macs", "vectors", "differing_bytes", "instructions",
    "ram_bytes", "flash_bytes", "stack_bytes", "protocol_bytes",
)  # fmt: skip


def context(folder: Path, board: str = "nucleo_f446re") -> Context:
    overrides = {"board": board, "build_dir": str(folder / "build"), "vectors": 4}
    return Context(config=load_config(None, overrides, folder), offline=True)


def model(folder: Path, seed: int = 5) -> Path:
    path = folder / "my model.tflite"
    path.write_bytes(random_model(seed))
    return path


def test_without_a_proof_its_figures_are_null(tmp_path: Path, needs_tool: Callable[..., str]) -> None:
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    out = tmp_path / "lib"
    report = compilation.compile_model(context(tmp_path), compile_values.Request(model=model(tmp_path), output=out))
    said = json.loads(json.dumps(document(report)))
    assert report.ok
    assert set(KEYS) <= set(said) and set(KEYS) <= set(said["origins"])
    assert said["vectors"] is said["differing_bytes"] is said["instructions"] is None
    assert said["origins"]["vectors"] == "not-measured"
    assert said["arena_bytes"] > 0 and said["code_bytes"] > 0
    assert (
        said["ram_bytes"] == said["arena_bytes"] + said["state_bytes"] + said["stack_bytes"] + said["c_library_bytes"]
    )
    assert said["flash_bytes"] == said["weights_bytes"] + said["code_bytes"]
    plan = json.loads((out / "plan.json").read_text())
    assert plan["arena_bytes"] == said["arena_bytes"]
    assert b"Memory over time" in (out / "arena.html").read_bytes()
    manifest = json.loads((out / "library.json").read_text())
    assert manifest["headers"] == "my_model.h" and (out / "include" / "my_model.h").is_file()


def test_again_and_with_another_model_the_folder_holds_the_last(tmp_path: Path, needs_tool: Callable[..., str]) -> None:
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    out = tmp_path / "lib"
    first = compile_values.Request(model=model(tmp_path), output=out)
    compilation.compile_model(context(tmp_path), first)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.suffix != ".html"}
    compilation.compile_model(context(tmp_path), first)
    assert {path: path.read_bytes() for path in before} == before
    other = tmp_path / "other.tflite"
    other.write_bytes(random_model(6))
    compilation.compile_model(context(tmp_path), compile_values.Request(model=other, output=out))
    assert (out / "include" / "other.h").is_file() and not (out / "include" / "my_model.h").exists()


def test_a_model_without_a_task_is_proved_here(
    tmp_path: Path, needs_module: Callable[..., None], needs_tool: Callable[..., str]
) -> None:
    needs_module("tflite_micro", "verify")
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    report = compilation.compile_model(
        context(tmp_path), compile_values.Request(model=model(tmp_path), verify_on="host")
    )
    said = document(report)
    assert report.ok
    assert said["vectors"] == 4 and said["differing_bytes"] == 0


def test_a_target_the_board_lacks_is_named(tmp_path: Path, needs_tool: Callable[..., str]) -> None:
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    with pytest.raises(TinygenError, match="runs on"):
        compilation.compile_model(context(tmp_path), compile_values.Request(model=model(tmp_path), verify_on="qemux"))


def test_the_exact_figures_are_held_against_the_budget(tmp_path: Path, needs_tool: Callable[..., str]) -> None:
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    request = compile_values.Request(model=model(tmp_path))
    plan = compilation.planned(context(tmp_path), request).plan
    for limit in (f"ram={plan.arena_bytes + 1}", f"flash={plan.weights_bytes + 1}"):
        ctx = compilation.with_budget(context(tmp_path), limit)
        with pytest.raises(TinygenError, match=r"the library uses .* the budget allows .* step \d+ [A-Z_0-9]+ with"):
            compilation.compile_model(ctx, request)


def test_the_explanation_says_what_every_rewrite_rests_on(tmp_path: Path, needs_tool: Callable[..., str]) -> None:
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    path = tmp_path / "rewritable.tflite"
    path.write_bytes(rewritable_model(2))
    report = compilation.compile_model(context(tmp_path), compile_values.Request(model=path, explain=True))
    rows = next(table for table in report.tables if table.title == "rewrites").rows
    checked = {row[0]: row[2] for row in rows if row[1] == "checked"}
    assert {"pad into convolution", "clamp into requantisation"} <= set(checked)
    assert checked.items() <= {(one.name, one.obligation) for one in PASSES}
