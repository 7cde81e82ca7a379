"""Payloads of the messages: fields in, fields out. The layouts are those of firmware/protocol/README.md."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tinygen.core.errors import ExitCode, TinygenError, no_answer
from tinygen.device.frames import Type
from tinygen.device.values import (
    Hello,
    LearningStatus,
    MemoryResult,
    StoreStatus,
    StreamEvent,
    StreamInfo,
    StreamScores,
    StreamStatistics,
)

INFER_DIGESTS = 0x01
INFER_STOP = 0x02
INFER_COUNT = 0x04

_HELLO = struct.Struct("<HH16sHBBIIIIHHHHIIHHIBBH")
_INFER = struct.Struct("<BxhiIHxxIII")
_MEMORY = struct.Struct("<9I")
_STREAM_INFO = struct.Struct("<4H4I")
_STREAM_STATISTICS = struct.Struct("<Q5IQQII")
_EVENT = struct.Struct("<IQIhxx")
_SCORES = struct.Struct("<QIHH")
_SCORE = struct.Struct("<hIB")
COUNTER_KINDS = ("none", "dwt", "systick", "ccount", "host_ns")
SENSOR_STATUS = (
    "it runs",
    "this image has none but the serial line",
    "nobody answers on its bus",
    "another chip answers there than this image was made for",
    "a clock it needs did not start",
)
LEARN_ACTIONS = ("status", "learn", "freeze", "forget", "freeze_at", "keep")
STORE_PLACES = ("nowhere", "flash", "nvs", "file")
STORE_FOUND = ("not looked", "nothing", "whole", "torn", "damaged", "another model's", "forgotten")
STORE_OUTCOMES = (
    "none",
    "done",
    "flash stayed locked",
    "erasing failed",
    "programming failed",
    "reading back failed",
    "it is too large",
)
_LEARNING = struct.Struct("<BBH6I")
_STORE = struct.Struct("<4B5I")
RESET_CAUSES = ("unknown", "power-on", "pin", "software", "watchdog", "fault", "brown-out", "low power")


@dataclass(frozen=True, slots=True, kw_only=True)
class InferReply:
    """INFER's answer as it came."""

    flags: int
    label: int
    score: int
    counter: int
    steps_done: int
    output_bytes: int
    input_crc: int
    output_crc: int
    inline_output: bytes


def sensor_words(status: int) -> str:
    """Why a sensor does not run, in words."""
    return SENSOR_STATUS[status] if status < len(SENSOR_STATUS) else f"status {status}"


def unpack(layout: str | struct.Struct, payload: bytes, kind: Type, name: str) -> tuple[int, ...]:
    """Fields of a payload that must have exactly this layout.

    Raises:
        TinygenError: another length; the device speaks another dialect.
    """
    shape = struct.Struct(layout) if isinstance(layout, str) else layout
    if len(payload) != shape.size:
        raise malformed(kind, len(payload), name)
    return shape.unpack(payload)


def malformed(kind: Type, length: int, name: str) -> TinygenError:
    """The error for an answer whose size cannot be right."""
    return no_answer(
        f"the answer to {kind.name} has {length} bytes, which is not its layout",
        where=name,
        hint="the device runs a firmware of another version; flash this project again",
    )


def _word(words: tuple[str, ...], index: int) -> str:
    return words[index] if index < len(words) else f"number {index}"


def parse_learning(payload: bytes, name: str) -> LearningStatus:
    """Read LEARN's answer; older firmware says nothing of what outlives a loss of power.

    Raises:
        TinygenError: another length.
    """
    if len(payload) not in (_LEARNING.size, _LEARNING.size + _STORE.size):
        raise malformed(Type.LEARN, len(payload), name)
    phase, torn, _, values, count, limit, score, size, digest = _LEARNING.unpack_from(payload)
    store = StoreStatus()
    if len(payload) > _LEARNING.size:
        place, found, outcome, kept, sequence, erases, endurance, stall_ms, left = _STORE.unpack_from(
            payload, _LEARNING.size
        )
        store = StoreStatus(
            place=_word(STORE_PLACES, place),
            found=_word(STORE_FOUND, found),
            outcome=_word(STORE_OUTCOMES, outcome),
            kept=bool(kept),
            sequence=sequence,
            erases=erases,
            endurance=endurance,
            stall_ms=stall_ms,
            writes_left=left,
        )
    return LearningStatus(
        phase=("nothing", "learning", "frozen")[min(phase, 2)],
        torn=bool(torn),
        values=values,
        count=count,
        threshold=limit,
        score=score,
        state_bytes=size,
        digest=digest,
        store=store,
    )


