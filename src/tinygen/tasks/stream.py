"""From the outputs of a stream of inferences to events, in the device's integers.

Every inference gives one value per watched label: the output byte as a number of 0..255 (int8 plus 128, uint8 as it
is), or one score for an anomaly. The sums over the last `smoothing` inferences are compared:

1. the label that raised the last event is armed again when its sum is at or below `release` (hysteresis);
2. the watched label with the largest sum (the first on ties) raises an event when its sum is above `threshold`, it is
   armed, and `refractory_samples` instants have passed since the last event of any label.

The first `warmup` inferences, whose window is not yet full of signal or whose front end has not settled, do not count.
The C++ twin is firmware/include/tinygen/stream/decision.h.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.tasks.segment import SegmentRule, check_segments, looks
from tinygen.tasks.spec import StreamPlan

Int64 = npt.NDArray[np.int64]

HIGHEST_SCORE = (1 << 23) - 1
"""Anomaly scores saturate here, so that 255 of them fit 31 bits."""
MAX_SMOOTHING = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRule:
    """The integers of the decision.

    Attributes:
        kind: how an inference becomes values: "labels" or "score".
        labels: names, in the order of the output.
        watched: indices into `labels`; of a score the one label it stands for.
        unsigned_output: the output's bytes are uint8.
        window_rows, hop_rows: rows the whole model looks at, and new ones per inference.
        warmup: inferences that do not count at first.
        smoothing: inferences that are summed, 1..255.
        threshold, release: of the sum; release <= threshold.
        refractory_samples: instants.
        segments: the model looks once per motion, at the end of the hop in which that is due.
    """

    kind: Literal["labels", "score"]
    labels: tuple[str, ...]
    watched: tuple[int, ...]
    unsigned_output: bool = False
    window_rows: int
    hop_rows: int
    warmup: int
    smoothing: int
    threshold: int
    release: int
    refractory_samples: int
    segments: SegmentRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A decision. `instant` counts sample instants up to and with the newest one looked at."""

    number: int
    instant: int
    label: int
    score: int


def check_rule(rule: StreamRule) -> None:
    """Refuse what the device cannot compute.

    Raises:
        TinygenError: naming every wrong value.
    """
    found = []
    if not rule.watched or any(not 0 <= index < len(rule.labels) for index in rule.watched):
        found.append(f"watched labels must be some of {len(rule.labels)}, got {rule.watched}")
    if not 1 <= rule.smoothing <= MAX_SMOOTHING:
        found.append(f"smoothing must be in 1..{MAX_SMOOTHING} inferences, got {rule.smoothing}")
    if not 0 <= rule.release <= rule.threshold < 1 << 31:
        found.append(f"0 <= release <= threshold < 2^31, got {rule.release}, {rule.threshold}")
    if not 0 <= rule.refractory_samples < 1 << 32:
        found.append(f"refractory_samples must be in 0..2^32-1, got {rule.refractory_samples}")
    if not 1 <= rule.hop_rows <= rule.window_rows <= 4096:
        found.append(f"1 <= hop_rows <= window_rows <= 4096, got {rule.hop_rows}, {rule.window_rows}")
    if found:
        raise bad_input("; ".join(found), where="stream")
    if rule.segments is not None:
        check_segments(rule.segments)


