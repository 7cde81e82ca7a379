"""Fault frequencies of bearings, and spectra in which they are found."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.config import load_config
from tinygen.core.bearing import Bearing, fault_frequencies, parse_bearing
from tinygen.core.errors import TinygenError
from tinygen.core.values import Report
from tinygen.pipeline import spectrum_verb
from tinygen.pipeline.context import Context

Int16 = npt.NDArray[np.int16]
CWRU = parse_bearing("6205")


def test_frequencies_of_a_known_bearing() -> None:
    # The multiples of the shaft's speed that CWRU's bearing data centre states for its drive end bearing, SKF 6205.
    found = fault_frequencies(CWRU, 1.0)
    assert found["BPFI"] == pytest.approx(5.4152, abs=1e-3)
    assert found["BPFO"] == pytest.approx(3.5848, abs=1e-3)
    assert found["FTF"] == pytest.approx(0.39828, abs=1e-4)
    assert 2 * found["BSF"] == pytest.approx(4.7135, abs=1e-3)
    tilted = fault_frequencies(Bearing(balls=9, ball_mm=7.94, pitch_mm=39.04, angle_deg=60), 1.0)
    assert tilted["BPFO"] + tilted["BPFI"] == pytest.approx(9)
    assert tilted["BPFO"] > found["BPFO"]


@pytest.mark.parametrize("text", ["6204x", "9,8", "9,40,39", "2,8,39", "9.5,8,39", "9,8,39,90", "9,nan,39"])
def test_no_bearing_is_refused(text: str) -> None:
    with pytest.raises(TinygenError):
        parse_bearing(text)


def _report(signal: Int16, rate_hz: int, rpm: float) -> Report:
    marks = fault_frequencies(CWRU, rpm / 60)
    return spectrum_verb.judged(signal.reshape(1, -1), rate_hz, marks, rpm / 60, subject={})


def test_a_struck_race_is_named_by_its_line() -> None:
    rng = np.random.default_rng(2)
    t = np.arange(4 * 12000) / 12000
    for name, hz in list(fault_frequencies(CWRU, 29.95).items())[2:]:
        since = np.mod(t, 1 / hz)
        ringing = 2000 * np.exp(-since * 900) * np.sin(2 * np.pi * 3100 * since)
        report = _report((ringing + rng.normal(0, 900, t.size)).astype(np.int16), 12000, 29.95 * 60)
        assert spectrum_verb.best_line(report, ("FTF", "BSF", "BPFO", "BPFI")) == name
    quiet = _report(rng.normal(0, 900, t.size).astype(np.int16), 12000, 1797)
    assert max(float(m.value or 0) for m in quiet.measurements) < 12
    assert not any("tell them apart" in note for note in report.notes)  # four seconds do


def test_every_race_fault_of_cwru_is_named(shared_dir: Callable[[str], Path]) -> None:
    folder = shared_dir("data/vibration")
    with (folder / "cwru_index.csv").open() as file:
        rpm = {row["name"]: float(row["rpm"]) for row in csv.DictReader(file)}
    with np.load(folder / "cwru_12k_dev.npz") as archive:
        for name in ("IR007_0", "IR021_3", "OR007@12_1", "OR007@6_2", "OR021@3_0"):
            report = _report(archive[name], 12000, rpm[name])
            wanted = "BPFI" if name.startswith("IR") else "BPFO"
            assert spectrum_verb.best_line(report, ("BPFO", "BPFI", "BSF")) == wanted
            height = next(m.value for m in report.measurements if m.name == f"{wanted.lower()}_db")
            assert isinstance(height, float)
            assert height > 25


def test_the_verb_draws_a_page(tmp_path: Path, shared_dir: Callable[[str], Path]) -> None:
    data = shared_dir("data/vibration") / "femto_Bearing1_1.npz"
    config = load_config(None, {"task": "vibration", "data": str(data), "build_dir": str(tmp_path)}, tmp_path)
    request = spectrum_verb.Request(label="end_of_life", bearing=parse_bearing("femto"), shaft_hz=30.0)
    page = tmp_path / "page.html"
    report = spectrum_verb.spectrum(Context(config=config), request, page)
    text = page.read_text()
    assert report.subject["recordings"] == "20"
    assert "BPFO 168.3 Hz" in text
    (said,) = [note for note in report.notes if "tell them apart" in note]  # snapshots of a tenth of a second: 15 Hz
    assert said.startswith("FTF 12.9 Hz, shaft 30.0 Hz: nearer than 2 bins")
    assert text.count("<figure>") == 2
    for bad, words in (
        (spectrum_verb.Request(label="nothing"), "no such recordings"),
        (spectrum_verb.Request(axis=2), "axis 2"),
        (spectrum_verb.Request(shaft_hz=30.0), "together"),
    ):
        with pytest.raises(TinygenError, match=words):
            spectrum_verb.spectrum(Context(config=config), bad, page)
