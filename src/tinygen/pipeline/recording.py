"""record: labelled samples into a data set, from a device's own sensor or from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import TinygenError, bad_input
from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.datasets import cut, level, recordings
from tinygen.datasets.adapt import KWS_RATE_HZ
from tinygen.datasets.plausible import is_quiet
from tinygen.datasets.readers.audio import NOISE_FOLDER, read_audio
from tinygen.datasets.signal import mix_to_mono, to_rate
from tinygen.device import sensing
from tinygen.device.client import Client
from tinygen.device.registry import Image, choose, is_simulator, open_target
from tinygen.pipeline import firmware_steps, proof
from tinygen.pipeline.context import Context

Int16 = npt.NDArray[np.int16]
Say = Callable[[str], None]

DEFAULT_FOLDER = "recordings"
_GROUPS = {"kws": "speaker", "gesture": "person", "vibration": "machine"}
_SPEECH_CLIP_S = 1.0
_SPARE_ATTEMPTS = 3
_RATE_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asked for.

    Attributes:
        label: what is recorded.
        on: where the device is; not used with `wav`.
        wav: take it from this file instead.
        count: clips wanted; None takes one from the device, all that a file has.
        seconds: of a clip; None takes what the model looks at.
        speaker: who (or which machine): keeps recordings of one together when the data is split.
        folder: of the data set; None takes --data, or "recordings" here.
        keep: store what the level check refuses, too.
        whole: the file is one clip.
    """

    label: str
    on: str = ""
    wav: Path | None = None
    count: int | None = None
    seconds: float | None = None
    speaker: str = ""
    folder: Path | None = None
    keep: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Clip:
    signal: Int16
    rate_hz: int
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """What became of a clip. `path` is "" where it was not stored."""

    path: str
    seconds: float
    level: level.Level
    bad: tuple[str, ...]
    odd: tuple[str, ...]


def record(ctx: Context, request: Request, say: Say) -> Report:
    """Take clips, look at their level, store the good ones.

    Raises:
        TinygenError: an unsafe label, a folder of another kind, an unreadable file, no device, a sensor that does not
            run, samples that were lost.
    """
    label = recordings.check_label(request.label)
    speaker = recordings.safe_word(request.speaker)
    if request.speaker and not speaker:
        raise bad_input(f"'{request.speaker}' has no letter or digit", where="--speaker")
    folder = request.folder or ctx.config.data or Path.cwd() / DEFAULT_FOLDER
    recordings.check_folder(folder)
    group = _GROUPS[ctx.config.task]
    notes: list[str] = []
    taken: list[_Taken] = []
    wanted = _wanted(request)
    try:
        for clip in _clips(ctx, request, label, notes, say):
            found = _judged(ctx, clip, label)
            if request.keep or not found.bad:
                facts = {
                    "rate_hz": str(clip.rate_hz),
                    "peak_dbfs": f"{found.level.peak_dbfs:.1f}",
                    "source": clip.origin,
                }
                path = recordings.store(
                    folder, label, clip.signal, clip.rate_hz, speaker=speaker, group=group, facts=facts
                )
                found = _with_path(found, path.relative_to(folder).as_posix())
            taken.append(found)
            say(_told(found))
            if wanted is not None and _stored(taken) >= wanted:
                break
    except KeyboardInterrupt:
        if not taken:
            raise
        notes.append("interrupted; what was stored stays")
    return _report(ctx, request, folder, taken, notes)


def _wanted(request: Request) -> int | None:
    return request.count or 1 if request.wav is None else request.count


def _clips(ctx: Context, request: Request, label: str, notes: list[str], say: Say) -> Iterator[_Clip]:
    if request.wav is not None:
        yield from _of_file(ctx, request, label, notes)
    else:
        yield from _of_device(ctx, request, notes, say)


