"""A StreamRule rendered into src/stream.cpp, and the RAM it takes, planned."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tinygen.core.canonical import canonical_json, digest_bytes
from tinygen.features.quantize import InputQuantization
from tinygen.features.spec import BandEnergySpec, FeatureSpec, LogMelSpec, feature_shape
from tinygen.firmware.environment import render
from tinygen.tasks.learning import KEPT_ROWS
from tinygen.tasks.segment import SegmentRule
from tinygen.tasks.stream import StreamRule, check_rule

RUNTIME_VERSION = 1

_LEAST_RING = 512
_EVENT_BYTES = 24  # number, label, score, instant, each aligned
_KEPT_EVENTS = 8
_STATISTICS_BYTES = 56


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamView:
    """What templates/model/stream.cpp.j2 prints."""

    channels: int
    ring_instants: int
    row_values: int
    window_rows: int
    hop_rows: int
    real_zero: int
    scores: bool
    learned_values: int
    owner: int
    sign_flip: int
    watched: tuple[int, ...]
    warmup: int
    smoothing: int
    threshold: int
    release: int
    refractory: int
    segments: SegmentRule | None


def ring_instants(spec: FeatureSpec, least_s: float = 0.0) -> int:
    """Room for samples while an inference runs: at least two hops, 512 instants and `least_s`; a power of two."""
    hop = spec.hop_samples if isinstance(spec, LogMelSpec | BandEnergySpec) else spec.decimation
    wanted = max(_LEAST_RING, 2 * min(hop, 2048), math.ceil(least_s * spec.rate_hz))
    return 1 << (wanted - 1).bit_length()


def owner_of(spec: FeatureSpec, quantization: InputQuantization) -> int:
    """What a learned row is made by, as a number: front end and input quantisation. Not the model, which learned rows
    never meet: a model trained anew over the same front end and input scale keeps what its machine taught.
    """
    whole = {"spec": spec, "quantization": quantization}
    return int(digest_bytes(canonical_json(whole).encode())[:8], 16)


def stream_view(
    spec: FeatureSpec,
    rule: StreamRule,
    *,
    real_zero: int,
    input_rows: int,
    ring_s: float = 0.0,
    quantization: InputQuantization | None = None,
) -> StreamView:
    """Constants of the engine.

    Args:
        spec: the front end.
        rule: the decision.
        real_zero: the input's zero point: what the window holds before the first row.
        input_rows: rows the compiled model takes per inference: the window, or only the new ones.
        ring_s: at least so much of the signal waits.
        quantization: of the input, for what is learned.

    Raises:
        TinygenError: the rule is out of range.
    """
    check_rule(rule)
    return StreamView(
        channels=spec.n_channels,
        ring_instants=ring_instants(spec, ring_s),
        row_values=feature_shape(spec)[1],
        window_rows=input_rows,
        hop_rows=rule.hop_rows,
        real_zero=real_zero,
        scores=rule.kind == "score",
        # What the model looks at is one row: that row can be compared with what is normal.
        learned_values=feature_shape(spec)[1] if rule.kind == "score" and input_rows == 1 else 0,
        owner=0 if quantization is None else owner_of(spec, quantization),
        sign_flip=0 if rule.unsigned_output else 0x80,
        watched=rule.watched,
        warmup=rule.warmup,
        smoothing=rule.smoothing,
        threshold=rule.threshold,
        release=rule.release,
        refractory=rule.refractory_samples,
        segments=rule.segments,
    )


def render_stream(
    spec: FeatureSpec,
    rule: StreamRule,
    *,
    real_zero: int,
    input_rows: int,
    ring_s: float = 0.0,
    quantization: InputQuantization | None = None,
) -> dict[str, bytes]:
    """{"src/stream.cpp": its text}: the implementation of stream_api.h.

    Raises:
        TinygenError: the rule is out of range.
    """
    view = stream_view(spec, rule, real_zero=real_zero, input_rows=input_rows, ring_s=ring_s, quantization=quantization)
    return rendered_stream(view)


def rendered_stream(view: StreamView) -> dict[str, bytes]:
    """{"src/stream.cpp": its text}: the implementation of stream_api.h."""
    return {"src/stream.cpp": render("model/stream.cpp.j2", {"v": view, "runtime_version": RUNTIME_VERSION})}


def state_bytes(view: StreamView) -> int:
    """What is learned, as it is kept."""
    return 32 + 8 * view.learned_values if view.learned_values else 0


def learned_bytes(view: StreamView) -> int:
    """RAM of both copies of what is learned; it outlives a reset."""
    return 2 * state_bytes(view)


def memory_bytes(view: StreamView) -> int:
    """RAM of the engine on a 32-bit machine: what the device says in STREAM_BEGIN's answer."""
    decision = 8 + 4 * len(view.watched) * (view.smoothing + 1) + 4 * 4
    decision = -(-decision // 8) * 8
    normal = 9 * 4 + (8 + KEPT_ROWS) * view.learned_values if view.learned_values else 0
    ring = 2 * view.channels * view.ring_instants
    gate = -(-(20 + 2 * view.row_values) // 8) * 8 if view.segments else 0
    return gate + -(-(decision + _STATISTICS_BYTES + _KEPT_EVENTS * _EVENT_BYTES + 7 * 4 + normal + ring) // 8) * 8
