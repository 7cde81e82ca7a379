"""A stream as the Python chain has it: features in NumPy, outputs of TFLM's interpreter, the integer decision."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.core.values import Check, CheckStatus
from tinygen.device.values import StreamEvent, StreamStatistics
from tinygen.features import reference
from tinygen.features.quantize import InputQuantization, apply
from tinygen.features.spec import FeatureSpec
from tinygen.tasks import stream
from tinygen.tasks.decision import Affine, reconstruction_scores
from tinygen.tasks.stream import Event, StreamRule

Int8 = npt.NDArray[np.int8]
Int16 = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """The front end's part.

    Attributes:
        rows: int8 [n, values], quantised.
        windows: int8 [inferences, window_rows * values]: what the whole model is asked at each hop.
        instants: int64 [inferences]: sample instants that have come at each.
    """

    rows: Int8
    windows: Int8
    instants: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expected:
    """What a device must say about a stream.

    Attributes:
        outputs: int8 [inferences, n] of TFLM's interpreter (uint8 outputs as the same bytes).
        values: int64 [inferences, watched].
    """

    made: Rows
    outputs: Int8
    values: npt.NDArray[np.int64]
    events: tuple[Event, ...]


def rows_of(
    spec: FeatureSpec, quantization: InputQuantization, rule: StreamRule, real_zero: int, signal: Int16
) -> Rows:
    """Rows and windows of a signal int16 [instants, n_channels]; before it, every row was real 0."""
    rows = apply(reference.stream(spec, signal), quantization)
    hops = stream.hops_looked_at(rule, rows)
    count = len(hops)
    past = np.full((rule.window_rows - rule.hop_rows, rows.shape[1]), real_zero, np.int8)
    padded = np.concatenate([past, rows])
    starts = rule.hop_rows * hops
    windows = np.stack([padded[at : at + rule.window_rows] for at in starts]) if count else padded[:0]
    ends = [reference.row_end(spec, int(at) + rule.hop_rows - 1) for at in starts]
    return Rows(rows=rows, windows=windows.reshape(count, -1), instants=np.array(ends, dtype=np.int64))


def decided(rule: StreamRule, made: Rows, outputs: Int8, in_q: Affine, out_q: Affine) -> Expected:
    """The decision over the model's outputs."""
    if rule.kind == "score":
        values = stream.score_values(reconstruction_scores(made.windows, outputs, in_q, out_q))
    else:
        values = stream.label_values(rule, outputs)
    return Expected(
        made=made, outputs=outputs, values=values, events=stream.events(rule, values, made.instants.tolist())
    )


def checks(expected: Expected, events: Sequence[StreamEvent], told: StreamStatistics, n_instants: int) -> list[Check]:
    """What the device said against the Python chain; every item is equal or wrong."""
    ours = [(e.number, e.instant, e.label, e.score) for e in expected.events]
    theirs = [(e.number, e.instant, e.label, e.score) for e in events]
    differing = [pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]]
    same = ours == theirs
    reason = f"{len(ours)} events, each with its label, score and sample count"
    if not same:
        reason = f"the device told {len(theirs)} events, the Python chain {len(ours)}"
        if differing:
            reason += f"; first difference (number, instant, label, score): {differing[0][1]}, not {differing[0][0]}"
    rows, outputs = expected.made.rows, expected.outputs
    row_digest, output_digest = zlib.crc32(rows.tobytes()), zlib.crc32(outputs.tobytes())
    return [
        _check("rows", told.row_digest == row_digest and told.rows == len(rows), f"{len(rows)} rows of int8, CRC-32"),
        _check(
            "outputs",
            told.output_digest == output_digest and told.inferences == len(outputs),
            f"{len(outputs)} inferences against TFLM's interpreter, CRC-32 over all outputs",
        ),
        _check("events", same, reason),
        _check(
            "nothing lost",
            told.instants == n_instants and told.overruns == 0,
            f"{told.instants} of {n_instants} samples taken, {told.overruns} overruns",
        ),
    ]


def _check(name: str, fine: bool, reason: str) -> Check:
    return Check(name=name, status=CheckStatus.PASSED if fine else CheckStatus.FAILED, reason=reason)
