"""A signal of minutes through features, model and decision: the device's rows, outputs and events are Python's.

Outputs come from TFLM's interpreter. Published models only; one with state of its own, one that takes whole windows,
one that was made incremental.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.config import load_config
from tinygen.core.values import CheckStatus, Report
from tinygen.datasets.readers.audio import read_audio
from tinygen.datasets.signal import to_rate
from tinygen.features.quantize import for_input
from tinygen.features.spec import LogMelSpec
from tinygen.model import compile as compiler
from tinygen.model import importer
from tinygen.model.rewrite.registry import rewrite
from tinygen.pipeline import chain as chains
from tinygen.pipeline import stream_evaluation, streaming
from tinygen.pipeline.chain import Chain
from tinygen.pipeline.context import Context
from tinygen.pipeline.firmware_steps import quantization_of
from tinygen.tasks.spec import DecisionRule, StreamPlan
from tinygen.tasks.stream import rule_of
from tinygen.verify import pymicro

Int16 = npt.NDArray[np.int16]
Needs = Callable[..., None]
Shared = Callable[[str], Path]
Tool = Callable[..., str]

VOICES = (("en-gb", 140), ("en-us", 165), ("en-us+klatt2", 165), ("en-gb+m7", 165))
CUTOFFS = {"alexa": (0.9, 5), "hey_mycroft": (0.95, 5)}


@pytest.fixture
def ready(needs_module: Needs) -> None:
    needs_module("tflite_micro", "verify")
    needs_module("SCons", "offline")


def context(folder: Path, board: str) -> Context:
    return Context(config=load_config(None, {"board": board, "build_dir": str(folder / "build")}, folder), offline=True)


def manifest(folder: Path, shared_dir: Shared, word: str) -> Path:
    """A manifest beside a copy of the published model."""
    (folder / f"{word}.tflite").write_bytes(shared_dir(f"models/{word}.tflite").read_bytes())
    cutoff, window = CUTOFFS[word]
    path = folder / f"{word}.json"
    micro = {"probability_cutoff": cutoff, "sliding_window_size": window, "feature_step_size": 10}
    facts = {"type": "micro", "wake_word": word.replace("_", " "), "model": f"{word}.tflite", "version": 2}
    path.write_text(json.dumps({**facts, "micro": micro}))
    return path


def spoken(text: str, folder: Path, tool: str) -> list[Int16]:
    """The words in several synthesised voices, int16 [n, 1] at 16 kHz."""
    found = []
    for voice, speed in VOICES:
        path = folder / "said.wav"
        subprocess.run([tool, "-v", voice, "-s", str(speed), "-w", str(path), text], check=True)
        signal, rate_hz = read_audio(path)
        found.append(to_rate(signal, rate_hz, 16000))
    return found


def conversation(words: list[Int16], shared_dir: Shared, seconds: int) -> Int16:
    """Recordings of other words in a faint noise, with `words` among them."""
    rng = np.random.default_rng(9)
    files = sorted(shared_dir("data/kws").glob("*/*.flac"))
    parts: list[Int16] = []
    count = 0
    while sum(map(len, parts)) < 16000 * seconds:
        signal, _ = read_audio(files[int(rng.integers(len(files)))])
        parts += [signal, np.zeros((int(rng.integers(1000, 9000)), 1), np.int16)]
        if words and len(parts) % 24 == 0:
            parts += [words[count % len(words)], np.zeros((8000, 1), np.int16)]
            count += 1
    joined = np.concatenate(parts)[: 16000 * seconds].astype(np.int32)
    mixed: Int16 = np.clip(joined + rng.integers(-25, 26, joined.shape), -32768, 32767).astype(np.int16)
    return mixed


def proved(ctx: Context, chain: Chain, signal: Int16, path: Path | None = None) -> Report:
    inner = streaming.within(ctx, chain)
    on = "host" if chain.board.id == "host" else "unicorn"
    made = chains.built(inner, chain)
    report = streaming.prove(inner, made, on, signal, lambda _line: None, manifest=path)
    bad = [f"{c.name}: {c.reason}" for c in report.checks if c.status is not CheckStatus.PASSED]
    assert not bad, bad
    return report


def figures(report: Report) -> dict[str, float]:
    return {m.name: m.value for m in report.measurements if m.value is not None}


@pytest.mark.host
@pytest.mark.parametrize("word", list(CUTOFFS))
def test_minutes_of_audio_through_a_published_wake_word_on_this_machine(
    word: str, tmp_path: Path, shared_dir: Shared, needs_tool: Tool, ready: None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = manifest(tmp_path, shared_dir, word)
    words = spoken(word.replace("_", " "), tmp_path, needs_tool("espeak-ng"))
    signal = conversation(words, shared_dir, 200)
    chain = chains.of_wakeword(context(tmp_path, "host"), path)
    report = proved(context(tmp_path, "host"), chain, signal, path)
    assert figures(report)["events"] >= 4
    assert figures(report)["inferences"] > 6600
    if pymicro.available():
        (said,) = [c.reason for c in report.checks if c.name == "pymicro-wakeword"]
        with capsys.disabled():
            print(f"\n{word}: {said}")
        assert figures(report)["largest_difference"] < 0.5


@pytest.mark.sim
@pytest.mark.parametrize(("word", "board"), [("alexa", "nucleo_f401re"), ("hey_mycroft", "nucleo_f446re")])
def test_a_published_wake_word_on_a_cortex_m4(
    word: str, board: str, tmp_path: Path, shared_dir: Shared, needs_tool: Tool, needs_module: Needs, ready: None
) -> None:
    needs_module("unicorn", "sim")
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    path = manifest(tmp_path, shared_dir, word)
    said = spoken(word.replace("_", " "), tmp_path, needs_tool("espeak-ng"))
    signal = np.concatenate([np.zeros((16000, 1), np.int16), *said[:2], conversation(said, shared_dir, 8)])
    chain = chains.of_wakeword(context(tmp_path, board), path)
    report = proved(context(tmp_path, board), chain, signal)
    found = figures(report)
    assert found["events"] >= 1
    # The limits this part of tinygen is held to: instructions of a simulator, not cycles of a board.
    assert 0 < found["all_per_hop"] <= 120_000
    assert found["front_end_bytes"] + found["stream_bytes"] <= 12 * 1024
    (stages,) = [table for table in report.tables if table.title.startswith("front end per 10 ms")]
    counts = {row[0]: int(row[1].replace(",", "")) for row in stages.rows}
    assert {"window", "fft", "energy, filter bank", "noise reduction", "pcan", "log", "quantize"} <= set(counts)
    assert 0.8 < sum(counts.values()) / found["features_per_hop"] < 1.3
    real_time = found["all_per_hop"] * 100 / 84e6
    assert real_time < 0.2


@pytest.mark.soak
def test_minutes_of_audio_through_a_published_wake_word_on_a_cortex_m4(
    tmp_path: Path, shared_dir: Shared, needs_tool: Tool, needs_module: Needs, ready: None
) -> None:
    """200 s, some 50 s of them here on an idle machine; the shorter one above runs in CI."""
    needs_module("unicorn", "sim")
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    path = manifest(tmp_path, shared_dir, "alexa")
    said = spoken("alexa", tmp_path, needs_tool("espeak-ng"))
    chain = chains.of_wakeword(context(tmp_path, "nucleo_f401re"), path)
    report = proved(context(tmp_path, "nucleo_f401re"), chain, conversation(said, shared_dir, 200), path)
    found = figures(report)
    assert found["events"] >= 4
    assert found["inferences"] > 6600
    assert found["overruns"] == 0


def test_the_integer_formula_is_taken_where_asked(tmp_path: Path, shared_dir: Shared) -> None:
    path = manifest(tmp_path, shared_dir, "alexa")
    chosen = chains.of_wakeword(context(tmp_path, "host"), path, "micro_speech")
    assert chosen.decision.unsigned_output  # its one output byte is a probability of 0..255
    assert chosen.quantization.formula == "micro_speech"
    assert "(feature * 256 + 333) / 666" in chosen.quantization.words


def test_a_wake_word_says_what_of_tinygen_toml_it_does_not_take(tmp_path: Path, shared_dir: Shared) -> None:
    path = manifest(tmp_path, shared_dir, "alexa")
    plain = chains.of_wakeword(context(tmp_path, "host"), path)
    file = tmp_path / "tinygen.toml"
    file.write_text('task = "kws"\n[features]\nhop_samples = 320\n[stream]\nthreshold = 77\n')
    told = chains.of_wakeword(context(tmp_path, "host"), path)
    assert (told.spec, told.rule) == (plain.spec, plain.rule)
    assert plain.notes == ()
    features, threshold = told.notes
    assert "[features] of tinygen.toml (hop_samples)" in features
    assert "--event-threshold" in threshold


def _published(ctx: Context, tflite: bytes, spec: LogMelSpec, labels: tuple[str, ...], *, incremental: bool) -> Chain:
    graph = importer.load(tflite, "published")
    in_q = quantization_of(graph.tensors[graph.inputs[0]])
    plan = compiler.plan(rewrite(graph, incremental=incremental), ctx.board.chip)
    hop = plan.graph.rewritten.hop_rows if incremental and plan.graph.rewritten is not None else 5
    rule = rule_of(
        StreamPlan(smoothing=3, threshold=0.5, release=0.3, refractory_s=0.3, ignored=labels[:1]),
        labels=labels,
        rate_hz=16000,
        window_rows=spec.n_frames,
        hop_rows=hop,
    )
    return Chain(
        name="published",
        slug=f"published-{'incremental' if incremental else 'full'}",
        tflite=tflite,
        graph=graph,
        plan=plan,
        board=ctx.board,
        spec=dataclasses.replace(spec, n_frames=hop) if incremental else spec,
        quantization=for_input(spec, in_q.scale, in_q.zero_point),
        decision=DecisionRule(kind="argmax", labels=labels),
        rule=rule,
    )


@pytest.mark.host
@pytest.mark.parametrize("incremental", [False, True])
def test_windows_whole_and_incremental_on_this_machine(
    incremental: bool, tmp_path: Path, shared_dir: Shared, ready: None
) -> None:
    ctx = context(tmp_path, "host")
    gain = LogMelSpec(enable_noise_reduction=True, enable_pcan=True)
    signal = conversation([], shared_dir, 180) if incremental else conversation([], shared_dir, 60)
    if incremental:
        tflite = shared_dir("models/str_ww_ref_model.tflite").read_bytes()
        labels: tuple[str, ...] = ("silence", "word", "unknown")
        spec = dataclasses.replace(gain, n_frames=30)
    else:
        tflite = shared_dir("models/micro_speech_quantized.tflite").read_bytes()
        labels = ("silence", "unknown", "yes", "no")
        spec = dataclasses.replace(gain, input_formula="micro_speech")
    report = proved(ctx, _published(ctx, tflite, spec, labels, incremental=incremental), signal)
    assert figures(report)["events"] >= 3
    assert figures(report)["inferences"] > 500


@pytest.mark.host
def test_a_wake_word_is_judged_over_audio_with_labels(
    tmp_path: Path, shared_dir: Shared, needs_tool: Tool, ready: None
) -> None:
    import soundfile

    said = spoken("alexa", tmp_path, needs_tool("espeak-ng"))
    rng = np.random.default_rng(2)
    parts: list[Int16] = []
    lines = ["start_s,end_s,label"]
    for number in range(12):
        parts.append(rng.integers(-30, 31, (32000, 1)).astype(np.int16))
        if number % 3 == 2:
            word = said[number % len(said)]
            start = sum(map(len, parts)) / 16000
            lines.append(f"{start},{start + len(word) / 16000},alexa")
            parts.append(word)
    lines += ["1.0,1.5,alexa", "900.0,901.0,alexa"]  # nobody says it there; and beyond the end
    soundfile.write(tmp_path / "talk.wav", np.concatenate(parts), 16000)
    (tmp_path / "talk.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "tinygen.toml").write_text('task = "kws"\n[features]\nhop_samples = 320\n')
    wanted = stream_evaluation.Request(
        chain=streaming.Request(wakeword=manifest(tmp_path, shared_dir, "alexa"), wav=tmp_path / "talk.wav"),
        labels=tmp_path / "talk.csv",
        target_per_hour=0.5,
        compare_on="host",
        page=tmp_path / "page.html",
    )
    report = stream_evaluation.evaluate(context(tmp_path, "host"), wanted)
    assert report.ok, report.checks
    found = figures(report)
    assert (found["words"], found["misses"], found["false_accepts"]) == (5, 1, 0)
    assert -0.5 < found["delay_median_s"] < 0.6  # the files end in silence
    assert {check.name for check in report.checks} >= {"target false accepts", "events", "outputs"}
    assert any("not used: [features]" in note for note in report.notes)
    assert "1 of the labels end after the audio does and were left out" in report.notes
    assert b"false accepts per hour" in (tmp_path / "page.html").read_bytes()
