"""The generated project of a tiny model, compared whole. `TINYGEN_UPDATE_GOLDEN=1 pytest` writes the trees anew.

The runtime below lib/ is copied from firmware/ byte by byte (checked here), so the committed trees leave it out.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tinygen.boards.framework import with_framework
from tinygen.boards.loader import find_board
from tinygen.core.files import write_tree
from tinygen.features.quantize import for_input
from tinygen.features.spec import ScaledWindowSpec
from tinygen.firmware.decision_view import render_decision
from tinygen.firmware.features_view import render_features
from tinygen.firmware.model_view import render_model
from tinygen.firmware.project_view import render_project
from tinygen.firmware.stream_view import render_stream
from tinygen.firmware.tflm_view import render_tflm
from tinygen.firmware.values import RenderedTree, SelfTestVector
from tinygen.model import compile as compiler
from tinygen.model import importer
from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.interpreted import file_facts, interpreted_plan
from tinygen.model.reference import run
from tinygen.tasks.spec import DecisionRule, StreamPlan
from tinygen.tasks.stream import rule_of
from tinygen.toolchain import pio, setup

pytestmark = pytest.mark.golden

TREES = Path(__file__).parent / "trees"
SPEC = ScaledWindowSpec(rate_hz=50, n_channels=2, decimation=2, n_frames=4)


def tiny_model() -> bytes:
    """A dense layer of 8 inputs and 3 outputs and a softmax, in fixed numbers."""
    builder = ModelBuilder(description="a tiny model in fixed numbers")
    rng = np.random.default_rng(7)
    kernel = rng.integers(-127, 128, (3, 8)).astype(np.int8)
    offsets = rng.integers(-900, 900, 3).astype(np.int32)
    source = builder.tensor("signal", "int8", (1, 8), scales=[0.0625], zero_points=[-3])
    weights = builder.tensor("weights", "int8", (3, 8), scales=[0.01], data=kernel)
    bias = builder.tensor("bias", "int32", (3,), scales=[0.000625], data=offsets)
    hidden = builder.tensor("scores", "int8", (1, 3), scales=[0.125], zero_points=[5])
    builder.op("FULLY_CONNECTED", [source, weights, bias], [hidden], Record("FullyConnectedOptions", {}))
    probabilities = builder.tensor("probabilities", "int8", (1, 3), scales=[1 / 256], zero_points=[-128])
    builder.op("SOFTMAX", [hidden], [probabilities], Record("SoftmaxOptions", {"beta": 1.0}))
    return builder.finish([source], [probabilities])


def rendered(board_name: str, engine: str = "aot") -> RenderedTree:
    """The project of the tiny model; an interpreter's without TFLM's own sources, and in an arena of 1024 bytes."""
    board = with_framework(find_board(board_name), "espidf" if (board_name, engine) == ("esp32s3", "tflm") else None)
    tflite = tiny_model()
    graph = importer.load(tflite, "tiny")
    if engine == "aot":
        plan = compiler.plan(graph, board.chip)
        model = render_model(plan, tflite)
    else:
        facts = file_facts(tflite, "tiny")
        said = "1,024 bytes, as configured (tflm.arena)."
        plan = interpreted_plan(graph, facts, arena_bytes=1024, arena_origin=said, model_bytes=len(tflite))
        model = render_tflm(plan, facts, tflite, board)
    in_q, out_q = graph.tensors[graph.inputs[0]].quantization, graph.tensors[graph.outputs[0]].quantization
    assert in_q is not None
    assert out_q is not None
    files = {
        **model,
        **render_features(SPEC, for_input(SPEC, in_q.scale, in_q.zero_point)),
        **render_decision(
            DecisionRule(kind="argmax", labels=("left", "right", "none")),
            input_elements=8,
            output_elements=3,
            in_q=in_q,
            out_q=out_q,
        ),
        **render_stream(
            SPEC,
            rule_of(
                StreamPlan(smoothing=3, ignored=("none",)),
                labels=("left", "right", "none"),
                rate_hz=50,
                window_rows=4,
                hop_rows=2,
            ),
            real_zero=-3,
            input_rows=4,
        ),
    }
    vector = SelfTestVector(model_input=np.arange(8, dtype=np.int8), expected_output=np.zeros(3, np.int8))
    return render_project(board, "gesture", engine, files, [vector])


@pytest.mark.parametrize(
    ("name", "board", "engine"),
    [
        ("feather_f405", "feather_f405", "aot"),
        ("esp32s3", "esp32s3", "aot"),
        ("feather_f405-tflm", "feather_f405", "tflm"),
        ("esp32s3-tflm", "esp32s3", "tflm"),
    ],
)
def test_the_generated_project_is_the_committed_one(name: str, board: str, engine: str, root: Path) -> None:
    tree = rendered(board, engine)
    place = TREES / name
    ours = {name: data for name, data in tree.files.items() if not name.startswith(("lib/tinygen/", "runtime/"))}
    copied = {name: data for name, data in tree.files.items() if name.startswith("lib/tinygen/include/tinygen/")}
    for path, data in copied.items():
        assert (root / "firmware" / "include" / "tinygen" / path.split("/", 4)[4]).read_bytes() == data
    # The id covers lib/, which changes with the runtime: it stands in build_info.cpp only.
    ours.pop("src/build_info.cpp")
    if os.environ.get("TINYGEN_UPDATE_GOLDEN"):
        write_tree(place, ours)
    kept = {p.relative_to(place).as_posix(): p.read_bytes() for p in place.rglob("*") if p.is_file()}
    assert sorted(kept) == sorted(ours)
    for path, data in kept.items():
        assert ours[path].decode() == data.decode(), path


def test_the_same_input_gives_the_same_bytes_and_another_model_another_id() -> None:
    one, two = rendered("feather_f405"), rendered("feather_f405")
    assert one.files == two.files
    assert one.build_id == two.build_id
    assert one.build_id != rendered("disco_f407vg").build_id


def test_pio_test_says_which_vectors_are_wrong(tmp_path: Path, needs_module: Callable[..., None]) -> None:
    """The golden tree's own vector is a wrong one; the reference's is right."""
    needs_module("platformio", "offline")
    needs_module("SCons", "offline")
    graph = importer.load(tiny_model(), "tiny")
    right = run(graph, [np.arange(8, dtype=np.int8).reshape(1, 8)])[graph.outputs[0]].reshape(-1)
    environment = pio.environment(setup.prepare([find_board("host")], cache=tmp_path / "cache"), {})
    project = tmp_path / "project"
    write_tree(project, rendered("host").files)
    for expected, code, said in (("0, 0, 0", 1, "FAILED"), (", ".join(map(str, right)), 0, "1 succeeded")):
        source = project / "src/selftest.cpp"
        source.write_text(source.read_text().replace("    0, 0, 0,\n", f"    {expected},\n"))
        done = subprocess.run(
            pio.command("test"), cwd=project, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert said in done.stdout + done.stderr
