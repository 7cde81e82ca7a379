"""stream: a signal without end through the whole chain on a device, its decisions live, and each compared."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinygen.core.canonical import digest_bytes
from tinygen.core.errors import bad_input
from tinygen.core.values import Measurement, Report
from tinygen.datasets.readers.audio import read_audio
from tinygen.datasets.signal import mix_to_mono, to_rate
from tinygen.device.client import Client
from tinygen.device.registry import choose
from tinygen.device.values import StreamEvent
from tinygen.features import quantize
from tinygen.features.spec import FeatureSpec
from tinygen.pipeline import chain as chains
from tinygen.pipeline import compile_views, proof, saved
from tinygen.pipeline import hop_counting as hops
from tinygen.pipeline import stream_views as views
from tinygen.pipeline.chain import BuiltChain, Chain
from tinygen.pipeline.context import Context
from tinygen.pipeline.steps import converted
from tinygen.verify import pymicro
from tinygen.verify import stream as expecting

Int16 = npt.NDArray[np.int16]
Say = Callable[[str], None]

_HELDOUT_S = 60.0
_PIECE_S = 0.5


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
    return audio_at(path, spec.rate_hz, 1)


def audio_at(path: Path, rate_hz: int, channels: int) -> Int16:
    """A recording mixed to one channel, at a rate: int16 [instants, 1].

    Raises:
        TinygenError: not readable, or more than one channel is wanted.
    """
    if channels != 1:
        raise bad_input(f"the device takes {channels} channels, no audio", where=str(path), hint="leave --wav out")
    signal, its_rate_hz = read_audio(path)
    mono: Int16 = to_rate(mix_to_mono(signal), its_rate_hz, rate_hz)
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
    counted = None if proved is not None else hops.figures(inner, chain, made_up_signal(chain))
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
            *views.planned_memory(chain),
            Measurement(name="weights_bytes", value=chain.plan.weights_bytes, unit="bytes", origin="planned"),
            Measurement(name="macs", value=chain.plan.macs, unit="count", origin="planned"),
            Measurement(name="flash_bytes", value=firmware.flash_bytes, unit="bytes", origin="linked"),
            Measurement(name="ram_bytes", value=firmware.ram_bytes, unit="bytes", origin="linked"),
            *(proved.measurements if proved is not None else ()),
            *(counted.measurements if counted is not None else ()),
        ),
        tables=(
            *(proved.tables if proved is not None else ()),
            *(counted.tables if counted is not None else ()),
        ),
        notes=(
            *(proved.notes if proved is not None else (quantize.note(chain.quantization), *chain.notes)),
            *(counted.notes if counted is not None else ()),
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
        counted = views.counted(client, chain, signal) if target.capabilities.counter != "none" else None
        stages = views.stage_table(client, chain, signal, target.capabilities) if counted is not None else None
        feature_bytes = client.hello().feature_state_bytes
        capabilities = target.capabilities
    checks = [*expecting.checks(expected, events, told, len(signal)), views.memory_check(chain, info)]
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
            *views.figures(chain, told, audio_s, seconds, capabilities),
            *views.planned_memory(chain),
            Measurement(
                name="front_end_bytes", value=feature_bytes, unit="bytes", origin=f"measured-on-{capabilities.name}"
            ),
            *(views.costs(chain, counted, capabilities) if counted is not None else ()),
            *((pymicro.measurement(authors),) if authors is not None else ()),
        ),
        tables=tuple(
            table for table in (views.event_table(chain, events) if events else None, stages) if table is not None
        ),
        notes=views.notes(chain, events, capabilities),
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
            say(f"{event.instant / chain.spec.rate_hz:9.3f} s  {name}  ({views.share(chain, event.score)})")
            found.append(event)
    return found
