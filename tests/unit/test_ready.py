"""The models that ship: what their cards say is what lies beside them, and it compiles."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from pydantic import TypeAdapter

import tinygen
from tinygen.boards.loader import find_board
from tinygen.core.canonical import digest_bytes
from tinygen.model import compile as compiler
from tinygen.model.rewrite.registry import rewrite
from tinygen.tasks.spec import Task
from tinygen.training.int8 import check_structure

READY = Path(tinygen.__file__).parent / "ready"
MODELS = sorted(path.parent for path in READY.glob("*/card.toml"))


@pytest.mark.parametrize("folder", MODELS, ids=lambda p: p.name)
def test_a_card_tells_the_truth(folder: Path) -> None:
    card = tomllib.loads((folder / "card.toml").read_text(encoding="utf-8"))
    tflite = (folder / "model.tflite").read_bytes()
    assert card["model_sha256"] == digest_bytes(tflite)
    assert card["model_bytes"] == len(tflite)
    assert card["task"] == folder.name
    assert card["seed"] >= 0 and card["command"]
    for data in card["data"]:
        assert data["licence"]
    if any("CC BY" in data["licence"] for data in card["data"]):
        assert "CC BY 4.0" in card["attribution"]
    for name, figure in card["figures"].items():
        assert figure["origin"] and figure["unit"], name


@pytest.mark.parametrize("folder", [m for m in MODELS if (m / "task.json").is_file()], ids=lambda p: p.name)
def test_a_ready_model_fits_its_task_and_the_boards(folder: Path) -> None:
    task = TypeAdapter(Task).validate_json((folder / "task.json").read_bytes())
    card = tomllib.loads((folder / "card.toml").read_text(encoding="utf-8"))
    assert list(task.labels) == card["labels"]
    graph = check_structure((folder / "model.tflite").read_bytes(), folder.name)
    assert graph.tensors[graph.inputs[0]].shape == (1, *task.input_shape)
    assert graph.tensors[graph.outputs[0]].n_elements == len(task.labels)
    for board in ("esp32s3", "nucleo_f446re"):
        plan = compiler.plan(rewrite(graph), find_board(board).chip)
        assert plan.arena_bytes < 20 * 1024
    if task.name == "kws":
        streamed = compiler.plan(rewrite(graph, incremental=True), find_board("nucleo_f446re").chip)
        assert streamed.macs < plan.macs / 3
