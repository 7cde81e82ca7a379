"""Frames survive any chunking; whatever garbage comes before them, the next zero begins anew."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygen.device.frames import MAX_FRAME, MAX_PAYLOAD, BadFrame, Error, Frame, FrameDecoder, cobs_encode, encode

frames = st.builds(
    Frame,
    st.integers(0, 255),
    st.integers(0, 255),
    st.one_of(
        st.binary(max_size=MAX_PAYLOAD),
        st.integers(0, MAX_PAYLOAD).map(bytes),
        st.integers(0, MAX_PAYLOAD).map(lambda n: b"\x01" * n),
    ),
)


def decode(data: bytes) -> list[Frame | BadFrame]:
    return list(FrameDecoder().push(data))


@given(st.binary(max_size=1200))
def test_cobs_has_no_zero_and_one_code_per_254_bytes(data: bytes) -> None:
    stuffed = cobs_encode(data)
    assert 0 not in stuffed
    assert len(stuffed) <= len(data) + len(data) // 254 + 1


@pytest.mark.parametrize(
    ("plain", "stuffed"),
    [
        (b"", b"\x01"),
        (b"\0", b"\x01\x01"),
        (b"\x11\x22\0\x33", b"\x03\x11\x22\x02\x33"),
        (b"\x01" * 254, b"\xff" + b"\x01" * 254),
        (b"\x01" * 254 + b"\0", b"\xff" + b"\x01" * 254 + b"\x01\x01"),
        (b"\x01" * 255, b"\xff" + b"\x01" * 254 + b"\x02\x01"),
    ],
)
def test_cobs_examples(plain: bytes, stuffed: bytes) -> None:
    assert cobs_encode(plain) == stuffed


@given(st.lists(frames, max_size=5), st.lists(st.integers(1, 40), min_size=1))
def test_frames_come_back_in_any_chunking(sent: list[Frame], sizes: list[int]) -> None:
    data = b"".join(encode(frame) for frame in sent)
    decoder = FrameDecoder()
    got: list[Frame | BadFrame] = []
    position = 0
    turn = 0
    while position < len(data):
        size = sizes[turn % len(sizes)]
        got += decoder.push(data[position : position + size])
        position += size
        turn += 1
    assert got == sent


@given(st.binary(max_size=2000), frames)
def test_garbage_costs_no_frame_after_the_next_zero(garbage: bytes, frame: Frame) -> None:
    assert decode(garbage + b"\0" + encode(frame))[-1] == frame


@given(frames, st.data())
def test_a_changed_byte_is_never_taken_for_the_frame(frame: Frame, data: st.DataObject) -> None:
    wire = bytearray(encode(frame))
    place = data.draw(st.integers(0, len(wire) - 2))
    wire[place] ^= data.draw(st.integers(1, 255))
    good = [found for found in decode(bytes(wire)) if isinstance(found, Frame)]
    assert good == []
    assert decode(bytes(wire) + b"\0" + encode(frame))[-1] == frame


@settings(max_examples=30)
@given(st.lists(st.binary(max_size=5000), max_size=10))
def test_memory_is_bounded(chunks: list[bytes]) -> None:
    decoder = FrameDecoder()
    for chunk in chunks:
        for found in decoder.push(chunk):
            assert isinstance(found, BadFrame)
        assert len(decoder.pending) <= MAX_FRAME + 4


def wire_of(body: bytes) -> bytes:
    return cobs_encode(body + zlib.crc32(body).to_bytes(4, "little")) + b"\0"


def test_errors_are_told_apart() -> None:
    def error(data: bytes) -> Error:
        (found,) = decode(data)
        assert isinstance(found, BadFrame)
        return found.error

    assert error(b"\x05ab\0") == Error.BAD_FRAMING
    assert error(wire_of(b"")) == Error.BAD_LENGTH
    assert error(wire_of(b"\x01\x00\x05\x00abc")) == Error.BAD_LENGTH
    assert error(cobs_encode(b"\x01\x00\x00\x00nope") + b"\0") == Error.BAD_CRC
    assert error(encode(Frame(1, 0, bytes(MAX_PAYLOAD + 1)))) == Error.TOO_LONG
    assert error(encode(Frame(1, 0, b"\x07" * (MAX_PAYLOAD + 1)))) == Error.TOO_LONG
    assert isinstance(decode(encode(Frame(1, 0, bytes(MAX_PAYLOAD))))[0], Frame)
    assert isinstance(decode(encode(Frame(1, 0, b"\x07" * MAX_PAYLOAD)))[0], Frame)


def test_empty_frames_are_ignored() -> None:
    assert decode(b"\0\0\0") == []


def test_a_payload_beyond_the_length_field_is_refused() -> None:
    with pytest.raises(ValueError, match="65536"):
        encode(Frame(1, 0, bytes(65536)))