def parse_hello(payload: bytes, name: str, version: int) -> Hello:
    """Read HELLO's answer.

    Raises:
        TinygenError: CHECK_FAILED for another protocol version, NO_ANSWER for a malformed answer.
    """
    if len(payload) >= 2 and (said := int.from_bytes(payload[:2], "little")) != version:
        raise TinygenError(
            ExitCode.CHECK_FAILED,
            f"the device speaks version {said} of the protocol, this tinygen speaks version {version}",
            where=name,
            hint="flash this project's build, or use the tinygen it was made with",
        )
    if len(payload) < _HELLO.size + 3:
        raise malformed(Type.HELLO, len(payload), name)
    (
        protocol, runtime, build_id, max_payload, counter, cause, arena, weights, inputs, outputs, steps, observed,
        selftests, channels, rate, instants, frames, values, state, integrity, stages, watchdog_ms,
    ) = _HELLO.unpack_from(payload)  # fmt: skip
    texts: list[str] = []
    position = _HELLO.size
    for _ in range(3):
        length = payload[position] if position < len(payload) else 0
        texts.append(payload[position + 1 : position + 1 + length].decode(errors="replace"))
        position += 1 + length
    unique_id = b""
    if position < len(payload):  # older firmware ends before it
        length = payload[position]
        unique_id = payload[position + 1 : position + 1 + length]
        position += 1 + length
    if position != len(payload):
        raise malformed(Type.HELLO, len(payload), name)
    return Hello(
        protocol=protocol,
        runtime=runtime,
        build_id=build_id.hex(),
        board=texts[0],
        task=texts[1],
        engine=texts[2],
        max_payload=max_payload,
        counter_kind=COUNTER_KINDS[counter] if counter < len(COUNTER_KINDS) else f"kind {counter}",
        arena_bytes=arena,
        weights_bytes=weights,
        input_bytes=inputs,
        output_bytes=outputs,
        step_count=steps,
        observed_count=observed,
        selftest_count=selftests,
        rate_hz=rate,
        channels=channels,
        samples_per_inference=instants,
        frames=frames,
        frame_values=values,
        feature_state_bytes=state,
        feature_stages=stages,
        reset_cause=RESET_CAUSES[cause] if cause < len(RESET_CAUSES) else f"cause {cause}",
        watchdog_ms=watchdog_ms,
        unique_id=unique_id.hex(),
        image=condition(integrity),
        weights=condition(integrity >> 2),
    )


def condition(bits: int) -> str:
    """The two lowest bits of an integrity word: is there a digest, and does it fit?"""
    return "no digest" if not bits & 1 else "intact" if bits & 2 else "damaged"


def infer_request(*, digests: bool, stop_after: int | None, count: bool) -> bytes:
    """INFER's payload; its first byte is the flags the answer repeats."""
    flags = INFER_DIGESTS * digests | INFER_STOP * (stop_after is not None) | INFER_COUNT * count
    return struct.pack("<BxH", flags, stop_after or 0)


def parse_infer(payload: bytes, name: str) -> InferReply:
    """Read INFER's answer.

    Raises:
        TinygenError: a malformed answer.
    """
    if len(payload) < _INFER.size:
        raise malformed(Type.INFER, len(payload), name)
    flags, label, score, counter, steps, output_bytes, input_crc, output_crc = _INFER.unpack_from(payload)
    inline = payload[_INFER.size :]
    if inline and len(inline) != output_bytes:
        raise malformed(Type.INFER, len(payload), name)
    return InferReply(
        flags=flags,
        label=label,
        score=score,
        counter=counter,
        steps_done=steps,
        output_bytes=output_bytes,
        input_crc=input_crc,
        output_crc=output_crc,
        inline_output=inline,
    )


