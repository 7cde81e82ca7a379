"""The client against a made-up device on an injected clock: it ends in bounded time, and never with a wrong answer."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tinygen.core.errors import ExitCode, TinygenError
from tinygen.device.client import Client
from tinygen.device.exchange import READY, log_line
from tinygen.device.faults import DeviceFaultError, parse_fault
from tinygen.device.frames import FAULT, LOG, NAK, RESPONSE, Frame, FrameDecoder, Type, encode
from tinygen.device.session import OTHER_RATES
from tinygen.device.values import LogLine

BUILD = "00112233445566778899aabbccddeeff"


def hello_payload(*, protocol: int = 2, build: str = BUILD) -> bytes:
    head = struct.pack(
        "<HH16sHBBIIIIHHHHIIHHIBBH",
        protocol, 1, bytes.fromhex(build), 512, 1, 0, 700, 11, 40, 4, 3, 3, 1, 2, 100, 25, 5, 8, 16, 5, 2, 8000,
    )  # fmt: skip
    return head + b"\x04fake\x07nothing\x04stub"


def memory_payload(arena: int = 0) -> bytes:
    return struct.pack("<9I", arena, 1, 2, 3, 4, 5, 6, 1_000_000, 8)


class FakeLink:
    """A device in Python. `answers` makes what comes back for a request; time passes only while reading."""

    def __init__(self, answers: Callable[[Frame], Iterator[bytes]]) -> None:
        self.now = 0.0
        self.requests: list[Frame] = []
        self.ready = bytearray()
        self.later: list[tuple[float, bytes]] = []
        self._answers = answers
        self._decoder = FrameDecoder()

    def clock(self) -> float:
        return self.now

    def write(self, data: bytes) -> None:
        for frame in self._decoder.push(data):
            if isinstance(frame, Frame):
                self.requests.append(frame)
                for part in self._answers(frame):
                    self.ready += part

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        self.later.sort()
        if not self.ready and self.later and self.later[0][0] <= self.now + timeout_s:
            self.now, data = self.later.pop(0)
            self.ready += data
        if not self.ready:
            self.now += timeout_s
            return b""
        data = bytes(self.ready[:max_bytes])
        del self.ready[:max_bytes]
        return data

    def reset(self) -> None: ...

    def close(self) -> None: ...


def reply(request: Frame, payload: bytes) -> bytes:
    return encode(Frame(request.type | RESPONSE, request.sequence, payload))


def good(request: Frame) -> Iterator[bytes]:
    if request.type == Type.HELLO:
        yield reply(request, hello_payload())
    elif request.type == Type.MEMORY:
        yield reply(request, memory_payload())
    elif request.type == Type.WRITE_INPUT:
        yield reply(
            request, struct.pack("<I", int.from_bytes(request.payload[:4], "little") + len(request.payload) - 4)
        )


def client_for(answers: Callable[[Frame], Iterator[bytes]], **options: str) -> tuple[Client, FakeLink]:
    link = FakeLink(answers)
    return Client(link, name="/dev/ttyTEST", clock=link.clock, build_id=options.get("build_id", "")), link


def nothing(_request: Frame) -> Iterator[bytes]:
    yield from ()


def test_hello_is_read() -> None:
    client, _ = client_for(good, build_id=BUILD)
    hello = client.hello()
    assert (hello.board, hello.task, hello.engine, hello.counter_kind) == ("fake", "nothing", "stub", "dwt")
    assert (hello.input_bytes, hello.samples_per_inference, hello.feature_state_bytes) == (40, 25, 16)


def test_a_silent_port_is_named_with_what_to_check() -> None:
    client, link = client_for(nothing)
    with pytest.raises(TinygenError, match="no answer to HELLO") as caught:
        client.hello()
    assert caught.value.code == ExitCode.NO_ANSWER
    assert caught.value.where == "/dev/ttyTEST"
    assert "cable" in caught.value.hint
    assert link.now < 6.0


def test_bytes_that_are_no_frames_are_shown() -> None:
    def chatter(_request: Frame) -> Iterator[bytes]:
        yield b"Hello, I am an Arduino sketch\r\n"

    client, _ = client_for(chatter)
    with pytest.raises(TinygenError, match="Arduino sketch") as caught:
        client.hello()
    assert "baud" in caught.value.hint
    assert f"only {6 * 31} bytes" in str(caught.value)  # one line of 31 characters for each of six attempts


def test_all_bytes_of_noise_are_counted() -> None:
    def flood(_request: Frame) -> Iterator[bytes]:
        yield b"\x55" * 2000 + b"\0" + b"\xaa" * 7

    client, link = client_for(flood)
    link.ready += b"boot noise before the question\0"
    with pytest.raises(TinygenError, match=rf"only {6 * 2007 + 30} bytes"):
        client.hello()


def test_a_device_that_talks_but_never_answers_is_told_from_a_silent_one() -> None:
    def talkative(_request: Frame) -> Iterator[bytes]:
        yield encode(Frame(LOG, 0, b"\x01busy")) * 3

    client, _ = client_for(talkative)
    with pytest.raises(TinygenError, match="18 other good frames came") as caught:
        client.hello()
    assert "does not answer" in caught.value.hint


class RatedLink(FakeLink):
    """A line with a rate: at another one than the device's, bytes arrive as nonsense on both sides."""

    def __init__(self, rate: int) -> None:
        super().__init__(good)
        self._rate = rate
        self._baud = 115_200

    @property
    def baud(self) -> int:
        return self._baud

    def retune(self, baud: int) -> None:
        self._baud = baud
        self.ready.clear()

    def write(self, data: bytes) -> None:
        if self._baud == self._rate:
            super().write(data)
        else:
            self.ready += bytes(len(data) // 2 * [0xF8, 0x80])


@pytest.mark.parametrize("rate", [rate for rate in OTHER_RATES if rate != 115_200])
def test_another_baud_rate_is_recognised_and_said(rate: int) -> None:
    link = RatedLink(rate)
    client = Client(link, name="/dev/ttyTEST", clock=link.clock)
    with pytest.raises(TinygenError, match=f"answers at {rate} baud, not at the 115200") as caught:
        client.hello()
    assert caught.value.code == ExitCode.NO_ANSWER
    assert link.baud == 115_200
    assert link.now < 10


def test_garbage_at_every_rate_stays_garbage() -> None:
    link = RatedLink(1_234_567)
    with pytest.raises(TinygenError, match="bytes that are no frame"):
        Client(link, name="/dev/ttyTEST", clock=link.clock).hello()
    assert link.now < 10


def test_a_restart_in_between_is_no_answer_to_build_on() -> None:
    def restarting(request: Frame) -> Iterator[bytes]:
        if request.type == Type.WRITE_INPUT:
            yield encode(Frame(LOG, 0, b"\x01" + READY.encode()))
        yield from good(request)

    client, _ = client_for(restarting)
    client.hello()
    with pytest.raises(TinygenError, match="restarted") as caught:
        client.write_input(bytes(40))
    assert caught.value.code == ExitCode.CHECK_FAILED
    client.hello()  # it is the host's turn to begin again
    assert client.memory().arena_bytes == 0


def test_a_restart_nobody_heard_of_shows_in_the_counters() -> None:
    def restarted(request: Frame) -> Iterator[bytes]:
        if request.type == Type.MEMORY:
            yield reply(request, struct.pack("<9I", 0, 1, 2, 3, 4, 5, 6, 2, 8))
        else:
            yield from good(request)

    client, _ = client_for(restarted)
    client.hello()
    client.write_input(bytes(40))
    client.write_input(bytes(40))
    with pytest.raises(TinygenError, match="restarted: it has seen 2 frames of 4"):
        client.memory()


def test_boot_noise_before_the_answer_is_ignored() -> None:
    def noisy(request: Frame) -> Iterator[bytes]:
        yield b"ESP-ROM:esp32s3-20210327\r\nrst:0x1 (POWERON)\r\n\xff\xfe\0"
        yield from good(request)

    client, _ = client_for(noisy)
    assert client.hello().board == "fake"


def test_another_build_is_refused() -> None:
    client, _ = client_for(good, build_id="ff" * 16)
    with pytest.raises(TinygenError, match="another build") as caught:
        client.hello()
    assert caught.value.code == ExitCode.CHECK_FAILED
    assert BUILD in str(caught.value)


def test_another_protocol_version_is_refused() -> None:
    def newer(request: Frame) -> Iterator[bytes]:
        yield reply(request, hello_payload(protocol=7))

    client, _ = client_for(newer)
    with pytest.raises(TinygenError, match="version 7") as caught:
        client.hello()
    assert caught.value.code == ExitCode.CHECK_FAILED


def test_a_refusal_becomes_an_error_with_its_meaning() -> None:
    def refusing(request: Frame) -> Iterator[bytes]:
        if request.type == Type.INFER:
            yield encode(Frame(NAK, request.sequence, struct.pack("<BBI", request.type, 8, 12)))
        else:
            yield from good(request)

    client, _ = client_for(refusing)
    with pytest.raises(TinygenError, match=r"no complete input.*12") as caught:
        client.infer()
    assert caught.value.code == ExitCode.CHECK_FAILED


def test_an_unreadable_request_is_sent_again_at_once() -> None:
    def flaky(request: Frame) -> Iterator[bytes]:
        if len(link.requests) == 2:
            yield encode(Frame(NAK, 0, struct.pack("<BBI", 0, 5, 0)))
        else:
            yield from good(request)

    client, link = client_for(flaky)
    client.hello()
    assert client.memory().arena_bytes == 0
    assert link.now == 0.0
    assert link.requests[1] == link.requests[2]


def test_a_lost_answer_is_asked_for_again_with_the_same_bytes() -> None:
    def lossy(request: Frame) -> Iterator[bytes]:
        if len(link.requests) != 2:
            yield from good(request)

    client, link = client_for(lossy)
    client.hello()
    client.memory()
    assert link.requests[1] == link.requests[2]
    assert 1.0 < link.now < 2.0


def test_a_device_that_falls_silent_ends_in_bounded_time() -> None:
    def dying(request: Frame) -> Iterator[bytes]:
        if request.type == Type.HELLO:
            yield from good(request)

    client, link = client_for(dying)
    client.hello()
    with pytest.raises(TinygenError, match="no answer to MEMORY") as caught:
        client.memory()
    assert caught.value.code == ExitCode.NO_ANSWER
    assert "answered before" in caught.value.hint
    assert link.now < 10.0


def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    def slow(request: Frame) -> Iterator[bytes]:
        if request.type == Type.MEMORY and len(link.requests) == 2:
            link.later.append((link.now + 1.6, reply(request, memory_payload(1))))
        elif request.type == Type.MEMORY and len(link.requests) == 3:
            yield reply(request, memory_payload(1))  # the repetition; its first answer is still on its way
        elif request.type == Type.MEMORY:
            link.later.append((link.now + 0.5, reply(request, memory_payload(2))))
        else:
            yield from good(request)

    client, link = client_for(slow)
    client.hello()
    assert client.memory().arena_bytes == 1
    assert client.memory().arena_bytes == 2


def test_an_inference_on_other_input_is_not_believed() -> None:
    def forgetful(request: Frame) -> Iterator[bytes]:
        if request.type == Type.INFER:
            output = b"\x01\x02\x03\x04"
            crc = zlib.crc32(bytes(40))
            yield reply(request, struct.pack("<BxhiIHxxIII", 0, 1, 5, 0, 3, 4, crc, zlib.crc32(output)) + output)
        else:
            yield from good(request)

    client, _ = client_for(forgetful)
    client.write_input(b"\x05" * 40)
    with pytest.raises(TinygenError, match="other input"):
        client.infer()
    client.write_input(bytes(40))
    assert client.infer().output == b"\x01\x02\x03\x04"


def test_log_frames_are_collected_and_a_device_that_only_talks_is_given_up() -> None:
    def talkative(request: Frame) -> Iterator[bytes]:
        for _ in range(1500):
            yield encode(Frame(LOG, 0, b"\x01still here"))

    client, _ = client_for(talkative)
    with pytest.raises(TinygenError, match="no answer"):
        client.hello()
    assert len(client.logs) == 1000
    assert client.logs[0] == LogLine(level=1, text="still here")


def test_listening_gives_what_came_and_lasts_as_long_as_asked() -> None:
    client, link = client_for(good)
    client.hello()
    link.later = [(0.5, encode(Frame(LOG, 0, b"\x01one"))), (0.7, b"noise\0" + encode(Frame(LOG, 0, b"\x03two")))]
    assert [log_line(f) for f in client.listen(1.0)] == [LogLine(level=1, text="one"), LogLine(level=3, text="two")]
    assert link.now == 1.0
    assert client.listen(0.2) == []
    link.ready += encode(Frame(LOG, 0, b"\x01again")) * 1500  # more than are kept
    assert len(client.listen(0.2)) == 1500
    link.ready += encode(Frame(LOG, 0, b"\x01more"))
    assert [log_line(frame) for frame in client.listen(0.2)] == [LogLine(level=1, text="more")]


def test_a_crash_is_told_in_the_devices_own_words() -> None:
    def crashing(request: Frame) -> Iterator[bytes]:
        if request.type == Type.HELLO:
            yield from good(request)
        else:
            words = struct.pack("<BxH7I", 0, 5, 0x08001234, 0x08004321, 0x20001F00, 0x8200, 0, 0, 0x20020000)
            yield b"\0" + encode(Frame(FAULT, 0, words))

    client, link = client_for(crashing)
    client.hello()
    with pytest.raises(DeviceFaultError, match="BusFault: the program read or wrote data") as caught:
        client.memory()
    assert "(0x20020000), at 0x08001234, called from 0x0800431e" in str(caught.value)
    assert "CFSR=00008200" in caught.value.hint
    assert caught.value.code == ExitCode.NO_ANSWER
    assert caught.value.fault.pc == 0x08001234
    assert link.now == 0.0


def test_a_fault_of_the_other_processor_is_told_too() -> None:
    words = struct.pack("<BxH7I", 1, 28, 0x40378123, 0x40378100, 0x3FC90000, 0x10, 0x21, 0, 0)
    fault = parse_fault(words)
    assert fault is not None
    assert fault.told(lambda at: f"f at m.cpp:{at & 0xFF}") == (
        "exception 28: the program read where it may not (0x00000010), at f at m.cpp:35, called from f at m.cpp:253"
    )
    assert fault.registers()["EXCVADDR"] == 0x10
    assert parse_fault(words[1:]) is None


def test_inputs_of_the_wrong_size_are_told_before_anything_is_sent() -> None:
    client, link = client_for(good)
    client.hello()
    with pytest.raises(TinygenError, match="40 input bytes, not 39"):
        client.write_input(bytes(39))
    with pytest.raises(TinygenError, match=r"\(25, 2\)"):
        client.run_raw(np.zeros((24, 2), np.int16))
    assert len(link.requests) == 1


def test_a_malformed_answer_is_an_error() -> None:
    def short(request: Frame) -> Iterator[bytes]:
        yield reply(request, b"\x02\x00short")

    client, _ = client_for(short)
    with pytest.raises(TinygenError, match="HELLO has 7 bytes"):
        client.hello()
