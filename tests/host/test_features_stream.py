"""The front end in C++ over minutes of signal: every row of an endless stream, in any chunking."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.features import logmel, quantize, reference
from tinygen.features.spec import BandEnergySpec, FeatureSpec, LogMelSpec, ScaledWindowSpec
from tinygen.firmware.features_view import render_features

pytestmark = pytest.mark.host

Int16 = npt.NDArray[np.int16]
Needs = Callable[..., None]

MAIN = """
#include <cstdio>
#include "tinygen/features_api.h"
int main() {
  static std::int16_t samples[4096];
  static std::int8_t row[4096];
  const std::size_t channels = tinygen::features::kInfo.channels;
  std::size_t chunk = 1;
  while (true) {
    chunk = chunk * 7 % 509 + 1;
    const std::size_t got = std::fread(samples, 2 * channels, chunk, stdin);
    for (std::size_t at = 0; at < got;) {
      const auto taken = tinygen::features::take(samples + at * channels, got - at, row);
      if (taken.row) std::fwrite(row, 1, tinygen::features::kInfo.frame_values, stdout);
      at += taken.instants;
    }
    if (got < chunk) return 0;
  }
}
"""
WAKE_WORD = LogMelSpec(hop_samples=160, n_frames=3, enable_noise_reduction=True, enable_pcan=True)


def rows_of_firmware(spec: FeatureSpec, raw: Int16, folder: Path, root: Path, compiler: str) -> npt.NDArray[np.int8]:
    """int8 [rows, values] that the generated front end makes of a signal."""
    quantization = quantize.for_input(spec, 26 / 255 if spec.kind == "logmel" else spec.feature_scale * 20, -128)
    (folder / "features.cpp").write_bytes(render_features(spec, quantization)["src/features.cpp"])
    (folder / "main.cpp").write_text(MAIN)
    sources = [folder / "features.cpp", folder / "main.cpp", *sorted((root / "firmware" / "features").glob("*.cpp"))]
    flags = ["-std=gnu++17", "-O2", "-fno-exceptions", "-Wall", "-Wextra", "-Werror", f"-I{root / 'firmware/include'}"]
    subprocess.run([compiler, *flags, *map(str, sources), "-o", str(folder / "rows")], check=True, timeout=300)
    done = subprocess.run([str(folder / "rows")], input=raw.tobytes(), capture_output=True, check=True, timeout=300)
    found = np.frombuffer(done.stdout, np.int8).reshape(-1, reference.stream(spec, raw[:0]).shape[1])
    expected = quantize.apply(reference.stream(spec, raw), quantization)
    assert found.shape == expected.shape
    assert np.array_equal(found, expected)
    return found


def minutes_of_audio(shared: Callable[[str], Path]) -> dict[str, Int16]:
    """Speech, a music-like chord, silence, clipped and random audio; more than a minute of the first."""
    import soundfile

    rng = np.random.default_rng(5)
    n = 16000 * 20
    time = np.arange(n) / 16000
    files = sorted(shared("data/kws").glob("*/*.flac"))[::9]
    speech = np.concatenate([soundfile.read(path, dtype="int16")[0] for path in files])[: 16000 * 150]
    chord = sum(np.sin(2 * np.pi * f * time * (1 + 0.001 * np.sin(5 * time))) for f in (220, 277.2, 329.6, 440, 880))
    envelope = np.abs(np.sin(2 * np.pi * 1.5 * time))
    music = chord * envelope * 5000
    return {
        "speech": speech,
        "music": music.astype(np.int16),
        "silent": np.zeros(n, np.int16),
        "clipped": np.clip(speech[:n].astype(np.int32) * 60, -32768, 32767).astype(np.int16),
        "random": rng.integers(-32768, 32768, n).astype(np.int16),
    }


def test_minutes_of_audio_equal_pymicro_features(
    tmp_path: Path, root: Path, needs_tool: Callable[..., str], needs_module: Needs, shared_dir: Callable[[str], Path]
) -> None:
    needs_module("pymicro_features", "dev")
    import pymicro_features

    audio = np.concatenate(list(minutes_of_audio(shared_dir).values()))  # one stream: estimates run on
    assert len(audio) > 16000 * 220
    original = pymicro_features.MicroFrontend()
    rows = []
    for at in range(0, len(audio) - 159, 160):
        answer = original.process_samples(audio[at : at + 160].astype("<i2").tobytes())
        if answer.features:
            rows.append(answer.features)
    expected = np.round(np.array(rows) * 25.6).astype(np.int64)
    ours = logmel.stream(WAKE_WORD, audio[None])[0]
    assert np.array_equal(ours, expected)
    found = rows_of_firmware(WAKE_WORD, audio[:, None], tmp_path, root, needs_tool("g++"))
    assert len(found) == len(expected) > 22_000
    assert len(np.unique(found)) > 120


@pytest.mark.parametrize(
    "spec",
    [
        LogMelSpec(),
        BandEnergySpec(window_samples=64, hop_samples=101, n_windows=7, n_bands=9, n_channels=3),
        BandEnergySpec(),
        BandEnergySpec(statistics=True, envelope_bands=24),
        BandEnergySpec(
            rate_hz=1000,
            n_channels=3,
            window_samples=64,
            hop_samples=80,
            n_windows=3,
            n_bands=7,
            envelope_bands=6,
            envelope_size=16,
            envelope_decimation=7,
            envelope_taps=63,
            envelope_lower_hz=90.0,
            envelope_upper_hz=400.0,
        ),
        ScaledWindowSpec(decimation=3),
        ScaledWindowSpec(decimation=10, n_channels=6, gravity="level"),
    ],
)
def test_every_kind_streams_like_the_reference(
    spec: FeatureSpec, tmp_path: Path, root: Path, needs_tool: Callable[..., str]
) -> None:
    rng = np.random.default_rng(8)
    raw = (rng.normal(0, 3000, (60_000, spec.n_channels)) * np.sin(np.arange(60_000) / 3000)[:, None]).astype(np.int16)
    assert len(rows_of_firmware(spec, raw, tmp_path, root, needs_tool("clang++"))) > 20
