"""Counts per layer and stage, digests of the image and the kept fault, against the firmware's own protocol code."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tinygen.core.errors import TinygenError
from tinygen.device import instruments
from tinygen.device.childprocess import ChildLink
from tinygen.device.client import Client
from tinygen.device.frames import Type

pytestmark = pytest.mark.host

ROOT = Path(__file__).parents[2]
INPUT = bytes(range(100, 140))
WORDS = np.arange(1, 14, dtype="<u4").tobytes()

Make = Callable[..., Client]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory, needs_tool: Callable[..., str]) -> Callable[..., Path]:
    """Images by their defines, each built once."""
    import subprocess

    compiler = needs_tool("g++")
    folder = tmp_path_factory.mktemp("images")
    built: dict[tuple[str, ...], Path] = {}

    def make(*defines: str) -> Path:
        if defines not in built:
            out = folder / f"image{len(built)}"
            flags = ["-std=gnu++17", "-O1", "-g", "-fno-exceptions", "-fno-rtti", f"-I{ROOT / 'firmware' / 'include'}"]
            flags += ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-Wundef"]
            flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
            names = ("test_protocol_engine.cpp", "test_protocol_port.cpp")
            sources = [Path(__file__).with_name(name) for name in names]
            sources += sorted((ROOT / "firmware/protocol").glob("*.cpp"))
            subprocess.run([compiler, *flags, *defines, *map(str, sources), "-o", str(out)], check=True)
            built[defines] = out
        return built[defines]

    return make


@pytest.fixture
def connect(programs: Callable[..., Path]) -> Iterator[Make]:
    links: list[ChildLink] = []

    def make(*defines: str) -> Client:
        links.append(ChildLink([str(programs(*defines))], name="host", restarts=True))
        return Client(links[-1], name="host")

    yield make
    for link in links:
        link.close()


def test_hello_says_why_it_started_and_what_it_found(connect: Make) -> None:
    hello = connect().hello()
    assert (hello.reset_cause, hello.watchdog_ms) == ("pin", 8000)
    assert (hello.image, hello.weights, hello.feature_stages) == ("intact", "intact", 2)


def test_every_step_is_counted_however_many_there_are(connect: Make) -> None:
    """The test port's counter counts inferences: a step inside one run takes none, and no run is left out."""
    client = connect("-DSTEPS=150")
    client.write_input(INPUT)
    counts = instruments.count_layers(client)
    assert len(counts.ticks) == 150
    assert set(counts.ticks[1:]) == {0}
    output = client.infer().output
    instruments.count_layers(client)
    assert client.read_tensor(0xFFFE, 4) == output  # counting has run the model, and its result is readable


def test_layers_are_not_counted_without_an_input(connect: Make) -> None:
    with pytest.raises(TinygenError, match="no complete input"):
        instruments.count_layers(connect())


def test_stages_of_a_counted_recording(connect: Make) -> None:
    client = connect()
    samples = np.arange(50, dtype=np.int16).reshape(25, 2)
    plain = client.run_raw(samples).input_crc
    stages = instruments.count_stages(client, samples)
    assert len(stages.ticks) == 2
    assert stages.marks[0] == stages.marks[1] > 0
    assert client.infer().input_crc == plain  # counting changes nothing of what comes out
    client.run_raw(samples)
    with pytest.raises(TinygenError, match="no inference that gives this"):
        client.request(Type.PROFILE, b"\x02\0\0\0")  # that recording was not counted
    instruments.count_stages(client, samples)
    client.infer(digests=True)  # lies where the counts were
    with pytest.raises(TinygenError, match="no inference that gives this"):
        client.request(Type.PROFILE, b"\x02\0\0\0")


@pytest.mark.parametrize("payload", [b"", b"\x05\0\0\0", b"\0\0\xff\xff", b"\0" * 5])
def test_malformed_profile_requests_are_refused(connect: Make, payload: bytes) -> None:
    client = connect()
    client.write_input(INPUT)
    with pytest.raises(TinygenError, match="was refused"):
        client.request(Type.PROFILE, payload)


def test_an_intact_image_says_its_digest_and_what_it_covers(connect: Make) -> None:
    client = connect()
    found = instruments.integrity(client, again=True)
    assert (found.image, found.weights, found.bad_weights, found.first_bad_weight) == ("intact", "intact", 0, None)
    assert found.weight_count == 2
    assert found.expected_crc == found.actual_crc == zlib.crc32(WORDS)
    assert [size for _, size in found.spans] == [8, 44]
    address = found.spans[1][0]
    for start, size in ((0, 44), (0, 4), (40, 4), (8, 20), (0, 0)):
        expected = zlib.crc32(WORDS[8 + start : 8 + start + size])
        assert instruments.span_crc(client, address + start, size) == expected


def test_pieces_outside_the_image_are_refused(connect: Make) -> None:
    client = connect()
    (address, size), _ = instruments.integrity(client, again=False).spans
    for at, n_bytes in ((address - 4, 4), (address - 4, 8), (0, 4), (address, 0xFFFFFFFC), (address & ~3, size + 48)):
        with pytest.raises(TinygenError, match="refused"):
            instruments.span_crc(client, at & 0xFFFFFFFC, n_bytes)
    with pytest.raises(TinygenError, match="no whole words"):
        instruments.span_crc(client, address + 1, 4)


def test_a_damaged_image_and_a_damaged_weight_are_told_apart(connect: Make) -> None:
    client = connect("-DBAD_DIGEST=1u", "-DBAD_WEIGHT=1u")
    hello = client.hello()
    assert (hello.image, hello.weights) == ("damaged", "damaged")
    found = instruments.integrity(client, again=False)
    assert (found.bad_weights, found.first_bad_weight) == (1, 1)
    assert found.expected_crc ^ found.actual_crc == 1
    other = connect("-DBAD_DIGEST=1u")
    assert (other.hello().image, other.hello().weights) == ("damaged", "intact")


def test_the_fault_before_the_start_is_remembered(connect: Make) -> None:
    fault = instruments.last_fault(connect())
    assert fault is not None
    assert (fault.name, fault.pc, fault.address) == ("BusFault", 0x08001234, 0x20020000)


def test_the_least_arena_is_told(connect: Make) -> None:
    client = connect("-DSTEPS=3")
    client.write_input(INPUT)
    client.infer(digests=True)
    hello = client.hello()
    assert instruments.least_arena_bytes(client) == hello.arena_bytes - 5
    with pytest.raises(TinygenError, match="has no inference that gives this"):
        client.digests()


def test_an_engine_that_did_not_start_says_so_and_still_answers(connect: Make) -> None:
    client = connect("-DSTEPS=3", "-DSTARTS=0")
    assert client.hello().observed_count == 3
    client.write_input(INPUT)
    for ask in (client.infer, client.selftest, lambda: instruments.arena_use(client), client.stream_begin):
        with pytest.raises(TinygenError, match="the engine did not start"):
            ask()
    assert client.memory().arena_bytes == client.hello().arena_bytes
