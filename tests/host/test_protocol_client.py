"""A whole image of this machine, with a made-up engine, answers the client; lost and repeated frames change nothing."""

from __future__ import annotations

import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tinygen.core.errors import TinygenError
from tinygen.device.childprocess import ChildLink
from tinygen.device.client import INPUT_TENSOR, OUTPUT_TENSOR, Client
from tinygen.device.frames import NAK, RESPONSE, BadFrame, Frame, FrameDecoder, Type, encode

pytestmark = pytest.mark.host

ROOT = Path(__file__).parents[2]
CXX = ["-std=gnu++17", "-O1", "-g", "-fno-exceptions", "-fno-rtti", f"-I{ROOT / 'firmware' / 'include'}"]
WARN = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
SOURCES = ["test_protocol_engine.cpp", "test_protocol_port.cpp"]
INPUT = bytes(range(100, 140))


def engine(data: bytes, steps: int = 3) -> list[bytes]:
    """What test_protocol_engine.cpp computes: the bytes of each step's tensor."""
    arena = np.zeros(700, np.uint8)
    arena[:40] = np.frombuffer(data, np.uint8)
    tensors = []
    for step in range(steps - 1):
        index = np.arange(700)
        arena = (arena[index % 40].astype(np.int64) * 3 + index + step).astype(np.uint8)
        tensors.append(arena.tobytes())
    return [*tensors, arena[:44:11].tobytes()]


def features(samples: np.ndarray) -> bytes:
    """What its front end computes: sums of five instants."""
    rows = samples.astype(np.int64).reshape(5, 5, 2).sum(axis=1)
    values = np.arange(8)
    return bytes((rows[:, values % 2] + 5 * values).astype(np.uint8))


def build(compiler: str, out: Path, *defines: str) -> Path:
    """The whole image under sanitizers."""
    sources = [Path(__file__).with_name(name) for name in SOURCES] + sorted((ROOT / "firmware/protocol").glob("*.cpp"))
    subprocess.run([compiler, *CXX, *WARN, *SANITIZE, *defines, *map(str, sources), "-o", str(out)], check=True)
    return out