def _of_file(ctx: Context, request: Request, label: str, notes: list[str]) -> Iterator[_Clip]:
    """Clips of a file: around what is said in it, or one after the other where nothing needs to be said."""
    assert request.wav is not None
    signal, rate_hz = read_audio(request.wav)
    speech = ctx.config.task == "kws"
    if speech:
        if rate_hz < KWS_RATE_HZ // 2:
            raise bad_input(f"{rate_hz} Hz is too low for speech", where=str(request.wav))
        if rate_hz != KWS_RATE_HZ:
            notes.append(f"resampled from {rate_hz} to {KWS_RATE_HZ} Hz")
        signal, rate_hz = to_rate(mix_to_mono(signal), rate_hz, KWS_RATE_HZ), KWS_RATE_HZ
    total = len(signal)
    clip = total
    if request.seconds is not None or (speech and label != NOISE_FOLDER):
        clip = max(1, round((request.seconds or _SPEECH_CLIP_S) * rate_hz))
    if request.whole or label == NOISE_FOLDER:
        places = [(0, total)]
    elif speech and not is_quiet(label):
        stretches = cut.spoken(signal, rate_hz)
        places = cut.around(stretches, clip, total)
        if len(places) < len(stretches):
            notes.append(
                f"{len(stretches) - len(places)} stretches are longer than {clip / rate_hz:g} s and were left out; "
                "--seconds makes clips longer, --whole takes the file as it is"
            )
        if not places:
            longest = max((end - start for start, end in stretches), default=0) / rate_hz
            raise bad_input(
                f"all that is said in it is longer than {clip / rate_hz:g} s" if stretches else "nothing is said in it",
                where=str(request.wav),
                hint=f"--seconds {longest + 0.2:.1f} takes the longest, --whole the file as it is" if stretches else "",
            )
    else:
        places = cut.in_a_row(clip, total)
    for start, end in places:
        yield _Clip(signal=signal[start:end], rate_hz=rate_hz, origin=f"{request.wav.name}@{start / rate_hz:.2f}s")


def without_sensor(board: str, on: str) -> TinygenError:
    """The image there takes its samples over the serial line."""
    return bad_input(
        f"the image on {board} has no sensor: its samples come over the serial line",
        where=on,
        hint="put a table [sensor] with a source into tinygen.toml (`tinygen boards show` lists what the board has) "
        "and flash again; `record` also takes a file, --from-wav",
    )


@contextmanager
def connected(ctx: Context, on: str) -> Iterator[Client]:
    """A client of any build: on a port whatever is flashed, on a simulator this project's image.

    Raises:
        TinygenError: nobody there; a simulator's image would have no sensor.
    """
    chosen = choose(ctx.board, on)
    if is_simulator(chosen):
        if ctx.config.sensor is None:
            raise without_sensor(ctx.board.id, on)
        with proof.connected(ctx, firmware_steps.built(ctx), on) as (_, client):
            yield client
        return
    with open_target(ctx.board, on, Image(elf=Path(), symbols={}, build_id="")) as target:
        yield Client(target.open(), target.capabilities.time_scale, name=on)


def _of_device(ctx: Context, request: Request, notes: list[str], say: Say) -> Iterator[_Clip]:
    with connected(ctx, request.on) as client:
        hello = client.hello()
        told = sensing.state(client)
        if told.kind == "none":
            raise without_sensor(hello.board, request.on)
        if abs(told.rate_hz - hello.rate_hz) > _RATE_TOLERANCE * hello.rate_hz:
            notes.append(f"the sensor gives {told.rate_hz:g} Hz, the image's front end was made for {hello.rate_hz} Hz")
        seconds = request.seconds or hello.samples_per_inference / hello.rate_hz
        instants = max(1, round(seconds * told.rate_hz))
        notes += line_notes(
            ctx.board.serial.baud, told, instants, simulated=is_simulator(choose(ctx.board, request.on))
        )
        for number in range((request.count or 1) + _SPARE_ATTEMPTS):
            say(f"recording '{request.label}' {number + 1}, {instants / told.rate_hz:.2f} s: now")
            found = sensing.record(client, instants, ctx.progress)
            yield _Clip(signal=found.signal, rate_hz=round(told.rate_hz), origin=f"{hello.board} {told.name}")


