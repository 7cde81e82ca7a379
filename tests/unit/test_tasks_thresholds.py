"""Streams against labels: hits, misses, false accepts, delay; the sweep and the threshold for a target."""

from __future__ import annotations

import dataclasses
import itertools
import math
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from tinygen.core.errors import TinygenError
from tinygen.core.values import CheckStatus, Report
from tinygen.datasets import soundscape
from tinygen.pipeline.stream_evaluation import target_check
from tinygen.report import html
from tinygen.tasks import stream, thresholds
from tinygen.tasks.stream import Event, StreamRule
from tinygen.tasks.thresholds import Truth

RULE = StreamRule(
    kind="labels",
    labels=("quiet", "go", "stop"),
    watched=(1, 2),
    window_rows=1,
    hop_rows=1,
    warmup=0,
    smoothing=2,
    threshold=300,
    release=150,
    refractory_samples=20,
)


def _event(instant: int, label: int = 1) -> Event:
    return Event(number=0, instant=instant, label=label, score=0)


def test_events_are_matched_with_what_they_belong_to() -> None:
    truths = [
        Truth(start=100, end=200, label=1),
        Truth(start=300, end=400, label=2),
        Truth(start=500, end=600, label=1),
    ]
    events = [_event(90), _event(210), _event(215), _event(350, 1), _event(390, 2), _event(651)]
    found = thresholds.judge(events, truths, threshold=7, late=50)
    assert (found.hits, found.misses, found.false_accepts, found.delays) == (2, 1, 4, (10, -10))
    assert found.miss_rate == pytest.approx(1 / 3)
    nothing = thresholds.judge([], [], threshold=1, late=0)
    assert (nothing.miss_rate, nothing.false_accepts) == (0.0, 0)


def test_one_event_serves_one_truth_only() -> None:
    truths = [Truth(start=0, end=100, label=1), Truth(start=50, end=150, label=1)]
    found = thresholds.judge([_event(80)], truths, threshold=1, late=10)
    assert (found.hits, found.misses, found.false_accepts) == (1, 1, 0)


def test_a_sweep_holds_the_devices_own_decision_and_ends_in_silence() -> None:
    rng = np.random.default_rng(2)
    n = 4000
    values = rng.integers(0, 60, (n, 2)).astype(np.int64)
    truths = []
    for at in range(50, n - 50, 100):
        label = int(rng.integers(1, 3))
        height = int(rng.integers(60, 256))
        values[at : at + 4, label - 1] += height
        truths.append(Truth(start=10 * at, end=10 * (at + 4), label=label))
    values[30::333] += 180  # things that sound alike
    instants = [10 * (i + 1) for i in range(n)]
    curve = thresholds.sweep(RULE, values, instants, truths, late=50)
    own = thresholds.judge(stream.events(RULE, values, instants), truths, threshold=RULE.threshold, late=50)
    assert own in curve
    assert [point.threshold for point in curve] == sorted(point.threshold for point in curve)
    assert (curve[-1].false_accepts, curve[-1].misses) == (0, len(truths))
    hours = 2.0
    strict = thresholds.threshold_for(curve, hours, 1.0)
    loose = thresholds.threshold_for(curve, hours, 20.0)
    assert strict.false_accepts <= 2
    assert loose.misses < strict.misses < len(truths)
    assert loose.threshold < strict.threshold
    # What the report promises is what the device does at that threshold.
    again = stream.events(thresholds.with_threshold(RULE, strict.threshold), values, instants)
    assert thresholds.judge(again, truths, threshold=strict.threshold, late=50) == strict
    assert thresholds.threshold_for(curve, hours, 0.0).false_accepts == 0


def test_of_thresholds_that_do_the_same_the_middle_is_taken() -> None:
    """One at the edge would miss what is said a little more quietly than in the audio it was found on."""
    kinds = {10: (0, 3), 400: (0, 1), 600: (0, 0), 800: (0, 0), 1100: (0, 0), 1274: (0, 0), 1275: (6, 0)}
    curve = [
        thresholds.Judged(threshold=at, hits=6 - misses, misses=misses, false_accepts=accepts, delays=())
        for at, (misses, accepts) in kinds.items()
    ]
    assert thresholds.threshold_for(curve, 1.0, 0.5).threshold == 800
    assert thresholds.threshold_for(curve, 1.0, 1.0).threshold == 800


def test_hysteresis_keeps_its_proportion() -> None:
    assert thresholds.with_threshold(RULE, 100).release == 50


def test_mixed_audio_has_its_words_where_the_labels_say() -> None:
    rng = np.random.default_rng(3)
    tone = (8000 * np.sin(np.arange(8000) * 0.4)).astype(np.int16)[:, None]
    other = rng.normal(0, 900, (6000, 1)).astype(np.int16)
    signal, labels = soundscape.mixed(
        [("go", tone)], [other], seconds=90, rate_hz=16000, snr_db=25, rng=np.random.default_rng(1)
    )
    assert signal.shape == (90 * 16000, 1)
    assert len(labels) > 8
    assert all(a.end < b.start for a, b in itertools.pairwise(labels))
    spectrum = np.abs(np.fft.rfft(tone[:, 0].astype(float))).argmax()
    for label in labels:
        heard = np.abs(np.fft.rfft(signal[label.start : label.end, 0].astype(float)))
        assert abs(int(heard.argmax()) - int(spectrum)) <= 2
    quieter, _ = soundscape.mixed(
        [("go", tone)], [other], seconds=90, rate_hz=16000, snr_db=0, rng=np.random.default_rng(1)
    )
    assert np.std(quieter.astype(float)) > 1.2 * np.std(signal.astype(float))


