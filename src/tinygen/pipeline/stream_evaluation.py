"""evaluate-stream: false accepts per hour, misses and delay over long audio; DET curve; a threshold for a target."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tinygen.core.canonical import digest_bytes
from tinygen.core.errors import bad_input, did_you_mean
from tinygen.core.files import write_atomic
from tinygen.core.values import Check, CheckStatus, Measurement, Report
from tinygen.datasets import soundscape
from tinygen.datasets.synth.kws import FILLERS
from tinygen.datasets.synth.speech import draw_speakers, engines, speak_all
from tinygen.device.registry import choose
from tinygen.features.spec import LogMelSpec
from tinygen.pipeline import chain as chains
from tinygen.pipeline import runs, saved, streaming
from tinygen.pipeline.carrying import writable, write_threshold
from tinygen.pipeline.chain import Chain
from tinygen.pipeline.context import Context
from tinygen.pipeline.steps import converted
from tinygen.pipeline.streaming import Int16
from tinygen.report import html
from tinygen.tasks import thresholds
from tinygen.tasks.front_end import SPECS
from tinygen.tasks.thresholds import Judged, Truth

DEFAULT_SECONDS = 300.0
_SPEAKERS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asked for.

    Attributes:
        chain: which chain; its `wav`, with `labels` (a CSV), is judged instead of made audio.
        target_per_hour: false accepts; None keeps the chain's own threshold.
        snr_db: of made audio.
        compare_on: also stream it through a device there, and compare the events.
        page: where the HTML page goes.
        keep: write the threshold into tinygen.toml.
    """

    chain: streaming.Request = field(default_factory=streaming.Request)
    labels: Path | None = None
    target_per_hour: float | None = None
    snr_db: float = 10.0
    compare_on: str = ""
    page: Path | None = None
    keep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Audio:
    """What is judged on; `beyond` labels end after it does."""

    signal: Int16
    truths: tuple[Truth, ...]
    origin: str
    beyond: int = 0


def evaluate(ctx: Context, request: Request) -> Report:
    """Judge a chain over long audio.

    Raises:
        TinygenError: as `streaming.chain_of`; unusable audio or labels; the oracle is missing; as `streaming.prove`.
    """
    if request.keep:
        writable(ctx.config.file)
    if request.compare_on:
        choose(ctx.board, request.compare_on)
    if request.chain.wakeword is None and not isinstance(SPECS[ctx.config.task], LogMelSpec):
        message = f"{ctx.config.task} listens to no audio"
        raise bad_input(message, where="evaluate-stream", hint="--task kws, or --wakeword MANIFEST")
    if request.chain.wav is None:
        ctx = replace(ctx, trains=True)  # held-out recordings are needed, which no ready model brings
    chain = streaming.chain_of(ctx, request.chain)
    audio = _audio(ctx, chain, request)
    expected = chains.expected(chain, audio.signal)
    rate_hz = chain.spec.rate_hz
    hours = len(audio.signal) / rate_hz / 3600
    span = int(expected.made.instants[1] - expected.made.instants[0]) if len(expected.made.instants) > 1 else 0
    late = round(thresholds.LATE_S * rate_hz) + span * chain.rule.smoothing
    instants = expected.made.instants.tolist()
    own = thresholds.judge(expected.events, audio.truths, threshold=chain.rule.threshold, late=late)
    curve = thresholds.sweep(chain.rule, expected.values, instants, audio.truths, late=late)
    asked = request.target_per_hour
    chosen = thresholds.threshold_for(curve, hours, asked) if asked is not None else own
    checks: list[Check] = []
    if asked is not None:
        checks.append(target_check(chosen, hours, asked))
    inner = streaming.within(ctx, chain)
    if request.compare_on:
        # The very threshold that is told, in the image as in Python.
        chain = replace(chain, rule=thresholds.with_threshold(chain.rule, chosen.threshold))
        made = chains.built(inner, chain)
        checks += streaming.prove(inner, made, request.compare_on, audio.signal, lambda _line: None).checks
    carried_over = _carry(ctx, request, chain, chosen.threshold)
    page = request.page or ctx.config.build_dir / f"evaluate-stream-{chain.slug}-{chain.board.id}.html"
    report = Report(
        kind="evaluate-stream",
        subject={
            "task": chain.name,
            "board": chain.board.id,
            "model": digest_bytes(chain.tflite)[:16],
            "audio": audio.origin,
            "page": str(page),
        },
        checks=tuple(checks),
        measurements=(
            Measurement(name="audio_s", value=round(len(audio.signal) / rate_hz, 1), unit="s", origin="declared"),
            Measurement(name="words", value=len(audio.truths), unit="count", origin="declared"),
            *_figures(chosen, hours, rate_hz, len(audio.truths)),
        ),
        notes=(
            f"one false accept in this audio is {1 / hours:.2f} per hour: finer rates need longer audio",
            "delay: from the end of the labelled stretch to the event; negative while the stretch lasts",
            f"threshold {chosen.threshold} of the sum over {chain.rule.smoothing} inferences; the chain's own is "
            f"{own.threshold}",
            carried_over,
            *([f"{audio.beyond} of the labels end after the audio does and were left out"] if audio.beyond else []),
            *chain.notes,
        ),
        details={
            "det": [[point.false_accepts / hours, point.miss_rate] for point in curve],
            "thresholds": [point.threshold for point in curve],
            "chosen": [chosen.false_accepts / hours, chosen.miss_rate],
            "threshold": chosen.threshold,
        },
    )
    write_atomic(page, html.page([runs.portable(report, ctx)]))
    return saved.keep(inner, report)


