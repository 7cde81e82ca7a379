"""Thresholds and their curves, one definition for device, host and training: ROC, area, DET of a stream."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.tasks import stream
from tinygen.tasks.stream import Event, Int64, StreamRule

LATE_S = 0.5
"""An event may come so much later than its word ends, beside what the smoothing takes."""


def auc(scores: npt.NDArray[Any], positive: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC: how often a positive scores above a negative, ties counting half; NaN without both."""
    n_positive = int(positive.sum())
    n_negative = positive.size - n_positive
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2.0)[inverse]
    total = float(ranks[positive].sum()) - n_positive * (n_positive + 1) / 2.0
    return total / (n_positive * n_negative)


def auc_interval(scores: npt.NDArray[Any], positive: npt.NDArray[np.bool_], level: float = 0.95) -> tuple[float, float]:
    """Confidence interval of the area under the ROC; (NaN, NaN) without both classes.

    On the logit of the area, so that it stays within 0..1. Where the classes do not overlap there is no variance to
    see: then as of so many successes without a failure as the smaller class has members (Clopper and Pearson).
    Source: variance by DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988); Sun and Xu, IEEE SPL 21 (2014).
    """
    above, below = scores[positive].astype(np.float64), scores[~positive].astype(np.float64)
    m, n = len(above), len(below)
    if m == 0 or n == 0:
        return float("nan"), float("nan")
    wins = (above[:, None] > below[None]).astype(np.float64) + 0.5 * (above[:, None] == below[None])
    area = float(wins.mean())
    if area in (0.0, 1.0):
        bound = ((1 - level) / 2) ** (1 / min(m, n))
        return (bound, 1.0) if area == 1.0 else (0.0, 1 - bound)
    parts = [(wins.mean(axis=1), m), (wins.mean(axis=0), n)]
    variance = sum(float(part.var(ddof=1)) / k for part, k in parts if k > 1)
    reach = NormalDist().inv_cdf(0.5 + level / 2) * math.sqrt(variance) / (area * (1 - area))
    middle = math.log(area / (1 - area))
    return 1 / (1 + math.exp(reach - middle)), 1 / (1 + math.exp(-reach - middle))