def parse_memory(payload: bytes, name: str) -> MemoryResult:
    """Read MEMORY's answer.

    Raises:
        TinygenError: a malformed answer.
    """
    arena, weights, state, app, stack, used, overruns, good, bad = unpack(_MEMORY, payload, Type.MEMORY, name)
    return MemoryResult(
        arena_bytes=arena,
        weights_bytes=weights,
        feature_state_bytes=state,
        app_bytes=app,
        stack_bytes=stack,
        stack_used_bytes=used,
        receive_overruns=overruns,
        frames_good=good,
        frames_bad=bad,
    )


def parse_event(payload: bytes) -> StreamEvent | None:
    """Read an EVENT frame; None when it is malformed."""
    if len(payload) < _EVENT.size:
        return None
    number, instant, score, label = _EVENT.unpack_from(payload)
    name = payload[_EVENT.size :].decode(errors="replace")
    return StreamEvent(number=number, instant=instant, label=label, score=score, name=name)


def parse_stream_info(payload: bytes, name: str) -> StreamInfo:
    """Read STREAM_BEGIN's answer.

    Raises:
        TinygenError: a malformed answer.
    """
    window, hop, smoothing, watched, threshold, release, ring, memory = unpack(
        _STREAM_INFO, payload, Type.STREAM_BEGIN, name
    )
    return StreamInfo(
        window_rows=window,
        hop_rows=hop,
        smoothing=smoothing,
        watched=watched,
        threshold=threshold,
        release=release,
        ring_instants=ring,
        memory_bytes=memory,
    )


def parse_stream_statistics(payload: bytes, name: str) -> StreamStatistics:
    """Read STREAM_END's answer.

    Raises:
        TinygenError: a malformed answer.
    """
    instants, rows, inferences, events, overruns, saturated, features, model, row_digest, output_digest = unpack(
        _STREAM_STATISTICS, payload, Type.STREAM_END, name
    )
    return StreamStatistics(
        instants=instants,
        rows=rows,
        inferences=inferences,
        events=events,
        overruns=overruns,
        saturated=saturated,
        feature_ticks=features,
        inference_ticks=model,
        row_digest=row_digest,
        output_digest=output_digest,
    )


def parse_stream_scores(payload: bytes, name: str) -> tuple[StreamScores, int]:
    """Read STREAM_SCORES' answer: (the scores it tells, watched labels in all).

    Raises:
        TinygenError: a malformed answer.
    """
    if len(payload) < _SCORES.size:
        raise malformed(Type.STREAM_SCORES, len(payload), name)
    instants, inferences, watched, _ = _SCORES.unpack_from(payload)
    sums: list[tuple[str, int]] = []
    at = _SCORES.size
    while at < len(payload):
        if at + _SCORE.size > len(payload):
            raise malformed(Type.STREAM_SCORES, len(payload), name)
        label, total, length = _SCORE.unpack_from(payload, at)
        at += _SCORE.size
        if at + length > len(payload):
            raise malformed(Type.STREAM_SCORES, len(payload), name)
        sums.append((payload[at : at + length].decode(errors="replace") or f"label {label}", total))
        at += length
    return StreamScores(instants=instants, inferences=inferences, sums=tuple(sums)), watched


def parse_stream_events(payload: bytes, name: str) -> tuple[int, tuple[StreamEvent, ...]]:
    """Read STREAM_EVENTS' answer: (events in all, those asked for that are kept).

    Raises:
        TinygenError: a malformed answer.
    """
    if len(payload) < 4 or (len(payload) - 4) % _EVENT.size:
        raise malformed(Type.STREAM_EVENTS, len(payload), name)
    records = (payload[at : at + _EVENT.size] for at in range(4, len(payload), _EVENT.size))
    events = tuple(event for event in map(parse_event, records) if event is not None)
    return int.from_bytes(payload[:4], "little"), events
