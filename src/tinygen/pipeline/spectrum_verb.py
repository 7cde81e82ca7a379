"""spectrum: what a machine's vibration is made of, with the fault frequencies of its bearing marked.

Spectra are those of the device's integer front end, bin by bin: its window and FFT, its carrier band-pass and envelope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinygen.core.bearing import Bearing, fault_frequencies
from tinygen.core.errors import bad_input
from tinygen.core.files import write_atomic
from tinygen.core.values import Measurement, Report, Table
from tinygen.datasets.load import load_dataset
from tinygen.features import envelope
from tinygen.features.bands import without_mean
from tinygen.features.fft import MAX_FFT, fft_tables, real_fft
from tinygen.features.hann import windowed_full_scale
from tinygen.features.spec import BandEnergySpec
from tinygen.pipeline.context import Context
from tinygen.report import html
from tinygen.tasks import vibration

HARMONICS = 3
_SHOWN_ABOVE = 3.4  # times the highest fault frequency
_NEAR = 0.02  # slip: how far a line may lie from what geometry says
_TOGETHER = 64
_WIDTH_BINS = 2  # half the main lobe of the Hann window

Int16 = npt.NDArray[np.int16]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asked for.

    Attributes:
        label: only recordings with this label; "" takes those of all.
        group: only this machine's; "" takes all.
        axis: channel. shaft_hz: turns per second; None without a bearing.
    """

    label: str = ""
    group: str = ""
    axis: int = 0
    bearing: Bearing | None = None
    shaft_hz: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spectrum:
    """Mean amplitudes float64 [bins] at k * step_hz, in dB over one squared LSB."""

    step_hz: float
    level_db: Float64

    def height(self, hz: float) -> float:
        """dB of the strongest line within 2 % (and one bin) of a frequency above its neighbourhood's median."""
        reach = max(1, round(hz * _NEAR / self.step_hz))
        at = round(hz / self.step_hz)
        near = self.level_db[max(0, at - reach) : at + reach + 1]
        around = self.level_db[max(2, at - 10 * reach) : at + 10 * reach + 1]
        return float(near.max() - np.median(around)) if near.size and around.size else float("nan")


def plain_spectrum(signals: Int16, rate_hz: int) -> Spectrum:
    """Of signals int16 [n, samples]: as many half-overlapping windows of the longest FFT as fit, averaged as power."""
    size = min(MAX_FFT, 1 << (signals.shape[1].bit_length() - 1))
    return Spectrum(step_hz=rate_hz / size, level_db=_levels(signals, size))


def envelope_spectrum(signals: Int16, rate_hz: int, highest_hz: float) -> Spectrum:
    """Of the envelope of the task's carrier band: fine enough up to `highest_hz`, if signals int16 [n, samples] allow.

    Raises:
        TinygenError: the signals are too short.
    """
    samples = signals.shape[1]
    base = vibration.condition_front_end(rate_hz=rate_hz, n_channels=1, samples=samples)
    decimation = max(1, int(rate_hz / (2.5 * max(highest_hz, 1.0))))
    room = (samples - base.envelope_taps + 1) // decimation
    if room < envelope.MIN_SIZE:
        raise bad_input(f"{samples} samples are too few for an envelope up to {highest_hz:g} Hz", where="spectrum")
    size = min(MAX_FFT, 1 << (room.bit_length() - 1))
    spec = replace(base, envelope_decimation=decimation, envelope_size=size, envelope_bands=1)
    return Spectrum(step_hz=rate_hz / decimation / size, level_db=_levels(_heights(spec, signals), size))


def _heights(spec: BandEnergySpec, signals: Int16) -> Int16:
    parts = [envelope.envelopes(spec, signals[at : at + _TOGETHER]) for at in range(0, len(signals), _TOGETHER)]
    return np.concatenate(parts)