def line_notes(baud: int, told: sensing.SensorState, instants: int, *, simulated: bool) -> list[str]:
    """What is to be said of a line that is slower than the sensor.

    Raises:
        TinygenError: it is, and the clip does not fit the device's ring.
    """
    rate = sensing.line_rate(baud, told.channels)
    if simulated or rate >= told.rate_hz:
        return []
    share = told.rate_hz / rate
    if instants > told.ring_instants / (1 - rate / told.rate_hz):
        raise bad_input(
            f"{baud} baud carry {rate:,.0f} of {told.rate_hz:,.0f} instants a second, and the device's ring holds "
            f"{told.ring_instants / told.rate_hz:.2f} s of a clip of {instants / told.rate_hz:.2f} s",
            where="serial line",
            hint="a larger ring ([sensor] ring_s in tinygen.toml), more baud, or shorter clips (--seconds)",
        )
    return [f"{baud} baud: a clip comes over {share:.1f} times slower than real time; the device's ring keeps it whole"]


def _judged(ctx: Context, clip: _Clip, label: str) -> _Taken:
    speech = ctx.config.task == "kws"
    found = level.level_of(clip.signal, clip.rate_hz)
    quiet = is_quiet(label) or label == NOISE_FOLDER
    bad, odd = level.problems(found, clip.signal.size, speech=speech, quiet=quiet, channels=clip.signal.shape[1])
    return _Taken(path="", seconds=len(clip.signal) / clip.rate_hz, level=found, bad=tuple(bad), odd=tuple(odd))


def _with_path(found: _Taken, path: str) -> _Taken:
    return _Taken(path=path, seconds=found.seconds, level=found.level, bad=found.bad, odd=found.odd)


def _stored(taken: list[_Taken]) -> int:
    return sum(bool(item.path) for item in taken)


def _told(item: _Taken) -> str:
    words = "; ".join((*item.bad, *item.odd))
    fate = item.path or "not stored"
    return f"  {fate}  peak {item.level.peak_dbfs:.1f} dBFS" + (f"  {words}" if words else "")


def _report(ctx: Context, request: Request, folder: Path, taken: list[_Taken], notes: list[str]) -> Report:
    stored = _stored(taken)
    wanted = _wanted(request) or len(taken)
    refused = [item for item in taken if item.bad and not item.path]
    reason = f"{stored} of {wanted} clips stored" + (
        f"; {len(refused)} refused: {refused[0].bad[0]}" if refused else ""
    )
    origin = f"measured-on-{request.on}" if request.wav is None else "measured-on-host"
    rows = tuple(
        (
            item.path or "(not stored)",
            f"{item.seconds:.2f}",
            f"{item.level.peak_dbfs:.1f}",
            f"{item.level.loudest_dbfs:.1f}",
            str(item.level.clipped),
            "; ".join((*item.bad, *item.odd)) or "good",
        )
        for item in taken
    )
    data = f"tinygen train --task {ctx.config.task} --data {folder}"
    return Report(
        kind="record",
        subject={"task": ctx.config.task, "label": request.label, "folder": str(folder)},
        checks=(
            Check(
                name="clips",
                status=CheckStatus.PASSED if stored and stored >= wanted else CheckStatus.FAILED,
                reason=reason,
            ),
        ),
        measurements=(
            Measurement(name="clips", value=stored, unit="count", origin=origin),
            Measurement(
                name="recorded_s", value=round(sum(i.seconds for i in taken if i.path), 3), unit="s", origin=origin
            ),
        ),
        tables=(
            Table(title="clips", columns=("file", "s", "peak dBFS", "loudest dBFS", "clipped", "level"), rows=rows),
        ),
        notes=(*notes, f"with at least two labels: {data}"),
    )
