"""Frames in words, for monitors and for what a failed test shows."""

from __future__ import annotations

from collections.abc import Callable

from tinygen.core.errors import TinygenError
from tinygen.device import messages
from tinygen.device.exchange import log_line
from tinygen.device.frames import EVENT, LOG, NAK, RESPONSE, Error, Frame, Type

LEVELS = ("debug", "info", "warning", "error")
_SHOWN_BYTES = 16


def describe(frame: Frame) -> str:
    """One line: what it is, and what it says where that is known."""
    words = dict(DECODERS).get(frame.type)
    if words is not None:
        try:
            return words(frame)
        except (TinygenError, ValueError, IndexError):
            return f"{type_name(frame.type)}, malformed: {_bytes(frame.payload)}"
    return f"{type_name(frame.type)} #{frame.sequence}{': ' if frame.payload else ''}{_bytes(frame.payload)}"


def type_name(kind: int) -> str:
    """The name of a frame's type: "INFER", "INFER answer", "type 0x66"."""
    if kind in set(Type):
        return Type(kind).name
    if kind ^ RESPONSE in set(Type):
        return f"{Type(kind ^ RESPONSE).name} answer"
    return {LOG: "LOG", EVENT: "EVENT", NAK: "NAK"}.get(kind, f"type 0x{kind:02X}")


def level_name(level: int) -> str:
    """The name of a log level."""
    return LEVELS[level] if level < len(LEVELS) else f"level {level}"


def _bytes(data: bytes) -> str:
    more = f" ... ({len(data)} bytes)" if len(data) > _SHOWN_BYTES else ""
    return data[:_SHOWN_BYTES].hex(" ") + more


def _log(frame: Frame) -> str:
    line = log_line(frame)
    return f"LOG {level_name(line.level)}: {line.text}" if line else "LOG, empty"


def _event(frame: Frame) -> str:
    event = messages.parse_event(frame.payload)
    if event is None:
        raise ValueError("event")
    return f"EVENT {event.number}: {event.name or event.label}, score {event.score}, at sample {event.instant}"


def _nak(frame: Frame) -> str:
    request, code = frame.payload[0], frame.payload[1]
    why = Error(code).name.lower() if code in set(Error) else f"error {code}"
    asked = type_name(request) if request else "a frame"
    return f"NAK #{frame.sequence} of {asked}: {why}, detail {int.from_bytes(frame.payload[2:6], 'little')}"


def _hello(frame: Frame) -> str:
    hello = messages.parse_hello(frame.payload, "", int.from_bytes(frame.payload[:2], "little"))
    return f"HELLO answer #{frame.sequence}: {hello.board}, task {hello.task}, build {hello.build_id[:12]}"


def _infer(frame: Frame) -> str:
    reply = messages.parse_infer(frame.payload, "")
    return f"INFER answer #{frame.sequence}: label {reply.label}, score {reply.score}, {reply.steps_done} steps"


# Whoever adds a message that says something by itself adds its words here.
DECODERS: tuple[tuple[int, Callable[[Frame], str]], ...] = (
    (LOG, _log),
    (EVENT, _event),
    (NAK, _nak),
    (Type.HELLO | RESPONSE, _hello),
    (Type.INFER | RESPONSE, _infer),
)
