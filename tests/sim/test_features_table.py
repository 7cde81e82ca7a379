"""[features] of tinygen.toml, from the file to the firmware: the device's rows, outputs and events are Python's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinygen.config import load_config
from tinygen.core.values import CheckStatus
from tinygen.features.quantize import for_input
from tinygen.features.spec import LogMelSpec
from tinygen.model import compile as compiler
from tinygen.model import importer
from tinygen.model.builder import ModelBuilder, Record
from tinygen.pipeline import chain as chains
from tinygen.pipeline import streaming
from tinygen.pipeline.chain import Chain
from tinygen.pipeline.context import Context
from tinygen.tasks.front_end import with_constants
from tinygen.tasks.spec import DecisionRule, StreamPlan
from tinygen.tasks.stream import rule_of

LABELS = ("quiet", "a", "b", "c")
FILES = {
    "own scale": """
        hop_samples = 320
        n_bands = 32
        lower_hz = 60.0
        upper_hz = 7000
        log_scale_shift = 5
        enable_noise_reduction = true
        smoothing_bits = 8
        even_smoothing = 0.1
        odd_smoothing = 0.004
        min_signal_remaining = 0.2
        enable_pcan = true
        pcan_strength = 0.5
        pcan_offset = 3.5
        pcan_gain_bits = 17
    """,
    "integer formula": """
        window_samples = 400
        hop_samples = 160
        n_bands = 24
        enable_noise_reduction = true
        input_formula = "micro_speech"
    """,
}


def _dense(values: int) -> bytes:
    """One dense layer over a row, with made-up weights."""
    rng = np.random.default_rng(3)
    builder = ModelBuilder(description="one dense layer")
    source = builder.tensor("row", "int8", (1, values), scales=[26 / 256], zero_points=[-128])
    weights = rng.integers(-127, 128, (4, values)).astype(np.int8)
    kernel = builder.tensor("weights", "int8", (4, values), scales=[0.01], data=weights)
    bias = builder.tensor("bias", "int32", (4,), scales=[0.01 * 26 / 256], data=np.zeros(4, np.int32))
    output = builder.tensor("scores", "int8", (1, 4), scales=[0.2], zero_points=[0])
    builder.op("FULLY_CONNECTED", [source, kernel, bias], [output], Record("FullyConnectedOptions", {}))
    return builder.finish([source], [output])


def _chain(ctx: Context) -> Chain:
    spec = replace(with_constants(LogMelSpec(), ctx.config.features), n_frames=1)
    tflite = _dense(spec.n_bands)
    graph = importer.load(tflite, "rows")
    plan = StreamPlan(smoothing=4, threshold=0.6, release=0.5, refractory_s=0.1, ignored=LABELS[:1])
    return Chain(
        name="rows",
        slug="rows",
        tflite=tflite,
        graph=graph,
        plan=compiler.plan(graph, ctx.board.chip),
        board=ctx.board,
        spec=spec,
        quantization=for_input(spec, 26 / 256, -128),
        decision=DecisionRule(kind="argmax", labels=LABELS),
        rule=rule_of(plan, labels=LABELS, rate_hz=spec.rate_hz, window_rows=1, hop_rows=1),
    )


@pytest.mark.parametrize(
    ("name", "board", "on"),
    [
        pytest.param("own scale", "host", "host", marks=pytest.mark.host),
        pytest.param("integer formula", "host", "host", marks=pytest.mark.host),
        pytest.param("own scale", "nucleo_f401re", "unicorn", marks=pytest.mark.sim),
    ],
)
def test_constants_of_the_file_reach_the_device(
    name: str, board: str, on: str, tmp_path: Path, needs_module: Callable[..., None], needs_tool: Callable[..., str]
) -> None:
    needs_module("tflite_micro", "verify")
    needs_module("SCons", "offline")
    if on == "unicorn":
        needs_module("unicorn", "sim")
        needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    (tmp_path / "tinygen.toml").write_text(f'task = "kws"\nboard = "{board}"\n[features]\n{FILES[name]}')
    ctx = Context(config=load_config(None, {}, tmp_path), offline=True)
    chain = _chain(ctx)
    assert isinstance(chain.spec, LogMelSpec)
    assert chain.spec.n_bands == ctx.config.features["n_bands"]
    assert ("micro_speech" in chain.quantization.words) == (name == "integer formula")
    inner = streaming.within(ctx, chain)
    signal = streaming.made_up_signal(chain)[: 3 * 16000]
    report = streaming.prove(inner, chains.built(inner, chain), on, signal, lambda _line: None)
    assert [c for c in report.checks if c.status is not CheckStatus.PASSED] == []
    found = {m.name: m.value for m in report.measurements}
    assert found["rows"] == 1 + (len(signal) - chain.spec.window_samples) // chain.spec.hop_samples
    assert found["events"]
