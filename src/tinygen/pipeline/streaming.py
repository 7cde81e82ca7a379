"""stream: a signal without end through the whole chain on a device, its decisions live, and each compared."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinygen.boards.spec import BoardSpec
from tinygen.core.canonical import digest_bytes
from tinygen.core.errors import bad_input
from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.datasets.readers.audio import read_audio
from tinygen.datasets.signal import mix_to_mono, to_rate
from tinygen.device.client import Client
from tinygen.device.instruments import count_stages
from tinygen.device.link import Capabilities
from tinygen.device.registry import choose
from tinygen.device.sensing import REAL_TIME_BAUD
from tinygen.device.values import StreamEvent, StreamInfo, StreamStatistics
from tinygen.features import reference
from tinygen.features.spec import FeatureSpec, feature_shape, samples_per_inference
from tinygen.features.stages import stage_names
from tinygen.firmware.stream_view import learned_bytes, memory_bytes
from tinygen.pipeline import chain as chains
from tinygen.pipeline import compile_views, proof, saved
from tinygen.pipeline.chain import BuiltChain, Chain
from tinygen.pipeline.context import Context
from tinygen.pipeline.steps import converted
from tinygen.verify import pymicro
from tinygen.verify import stream as expecting

Int16 = npt.NDArray[np.int16]
Say = Callable[[str], None]

HOP_MS = 10
"""Instruction counts are told per this much audio."""
_COUNTED_S = 2.0
_HELDOUT_S = 60.0
_PIECE_S = 0.5
_SHOWN_EVENTS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asked for.

    Attributes:
        wav: a recording; None takes held-out ones, one after the other.
        wakeword: a manifest; None takes the task's own model.
        streaming: "full" or "incremental" (the task's own model).
        formula: how features reach a wake word's input.
        seconds: at most so much of the signal.
    """

    wav: Path | None = None
    wakeword: Path | None = None
    streaming: str = "full"
    formula: str = "scale"
    seconds: float | None = None


def chain_of(ctx: Context, request: Request) -> Chain:
    """The chain a request names.

    Raises:
        TinygenError: as `chain.of_task` and `chain.of_wakeword`.
    """
    if request.wakeword is not None:
        return chains.of_wakeword(ctx, request.wakeword, request.formula)
    return chains.of_task(ctx, request.streaming)


def within(ctx: Context, chain: Chain) -> Context:
    """The context with the chain's own folders."""
    return replace(ctx, config=replace(ctx.config, task=chain.slug))


def signal_of(path: Path, spec: FeatureSpec) -> Int16:
    """A recording as the front end takes it: int16 [instants, 1].

    Raises:
        TinygenError: not readable, or the front end is not one of audio.
    """
    if spec.kind != "logmel":
        raise bad_input("only audio is read from a file", where=str(path), hint="leave --wav out: held-out recordings")
    signal, rate_hz = read_audio(path)
    mono: Int16 = to_rate(mix_to_mono(signal), rate_hz, spec.rate_hz)
    return mono.reshape(-1, 1)


def heldout_signal(ctx: Context, spec: FeatureSpec) -> Int16:
    """Held-out recordings of the task, one after the other, about a minute; nothing was trained on them.

    Raises:
        TinygenError: as `steps.converted`.
    """
    recordings = converted(ctx).heldout
    wanted = int(_HELDOUT_S * spec.rate_hz)
    order = np.random.default_rng(ctx.config.seed).permutation(len(recordings))
    taken: list[Int16] = []
    while sum(map(len, taken)) < wanted:
        taken += [recordings[i].signal for i in order]
    joined: Int16 = np.concatenate(taken)[:wanted]
    return joined


def stream(ctx: Context, request: Request, say: Say) -> Report:
    """Build if needed, stream, tell events as they come, compare every row, output and event.

    Raises:
        TinygenError: as `chain_of`; the file cannot be read; the target is missing or silent; the oracle is missing.
    """
    choose(ctx.board, ctx.config.on)
    chain = chain_of(ctx, request)
    signal = heldout_signal(ctx, chain.spec) if request.wav is None and request.wakeword is None else None
    if signal is None:
        if request.wav is None:
            raise bad_input("a wake word needs a recording to listen to", where="--wav", hint="name a WAV or FLAC file")
        signal = signal_of(request.wav, chain.spec)
    if request.seconds is not None:
        signal = signal[: round(request.seconds * chain.spec.rate_hz)]
    inner = within(ctx, chain)
    made = chains.built(inner, chain)
    report = prove(inner, made, ctx.config.on, signal, say, manifest=request.wakeword)
    return saved.keep(inner, report)