def test_labels_are_read_and_wrong_ones_named(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("start_s,end_s,label\n2.5,3,go\n0.5,1.25,stop\n")
    assert [(w.start, w.end, w.name) for w in soundscape.read_labels(path, 16000)] == [
        (8000, 20000, "stop"),
        (40000, 48000, "go"),
    ]
    for text, words in (
        ("start,end\n", "columns"),
        ("start_s,end_s,label\n1,x,go\n", "labels.csv:2"),
        ("start_s,end_s,label\n0,1,go\n3,2,go\n", "labels.csv:3"),
    ):
        path.write_text(text)
        with pytest.raises(TinygenError, match=words):
            soundscape.read_labels(path, 16000)
    with pytest.raises(TinygenError, match="cannot be read"):
        soundscape.read_labels(tmp_path / "none.csv", 16000)


def test_the_page_draws_the_det_curve() -> None:
    report = Report(
        kind="evaluate-stream", subject={}, details={"det": [[0.0, 1.0], [3.0, 0.4], [12.0, 0.1]], "chosen": [3.0, 0.4]}
    )
    page = html.page([report]).decode()
    assert "DET" in page
    assert "false accepts per hour" in page
    assert page.count("<polyline") >= 2
    assert "DET" not in html.page([Report(kind="evaluate-stream", subject={}, details={"det": "broken"})]).decode()


def test_the_interval_of_an_area_covers_the_truth() -> None:
    rng = np.random.default_rng(4)
    truth = float(NormalDist().cdf(1.5 / 2**0.5))  # two normals 1.5 spreads apart
    positive = np.arange(80) < 20
    covered = 0
    for _ in range(400):
        low, high = thresholds.auc_interval(rng.normal(0, 1, 80) + 1.5 * positive, positive)
        covered += low <= truth <= high
    assert 0.92 <= covered / 400 <= 0.99
    low, high = thresholds.auc_interval(np.arange(80.0), np.arange(80) >= 60)
    assert low == pytest.approx(0.8316, abs=1e-3)  # 20 of 20: Clopper and Pearson
    assert high == 1.0
    assert math.isnan(thresholds.auc_interval(np.ones(3), np.ones(3, bool))[0])


@pytest.mark.parametrize("n", [8, 20, 64])
def test_so_many_spreads_make_the_rate_that_was_asked_for(n: int) -> None:
    rng = np.random.default_rng(n)
    known = rng.normal(3, 2, (200_000, n))
    fresh = rng.normal(3, 2, 200_000)
    for rate in (0.05, 0.005):
        found = float((fresh > known.mean(axis=1) + thresholds.spreads_for(rate, n) * known.std(axis=1)).mean())
        assert found == pytest.approx(rate, rel=0.12)
    for bad in (0.0, 0.6):
        with pytest.raises(TinygenError):
            thresholds.spreads_for(bad, n)
    with pytest.raises(TinygenError, match="at least 8"):
        thresholds.spreads_for(0.01, 7)


def test_an_alarm_takes_two_in_a_row() -> None:
    above = np.array([1, 0, 1, 1, 1, 0, 0, 1, 1, 0, 1]) > 0
    assert (thresholds.first_alarm(above), thresholds.alarms(above)) == (3, 2)
    assert (thresholds.first_alarm(above, 1), thresholds.alarms(above, 1)) == (0, 4)
    assert thresholds.first_alarm(above, 4) is None


def test_what_a_length_of_audio_can_show() -> None:
    """Garwood's bounds: 2.996, 4.744, 9.154 for 0, 1, 4 events (one-sided, 95 %)."""
    for count, bound in ((0, 2.9957), (1, 4.7439), (4, 9.1535), (100, 118.079)):
        assert thresholds.highest_rate(count, 1.0) == pytest.approx(bound, rel=1e-4)
    assert thresholds.highest_rate(0, 6.0) == pytest.approx(0.4993, rel=1e-3)
    few = thresholds.Judged(threshold=1, hits=1, misses=0, false_accepts=0, delays=())
    assert target_check(few, 30 / 3600, 0.5).status is CheckStatus.BLOCKED
    assert "6.0 h without one" in target_check(few, 30 / 3600, 0.5).reason
    assert target_check(few, 6.5, 0.5).status is CheckStatus.PASSED
    assert target_check(dataclasses.replace(few, false_accepts=4), 6.5, 0.5).status is CheckStatus.FAILED
    assert target_check(few, 1e9, 0.0).status is CheckStatus.BLOCKED
