"""Frames on the wire: COBS, length, CRC-32. The twin of firmware/protocol/frame_{decoder,writer}.cpp.

Source: firmware/protocol/README.md; S. Cheshire and M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM
Transactions on Networking 7(2), 1999.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

MAX_PAYLOAD = 512
MAX_FRAME = 4 + MAX_PAYLOAD + 4
RESPONSE = 0x80
NAK = 0xFE
LOG = 0xFF
FAULT = 0xFD  # device -> host, unasked
EVENT = 0x3F  # device -> host, unasked


class Type(IntEnum):
    """Requests; the answer's type is the request's with RESPONSE set."""

    HELLO = 0x01
    WRITE_INPUT = 0x02
    INFER = 0x03
    READ_TENSOR = 0x04
    DIGESTS = 0x05
    RAW_BEGIN = 0x06
    RAW_CHUNK = 0x07
    RAW_END = 0x08
    SELFTEST = 0x09
    MEMORY = 0x0A
    RESET = 0x0B
    PROFILE = 0x20
    INTEGRITY = 0x21
    SPAN_DIGEST = 0x22
    LAST_FAULT = 0x23
    STREAM_BEGIN = 0x30
    STREAM_CHUNK = 0x31
    STREAM_END = 0x32
    STREAM_EVENTS = 0x33
    STREAM_SCORES = 0x39
    LEARN = 0x34
    READ_LEARNED = 0x35
    WRITE_LEARNED = 0x36
    SENSE = 0x37
    SAMPLES = 0x38


class Error(IntEnum):
    """Why a frame was not taken, or a request not done."""

    UNKNOWN_TYPE = 1
    BAD_FRAMING = 2
    TOO_LONG = 3
    BAD_LENGTH = 4
    BAD_CRC = 5
    BAD_PAYLOAD = 6
    BAD_ARGUMENT = 7
    NO_INPUT = 8
    OUT_OF_ORDER = 9
    NO_RESULT = 10
    NO_MODEL = 11
    STREAMING = 0x30
    NO_STREAM = 0x31
    NO_LEARNING = 0x32
    NO_SENSOR = 0x33
    OTHER_MODEL = 0x34


@dataclass(frozen=True, slots=True)
class Frame:
    """A good frame."""

    type: int
    sequence: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class BadFrame:
    """Bytes between two delimiters that are no frame; `raw` holds the first of them as they came."""

    error: Error
    raw: bytes


def cobs_encode(data: bytes) -> bytes:
    """Consistent overhead byte stuffing: no zero in the result, no delimiter added."""
    out = bytearray()
    block = bytearray()
    for byte in data:
        if len(block) == 254:
            out += b"\xff" + block
            block.clear()
        if byte:
            block.append(byte)
        else:
            out.append(len(block) + 1)
            out += block
            block.clear()
    out.append(len(block) + 1)
    return bytes(out + block)


def encode(frame: Frame) -> bytes:
    """A frame as it goes over the wire, delimiter included.

    Raises:
        ValueError: when the payload is longer than the header can say.
    """
    if len(frame.payload) > 0xFFFF:
        raise ValueError(f"a payload of {len(frame.payload)} bytes does not fit a frame")
    body = struct.pack("<BBH", frame.type, frame.sequence, len(frame.payload)) + frame.payload
    return cobs_encode(body + struct.pack("<I", zlib.crc32(body))) + b"\0"


class FrameDecoder:
    """Bytes in, frames out, in bounded memory. Whatever arrives, the next 0x00 begins anew.

    Args:
        max_frame: bytes a frame may have between delimiters once decoded (header and CRC included).
    """

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self._max = max_frame
        self._limit = max_frame + max_frame // 254 + 2  # what such a frame takes on the wire
        self._chunk = bytearray()
        self._chunk_bytes = 0
        self._noise_bytes = 0
        self._too_long = False

    @property
    def pending(self) -> bytes:
        """The first bytes since the last delimiter."""
        return bytes(self._chunk)

    @property
    def noise_bytes(self) -> int:
        """How many bytes so far belong to no good frame, those since the last delimiter among them."""
        return self._noise_bytes + self._chunk_bytes

    def push(self, data: bytes) -> Iterator[Frame | BadFrame]:
        """Take bytes as they come; yields what they complete."""
        start = 0
        while (end := data.find(0, start)) >= 0:
            self._take(data[start:end])
            start = end + 1
            if self._chunk:
                yield self._finish()
        self._take(data[start:])

    def _take(self, data: bytes) -> None:
        room = self._limit - len(self._chunk)
        self._too_long = self._too_long or len(data) > room
        self._chunk += data[:room]
        self._chunk_bytes += len(data)

    def _finish(self) -> Frame | BadFrame:
        raw, too_long, size = bytes(self._chunk), self._too_long, self._chunk_bytes
        self._chunk.clear()
        self._chunk_bytes = 0
        self._too_long = False
        body, cut = _unstuff(raw)
        error: Error | None = None
        if too_long or len(body) > self._max:
            error = Error.TOO_LONG
        elif cut:
            error = Error.BAD_FRAMING
        elif len(body) < 8 or int.from_bytes(body[2:4], "little") != len(body) - 8:
            error = Error.BAD_LENGTH
        elif zlib.crc32(body[:-4]) != int.from_bytes(body[-4:], "little"):
            error = Error.BAD_CRC
        if error is not None:
            self._noise_bytes += size
            return BadFrame(error, raw)
        return Frame(body[0], body[1], body[4:-4])


def _unstuff(chunk: bytes) -> tuple[bytes, bool]:
    """Undo the stuffing; the flag says that the last block was cut short."""
    out = bytearray()
    position = 0
    zero = False
    while position < len(chunk):
        if zero:
            out.append(0)
        code = chunk[position]
        out += chunk[position + 1 : position + code]
        position += code
        zero = code != 0xFF
    return bytes(out), position > len(chunk)
