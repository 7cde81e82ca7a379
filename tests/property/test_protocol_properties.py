"""Whatever bytes arrive: the host's side finds every whole frame, keeps little, and ends in an answer or one error."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.faultylink import Fault, FaultyLink, SimulatedClock, random_faults
from support.sham import BUILD_ID, ShamDevice, sham_output
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.device import messages
from tinygen.device.client import Client
from tinygen.device.frames import MAX_FRAME, BadFrame, Frame, FrameDecoder, cobs_encode, encode
from tinygen.device.values import INPUT_TENSOR

frames = st.builds(
    Frame,
    st.integers(0, 255),
    st.integers(0, 255),
    st.binary(max_size=512) | st.just(bytes(512)) | st.just(b"\xff" * 509),
)


def pushed(data: bytes, cuts: list[int]) -> tuple[list[Frame | BadFrame], FrameDecoder]:
    """What a decoder finds when the bytes come in pieces."""
    decoder = FrameDecoder()
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    found: list[Frame | BadFrame] = []
    for start, end in zip([0, *places], [*places, len(data)], strict=True):
        found += decoder.push(data[start:end])
    return found, decoder


@given(st.lists(frames, max_size=5), st.lists(st.integers(0, 4000), max_size=8))
def test_frames_come_out_as_they_went_in_however_they_are_cut(sent: list[Frame], cuts: list[int]) -> None:
    found, decoder = pushed(b"".join(map(encode, sent)), cuts)
    assert found == sent
    assert decoder.noise_bytes == 0


@given(st.binary(max_size=3000), st.lists(st.integers(0, 4000), max_size=8), frames)
def test_after_any_noise_the_next_frame_is_found(noise: bytes, cuts: list[int], frame: Frame) -> None:
    found, decoder = pushed(noise + b"\0" + encode(frame), cuts)
    assert found[-1] == frame
    assert len(decoder.pending) == 0
    _, flooded = pushed(noise.replace(b"\0", b"\1") * 3, cuts)
    assert len(flooded.pending) <= MAX_FRAME + MAX_FRAME // 254 + 2
    assert flooded.noise_bytes == 3 * len(noise)


@given(frames, st.integers(0, 600), st.integers(1, 255), st.sampled_from(["flip", "cut", "add"]))
def test_a_damaged_frame_is_never_another_one(frame: Frame, place: int, value: int, how: str) -> None:
    wire = encode(frame)
    place %= len(wire) - 1
    if how == "flip":
        damaged = wire[:place] + bytes([wire[place] ^ value]) + wire[place + 1 :]
    elif how == "cut":
        damaged = wire[:place] + wire[place + 1 :]
    else:
        damaged = wire[:place] + bytes([value]) + wire[place:]
    good = [found for found in FrameDecoder().push(damaged) if isinstance(found, Frame)]
    assert all(found == frame for found in good)  # an inserted byte may say the same in other words


@given(st.binary(max_size=600))
def test_stuffed_bytes_hold_no_zero(data: bytes) -> None:
    assert 0 not in cobs_encode(data)


@given(st.binary(max_size=200), st.integers(0, 3))
def test_any_payload_is_an_answer_or_one_error(payload: bytes, version: int) -> None:
    hello = struct.pack("<H", 1) + payload
    for parse in (
        lambda: messages.parse_hello(payload, "x", version),
        lambda: messages.parse_hello(hello, "x", 1),
        lambda: messages.parse_infer(payload, "x"),
        lambda: messages.parse_memory(payload, "x"),
        lambda: messages.parse_stream_info(payload, "x"),
        lambda: messages.parse_stream_events(payload, "x"),
        lambda: messages.parse_stream_scores(payload, "x"),
        lambda: messages.parse_stream_statistics(payload, "x"),
        lambda: messages.parse_event(payload),
    ):
        try:
            parse()
        except TinygenError as error:
            assert error.code in (ExitCode.NO_ANSWER, ExitCode.CHECK_FAILED)


class ShamLink:
    """A sham device on a line without a clock."""

    def __init__(self) -> None:
        self.device = ShamDevice(input_bytes=2000)
        self._ready = bytearray(self.device.start())

    def write(self, data: bytes) -> None:
        self._ready += self.device.take(data)

    def read(self, max_bytes: int, _timeout_s: float) -> bytes:
        data = bytes(self._ready[:max_bytes])
        del self._ready[:max_bytes]
        return data

    def reset(self) -> None:
        self._ready = bytearray(self.device.start())

    def close(self) -> None: ...


@settings(deadline=None)
@given(
    st.integers(0, 1 << 32),
    st.sampled_from([0.01, 0.1, 0.4]),
    st.lists(st.sampled_from(list(Fault)), min_size=1, max_size=4),
    st.lists(st.binary(min_size=40, max_size=40).map(lambda part: part * 50), min_size=1, max_size=4),
)
def test_any_mixture_of_faults_ends_right_or_in_one_error(
    seed: int, rate: float, kinds: list[Fault], inputs: list[bytes]
) -> None:
    clock = SimulatedClock()
    line = FaultyLink(ShamLink(), clock, random_faults(seed, rate, tuple(kinds)), seed)
    client = Client(line, name="sham", clock=clock, build_id=BUILD_ID, window=1 + seed % 3)
    for data in inputs:
        start = clock.now
        try:
            client.hello()
            client.write_input(data)
            assert client.infer().output == sham_output(data)
            assert client.read_tensor(INPUT_TENSOR, len(data)) == data
        except TinygenError as error:
            assert error.code in (ExitCode.NO_ANSWER, ExitCode.CHECK_FAILED)
            line.plug_in()
        assert clock.now - start < 200


@given(st.lists(st.binary(max_size=300), max_size=30))
def test_a_device_that_says_anything_at_all_ends_in_one_error(words: list[bytes]) -> None:
    clock = SimulatedClock()

    class Mad(ShamLink):
        def write(self, data: bytes) -> None:
            for word in words:
                self._ready += word + b"\0"

    with pytest.raises(TinygenError) as caught:
        Client(FaultyLink(Mad(), clock), name="mad", clock=clock).hello()
    assert caught.value.code in (ExitCode.NO_ANSWER, ExitCode.CHECK_FAILED)
    assert clock.now < 60
