"""The event rule in integers: smoothing, hysteresis, refractory time, warm-up."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tinygen.core.errors import TinygenError
from tinygen.tasks.spec import StreamPlan
from tinygen.tasks.stream import Event, StreamRule, check_rule, events, label_values, rule_of, score_values, sums

RULE = StreamRule(
    kind="labels",
    labels=("quiet", "go", "stop"),
    watched=(1, 2),
    window_rows=4,
    hop_rows=2,
    warmup=1,
    smoothing=2,
    threshold=100,
    release=40,
    refractory_samples=30,
)


def _events(rows: list[tuple[int, int]], rule: StreamRule = RULE) -> list[tuple[int, int, int]]:
    values = np.array(rows, dtype=np.int64)
    found = events(rule, values, [10 * (i + 1) for i in range(len(rows))])
    assert [event.number for event in found] == list(range(len(found)))
    return [(event.instant, event.label, event.score) for event in found]


def test_an_event_needs_the_sum_above_the_threshold() -> None:
    assert _events([(0, 0), (50, 0), (50, 0), (51, 0)]) == [(40, 1, 101)]


def test_warm_up_does_not_count() -> None:
    assert _events([(255, 0), (60, 0), (60, 0)]) == [(30, 1, 120)]
    assert _events([(255, 0), (60, 0)]) == []


def test_the_same_label_fires_again_only_after_release() -> None:
    held = [(0, 0)] + [(60, 0)] * 12
    assert _events(held) == [(30, 1, 120)]
    dipped = [(0, 0), (60, 0), (60, 0), (30, 0), (11, 0), (60, 0), (60, 0), (60, 0)]
    assert _events(dipped) == [(30, 1, 120)]  # 41 is not yet released
    released = [(0, 0), (60, 0), (60, 0), (30, 0), (10, 0), (60, 0), (60, 0), (60, 0)]
    assert _events(released) == [(30, 1, 120), (70, 1, 120)]


def test_refractory_time_delays_another_label() -> None:
    rows = [(0, 0), (60, 0), (60, 0), (0, 90), (0, 90), (0, 90), (0, 90)]
    assert _events(rows) == [(30, 1, 120), (60, 2, 180)]


def test_the_first_label_wins_ties_and_sums_are_the_window() -> None:
    assert _events([(0, 0), (60, 60), (60, 60)]) == [(30, 1, 120)]
    values = np.array([[9, 9], [1, 2], [3, 4], [5, 6]])
    assert sums(RULE, values).tolist() == [[0, 0], [0, 0], [4, 6], [8, 10]]
    assert sums(dataclasses.replace(RULE, smoothing=9), values).sum() == 0


def test_values_of_outputs() -> None:
    outputs = np.array([[0, -128, 127]], dtype=np.int8)
    assert label_values(RULE, outputs).tolist() == [[0, 255]]
    assert label_values(dataclasses.replace(RULE, unsigned_output=True), outputs).tolist() == [[128, 127]]
    assert score_values(np.array([3, 2**31 - 1], np.int32)).tolist() == [[3], [2**23 - 1]]


def test_a_plan_becomes_integers() -> None:
    plan = StreamPlan(smoothing=3, threshold=0.75, release=0.4, refractory_s=0.5, ignored=("quiet",))
    rule = rule_of(plan, labels=("quiet", "go"), rate_hz=16000, window_rows=49, hop_rows=8)
    assert (rule.watched, rule.threshold, rule.release, rule.warmup) == ((1,), 573, 306, 6)
    assert rule.refractory_samples == 8000
    scored = rule_of(plan, labels=("ok", "odd"), rate_hz=100, window_rows=1, hop_rows=1, score_threshold=70)
    assert (scored.kind, scored.watched, scored.threshold, scored.release) == ("score", (1,), 210, 210)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"watched": ()}, "watched"),
        ({"smoothing": 256}, "smoothing"),
        ({"release": 101}, "release <= threshold"),
        ({"hop_rows": 5}, "hop_rows"),
    ],
)
def test_what_the_device_cannot_compute_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(TinygenError, match=words):
        check_rule(dataclasses.replace(RULE, **change))  # type: ignore[arg-type]


def test_events_are_values() -> None:
    assert Event(number=0, instant=1, label=2, score=3) == Event(number=0, instant=1, label=2, score=3)
