"""Spoken keywords from speech engines, with noise, level and place in the second varied. Groups are voices."""

from __future__ import annotations

import re

import numpy as np

from tinygen.core import process
from tinygen.core.progress import Progress
from tinygen.datasets.augment import add_noise, change_gain, change_speed, equalize
from tinygen.datasets.signal import to_int16
from tinygen.datasets.synth.speech import RATE_HZ, draw_speakers, engines, speak_all
from tinygen.datasets.values import Int16, Recording

KEYWORDS = ("go", "no", "stop", "yes")
FILLERS = (
    "bed", "bird", "cat", "dog", "down", "eight", "five", "happy", "house", "left", "marvin", "nine", "off", "on",
    "right", "seven", "sheila", "three", "tree", "two", "up", "visual", "wow", "zero",
)  # fmt: skip
LABELS = ("_silence_", "_unknown_", *KEYWORDS)

SAMPLES = RATE_HZ
_SIZES = {"normal": (30, 4, 8), "smoke": (6, 1, 2)}  # speakers, takes per keyword, fillers per speaker


def engine_versions() -> str:
    """Engines and their versions, for the cache's key: another engine speaks differently.

    Raises:
        TinygenError: no engine is installed.
    """
    said = []
    for name in engines():
        done = process.run([name, "--version"], timeout_s=10, check=False)
        lines = (done.stdout or done.stderr).strip().splitlines()
        numbers = re.findall(r"(?:version: \w+-|: )(\d[\w.]*)", "\n".join(lines))
        said.append(f"{name} {numbers[0] if numbers else 'of unknown version'}")
    return " and ".join(said)


def noise(kind: str, rng: np.random.Generator, n: int) -> Int16:
    """Background of `n` samples, int16 [n, 1]: "white", "pink", "brown", "hum" or "babble"-like bursts."""
    spectrum = np.fft.rfft(rng.normal(size=n))
    frequency = np.maximum(np.fft.rfftfreq(n, 1 / RATE_HZ), 20.0)
    power = {"white": 0.0, "pink": 0.5, "brown": 1.0, "hum": 0.5, "bursts": 0.5}[kind]
    wave = np.fft.irfft(spectrum / frequency**power, n)
    wave /= np.std(wave)
    t = np.arange(n) / RATE_HZ
    if kind == "hum":
        base = rng.choice([50.0, 60.0])
        wave = 0.4 * wave + sum(np.sin(2 * np.pi * base * k * t + rng.uniform(0, 6)) / k for k in range(1, 9))
    if kind == "bursts":
        knots = np.abs(rng.normal(size=max(4, n // 2000))) ** 2
        wave = wave * np.interp(np.arange(n), np.linspace(0, n, knots.size), knots)
    return to_int16(wave / np.std(wave) * 3000.0)[:, None]


NOISE_KINDS = ("white", "pink", "brown", "hum", "bursts")


def _take(word: Int16, noises: list[Int16], rng: np.random.Generator) -> Int16:
    """One recording of a second: the word somewhere near its middle, in some room, at some level."""
    spoken = change_speed(np.pad(word, ((400, 400), (0, 0))), rng, 0.88, 1.15)
    spoken = equalize(spoken, rng, 5.0)[:SAMPLES]
    free = SAMPLES - spoken.shape[0]
    start = int(np.clip(free / 2 + rng.integers(-1600, 1601), 0, free)) if free else 0
    out = np.zeros((SAMPLES, 1), dtype=np.int16)
    out[start : start + spoken.shape[0]] = spoken
    out = change_gain(out, rng, -16.0, 3.0)
    return add_noise(out, noises[int(rng.integers(len(noises)))], rng, 5.0, 40.0)


def generate(seed: int, size: str, progress: Progress) -> tuple[list[Recording], list[Recording]]:
    """Keywords, other words and silence of some thirty pseudo-speakers: int16, one second at 16 kHz.

    A group is a voice of an engine, and every group has noises of its own: neither is on two sides of a split. The
    noises that are returned are for augmentation and occur in no recording.
    """
    n_speakers, takes, n_fillers = _SIZES[size]
    rng = np.random.default_rng([seed, 3])
    speakers = draw_speakers(rng, n_speakers, engines())
    fillers = [[FILLERS[i] for i in rng.permutation(len(FILLERS))[:n_fillers]] for _ in speakers]
    jobs = [(s, word) for s, other in zip(speakers, fillers, strict=True) for word in (*KEYWORDS, *other)]
    spoken = speak_all(jobs, progress)
    rooms = {
        group: [noise(kind, rng, 4 * RATE_HZ) for kind in NOISE_KINDS] for group in sorted({s.group for s in speakers})
    }
    long_noises = [noise(kind, rng, 4 * RATE_HZ) for kind in NOISE_KINDS]
    recordings: list[Recording] = []

    def add(signal: Int16, label: str, group: str, name: str) -> None:
        recordings.append(Recording(signal=signal, rate_hz=RATE_HZ, label=label, group=group, name=f"{label}/{name}"))

    for (speaker, word), signal in zip(jobs, spoken, strict=True):
        is_keyword = word in KEYWORDS
        for take in range(takes if is_keyword else 1):
            label = word if is_keyword else "_unknown_"
            add(_take(signal, rooms[speaker.group], rng), label, speaker.group, f"{word}-{speaker.name}-{take}")
    for index in range(max(6, n_speakers * takes)):
        kind = NOISE_KINDS[index % len(NOISE_KINDS)]
        hush = change_gain(noise(kind, rng, SAMPLES), rng, -45.0, 0.0)
        add(hush, "_silence_", f"silence{index:03d}", f"{kind}-{index:03d}")
    noises = [
        Recording(signal=signal, rate_hz=RATE_HZ, label="_noise_", group=kind, name=f"noise/{kind}")
        for kind, signal in zip(NOISE_KINDS, long_noises, strict=True)
    ]
    return recordings, noises
