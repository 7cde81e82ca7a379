"""Every published model that compiles: generated C++ == TFLM's interpreter at every tensor, here and on a Cortex-M4.

On the golden inputs (in order, for a model with state) and on constructed ones; on this machine under the address and
undefined-behaviour sanitizers (gcc: as compiled by default; clang: without rewrites), and in unicorn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tinygen.config import load_config
from tinygen.core.values import CheckStatus, Report
from tinygen.pipeline import compilation, compile_proof, compile_values
from tinygen.pipeline.context import Context
from tinygen.verify.inputs import model_inputs
from tinygen.verify.oracle_child import expect_in_child
from tinygen.verify.values import Vector

pytestmark = pytest.mark.slow

# Left out: the signal front end (see ../shared/models/README.md), which is no INT8 model.
MODELS = (
    "ad01_int8", "alexa", "ecg_autoencoder", "hello_world_int8", "hey_mycroft", "keyword_scrambled_8bit",
    "kws_ref_model", "magic_wand", "micro_speech_quantized", "person_detect", "pretrainedResnet_quant",
    "residual_wake_word", "rock_paper_scissors", "str_ww_ref_model", "trained_lstm_int8", "vww_96_int8",
)  # fmt: skip
CONSTRUCTED = 9


def context(folder: Path, board: str) -> Context:
    return Context(config=load_config(None, {"board": board, "build_dir": str(folder)}, folder), offline=True)


def golden_vectors(path: Path, most: int) -> tuple[Vector, ...]:
    inputs = np.load(path)["inputs"][:most]
    return tuple(
        Vector(name=f"golden-{n}", raw=None, model_input=np.frombuffer(row.tobytes(), dtype=np.int8), label="")
        for n, row in enumerate(inputs)
    )


def check(report: Report, ignored: str = "") -> None:
    wrong = (CheckStatus.FAILED, CheckStatus.ERROR)
    bad = [f"{c.name}: {c.reason}" for c in report.checks if c.status in wrong and c.name != ignored]
    assert not bad, bad
    value = {m.name: m.value for m in report.measurements}
    assert value["differing_bytes"] == 0
    assert value["layers_compared"]


def vectors_of(made: compile_values.Compiled, golden: Path, most: int) -> tuple[Vector, ...]:
    return (*golden_vectors(golden, most), *model_inputs(made.graph, CONSTRUCTED, 1))


@pytest.mark.parametrize("name", MODELS)
def test_the_oracle_gives_the_golden_bytes(
    shared_dir: Callable[[str], Path], needs_module: Callable[..., None], tmp_path: Path, name: str
) -> None:
    needs_module("tflite_micro", "verify")
    request = compile_values.Request(model=shared_dir(f"models/{name}.tflite"))
    made = compilation.planned(context(tmp_path, "host"), request)
    golden = np.load(shared_dir(f"models/golden/{name}.npz"))
    vectors = golden_vectors(shared_dir(f"models/golden/{name}.npz"), 8)
    answers = expect_in_child(made.tflite, made.graph, vectors).expected
    for answer, output, digests in zip(answers, golden["outputs"], golden["digests"], strict=False):
        assert answer.output == output.tobytes()
        for tensor, digest in zip(golden["tensors"], digests, strict=True):
            found = hashlib.sha256(answer.tensors[int(tensor)]).digest()[:8]
            assert int.from_bytes(found, "little") == int(digest), f"tensor {tensor}"


@pytest.mark.host
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("name", MODELS)
def test_it_is_byte_equal_here_under_sanitizers(
    shared_dir: Callable[[str], Path],
    needs_module: Callable[..., None],
    needs_tool: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    name: str,
    compiler: str,
) -> None:
    needs_module("tflite_micro", "verify")
    monkeypatch.setenv("CXX", needs_tool(compiler))
    monkeypatch.setenv("TINYGEN_SANITIZE", "1")
    ctx = context(tmp_path, "nucleo_f446re")
    rewrites = compiler == "g++"
    request = compile_values.Request(model=shared_dir(f"models/{name}.tflite"), rewrites=rewrites)
    made = compilation.planned(ctx, request)
    vectors = vectors_of(made, shared_dir(f"models/golden/{name}.npz"), 3)
    report = compile_proof.prove(ctx, made, "host", vectors)
    check(report, ignored="arena planned = image")  # red zones make it larger
    value = {m.name: m.value or 0 for m in report.measurements}
    if not rewrites:
        assert value["layers_compared"] >= 0.9 * value["layers_total"]


@pytest.mark.sim
@pytest.mark.parametrize("name", MODELS)
def test_it_is_byte_equal_on_a_cortex_m4(
    shared_dir: Callable[[str], Path],
    needs_module: Callable[..., None],
    needs_tool: Callable[..., str],
    tmp_path: Path,
    name: str,
) -> None:
    needs_module("tflite_micro", "verify")
    needs_module("unicorn", "sim")
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    ctx = context(tmp_path, "feather_f405")
    made = compilation.planned(ctx, compile_values.Request(model=shared_dir(f"models/{name}.tflite")))
    check(compile_proof.prove(ctx, made, "unicorn", vectors_of(made, shared_dir(f"models/golden/{name}.npz"), 1)[:8]))


@pytest.mark.sim
@pytest.mark.parametrize("target", ["host", "unicorn"])
def test_incremental_is_byte_equal_to_the_full_model(
    shared_dir: Callable[[str], Path],
    needs_module: Callable[..., None],
    needs_tool: Callable[..., str],
    tmp_path: Path,
    target: str,
) -> None:
    needs_module("tflite_micro", "verify")
    needs_module("unicorn", "sim")
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    ctx = context(tmp_path, "feather_f405")
    path = shared_dir("models/str_ww_ref_model.tflite")
    made = compilation.planned(ctx, compile_values.Request(model=path, streaming="incremental"))
    assert made.plan.state_bytes + made.plan.arena_bytes <= 5_000
    assert made.plan.macs <= 46_100
    report = compile_proof.prove(ctx, made, target)
    check(report)
    assert {m.name: m.value for m in report.measurements}["distinct_outputs"] != 1


# What is given, per model: the axis of time, and what the incremental model takes at most (bytes, MACs per hop).
PADDED = (
    ("micro_speech_quantized", 2, 9_500, 97_000),
    ("rock_paper_scissors", 1, 24_000, 680_000),
    ("magic_wand", 1, 5_000, 11_000),
)


@pytest.mark.sim
@pytest.mark.parametrize(("name", "axis", "most_bytes", "most_macs"), PADDED)
def test_incremental_models_that_pad_along_time(
    shared_dir: Callable[[str], Path],
    needs_module: Callable[..., None],
    needs_tool: Callable[..., str],
    tmp_path: Path,
    *,
    name: str,
    axis: int,
    most_bytes: int,
    most_macs: int,
) -> None:
    needs_module("tflite_micro", "verify")
    needs_module("unicorn", "sim")
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    ctx = context(tmp_path, "nucleo_f446re")
    path = shared_dir(f"models/{name}.tflite")
    made = compilation.planned(ctx, compile_values.Request(model=path, streaming="incremental", time_axis=axis))
    assert made.plan.state_bytes + made.plan.arena_bytes <= most_bytes
    assert made.plan.macs <= most_macs
    report = compile_proof.prove(ctx, made, "unicorn")
    check(report)
    value = {m.name: m.value for m in report.measurements}
    assert value["distinct_outputs"] != 1
    assert value["layers_compared"] == value["layers_total"]


# rock_paper_scissors' proof needs RAM that QEMU's machine lacks: tests/unit/test_compile_figures.py.
IN_QEMU = [name for name in MODELS if name != "rock_paper_scissors"]
SMALL = ("hello_world_int8", "alexa")


@pytest.mark.sim
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in SMALL else (pytest.mark.soak,)) for name in IN_QEMU]
)
def test_it_is_byte_equal_in_qemu(
    shared_dir: Callable[[str], Path],
    needs_module: Callable[..., None],
    needs_tool: Callable[..., str],
    tmp_path: Path,
    name: str,
) -> None:
    needs_module("tflite_micro", "verify")
    needs_tool("qemu-system-arm", "qemu-system-arm")
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    ctx = context(tmp_path, "feather_f405")
    made = compilation.planned(ctx, compile_values.Request(model=shared_dir(f"models/{name}.tflite")))
    check(compile_proof.prove(ctx, made, "qemu", vectors_of(made, shared_dir(f"models/golden/{name}.npz"), 1)[:8]))
