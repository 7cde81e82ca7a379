"""Motions in an endless stream: the C++ gate against its NumPy twin; one look per gesture, around its middle."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.core.errors import TinygenError
from tinygen.datasets.synth import gesture as synth
from tinygen.features import reference
from tinygen.features.spec import ScaledWindowSpec
from tinygen.tasks import segment
from tinygen.tasks.segment import SegmentRule

pytestmark = pytest.mark.host

Int8 = npt.NDArray[np.int8]
RULE = SegmentRule(start=300, stop=150, quiet_rows=12)
WINDOW = 64

MAIN = """
#include <cstdio>
#include "tinygen/stream/segment.h"
namespace {
struct Config {
  static constexpr std::uint32_t kRowValues = 3;
  static constexpr std::uint32_t kWindowRows = 64;
  static constexpr std::uint32_t kMotionStart = 300;
  static constexpr std::uint32_t kMotionStop = 150;
  static constexpr std::uint32_t kQuietRows = 12;
};
tinygen::stream::Segments<Config> gate;
}  // namespace
int main() {
  gate.reset();
  std::int8_t row[3];
  for (std::uint32_t number = 0; std::fread(row, 3, 1, stdin) == 1; ++number) {
    gate.row(row);
    if (gate.due()) std::fwrite(&number, 4, 1, stdout);
  }
}
"""


@pytest.fixture(scope="module", params=["g++", "clang++"])
def gate(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    root: Path,
    needs_tool: Callable[..., str],
) -> Path:
    compiler = needs_tool(request.param)
    folder = tmp_path_factory.mktemp("gate")
    (folder / "main.cpp").write_text(MAIN)
    flags = ["-std=gnu++17", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-fsanitize=address,undefined", "-O1"]
    command = [compiler, *flags, f"-I{root / 'firmware' / 'include'}", str(folder / "main.cpp"), "-o"]
    subprocess.run([*command, str(folder / "gate")], check=True, timeout=120)
    return folder / "gate"


def _signals() -> dict[str, Int8]:
    rng = np.random.default_rng(6)
    bursts = np.zeros((4000, 3))
    for at in range(100, 3900, 230):
        bursts[at : at + int(rng.integers(5, 120))] = rng.normal(0, 60, 3)
    return {
        "bursts": np.clip(bursts + rng.normal(0, 2, bursts.shape), -128, 127).astype(np.int8),
        "noise": rng.integers(-128, 128, (3000, 3)).astype(np.int8),
        "extremes": rng.choice([-128, 127], (3000, 3)).astype(np.int8),
        "walk": np.clip(np.cumsum(rng.normal(0, 3, (5000, 3)), axis=0) % 256 - 128, -128, 127).astype(np.int8),
        "rest": np.full((500, 3), -128, np.int8),
    }


@pytest.mark.parametrize("name", list(_signals()))
def test_the_device_looks_when_the_reference_does(gate: Path, name: str) -> None:
    rows = _signals()[name]
    done = subprocess.run([str(gate)], input=rows.tobytes(), capture_output=True, check=True, timeout=60)
    expected = segment.looks(RULE, rows, WINDOW)
    assert np.frombuffer(done.stdout, "<u4").tolist() == expected
    assert (len(expected) > 5) == (name != "rest")


def test_a_gesture_between_rests_is_looked_at_once_in_the_middle_of_the_window() -> None:
    rng = np.random.default_rng(3)
    spec = ScaledWindowSpec(n_frames=128)
    hits, labels = 0, ["circle", "swipe", "shake"] * 12
    for label in labels:
        moved = synth.record(synth.draw_person(rng), label, rng)
        held = np.concatenate([np.repeat(moved[:1], 100, axis=0), moved, np.repeat(moved[-1:], 200, axis=0)])
        signal = np.rint((held + rng.normal(0, 0.006, held.shape)) * synth.LSB_PER_G).astype(np.int16)
        rows = (reference.stream(spec, signal) // 64).astype(np.int8)
        found = segment.looks(SegmentRule(start=140, stop=85, quiet_rows=15), rows, 128)
        loud = np.flatnonzero(segment.levels(rows) > 85)
        hits += len(found) == 1 and abs(found[0] - 64 - (loud[0] + loud[-1]) / 2) < 16
    assert hits >= 0.9 * len(labels)


def test_impossible_rules_are_refused() -> None:
    for start, stop, quiet in ((10, 20, 5), (10, 0, 5), (10, 5, 0), (1 << 24, 5, 5)):
        with pytest.raises(TinygenError, match="segments"):
            segment.check_segments(SegmentRule(start=start, stop=stop, quiet_rows=quiet))