@pytest.fixture(scope="module", params=["g++", "clang++"])
def program(
    request: pytest.FixtureRequest, needs_tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    needs_tool(request.param)
    return build(request.param, tmp_path_factory.mktemp("image") / "image")


@pytest.fixture
def link(program: Path) -> Iterator[ChildLink]:
    child = ChildLink([str(program)], name="host", restarts=True)
    yield child
    child.close()


@pytest.fixture
def client(link: ChildLink) -> Client:
    return Client(link, name="host")


def exchange(link: ChildLink, data: bytes, count: int = 1) -> list[Frame]:
    """Send bytes as they are; the first `count` frames that come back, logs left out."""
    link.write(data)
    decoder = FrameDecoder()
    found: list[Frame] = []
    while len(found) < count:
        for frame in decoder.push(link.read(4096, 5.0)):
            assert not isinstance(frame, BadFrame)
            if frame.type != 0xFF:
                found.append(frame)
    assert len(found) == count
    return found


def request(kind: Type, payload: bytes = b"", sequence: int = 1) -> bytes:
    return encode(Frame(kind, sequence, payload))


def test_hello_input_inference_and_digests(client: Client) -> None:
    hello = client.hello()
    assert (hello.board, hello.input_bytes, hello.observed_count, hello.max_payload) == ("fake", 40, 3, 512)
    assert hello.build_id == "00112233445566778899aabbccddeeff"
    client.write_input(INPUT)
    tensors = engine(INPUT)
    for _ in range(3):  # the input stays, although the engine overwrites it in the arena
        result = client.infer(digests=True)
        assert result.output == tensors[-1]
        assert result.steps_done == 3
        assert client.digests() == [zlib.crc32(tensor) for tensor in tensors]
    best = int(np.argmax(np.frombuffer(tensors[-1], np.int8)))
    assert (result.label, result.score) == (best, 1000 * int(np.frombuffer(tensors[-1], np.int8)[best]))
    assert [line.text for line in client.logs] == ["tinygen is ready"]


def test_tensors_are_read_after_their_step_only(client: Client) -> None:
    client.write_input(INPUT)
    tensors = engine(INPUT)
    for step in (0, 1):
        result = client.infer(stop_after=step)
        assert (result.output, result.steps_done) == (b"", step + 1)
        assert client.read_tensor(step, 700) == tensors[step]
        with pytest.raises(TinygenError, match="no inference that gives this"):
            client.read_tensor(1 - step, 700)
        with pytest.raises(TinygenError, match="no inference that gives this"):
            client.read_tensor(OUTPUT_TENSOR, 4)
    client.infer()
    assert client.read_tensor(OUTPUT_TENSOR, 4) == tensors[-1]
    assert client.read_tensor(INPUT_TENSOR, 40) == INPUT
    with pytest.raises(TinygenError, match="refused a value beyond 3"):
        client.infer(stop_after=3)


def test_counting_is_a_run_of_its_own(client: Client) -> None:
    client.write_input(INPUT)
    assert client.infer(count=True).counter == 1  # this port's counter counts inferences
    assert client.infer().counter is None
    client.infer(digests=True, count=True)
    assert client.digests() == [zlib.crc32(tensor) for tensor in engine(INPUT)]


def test_a_recording_streams_through_the_front_end(client: Client) -> None:
    samples = np.random.default_rng(3).integers(-32768, 32768, (25, 2)).astype(np.int16)
    result = client.run_raw(samples)
    assert (result.instants, result.frames, result.input_crc) == (25, 5, zlib.crc32(features(samples)))
    assert client.read_tensor(INPUT_TENSOR, 40) == features(samples)
    assert client.infer().output == engine(features(samples))[-1]


def test_more_tensors_than_the_window_holds(needs_tool: Callable[..., str], tmp_path: Path) -> None:
    needs_tool("g++")
    program = build("g++", tmp_path / "deep", "-DSTEPS=150")
    child = ChildLink([str(program)], name="deep")
    deep = Client(child)
    deep.write_input(INPUT)
    deep.infer(digests=True)
    assert deep.digests() == [zlib.crc32(tensor) for tensor in engine(INPUT, 150)]
    assert deep.digests() == [zlib.crc32(tensor) for tensor in engine(INPUT, 150)]
    child.close()


def test_selftest_memory_and_reset(client: Client) -> None:
    client.hello()
    result = client.selftest()
    expected = np.array([1, 2, 3, 4], np.int8)
    actual = np.frombuffer(engine(bytes(40))[-1], np.int8)
    assert (result.vectors, result.differing_bytes) == (1, int((expected != actual).sum()))
    assert result.first is not None
    assert (result.first.expected, result.first.actual) == (expected[result.first.index], actual[result.first.index])
    memory = client.memory()
    assert (memory.arena_bytes, memory.weights_bytes, memory.receive_overruns, memory.frames_bad) == (700, 11, 0, 0)
    assert 0 < memory.app_bytes < 2000
    client.reset()
    with pytest.raises(TinygenError, match="no complete input"):  # nothing is remembered
        client.infer()


def test_a_repeated_request_is_not_executed_twice(link: ChildLink) -> None:
    exchange(link, request(Type.WRITE_INPUT, struct.pack("<I", 0) + INPUT))
    infer = request(Type.INFER, struct.pack("<BxH", 4, 0), sequence=2)
    first = exchange(link, infer)
    assert exchange(link, infer * 3, 3) == first * 3
    other = exchange(link, request(Type.INFER, struct.pack("<BxH", 4, 0), sequence=3))[0]
    assert other.payload[8:12] == first[0].payload[8:12] == struct.pack("<I", 1)
    exchange(link, request(Type.RAW_BEGIN, sequence=4))
    chunk = request(Type.RAW_CHUNK, struct.pack("<I", 0) + bytes(40), sequence=5)
    assert [frame.payload for frame in exchange(link, chunk * 2, 2)] == [struct.pack("<IH", 10, 2)] * 2


def test_reordered_parts_are_refused(link: ChildLink) -> None:
    def refused(data: bytes) -> tuple[int, ...]:
        frame = exchange(link, data)[0]
        assert frame.type == NAK
        return struct.unpack("<BBI", frame.payload)

    assert refused(request(Type.WRITE_INPUT, struct.pack("<I", 20) + bytes(20))) == (Type.WRITE_INPUT, 9, 0)
    exchange(link, request(Type.WRITE_INPUT, struct.pack("<I", 0) + bytes(20)))
    assert refused(request(Type.INFER, bytes(4))) == (Type.INFER, 8, 20)
    assert refused(request(Type.WRITE_INPUT, struct.pack("<I", 20) + bytes(21))) == (Type.WRITE_INPUT, 7, 40)
    assert refused(request(Type.RAW_CHUNK, bytes(8))) == (Type.RAW_CHUNK, 9, 0)
    exchange(link, request(Type.RAW_BEGIN))
    assert refused(request(Type.RAW_CHUNK, struct.pack("<I", 5) + bytes(4))) == (Type.RAW_CHUNK, 9, 0)
    assert refused(request(Type.RAW_CHUNK, bytes(7))) == (Type.RAW_CHUNK, 6, 0)
    assert refused(request(Type.RAW_END)) == (Type.RAW_END, 8, 0)
    assert refused(request(Type.DIGESTS, bytes(2))) == (Type.DIGESTS, 10, 0)
    assert refused(encode(Frame(0x60, 1, b""))) == (0x60, 1, 0)


def test_every_request_survives_any_payload(link: ChildLink) -> None:
    rng = np.random.default_rng(11)
    for sequence in range(400):
        kind = int(rng.integers(0, 11))  # RESET ends the program
        payload = rng.integers(0, 256, int(rng.choice([0, 1, 2, 4, 8, 44, 300, 512])), np.uint8).tobytes()
        if rng.integers(2):
            payload = bytes(len(payload))
        answer = exchange(link, encode(Frame(kind, sequence % 256, payload)))[0]
        assert answer.sequence == sequence % 256
        assert answer.type in (NAK, kind | RESPONSE)


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (lambda wire: wire[:-3] + b"\0", {2, 4, 5}),
        (lambda wire: b"\x01" * 700 + b"\0", {3}),
        (lambda wire: b"ESP-ROM:esp32s3-20210327\r\n\0", {2, 4}),
        (lambda wire: bytes([wire[0], wire[1] ^ 0x40]) + wire[2:], {4, 5}),
    ],
)
def test_a_damaged_frame_is_answered_and_the_next_one_understood(
    link: ChildLink, damage: Callable[[bytes], bytes], error: set[int]
) -> None:
    nak, hello = exchange(link, damage(request(Type.MEMORY)) + request(Type.HELLO, sequence=77), 2)
    assert (nak.type, nak.sequence, nak.payload[0]) == (NAK, 0, 0)
    assert nak.payload[1] in error
    assert (hello.type, hello.sequence) == (Type.HELLO | RESPONSE, 77)
    assert Client(link).memory().frames_bad == 1
