"""Pseudo-speakers: voices of espeak-ng and flite with their own pitch and speed, run as programs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from tinygen.core import process
from tinygen.core.errors import tool_failed
from tinygen.core.progress import Progress
from tinygen.datasets.readers.audio import read_audio
from tinygen.datasets.signal import mix_to_mono, to_int16, to_rate
from tinygen.datasets.values import Int16

RATE_HZ = 16000

_ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-gb-x-gbclan", "en-gb-x-gbcwmd")
_VARIANTS = ("m1", "f1", "m3", "f2", "m7", "f3", "m2", "f4", "adam", "linda", "m4", "f5", "michael", "steph", "klatt2")
_FLITE_VOICES = ("slt", "rms", "awb", "kal16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """One pseudo-speaker.

    Attributes:
        name: of its utterances.
        group: the voice behind it, whatever its accent, pitch and speed: two speakers of one voice are not two people.
        voice: the engine's name for the voice.
        pitch: espeak-ng's 0..99, flite's mean fundamental frequency in Hz, or a neural voice's rate of play in percent.
        speed: words per minute (espeak-ng), or a factor in percent on durations (flite) or on speed (neural).
    """

    name: str
    group: str
    engine: Literal["espeak-ng", "flite", "kokoro"]
    voice: str
    pitch: int
    speed: int


def engines() -> tuple[str, ...]:
    """The speech engines that are installed.

    Raises:
        TinygenError: none is.
    """
    found = tuple(name for name in ("espeak-ng", "flite") if shutil.which(name))
    if not found:
        raise tool_failed(
            "no speech engine is installed: the built-in keyword set is spoken by espeak-ng and flite",
            hint="install one or both (Debian: sudo apt-get install espeak-ng flite), or use recordings with --data",
        )
    return found


def draw_speakers(rng: np.random.Generator, count: int, available: tuple[str, ...]) -> list[Speaker]:
    """`count` ways to speak, of some twenty voices (`Speaker.group`); every fourth is flite's where both are there."""
    speakers: list[Speaker] = []
    for index in range(count):
        use_flite = "flite" in available and ("espeak-ng" not in available or index % 4 == 3)
        if use_flite:
            voice = _FLITE_VOICES[(index // 4 if "espeak-ng" in available else index) % len(_FLITE_VOICES)]
            low, high = (150, 240) if voice == "slt" else (85, 150)
            pitch, speed = int(rng.integers(low, high)), int(rng.integers(80, 126))
            group = f"flite-{voice}"
        else:
            variant = _VARIANTS[index % len(_VARIANTS)]
            voice, group = f"{_ACCENTS[index % len(_ACCENTS)]}+{variant}", f"espeak-{variant}"
            pitch, speed = int(rng.integers(25, 75)), int(rng.integers(120, 200))
        engine: Literal["espeak-ng", "flite"] = "flite" if use_flite else "espeak-ng"
        name = f"speaker{index:02d}-{voice}"
        speakers.append(Speaker(name=name, group=group, engine=engine, voice=voice, pitch=pitch, speed=speed))
    return speakers


def speak_all(
    jobs: list[tuple[Speaker, str]], progress: Progress, neural: Callable[[Speaker, str], Int16] | None = None
) -> list[Int16]:
    """Synthesise every (speaker, word) with all processors: int16 [n, 1] at 16 kHz each, in the order of the jobs.

    Args:
        jobs: who says what.
        progress: told how far it is.
        neural: speaks for speakers that no program speaks for.

    Raises:
        TinygenError: an engine failed or gave no sound.
    """
    results: list[Int16] = []
    with tempfile.TemporaryDirectory(prefix="tinygen-speech-") as folder:
        pool = ThreadPoolExecutor(max_workers=cpu_count() or 1)
        try:
            futures = [
                pool.submit(neural, *job)
                if neural is not None and job[0].engine == "kokoro"
                else pool.submit(_speak, *job, Path(folder) / f"{i}.wav")
                for i, job in enumerate(jobs)
            ]
            for done, future in enumerate(futures, start=1):
                results.append(future.result())
                progress("speaking words", done, len(jobs))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return results


def _speak(speaker: Speaker, word: str, path: Path) -> Int16:
    if speaker.engine == "flite":
        stretch = f"duration_stretch={speaker.speed / 100}"
        tuned = ["--setf", stretch, "--setf", f"int_f0_target_mean={speaker.pitch}"]
        command = ["flite", "-voice", speaker.voice, *tuned, "-t", word, "-o", str(path)]
    else:
        tuned = ["-p", str(speaker.pitch), "-s", str(speaker.speed)]
        command = ["espeak-ng", "-v", speaker.voice, *tuned, "-w", str(path), word]
    process.run(command, timeout_s=60, needs=speaker.engine)
    if not path.is_file():
        raise tool_failed("gave no sound", where=process.shown(command))
    signal, rate_hz = read_audio(path)
    path.unlink()
    return trim(to_rate(mix_to_mono(signal), rate_hz, RATE_HZ))


def trim(signal: Int16) -> Int16:
    """int16 [n, 1] with quiet ends cut off and its peak at half of full scale."""
    level = np.abs(signal[:, 0].astype(np.int32))
    loud = np.flatnonzero(level > max(200, int(level.max(initial=0)) // 40))
    if loud.size == 0:
        return signal
    kept = signal[max(0, loud[0] - 320) : loud[-1] + 800]
    return half_scale(kept.astype(np.float64))


def half_scale(wave: npt.NDArray[np.float64]) -> Int16:
    """int16 of any real wave, of the same shape, its peak at half of full scale; silence stays silence."""
    peak = float(np.abs(wave).max(initial=0.0)) or 1.0
    return to_int16(wave * (16384.0 / peak))
