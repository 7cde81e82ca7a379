"""Fitting recordings to a task: channels, sampling rate, label names."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from tinygen.core.errors import bad_input
from tinygen.datasets.readers.raw import UNKNOWN_RATE, RawSet
from tinygen.datasets.signal import mix_to_mono, to_rate
from tinygen.datasets.values import Recording

KWS_RATE_HZ = 16000
USUAL_RATE_HZ = {"kws": KWS_RATE_HZ, "vibration": 25600, "gesture": 100}

HEALTHY = "healthy"
_HEALTHY_WORDS = ("healthy", "normal", "ok", "good", "baseline", "nominal")


def adapt(task_name: str, raw: RawSet) -> RawSet:
    """Make recordings usable for a task; everything that was changed is said in the notes.

    Raises:
        TinygenError: see the parts below.
    """
    notes = list(raw.notes)
    recordings, noises = raw.recordings, raw.noises
    unknown = sum(r.rate_hz == UNKNOWN_RATE for r in recordings)
    if unknown:
        usual = USUAL_RATE_HZ[task_name]
        notes.append(f"{unknown} recordings do not say their sampling rate: {usual} Hz is assumed")
        recordings = tuple(replace(r, rate_hz=usual) if r.rate_hz == UNKNOWN_RATE else r for r in recordings)
    if task_name == "kws":
        recordings, said = _audio(recordings)
        noises, _ = _audio(noises)
        notes += said
    else:
        _one_rate(recordings)
    if task_name == "vibration":
        recordings, said = _name_healthy(recordings)
        notes += said
    return RawSet(recordings=recordings, noises=noises, group_kind=raw.group_kind, notes=tuple(notes))


def _audio(recordings: tuple[Recording, ...]) -> tuple[tuple[Recording, ...], list[str]]:
    notes: list[str] = []
    mixed = sum(r.signal.shape[1] > 1 for r in recordings)
    if mixed:
        notes.append(f"{mixed} recordings were mixed to one channel")
    rates = Counter(r.rate_hz for r in recordings if r.rate_hz != KWS_RATE_HZ)
    for rate_hz, count in sorted(rates.items()):
        if rate_hz < 8000:
            first = next(r for r in recordings if r.rate_hz == rate_hz)
            raise bad_input(
                f"{rate_hz} Hz is too low for speech, at least 8000 Hz is needed",
                where=first.name,
                hint=f"record at {KWS_RATE_HZ} Hz",
            )
        lost = " (nothing above its half is there)" if rate_hz < KWS_RATE_HZ else ""
        notes.append(f"{count} recordings were resampled from {rate_hz} to {KWS_RATE_HZ} Hz{lost}")
    return tuple(
        replace(r, signal=to_rate(mix_to_mono(r.signal), r.rate_hz, KWS_RATE_HZ), rate_hz=KWS_RATE_HZ)
        for r in recordings
    ), notes


def _one_rate(recordings: tuple[Recording, ...]) -> None:
    if not recordings:
        return
    first = recordings[0]
    other = next((r for r in recordings if r.rate_hz != first.rate_hz), None)
    if other is not None:
        raise bad_input(
            f"is sampled at {other.rate_hz} Hz, '{first.name}' at {first.rate_hz} Hz",
            where=other.name,
            hint="bring all recordings to one rate first: the device samples at one rate",
        )


def _name_healthy(recordings: tuple[Recording, ...]) -> tuple[tuple[Recording, ...], list[str]]:
    labels = sorted({r.label for r in recordings})
    found = next((label for word in _HEALTHY_WORDS for label in labels if label.lower() == word), None)
    if found is None:
        raise bad_input(
            f"no class is called '{HEALTHY}', there are: {', '.join(labels)}",
            hint="name the class of the sound machine 'healthy' (or 'normal'); every other class counts as a fault",
        )
    if found == HEALTHY:
        return recordings, []
    renamed = tuple(replace(r, label=HEALTHY) if r.label == found else r for r in recordings)
    return renamed, [f"class '{found}' is taken as '{HEALTHY}'"]
