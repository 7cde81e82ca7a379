"""The C++ device behind a line that goes wrong: the harness recovers or fails in bounded time, and never lies.

The device is the whole image under sanitizers, in lock-step with an injected clock: waiting takes no real time.
"""

from __future__ import annotations

import random
import struct
import subprocess
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from support.faultylink import Fault, FaultyLink, SimulatedClock, random_faults
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.device.client import INPUT_TENSOR, OUTPUT_TENSOR, Client
from tinygen.device.frames import Frame, Type, encode

pytestmark = pytest.mark.host

ROOT = Path(__file__).parents[2]
CXX = ["-std=gnu++17", "-O1", "-g", "-fno-exceptions", "-fno-rtti", f"-I{ROOT / 'firmware' / 'include'}", "-DLOCKSTEP"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
SOURCES = ["test_protocol_engine.cpp", "test_protocol_port.cpp"]
LONGEST_S = 75.0  # of one call: 4 attempts of 15 s for what runs the model, and the reading of an answer


class LockstepLink:
    """The program of test_protocol_port.cpp with LOCKSTEP: whatever it says is there as soon as it was asked."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self.starts = 0
        self._start()

    def _start(self) -> None:
        self.starts += 1
        self._process = subprocess.Popen(
            [str(self._program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, stderr=subprocess.PIPE
        )
        self._ready = bytearray(self._said()[0])

    def _take(self, count: int) -> bytes:
        assert self._process.stdout is not None
        data = b""
        while len(data) < count and (part := self._process.stdout.read(count - len(data))):
            data += part
        return data

    def _said(self) -> tuple[bytes, bool]:
        """What the program sent, and whether it goes on."""
        head = self._take(4)
        if len(head) < 4:
            return b"", False
        (count,) = struct.unpack("<I", head)
        return self._take(count & 0x7FFFFFFF), not count >> 31

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(struct.pack("<I", len(data)) + data)
        said, goes_on = self._said()
        self._ready += said
        if not goes_on:
            self._end()
            self._start_keeping()

    def _start_keeping(self) -> None:
        kept = bytes(self._ready)
        self._start()
        self._ready[:0] = kept

    def _end(self) -> None:
        code = self._process.wait(5)
        assert self._process.stderr is not None
        words = self._process.stderr.read().decode(errors="replace")
        assert code == 0, f"the device crashed with {code}: {words}"
        self.close()

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        assert timeout_s == 0
        data = bytes(self._ready[:max_bytes])
        del self._ready[:max_bytes]
        return data

    def reset(self) -> None:
        self.close()
        self._start()

    def close(self) -> None:
        self._process.kill()
        self._process.wait(5)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def resident_kib(self) -> int:
        """Memory of the program; 0 where the system does not say."""
        try:
            words = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return 0
        return int(words.split("VmRSS:")[1].split()[0])


@pytest.fixture(scope="module")
def program(needs_tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs_tool("g++")
    out = tmp_path_factory.mktemp("lockstep") / "image"
    sources = [Path(__file__).with_name(name) for name in SOURCES] + sorted((ROOT / "firmware/protocol").glob("*.cpp"))
    subprocess.run(["g++", *CXX, *SANITIZE, *map(str, sources), "-o", str(out)], check=True)
    return out


@pytest.fixture
def device(program: Path) -> Iterator[LockstepLink]:
    link = LockstepLink(program)
    yield link
    link.close()


def tensors_of(data: bytes) -> list[bytes]:
    """What test_protocol_engine.cpp computes: the bytes of each step's tensor."""
    arena = np.zeros(700, np.uint8)
    arena[:40] = np.frombuffer(data, np.uint8)
    index = np.arange(700)
    tensors = []
    for step in range(2):
        arena = (arena[index % 40].astype(np.int64) * 3 + index + step).astype(np.uint8)
        tensors.append(arena.tobytes())
    return [*tensors, arena[:44:11].tobytes()]


def features(samples: np.ndarray) -> bytes:
    """What its front end computes: sums of five instants."""
    rows = samples.astype(np.int64).reshape(5, 5, 2).sum(axis=1)
    values = np.arange(8)
    return bytes((rows[:, values % 2] + 5 * values).astype(np.uint8))


class Bench:
    """Asks a device random things and knows every answer."""

    def __init__(self, device: LockstepLink, seed: int, rate: float, window: int = 1) -> None:
        self.clock = SimulatedClock()
        self.line = FaultyLink(device, self.clock, random_faults(seed, rate), seed)
        self.client = Client(self.line, name="lockstep", clock=self.clock, window=window)
        self._dice = random.Random(seed)
        self._greeted = False
        self.outcomes: Counter[str] = Counter()
        self.longest_s = 0.0

    def turn(self) -> None:
        """One conversation; whatever it ends in is counted, a wrong result fails the test."""
        start = self.clock.now
        try:
            if not self._greeted:
                hello = self.client.hello()
                assert (hello.board, hello.input_bytes, hello.build_id[:4]) == ("fake", 40, "0011")
                self._greeted = True
            self._dice.choice((self._tensor, self._tensor, self._raw, self._stopped, self._small))()
            self.outcomes["right"] += 1
        except TinygenError as error:
            assert error.code in (ExitCode.NO_ANSWER, ExitCode.CHECK_FAILED), error
            self.outcomes[error.code.name] += 1
            self.line.plug_in()
            self._greeted = False
        self.longest_s = max(self.longest_s, self.clock.now - start)

    def _input(self) -> bytes:
        data = self._dice.randbytes(40)
        self.client.write_input(data)
        return data

    def _tensor(self) -> None:
        tensors = tensors_of(self._input())
        observe = self._dice.random() < 0.5
        result = self.client.infer(digests=observe)
        best = int(np.argmax(np.frombuffer(tensors[-1], np.int8)))
        assert (result.output, result.label) == (tensors[-1], best)
        if observe:
            assert self.client.digests() == [zlib.crc32(tensor) for tensor in tensors]
        assert self.client.read_tensor(OUTPUT_TENSOR, 4) == tensors[-1]

    def _raw(self) -> None:
        samples = np.frombuffer(self._dice.randbytes(100), "<i2").reshape(25, 2)
        wanted = features(samples)
        result = self.client.run_raw(samples)
        assert (result.instants, result.frames) == (25, 5)
        right = result.input_crc == zlib.crc32(wanted)
        assert right
        assert self.client.infer().output == tensors_of(wanted)[-1]
        assert self.client.read_tensor(INPUT_TENSOR, 40) == wanted

    def _stopped(self) -> None:
        tensors = tensors_of(self._input())
        step = self._dice.randrange(2)
        assert self.client.infer(stop_after=step).steps_done == step + 1
        assert self.client.read_tensor(step, 700) == tensors[step]

    def _small(self) -> None:
        memory = self.client.memory()
        assert (memory.arena_bytes, memory.weights_bytes, memory.receive_overruns) == (700, 11, 0)
        result = self.client.selftest()
        wrong = np.frombuffer(bytes([1, 2, 3, 4]), np.int8) != np.frombuffer(tensors_of(bytes(40))[-1], np.int8)
        assert (result.vectors, result.differing_bytes) == (1, int(wrong.sum()))


def run(device: LockstepLink, frames: int) -> Bench:
    bench = Bench(device, seed=frames, rate=0.01, window=2)
    while bench.line.frames < frames // 5:
        bench.turn()
    device.reset()
    tracemalloc.start()
    before_kib, before = device.resident_kib(), tracemalloc.get_traced_memory()[0]
    while bench.line.frames < frames:
        bench.turn()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 300_000, f"the harness keeps {grown} bytes more"
    assert device.resident_kib() < before_kib + 8_192  # sanitizers keep some; 80,000 frames leaked would be tens of MiB
    assert bench.longest_s < 10 * LONGEST_S
    assert min(bench.line.hits.values()) >= frames // 3_000
    assert bench.outcomes["right"] > 0.8 * bench.outcomes.total()
    return bench


def test_faults_in_one_of_a_hundred_frames_give_no_wrong_result(device: LockstepLink) -> None:
    run(device, 10_000)


@pytest.mark.soak
def test_a_hundred_thousand_frames_with_faults_give_no_wrong_result(device: LockstepLink) -> None:
    bench = run(device, 100_000)
    print(bench.line.frames, dict(bench.line.hits), dict(bench.outcomes), f"{bench.longest_s:.1f} s at most")


@pytest.mark.parametrize("window", [1, 2])
@pytest.mark.parametrize("fault", list(Fault))
def test_each_fault_alone_ends_right_or_in_bounded_time(device: LockstepLink, fault: Fault, window: int) -> None:
    bench = Bench(device, seed=7, rate=0.0, window=window)
    bench.line.plan = random_faults(3, 0.2, (fault,))
    for _ in range(60):
        bench.turn()
    assert bench.line.hits[fault] > 20
    assert bench.longest_s < 10 * LONGEST_S
    bench.line.plan = lambda _frame: None
    for _ in range(3):  # the first may still meet what was late
        bench.turn()
    right = bench.outcomes["right"]
    bench.turn()
    assert bench.outcomes["right"] == right + 1, "a line that works again must work at once"


@pytest.mark.parametrize("window", [1, 2])
@pytest.mark.parametrize("fault", [Fault.LOSS, Fault.INSERTION, Fault.FLIP, Fault.DROP, Fault.DUPLICATE, Fault.NOISE])
def test_what_stop_and_wait_can_repair_is_repaired(device: LockstepLink, fault: Fault, window: int) -> None:
    bench = Bench(device, seed=11, rate=0.0, window=window)
    bench.line.plan = random_faults(5, 0.02, (fault,))
    for _ in range(200):
        bench.turn()
    assert bench.line.hits[fault] > 5
    assert bench.outcomes == {"right": 200}


def test_a_device_that_never_stops_talking_is_given_up(device: LockstepLink) -> None:
    clock = SimulatedClock()
    line = FaultyLink(device, clock)
    client = Client(line, name="talker", clock=clock)
    client.hello()
    line.babble(1e9)
    device.write(encode(Frame(Type.HELLO, 0, b"")))
    line._ready.clear()
    line.plan = lambda _frame: Fault.DROP  # its answers drown
    start = clock.now
    with pytest.raises(TinygenError, match="other good frames came") as caught:
        client.memory()
    assert caught.value.code == ExitCode.NO_ANSWER
    assert clock.now - start < 10
    assert len(client.logs) == 1000


def test_a_host_that_stopped_reading_gets_no_stale_answers(device: LockstepLink) -> None:
    clock = SimulatedClock()
    line = FaultyLink(device, clock)
    first = Client(line, name="first", clock=clock)
    first.write_input(bytes(range(40)))
    for sequence in range(256):  # asks on without ever looking
        line.write(encode(Frame(Type.READ_TENSOR, sequence, struct.pack("<HHI", INPUT_TENSOR, 40, 0))))
        line.write(encode(Frame(Type.INFER, sequence, bytes(4))))
    second = Client(line, name="second", clock=clock)
    data = bytes(range(100, 140))
    second.hello()
    second.write_input(data)
    assert second.read_tensor(INPUT_TENSOR, 40) == data
    assert second.infer().output == tensors_of(data)[-1]