def hops_looked_at(rule: StreamRule, rows: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """Numbers of the hops at which the model is asked, int64 [inferences], of a stream's rows int8 [n, values]."""
    count = len(rows) // rule.hop_rows
    if rule.segments is None:
        return np.arange(count)
    hops = np.unique(np.array(looks(rule.segments, rows, rule.window_rows), np.int64) // rule.hop_rows)
    return hops[hops < count]


def label_values(rule: StreamRule, outputs: npt.NDArray[np.int8]) -> Int64:
    """Values int64 [n, watched] of output bytes int8 [n, labels]; uint8 outputs come as the same bytes."""
    flip = 0 if rule.unsigned_output else 0x80
    values: Int64 = (outputs.view(np.uint8) ^ np.uint8(flip)).astype(np.int64)[:, list(rule.watched)]
    return values


def score_values(scores: npt.NDArray[np.int32]) -> Int64:
    """Values int64 [n, 1] of anomaly scores int32 [n]."""
    values: Int64 = np.minimum(scores.astype(np.int64), HIGHEST_SCORE)[:, None]
    return values


def sums(rule: StreamRule, values: Int64) -> Int64:
    """Sums int64 [n, watched] over the last `smoothing` inferences; 0 until that many count."""
    out = np.zeros_like(values)
    counted = values[rule.warmup :]
    if len(counted) >= rule.smoothing:
        running = np.concatenate([np.zeros((1, values.shape[1]), np.int64), np.cumsum(counted, axis=0)])
        out[rule.warmup + rule.smoothing - 1 :] = running[rule.smoothing :] - running[: -rule.smoothing]
    return out


def events(rule: StreamRule, values: Int64, instants: Sequence[int] | Int64) -> tuple[Event, ...]:
    """What the device decides.

    Args:
        rule: its integers.
        values: int64 [n, watched].
        instants: when each inference's newest sample came, [n].
    """
    summed = sums(rule, values)
    first = rule.warmup + rule.smoothing - 1
    return tuple(decide(rule, zip(summed[first:].tolist(), list(instants)[first:], strict=True)))


def decide(rule: StreamRule, summed: Iterable[tuple[list[int], int]]) -> Iterable[Event]:
    """Events of (sums of the watched labels, instant), from where the sums are full."""
    active, last, number = -1, 0, 0
    for row, instant in summed:
        best = row.index(max(row))
        if active >= 0 and row[active] <= rule.release:
            active = -1
        rested = number == 0 or instant - last >= rule.refractory_samples
        if best == active or row[best] <= rule.threshold or not rested:
            continue
        active, last = best, instant
        yield Event(number=number, instant=int(instant), label=rule.watched[best], score=row[best])
        number += 1


def rule_of(
    plan: StreamPlan,
    *,
    labels: tuple[str, ...],
    rate_hz: int,
    window_rows: int,
    hop_rows: int,
    lead_in_rows: int = 0,
    unsigned_output: bool = False,
    score_threshold: int | None = None,
    label_threshold: int = 0,
    input_scale: float | None = None,
) -> StreamRule:
    """The integers of a plan.

    Args:
        plan: what the task wants, in shares and seconds.
        labels: of the model's output.
        rate_hz: sample instants per second.
        window_rows, hop_rows: of the model as it is compiled.
        lead_in_rows: before the first full window, for the front end to settle.
        unsigned_output: its output's type.
        score_threshold: of one inference, for anomaly models (in place of the plan's share).
        label_threshold: of one output as a byte of 0..255, in place of the plan's share; 0 for none.
        input_scale: of the model's input; with it the plan's `motion` counts.

    Raises:
        TinygenError: no label is watched, or a value is out of range.
    """
    segments = None
    if plan.motion is not None and input_scale is not None:
        start, stop = (max(1, round(level / input_scale)) for level in (plan.motion.start, plan.motion.stop))
        segments = SegmentRule(start=start, stop=stop, quiet_rows=plan.motion.quiet_rows)
    smoothing = plan.smoothing if segments is None else 1
    if score_threshold is None:
        watched = tuple(i for i, label in enumerate(labels) if label not in plan.ignored)
        threshold, release = (int(share * 255 * smoothing) for share in (plan.threshold, plan.release))
        if label_threshold:
            release = release * label_threshold * smoothing // max(1, threshold)
            threshold = label_threshold * smoothing
    else:
        watched = (len(labels) - 1,)
        if score_threshold > HIGHEST_SCORE:
            raise bad_input(f"a threshold of {score_threshold} is more than {HIGHEST_SCORE}", where="stream")
        threshold = release = score_threshold * smoothing
    rule = StreamRule(
        kind="labels" if score_threshold is None else "score",
        labels=labels,
        watched=watched,
        unsigned_output=unsigned_output,
        window_rows=window_rows,
        hop_rows=hop_rows,
        warmup=-(-(lead_in_rows + window_rows) // hop_rows) - 1 if segments is None else 0,
        smoothing=smoothing,
        threshold=threshold,
        release=release,
        refractory_samples=round(plan.refractory_s * rate_hz),
        segments=segments,
    )
    check_rule(rule)
    return rule