def compile_wakeword(ctx: Context, request: Request, output: Path | None, verify_on: str) -> Report:
    """A published wake word as a firmware project, linked; proved on a made-up signal where asked.

    Args:
        ctx: names the board and the budget.
        request: names the manifest.
        output: the project's folder; None takes one in the build folder.
        verify_on: a target, or "" for no proof.

    Raises:
        TinygenError: as `chain.of_wakeword`; it does not fit; a tool is missing or failed; as `prove`.
    """
    if verify_on:
        choose(ctx.board, verify_on)
    if output is not None and output.exists() and any(output.iterdir()) and not (output / "platformio.ini").is_file():
        raise bad_input("is not empty and no generated project", where=str(output), hint="name a new folder")
    chain = chain_of(ctx, request)
    inner = within(ctx, chain)
    made = chains.built(inner, chain, output)
    firmware = made.firmware
    proved = prove(inner, made, verify_on, made_up_signal(chain), lambda _line: None) if verify_on else None
    report = Report(
        kind="compile",
        subject={
            "wake_word": chain.name,
            "board": chain.board.id,
            "model": digest_bytes(chain.tflite)[:16],
            "input": chain.quantization.words,
            "project": str(output or inner.project_dir),
            "toolchain": firmware.toolchain,
        },
        checks=(
            compile_views.arena_check(chain.plan, firmware.symbols),
            *(proved.checks if proved is not None else ()),
        ),
        measurements=(
            *planned_memory(chain),
            Measurement(name="weights_bytes", value=chain.plan.weights_bytes, unit="bytes", origin="planned"),
            Measurement(name="macs", value=chain.plan.macs, unit="count", origin="planned"),
            Measurement(name="flash_bytes", value=firmware.flash_bytes, unit="bytes", origin="linked"),
            Measurement(name="ram_bytes", value=firmware.ram_bytes, unit="bytes", origin="linked"),
            *(proved.measurements if proved is not None else ()),
        ),
        notes=(
            *(proved.notes if proved is not None else ()),
            f"an event where the mean of {chain.rule.smoothing} probabilities is above the cutoff: "
            f"a sum of output bytes above {chain.rule.threshold}",
        ),
        details={"rule": asdict(chain.rule), "features": asdict(chain.spec)},
    )
    return saved.keep(inner, report)


