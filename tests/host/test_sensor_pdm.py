"""PDM to samples: the firmware's decimator gives the bits of the NumPy reference, and a tone survives it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.features import pdm

ROOT = Path(__file__).parents[2]
RATE = 16000
MAIN = """
#include <cstdio>
#include "tinygen/sensors/pdm.h"
struct Config {{
  static constexpr std::uint32_t kTaps = {taps};
  static constexpr std::uint32_t kDecimation = {decimation};
  static constexpr std::uint32_t kShift = {shift};
  static constexpr std::int16_t kFilter[kTaps] = {{{filter}}};
}};
int main() {{
  static tinygen::sensors::Decimator<Config> decimator;
  unsigned char pair[2];
  std::int16_t sample;
  while (std::fread(pair, 2, 1, stdin) == 1) {{
    if (decimator.push(static_cast<std::uint32_t>(pair[0] | pair[1] << 8), sample)) std::fwrite(&sample, 2, 1, stdout);
  }}
}}
"""
Words = npt.NDArray[np.uint16]


def modulated(wave: npt.NDArray[np.float64]) -> Words:
    """A second-order sigma-delta modulator's bits for a signal within -1..1, one value per bit."""
    first = second = 0.0
    bits = np.empty(len(wave), np.uint8)
    for i, value in enumerate(wave.tolist()):
        bit = second >= 0
        feedback = 1.0 if bit else -1.0
        first += value - feedback
        second += first - feedback
        bits[i] = bit
    words: Words = np.packbits(bits[: len(bits) // 16 * 16]).view(">u2").astype(np.uint16)
    return words


def tone(hz: float, amplitude: float, seconds: float) -> Words:
    time = np.arange(round(seconds * RATE * pdm.BITS_PER_SAMPLE)) / (RATE * pdm.BITS_PER_SAMPLE)
    return modulated(amplitude * np.sin(2 * np.pi * hz * time))


@pytest.mark.host
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_the_firmware_gives_the_references_bits(compiler: str, tmp_path: Path, needs_tool: Callable[..., str]) -> None:
    needs_tool(compiler)
    source = tmp_path / "main.cpp"
    filter_words = ", ".join(map(str, pdm.taps(RATE).tolist()))
    source.write_text(MAIN.format(taps=pdm.TAPS, decimation=pdm.DECIMATION, shift=pdm.SHIFT, filter=filter_words))
    flags = ["-std=gnu++17", "-O1", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-fsanitize=address,undefined"]
    flags += ["-fno-sanitize-recover=all", f"-I{ROOT / 'firmware/include'}"]
    subprocess.run([compiler, *flags, str(source), "-o", str(tmp_path / "main")], check=True)
    rng = np.random.default_rng(2)
    signals = (
        tone(440, 0.05, 0.2),
        tone(1000, 0.9, 0.1),  # saturates behind the gain
        rng.integers(0, 65536, 9001).astype(np.uint16),
        np.full(500, 0xFFFF, np.uint16),
        np.zeros(500, np.uint16),
        np.tile(np.array([0x0000, 0xFFFF], np.uint16), 400),
    )
    for words in signals:
        given = words.astype("<u2").tobytes()
        done = subprocess.run([str(tmp_path / "main")], input=given, capture_output=True, check=True)
        np.testing.assert_array_equal(np.frombuffer(done.stdout, "<i2"), pdm.samples(words, RATE))


def test_a_tone_survives_and_what_is_above_the_band_does_not() -> None:
    def amplitude(hz: float, at: float) -> float:
        found = pdm.samples(tone(hz, 0.05, 0.15), RATE)[400:].astype(np.float64)
        time = np.arange(len(found)) / RATE
        return float(2 * np.abs(np.mean(found * np.exp(-2j * np.pi * at * time))))

    full = 0.05 * 32768 * 2**pdm.GAIN_BITS
    for hz in (300, 1000, 3000, 6000):
        assert amplitude(hz, hz) == pytest.approx(full, rel=0.03)
    assert amplitude(12000, 4000) < full / 300  # would be heard at 4 kHz


def test_the_filter_cannot_overflow() -> None:
    filter_ = pdm.taps(RATE)
    assert np.abs(filter_).sum() < 1 << 16
    assert abs(int(filter_.sum()) - (1 << pdm.UNITY_BITS)) <= 4
    np.testing.assert_array_equal(filter_, filter_[::-1])
