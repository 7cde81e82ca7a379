"""Long audio with labels: words that were recorded, mixed into noise and babble; or a file with a table of labels."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinygen.core.errors import bad_input
from tinygen.datasets.synth.kws import NOISE_KINDS, noise
from tinygen.datasets.values import Int16

_BLOCK_S = 20
_BABBLE_VOICES = 4
_SHORTEST_GAP_S, _LONGEST_GAP_S = 0.4, 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A word from `start` to `end`, in samples."""

    start: int
    end: int
    name: str


def mixed(
    words: Sequence[tuple[str, Int16]],
    others: Sequence[Int16],
    *,
    seconds: float,
    rate_hz: int,
    snr_db: float,
    rng: np.random.Generator,
) -> tuple[Int16, tuple[Label, ...]]:
    """Words and other speech, one after the other, over changing noise and babble.

    Args:
        words: (label, int16 [n, 1]) that should be noticed.
        others: int16 [n, 1] that should not; babble is made of them too.
        seconds: of the result.
        rate_hz: of everything.
        snr_db: loudness of speech over noise and babble together.
        rng: chooses.

    Returns:
        int16 [n, 1] and the labels of the words, in order.
    """
    n = round(seconds * rate_hz)
    background = _background(n, others, rate_hz, rng)
    speech = np.zeros(n)
    labels: list[Label] = []
    at = rate_hz
    while True:
        take_word = bool(words) and (not others or rng.random() < 0.5)
        name, signal = (
            words[int(rng.integers(len(words)))] if take_word else ("", others[int(rng.integers(len(others)))])
        )
        wave = signal[:, 0].astype(np.float64)
        if at + len(wave) + rate_hz > n:
            break
        loudness = np.sqrt(np.mean(wave**2)) + 1.0
        speech[at : at + len(wave)] += wave * (1500.0 / loudness)
        if take_word:
            labels.append(Label(start=at, end=at + len(wave), name=name))
        at += len(wave) + int(rng.uniform(_SHORTEST_GAP_S, _LONGEST_GAP_S) * rate_hz)
    background *= 1500.0 * 10 ** (-snr_db / 20) / (np.std(background) + 1e-9)
    whole: Int16 = np.clip(np.round(speech + background), -32768, 32767).astype(np.int16)
    return whole[:, None], tuple(labels)


def _background(n: int, others: Sequence[Int16], rate_hz: int, rng: np.random.Generator) -> np.ndarray:
    """float64 [n]: blocks of one noise after another, half of them with babble."""
    out = np.zeros(n)
    block = _BLOCK_S * rate_hz
    for number, at in enumerate(range(0, n, block)):
        size = min(block, n - at)
        out[at : at + size] = noise(NOISE_KINDS[number % len(NOISE_KINDS)], rng, max(size, 4000))[:size, 0]
        if others and number % 2:
            for _ in range(_BABBLE_VOICES):
                order = rng.permutation(len(others))
                voice = np.concatenate([others[i][:, 0] for i in order[: 2 * _BLOCK_S]]).astype(np.float64)
                voice = np.resize(voice, size)
                out[at : at + size] += voice * (2000.0 / (np.std(voice) + 1.0))
    return out


def read_labels(path: Path, rate_hz: int) -> tuple[Label, ...]:
    """A CSV with the columns start_s, end_s and label.

    Raises:
        TinygenError: unreadable, other columns, or times that are none.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if not {"start_s", "end_s", "label"} <= set(reader.fieldnames or ()):
                raise bad_input("needs the columns start_s, end_s and label", where=str(path))
            found = []
            for number, row in enumerate(reader, start=2):
                try:
                    start, end = float(row["start_s"]), float(row["end_s"])
                except (TypeError, ValueError) as error:
                    raise bad_input("start_s and end_s are no numbers", where=f"{path}:{number}") from error
                if not 0 <= start <= end < 1e7:
                    raise bad_input(f"{start} to {end} s is no stretch of time", where=f"{path}:{number}")
                found.append(Label(start=round(start * rate_hz), end=round(end * rate_hz), name=row["label"]))
    except (OSError, UnicodeDecodeError) as error:
        raise bad_input(f"cannot be read: {error}", where=str(path)) from error
    return tuple(sorted(found, key=lambda label: label.start))