def _carry(ctx: Context, request: Request, chain: Chain, threshold: int) -> str:
    """Write the threshold down where that is asked for; says how it gets into the firmware.

    Raises:
        TinygenError: no sum can be above it; there is no tinygen.toml.
    """
    if not request.keep:
        word = request.chain.wakeword
        verb = f"compile --wakeword {word}" if word is not None else "flash"
        more = "" if word is not None else ", or --keep here writes it into tinygen.toml"
        return f"into the firmware: tinygen {verb} --event-threshold {threshold}{more}"
    thresholds.carried(chain.rule, threshold)
    path = write_threshold(ctx.config.file, threshold)
    return f"{path.name} now says [stream] threshold = {threshold}: every image built from here on has it"


def target_check(chosen: Judged, hours: float, asked: float) -> Check:
    """Whether a rate was kept, and whether audio of this length can show it.

    "blocked": kept here, but a device with a higher rate than asked would come through as well in one case of twenty.
    """
    observed = f"{chosen.false_accepts / hours:.2f} per hour at a sum above {chosen.threshold}, at most {asked:g}"
    bound = thresholds.highest_rate(chosen.false_accepts, hours)
    if chosen.false_accepts > asked * hours:
        status, reason = CheckStatus.FAILED, observed
    elif bound <= asked:
        status, reason = CheckStatus.PASSED, f"{observed}; below {bound:.2f} with 95 % confidence"
    else:
        status = CheckStatus.BLOCKED
        needed = f"{thresholds.highest_rate(0, 1.0) / asked:.1f} h without one" if asked > 0 else "no length of audio"
        reason = f"{observed}; but {hours:.2f} h show no more than {bound:.1f} (95 %): {needed} would show it"
    return Check(name="target false accepts", status=status, reason=reason)


