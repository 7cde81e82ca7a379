"""A device in Python, for tests of whatever talks to one: bytes in, bytes out, by the rules of the protocol.

Its engine computes nothing useful: output byte i is the sum of the input bytes at i, i + n, i + 2n... (n output bytes).
"""

from __future__ import annotations

import struct
import zlib

from tinygen.device.exchange import READY
from tinygen.device.frames import LOG, NAK, RESPONSE, BadFrame, Error, Frame, FrameDecoder, Type, encode
from tinygen.device.values import INPUT_TENSOR, OUTPUT_TENSOR

BUILD_ID = "00112233445566778899aabbccddeeff"
OUTPUT_BYTES = 4
VERSION = 2  # of the protocol


def sham_output(data: bytes) -> bytes:
    """What the engine makes of an input."""
    return bytes(sum(data[i::OUTPUT_BYTES]) & 0xFF for i in range(OUTPUT_BYTES))


class ShamDevice:
    """One made-up device.

    Args:
        board, build_id: what it says in its hello.
        input_bytes: size of its model's input.
    """

    def __init__(self, *, board: str = "sham", build_id: str = BUILD_ID, input_bytes: int = 40) -> None:
        self._board = board
        self._build_id = build_id
        self._input_bytes = input_bytes
        self.start()

    def start(self) -> bytes:
        """Begin afresh, as after a reset; returns what a device sends then."""
        self._decoder = FrameDecoder()
        self._input = bytearray()
        self._done = False
        self._kept: tuple[bytes, bytes] = (b"", b"")
        self._good = self._bad = 0
        return b"\0" + self.log(READY)

    def log(self, text: str, level: int = 1) -> bytes:
        """A log line as it goes over the wire."""
        return encode(Frame(LOG, 0, bytes([level]) + text.encode()))

    def take(self, data: bytes) -> bytes:
        """Bytes from the host; returns what the device sends."""
        out = bytearray()
        for frame in self._decoder.push(data):
            if isinstance(frame, BadFrame):
                self._bad += 1
                out += encode(Frame(NAK, 0, struct.pack("<BBI", 0, frame.error, 0)))
                continue
            self._good += 1
            request = encode(frame)
            if request != self._kept[0]:
                self._kept = (request, self._answer(frame))
            out += self._kept[1]
            if frame.type == Type.RESET:
                out += self.start()
        return bytes(out)

    def _answer(self, frame: Frame) -> bytes:
        done = self._done_for(frame)
        if isinstance(done, bytes):
            return encode(Frame(frame.type | RESPONSE, frame.sequence, done))
        error, detail = done
        return encode(Frame(NAK, frame.sequence, struct.pack("<BBI", frame.type, error, detail)))

    def _done_for(self, frame: Frame) -> bytes | tuple[Error, int]:
        match frame.type:
            case Type.HELLO:
                return self._hello()
            case Type.WRITE_INPUT:
                return self._write(frame.payload)
            case Type.INFER:
                return self._infer(frame.payload)
            case Type.READ_TENSOR:
                return self._read(frame.payload)
            case Type.MEMORY:
                return struct.pack("<9I", self._input_bytes, 1, 0, 600, 0, 0, 0, self._good, self._bad)
            case Type.RESET:
                return b""
        return Error.UNKNOWN_TYPE, 0

    def _hello(self) -> bytes:
        sizes = (self._input_bytes, 1, self._input_bytes, OUTPUT_BYTES)
        head = struct.pack("<HH16sHBB4I4H2I2HIBBH", VERSION, 1, bytes.fromhex(self._build_id), 512, 0, 0, *sizes,
                           1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)  # fmt: skip
        texts = (self._board.encode(), b"nothing", b"sham")
        return head + b"".join(bytes([len(text)]) + text for text in texts)

    def _write(self, payload: bytes) -> bytes | tuple[Error, int]:
        offset, part = int.from_bytes(payload[:4], "little"), payload[4:]
        if offset + len(part) > self._input_bytes:
            return Error.BAD_ARGUMENT, self._input_bytes
        if offset == 0:
            self._input.clear()
        if offset != len(self._input):
            return Error.OUT_OF_ORDER, len(self._input)
        self._input += part
        self._done = False
        return struct.pack("<I", len(self._input))

    def _infer(self, payload: bytes) -> bytes | tuple[Error, int]:
        if len(self._input) != self._input_bytes:
            return Error.NO_INPUT, len(self._input)
        self._done = True
        output = sham_output(bytes(self._input))
        label = max(range(OUTPUT_BYTES), key=output.__getitem__)
        crcs = (OUTPUT_BYTES, zlib.crc32(self._input), zlib.crc32(output))
        return struct.pack("<BxhiIHxxIII", payload[0], label, output[label], 0, 1, *crcs) + output

    def _read(self, payload: bytes) -> bytes | tuple[Error, int]:
        index, wanted, offset = struct.unpack("<HHI", payload)
        if index == INPUT_TENSOR and len(self._input) == self._input_bytes:
            data = bytes(self._input)
        elif index == OUTPUT_TENSOR and self._done:
            data = sham_output(bytes(self._input))
        else:
            return Error.NO_RESULT, 0
        return struct.pack("<HHII", index, 0, offset, len(data)) + data[offset : offset + wanted]