def made_up_signal(chain: Chain) -> Int16:
    """Twelve seconds of tones, noise, clipping and silence; no event is expected of it."""
    n = 12 * chain.spec.rate_hz
    rng = np.random.default_rng(1)
    time_s = np.arange(n) / chain.spec.rate_hz
    tone = 20000 * np.sin(2 * np.pi * (200 + 900 * np.sin(0.7 * time_s)) * time_s)
    levels = 2.0 ** np.repeat(rng.integers(0, 14, 48), n // 48 + 1)[:n]
    mixed = rng.normal(0, 1, n) * levels + tone * (np.sin(2 * np.pi * 0.9 * time_s) > 0.3)
    mixed[n // 3 : n // 3 + chain.spec.rate_hz] = 0
    signal: Int16 = np.clip(mixed, -32768, 32767).astype(np.int16)
    return signal.reshape(-1, 1)


def prove(ctx: Context, made: BuiltChain, on: str, signal: Int16, say: Say, *, manifest: Path | None = None) -> Report:
    """Stream a signal through a built image and compare.

    Args:
        ctx: with the chain's slug as its task.
        made: the image.
        on: a word for --on.
        signal: int16 [instants, n_channels].
        say: told every event as it comes.
        manifest: of a wake word, compared with its authors' runtime where that is installed.

    Raises:
        TinygenError: the target is missing or silent; the oracle is missing or refuses the model.
    """
    chain = made.chain
    ctx.progress("asking TFLM", 0, 1, "")
    expected = chains.expected(chain, signal)
    ctx.progress("asking TFLM", 1, 1, "")
    with proof.connected(ctx, made, on) as (target, client):
        client.hello()
        started = time.monotonic()
        info = client.stream_begin(digests=True)
        events = _send(client, chain, signal, say)
        told = client.stream_end()
        seconds = time.monotonic() - started
        counted = _counted(client, chain, signal) if target.capabilities.counter != "none" else None
        stages = _stage_table(client, chain, signal, target.capabilities) if counted is not None else None
        feature_bytes = client.hello().feature_state_bytes
        capabilities = target.capabilities
    checks = [*expecting.checks(expected, events, told, len(signal)), _memory_check(chain, info)]
    authors = _authors(chain, manifest, expected, signal) if manifest is not None else None
    if authors is not None:
        checks.append(pymicro.check(authors, chain.spec.rate_hz))
    audio_s = len(signal) / chain.spec.rate_hz
    return Report(
        kind="stream",
        subject={
            "task": chain.name,
            "board": chain.board.id,
            "target": capabilities.name,
            "model": digest_bytes(chain.tflite)[:16],
            "input": chain.quantization.words,
            "toolchain": made.firmware.toolchain,
        },
        checks=tuple(checks),
        measurements=(
            *_figures(chain, told, audio_s, seconds, capabilities),
            *planned_memory(chain),
            Measurement(
                name="front_end_bytes", value=feature_bytes, unit="bytes", origin=f"measured-on-{capabilities.name}"
            ),
            *(_costs(chain, counted, capabilities) if counted is not None else ()),
            *((pymicro.measurement(authors),) if authors is not None else ()),
        ),
        tables=tuple(table for table in (_event_table(chain, events) if events else None, stages) if table is not None),
        notes=_notes(chain, events, capabilities),
        details={"events": [[e.instant, e.label, e.score] for e in events]},
    )


def _authors(chain: Chain, manifest: Path, expected: expecting.Expected, signal: Int16) -> pymicro.Comparison | None:
    """The wake word in its authors' runtime; None where that is not installed or the input is made otherwise."""
    if not pymicro.available() or chain.quantization.formula != "scale":
        return None
    return pymicro.compare(manifest, chain.rule, chain.output_quantization.scale, expected, signal)


def _send(client: Client, chain: Chain, signal: Int16, say: Say) -> list[StreamEvent]:
    piece = max(1, round(_PIECE_S * chain.spec.rate_hz))
    found: list[StreamEvent] = []
    for at in range(0, len(signal), piece):
        for event in client.stream(signal[at : at + piece]):
            name = chain.rule.labels[event.label]
            say(f"{event.instant / chain.spec.rate_hz:9.3f} s  {name}  ({_share(chain, event.score)})")
            found.append(event)
    return found


def _share(chain: Chain, score: int) -> str:
    if chain.rule.kind == "score":
        return (
            f"score {score / chain.rule.smoothing:,.0f}, threshold {chain.rule.threshold / chain.rule.smoothing:,.0f}"
        )
    return f"{score / (255 * chain.rule.smoothing):.0%}"


def _counted(client: Client, chain: Chain, signal: Int16) -> StreamStatistics:
    """Figures of a short stream with the counter on; counting is slow in some simulators."""
    rows = feature_shape(chain.spec)[0]
    least = reference.row_end(chain.spec, 4 * max(rows, chain.rule.hop_rows))
    client.stream_begin(count=True)
    client.stream(signal[: max(least, round(_COUNTED_S * chain.spec.rate_hz))])
    return client.stream_end()


def _stage_table(client: Client, chain: Chain, signal: Int16, capabilities: Capabilities) -> Table | None:
    """What each stage of the front end takes per 10 ms, over the loudest stretch; None where a signal is too short."""
    size = samples_per_inference(chain.spec)
    if len(signal) < size:
        return None
    starts = range(0, len(signal) - size + 1, size)
    loudest = max(starts, key=lambda at: int(np.abs(signal[at : at + size].astype(np.int32)).sum()))
    counts = count_stages(client, signal[loudest : loudest + size])
    per_row = chain.spec.rate_hz * HOP_MS / 1000 / (reference.row_end(chain.spec, 1) - reference.row_end(chain.spec, 0))
    share = per_row / chain.spec.n_frames * capabilities.counter_scale
    rows = [
        (name, f"{round(ticks * share):,}")
        for name, ticks, marks in zip(stage_names(chain.spec), counts.ticks, counts.marks, strict=False)
        if marks
    ]
    title = f"front end per {HOP_MS} ms ({capabilities.counter_origin})"
    return Table(title=title, columns=("stage", capabilities.counter), rows=tuple(rows))


def _memory_check(chain: Chain, info: StreamInfo) -> Check:
    planned = memory_bytes(chain.stream_view)
    if chain.board.chip.arch == "native":
        reason = f"planned {planned:,} bytes for 32-bit machines, {info.memory_bytes:,} here"
        return Check(name="stream memory", status=CheckStatus.PASSED, reason=reason)
    same = planned == info.memory_bytes
    status = CheckStatus.PASSED if same else CheckStatus.FAILED
    return Check(name="stream memory", status=status, reason=f"planned {planned:,}, device {info.memory_bytes:,} bytes")


def planned_memory(chain: Chain) -> tuple[Measurement, ...]:
    """RAM of the chain that is known before anything is built."""
    ring = 2 * chain.stream_view.channels * chain.stream_view.ring_instants
    return (
        Measurement(name="arena_bytes", value=chain.plan.arena_bytes, unit="bytes", origin="planned"),
        Measurement(name="state_bytes", value=chain.plan.state_bytes, unit="bytes", origin="planned"),
        Measurement(
            name="stream_bytes",
            value=memory_bytes(chain.stream_view),
            unit="bytes",
            origin="planned",
            note=f"ring of samples {ring:,}, sums, kept events, counters",
        ),
        *(
            Measurement(
                name="learned_bytes",
                value=size,
                unit="bytes",
                origin="planned",
                note="two copies of what is learned; outlive a reset",
            )
            for size in (learned_bytes(chain.stream_view),)
            if size
        ),
    )


def _figures(
    chain: Chain, told: StreamStatistics, audio_s: float, seconds: float, capabilities: Capabilities
) -> list[Measurement]:
    origin = f"measured-on-{capabilities.name}"
    return [
        Measurement(name="audio_s", value=round(audio_s, 3), unit="s", origin="declared"),
        Measurement(name="rows", value=told.rows, unit="count", origin=origin),
        Measurement(name="inferences", value=told.inferences, unit="count", origin=origin),
        Measurement(name="events", value=told.events, unit="count", origin=origin),
        Measurement(name="overruns", value=told.overruns, unit="count", origin=origin, note="samples without room"),
        Measurement(name="saturated_samples", value=told.saturated, unit="count", origin=origin),
        Measurement(
            name="speed",
            value=round(audio_s / max(seconds, 1e-9), 2),
            unit="ratio",
            origin="measured-on-host",
            note=f"times real time, on {capabilities.name}",
        ),
    ]


def _costs(chain: Chain, counted: StreamStatistics, capabilities: Capabilities) -> list[Measurement]:
    """Counter differences as work per 10 ms of signal, and as a share of the board's clock."""
    hops = counted.instants / chain.spec.rate_hz * 1000 / HOP_MS
    scale, unit = capabilities.counter_scale, capabilities.counter
    features, model = (ticks * scale / hops for ticks in (counted.feature_ticks, counted.inference_ticks))
    origin = capabilities.counter_origin
    found = [
        Measurement(name=f"{name}_per_hop", value=round(value), unit=unit, origin=origin, note=f"per {HOP_MS} ms")
        for name, value in (("features", features), ("inference", model), ("all", features + model))
    ]
    board: BoardSpec = chain.board
    if board.clock_hz and unit in ("instructions", "cycles"):
        share = (features + model) * 1000 / HOP_MS / board.clock_hz
        found.append(
            Measurement(
                name="duty_cycle",
                value=round(share, 4),
                unit="ratio",
                origin=origin,
                note=f"{unit} per second over {board.clock_hz / 1e6:g} MHz"
                + ("; instructions are not cycles" if unit == "instructions" else ""),
            )
        )
    return found


def _event_table(chain: Chain, events: list[StreamEvent]) -> Table:
    rows = tuple(
        (f"{e.instant / chain.spec.rate_hz:.3f}", chain.rule.labels[e.label], _share(chain, e.score), str(e.instant))
        for e in events[:_SHOWN_EVENTS]
    )
    return Table(title="events", columns=("second", "label", "mean", "instant"), rows=rows)


def _notes(chain: Chain, events: list[StreamEvent], capabilities: Capabilities) -> tuple[str, ...]:
    notes = [f"features to int8 by the {chain.quantization.words}"]
    if len(events) > _SHOWN_EVENTS:
        notes.append(f"the first {_SHOWN_EVENTS} of {len(events)} events are shown; --json has all")
    if not events:
        notes.append("weak: no event came of this signal, so only rows and outputs were compared")
    baud = chain.board.serial.baud
    if capabilities.name == "serial" and baud < REAL_TIME_BAUD:
        notes.append(f"{baud} baud carry less than real-time audio ({REAL_TIME_BAUD} do): the line was waited for")
    return tuple(notes)