def spreads_for(false_alarm_rate: float, n: int) -> float:
    """How many spreads above the mean of n normal values a new one lies with this probability.

    Student's t with n - 1 degrees of freedom, for one more value of the same kind (prediction interval); the spread is
    that with divisor n.
    Source: t by Hill's expansion, Abramowitz and Stegun 26.7.5.

    Raises:
        TinygenError: a rate outside 1e-6..0.5, or fewer than 8 values.
    """
    if not 1e-6 <= false_alarm_rate <= 0.5:
        raise bad_input(f"a rate of {false_alarm_rate:g} is outside 0.000001 to 0.5", where="false alarms")
    if n < 8:
        raise bad_input(f"{n} healthy scores do not show how they spread, at least 8 are needed", where="threshold")
    z, v = NormalDist().inv_cdf(1 - false_alarm_rate), n - 1
    t = z + (z**3 + z) / (4 * v) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
    t += (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    return t * math.sqrt((1 + 1 / n) * n / v)


def first_alarm(above: npt.NDArray[np.bool_], in_a_row: int = 2) -> int | None:
    """Index of the score that completes the first `in_a_row` ones above the threshold; None when that never happens."""
    run = 0
    for i, high in enumerate(above.tolist()):
        run = run + 1 if high else 0
        if run == in_a_row:
            return i
    return None


def alarms(above: npt.NDArray[np.bool_], in_a_row: int = 2) -> int:
    """How many separate alarms: stretches of at least `in_a_row` scores above the threshold."""
    runs = "".join("x" if high else " " for high in above.tolist()).split()
    return sum(len(run) >= in_a_row for run in runs)


def roc(scores: npt.NDArray[Any], positive: npt.NDArray[np.bool_], points: int = 101) -> list[list[float]]:
    """Up to `points` pairs [false alarm rate, detection rate] from (0, 0) to (1, 1)."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    alarms = np.cumsum(~positive[order])
    # A threshold lies between different scores only.
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    rates = [[0.0, 0.0]] + [
        [float(alarms[i] / max(1, alarms[-1])), float(hits[i] / max(1, hits[-1]))] for i in ends.tolist()
    ]
    if len(rates) <= points:
        return rates
    chosen = np.unique(np.linspace(0, len(rates) - 1, points).round().astype(int))
    return [rates[i] for i in chosen.tolist()]


def mean_roc(judged: Sequence[tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]], points: int = 101) -> list[list[float]]:
    """The mean detection rate of several (scores, positive) at each false alarm rate, whatever their thresholds.

    Source: Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27 (2006), vertical averaging.
    """
    grid = np.linspace(0.0, 1.0, points)
    curves = [np.array(roc(scores, positive, points=1 << 30)) for scores, positive in judged]
    # Where a curve rises straight up, the upper end of the rise counts.
    rates = [curve[np.searchsorted(curve[:, 0], grid, side="right") - 1, 1] for curve in curves]
    return [[0.0, 0.0], *([float(x), float(y)] for x, y in zip(grid, np.mean(rates, axis=0), strict=True))]


def quantile_threshold(scores: npt.NDArray[np.int32], quantile: float) -> int:
    """The smallest score that at least this share of `scores` does not exceed."""
    ordered = np.sort(scores)
    index = min(len(ordered) - 1, max(0, int(np.ceil(quantile * len(ordered))) - 1))
    return int(ordered[index])


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Something that should be noticed: sample instants start..end, and its label's index."""

    start: int
    end: int
    label: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Events against labels.

    Attributes:
        threshold: of the sum, as the device has it.
        hits, misses: of the truths. false_accepts: events that belong to none.
        delays: from the end of each noticed truth to its event, in instants; negative while it still lasts.
    """

    threshold: int
    hits: int
    misses: int
    false_accepts: int
    delays: tuple[int, ...]

    @property
    def miss_rate(self) -> float:
        """Share of the truths that nobody noticed; 0 without truths."""
        return self.misses / max(1, self.hits + self.misses)


def judge(events: Sequence[Event], truths: Sequence[Truth], *, threshold: int, late: int) -> Judged:
    """Match events with truths: an event is right between a truth's start and `late` instants after its end.

    Every truth takes the first event of its label that fits; every other event is a false accept.

    Args:
        events: in order.
        truths: in order of their starts.
        threshold: they were made with.
        late: instants.
    """
    instants = [event.instant for event in events]
    used: set[int] = set()
    delays: list[int] = []
    for truth in truths:
        at = bisect.bisect_right(instants, truth.start)
        while at < len(events) and events[at].instant <= truth.end + late:
            if at not in used and events[at].label == truth.label:
                used.add(at)
                delays.append(events[at].instant - truth.end)
                break
            at += 1
    return Judged(
        threshold=threshold,
        hits=len(delays),
        misses=len(truths) - len(delays),
        false_accepts=len(events) - len(used),
        delays=tuple(delays),
    )


def highest_rate(count: int, hours: float, confidence: float = 0.95) -> float:
    """The rate per hour at which `count` events or fewer in so many hours would still happen with 1 - confidence.

    The exact upper bound of a Poisson rate. Source: F. Garwood, "Fiducial Limits for the Poisson Distribution",
    Biometrika 28, 1936. With no event it is 3.0 divided by the hours.
    """
    low, high = 0.0, 10.0 * (count + 10)
    for _ in range(60):
        mean = (low + high) / 2
        term = total = math.exp(-mean)
        for k in range(1, count + 1):
            term *= mean / k
            total += term
        low, high = (mean, high) if total > 1 - confidence else (low, mean)
    return high / hours


def with_threshold(rule: StreamRule, threshold: int) -> StreamRule:
    """The rule at another threshold, its hysteresis in the same proportion."""
    return replace(rule, threshold=threshold, release=threshold * rule.release // max(1, rule.threshold))


def carried(rule: StreamRule, threshold: int | None) -> StreamRule:
    """The rule with a threshold that the user carries over from a judgement; None leaves it.

    Raises:
        TinygenError: no sum can be above it.
    """
    if threshold is None:
        return rule
    highest = (255 if rule.kind == "labels" else stream.HIGHEST_SCORE) * rule.smoothing
    if threshold >= highest:
        raise bad_input(
            f"{threshold} is no threshold: sums of {rule.smoothing} inferences end at {highest}",
            where="[stream] threshold",
            hint="take what `tinygen evaluate-stream` says",
        )
    return with_threshold(rule, threshold)


def sweep(
    rule: StreamRule, values: Int64, instants: Sequence[int], truths: Sequence[Truth], *, late: int, points: int = 128
) -> tuple[Judged, ...]:
    """The same decision at many thresholds, rising: the points of a DET curve.

    Args:
        rule: the device's.
        values: int64 [n, watched] of each inference.
        instants: [n].
        truths: what should be noticed.
        late: instants an event may be late.
        points: about how many thresholds.
    """
    largest = stream.sums(rule, values).max(axis=1, initial=0)
    # Only sums that occur make a difference; ranks keep the interesting end dense for any distribution.
    levels = np.unique(largest)
    chosen = np.unique(np.linspace(0, len(levels) - 1, points).round().astype(int))
    thresholds = sorted({0, rule.threshold, *levels[chosen].tolist()})
    return tuple(
        judge(stream.events(with_threshold(rule, threshold), values, instants), truths, threshold=threshold, late=late)
        for threshold in thresholds
    )


def threshold_for(curve: Sequence[Judged], hours: float, target_per_hour: float) -> Judged:
    """The point with the fewest misses among those with at most so many false accepts per hour.

    Of equal ones the middle: as far from the next false accept as from the next miss. The highest threshold there is
    accepts nothing, so there is always one.
    """
    allowed = [point for point in curve if point.false_accepts <= target_per_hour * hours] or curve[-1:]
    fewest = min(point.misses for point in allowed)
    equal = [point for point in allowed if point.misses == fewest]
    middle = (equal[0].threshold + equal[-1].threshold) / 2
    return min(equal, key=lambda point: (abs(point.threshold - middle), -point.threshold))