def _levels(signals: Int16, size: int) -> Float64:
    windows = np.lib.stride_tricks.sliding_window_view(signals, size, axis=1)[:, :: size // 2].reshape(-1, size)
    total = np.zeros(size // 2 + 1)
    for at in range(0, len(windows), _TOGETHER):
        samples, shifts = windowed_full_scale(without_mean(np.ascontiguousarray(windows[at : at + _TOGETHER])), size)
        spectrum = real_fft(samples, fft_tables(size)).astype(np.float64)
        total += ((spectrum**2).sum(axis=0) * 4.0 ** -shifts.astype(np.float64)).sum(axis=1)
    levels: Float64 = 10 * np.log10(total / len(windows) + 2.0**-12)
    return levels


def spectrum(ctx: Context, request: Request, output: Path | None) -> Report:
    """Both spectra of a task's recordings as a page, and how far each fault frequency stands out.

    Raises:
        TinygenError: no such recordings or axis, a bearing without its speed; the page cannot be written.
    """
    if (request.bearing is None) != (request.shaft_hz is None):
        raise bad_input("a bearing's frequencies take --bearing and --rpm together", where="spectrum")
    data = Path(ctx.config.data) if ctx.config.data else None
    dataset = load_dataset("vibration", data, ctx.cache_dir, ctx.config.seed, ctx.progress)
    chosen = [r for r in dataset.recordings if request.label in ("", r.label) and request.group in ("", r.group)]
    if not chosen:
        labels, groups = (sorted({getattr(r, key) for r in dataset.recordings}) for key in ("label", "group"))
        raise bad_input(
            "there are no such recordings", where=dataset.name,
            hint=f"labels: {', '.join(labels)}; machines: {', '.join(groups)}",
        )  # fmt: skip
    if not 0 <= request.axis < chosen[0].signal.shape[1]:
        raise bad_input(f"axis {request.axis} of {chosen[0].signal.shape[1]}", where="--axis", hint="the first is 0")
    shortest = min(len(r.signal) for r in chosen)
    signals = np.stack([r.signal[:shortest, request.axis] for r in chosen])
    marks = (
        fault_frequencies(request.bearing, request.shaft_hz)
        if request.bearing is not None and request.shaft_hz is not None
        else {}
    )
    report = judged(signals, chosen[0].rate_hz, marks, request.shaft_hz, subject={
        "data": dataset.name, "label": request.label or "all", "machine": request.group or "all",
        "axis": str(request.axis), "recordings": str(len(chosen)), "licence": dataset.licence,
    })  # fmt: skip
    page = output or ctx.config.build_dir / "spectrum.html"
    write_atomic(page, html.page([report]))
    return replace(report, notes=(*report.notes, f"page: {page}"))


def judged(
    signals: Int16, rate_hz: int, marks: dict[str, float], shaft_hz: float | None, *, subject: dict[str, str]
) -> Report:
    """The report over signals int16 [n, samples] of one axis.

    Args:
        signals, rate_hz: what was recorded.
        marks: fault frequencies in Hz by name.
        shaft_hz: turns per second, marked too.
        subject: what was looked at, for people.

    Raises:
        TinygenError: the signals are too short.
    """
    lines = {"shaft": shaft_hz, **marks} if shaft_hz else dict(marks)
    highest = min(_SHOWN_ABOVE * max(marks.values(), default=rate_hz / 64), rate_hz / 8)
    plain, hidden = plain_spectrum(signals, rate_hz), envelope_spectrum(signals, rate_hz, highest)
    rows = []
    figures = []
    for name, hz in lines.items():
        if hz is None:
            continue
        heights = [hidden.height(hz * k) for k in range(1, HARMONICS + 1) if hz * k < highest]
        rows.append((name, f"{hz:.1f}", *(f"{height:.1f}" for height in heights), *[""] * (HARMONICS - len(heights))))
        figures.append(
            Measurement(name=f"{name.lower()}_db", value=round(heights[0], 2) if heights else None, unit="dB",
                        origin="measured-on-host", note=f"of the envelope at {hz:.1f} Hz, over its neighbourhood")
        )  # fmt: skip
    columns = ("line", "Hz", *(f"{k} x: dB above around" for k in range(1, HARMONICS + 1)))
    return Report(
        kind="spectrum",
        subject=subject,
        measurements=tuple(figures),
        tables=(Table(title="fault frequencies in the envelope's spectrum", columns=columns, rows=tuple(rows)),)
        if rows
        else (),
        notes=(
            "spectra of the device's integer front end; dB over one squared LSB",
            f"plain: {plain.step_hz:.2f} Hz per bin; envelope: {hidden.step_hz:.2f} Hz per bin",
            *_blurred(lines, hidden.step_hz),
        ),
        details={
            "spectra": [
                _drawn("Envelope spectrum", hidden, min(highest, hidden.step_hz * len(hidden.level_db)), lines),
                _drawn("Spectrum", plain, rate_hz / 2, {}),
            ],
            "lines_hz": lines,
        },
    )


def _blurred(lines: dict[str, float] | dict[str, float | None], step_hz: float) -> list[str]:
    """A word on lines that the envelope's spectrum cannot tell from each other, or from what is slow."""
    places = sorted((hz, name) for name, hz in lines.items() if hz is not None)
    close = {
        name
        for (low, before), (high, after) in pairwise([(0.0, ""), *places])
        if high - low < _WIDTH_BINS * step_hz
        for name in (before, after)
        if name
    }
    if not close:
        return []
    named = ", ".join(f"{name} {hz:.1f} Hz" for hz, name in places if name in close)
    return [f"{named}: nearer than {_WIDTH_BINS} bins to a neighbour or to 0; longer recordings tell them apart"]


def _drawn(title: str, found: Spectrum, highest_hz: float, lines: dict[str, float] | dict[str, float | None]) -> object:
    count = min(len(found.level_db), int(highest_hz / found.step_hz) + 1)
    levels = found.level_db[1:count]
    floor = float(np.floor(levels.min())) if levels.size else 0.0
    return {
        "title": title,
        "floor_db": floor,
        "points": [[k * found.step_hz, float(level)] for k, level in enumerate(levels, start=1)],
        "marks": [[name, hz] for name, hz in lines.items() if hz is not None and hz < highest_hz],
    }


def best_line(report: Report, names: Sequence[str]) -> str:
    """Which of these lines stands out most at its first harmonic."""
    heights = {m.name.removesuffix("_db").upper(): float(m.value or 0.0) for m in report.measurements}
    return max(names, key=lambda name: heights.get(name, float("-inf")))