def _figures(chosen: Judged, hours: float, rate_hz: int, words: int) -> list[Measurement]:
    origin = "measured-in-tflm-interpreter"
    delays = np.array(chosen.delays) / rate_hz
    found = [
        Measurement(
            name="false_accepts_per_hour", value=round(chosen.false_accepts / hours, 3), unit="per hour", origin=origin
        ),
        Measurement(name="false_accepts", value=chosen.false_accepts, unit="count", origin=origin),
        Measurement(
            name="false_accepts_per_hour_95",
            value=round(thresholds.highest_rate(chosen.false_accepts, hours), 3),
            unit="per hour",
            origin=origin,
            note="upper bound with 95 % confidence: false accepts as a Poisson process",
        ),
    ]
    if words:
        found.append(Measurement(name="miss_rate", value=round(chosen.miss_rate, 4), unit="ratio", origin=origin))
        found.append(Measurement(name="misses", value=chosen.misses, unit="count", origin=origin))
    if len(delays):
        for name, value in (("delay_median_s", np.median(delays)), ("delay_p95_s", np.quantile(delays, 0.95))):
            found.append(Measurement(name=name, value=round(float(value), 3), unit="s", origin=origin))
    return found


def _audio(ctx: Context, chain: Chain, request: Request) -> _Audio:
    """The audio to judge on, and what should be noticed in it."""
    rate_hz, seconds = chain.spec.rate_hz, request.chain.seconds or DEFAULT_SECONDS
    if request.chain.wav is not None:
        signal = streaming.signal_of(request.chain.wav, chain.spec)
        if request.chain.seconds is not None:
            signal = signal[: round(request.chain.seconds * rate_hz)]
        labels = () if request.labels is None else soundscape.read_labels(request.labels, rate_hz)
        beyond = sum(label.end > len(signal) for label in labels)
        truths = _truths(chain, labels, len(signal))
        return _Audio(signal=signal, truths=truths, origin=request.chain.wav.name, beyond=beyond)
    if request.labels is not None:
        raise bad_input("labels need the audio they belong to", where="--labels", hint="name it with --wav")
    rng = np.random.default_rng([ctx.config.seed, 41])
    watched = {chain.rule.labels[index] for index in chain.rule.watched}
    if request.chain.wakeword is None:
        made = converted(ctx)
        if made.note:
            raise bad_input("a ready model brings no recordings", where="--model", hint="give --wav and --labels")
        heldout = made.heldout
        words = [(r.label, r.signal) for r in heldout if r.label in watched]
        others = [r.signal for r in heldout if r.label not in watched and int(np.abs(r.signal).max()) > 500]
        origin = "held-out recordings in noise and babble"
    else:
        words, others = _spoken(ctx, chain.name, rng)
        origin = f"synthesised speech of {_SPEAKERS} voices in noise and babble"
    signal, labels = soundscape.mixed(words, others, seconds=seconds, rate_hz=rate_hz, snr_db=request.snr_db, rng=rng)
    return _Audio(signal=signal, truths=_truths(chain, labels, len(signal)), origin=f"{origin}, {request.snr_db:g} dB")


def _spoken(ctx: Context, word: str, rng: np.random.Generator) -> tuple[list[tuple[str, Int16]], list[Int16]]:
    speakers = draw_speakers(rng, _SPEAKERS, engines())
    fillers = [(s, FILLERS[i]) for s in speakers for i in rng.permutation(len(FILLERS))[:4]]
    spoken = speak_all([*((s, word.lower()) for s in speakers), *fillers], ctx.progress)
    return [(word, signal) for signal in spoken[: len(speakers)]], spoken[len(speakers) :]


def _truths(chain: Chain, labels: tuple[soundscape.Label, ...], n_samples: int) -> tuple[Truth, ...]:
    """Labels as numbers; labels that raise no events are left out.

    Raises:
        TinygenError: a label the chain does not know.
    """
    names = chain.rule.labels
    for label in labels:
        if label.name not in names:
            raise bad_input(f"unknown label '{label.name}'; {did_you_mean(label.name, names)}", where="--labels")
    numbered = [(label, names.index(label.name)) for label in labels if label.end <= n_samples]
    return tuple(
        Truth(start=label.start, end=label.end, label=number)
        for label, number in numbered
        if number in chain.rule.watched
    )
