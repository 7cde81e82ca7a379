"""A made-up engine in every board's real image answers the client in every simulator; their counters agree."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tinygen.boards.loader import find_board
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.device.client import INPUT_TENSOR, Client
from tinygen.device.faults import DeviceFaultError
from tinygen.device.registry import open_target
from tinygen.device.unicorn_target import UnicornLink
from tinygen.device.values import Image

pytestmark = pytest.mark.sim

TARGETS = [
    ("feather_f405", "qemu", "qemu-system-arm"),
    ("feather_f405", "unicorn", "unicorn"),
    ("nucleo_f446re", "unicorn", "unicorn"),
    ("nucleo_f401re", "unicorn", "unicorn"),
    ("disco_f407vg", "unicorn", "unicorn"),
    ("esp32s3", "qemu-xtensa", "qemu-system-xtensa"),
    ("esp32s3", "labwired", "labwired"),
]
SPIN = 127


def engine(data: bytes) -> list[bytes]:
    """What test_protocol_engine.cpp computes: the bytes of each step's tensor."""
    arena = np.zeros(700, np.uint8)
    arena[:40] = np.frombuffer(data, np.uint8)
    index = np.arange(700)
    tensors = []
    for step in range(2):
        arena = (arena[index % 40].astype(np.int64) * 3 + index + step).astype(np.uint8)
        tensors.append(arena.tobytes())
    return [*tensors, arena[:44:11].tobytes()]


@pytest.mark.parametrize(("board_id", "name", "tool"), TARGETS)
def test_the_client_gets_the_right_bytes(
    board_id: str,
    name: str,
    tool: str,
    images: Callable[[str, str], Image],
    need: Callable[[str], None],
) -> None:
    need(tool)
    image = images(board_id, name)
    rng = np.random.default_rng(5)
    with open_target(find_board(board_id), name, image) as target:
        client = Client(target.open(), target.capabilities.time_scale, name=name, build_id=image.build_id)
        hello = client.hello()
        assert (hello.board, hello.input_bytes) == (board_id, 40)
        for _ in range(3 if name == "labwired" else 20):
            data = rng.bytes(39) + b"\x01"
            client.write_input(data)
            tensors = engine(data)
            assert client.infer(digests=True).output == tensors[-1]
            assert client.digests() == [zlib.crc32(tensor) for tensor in tensors]
        client.infer(stop_after=1)
        assert client.read_tensor(1, 700) == tensors[1]
        samples = rng.integers(-32768, 32768, (25, 2)).astype(np.int16)
        raw = client.run_raw(samples)
        assert raw.input_crc == zlib.crc32(client.read_tensor(INPUT_TENSOR, 40))
        assert client.infer(count=True).counter
        memory = client.memory()
        assert memory.receive_overruns == memory.frames_bad == 0
        assert 0 < memory.stack_used_bytes < memory.stack_bytes
        client.reset()
        assert client.hello().build_id == image.build_id
        with pytest.raises(TinygenError, match="no complete input"):
            client.infer()


def count(board_id: str, name: str, image: Image) -> tuple[float, float]:
    """Instructions of one inference, and of 200,000 instructions more, as this target counts them."""
    with open_target(find_board(board_id), name, image) as target:
        capabilities = target.capabilities
        assert capabilities.counter == "instructions"
        client = Client(target.open(), capabilities.time_scale, build_id=image.build_id)
        found = []
        for turns in (0, 100):
            client.write_input(bytes([SPIN, turns]) + bytes(38))
            counter = client.infer(count=True).counter
            assert counter is not None
            found.append(counter * capabilities.counter_scale)
        return found[0], found[1]


@pytest.mark.parametrize(
    ("board_id", "names", "error"),
    [("feather_f405", ("unicorn", "qemu"), 40), ("esp32s3", ("labwired", "qemu-xtensa"), 60)],
)
def test_instruction_counts_are_right_and_agree(
    board_id: str,
    names: tuple[str, str],
    error: int,
    images: Callable[[str, str], Image],
    need: Callable[[str], None],
) -> None:
    for _, name, tool in TARGETS:
        if name in names:
            need(tool)
    counts = [count(board_id, name, images(board_id, name)) for name in names]
    for short, long in counts:
        assert abs(long - short - 200_000) <= error
    assert abs(counts[0][0] - counts[1][0]) <= error


@pytest.fixture
def core(images: Callable[[str, str], Image], needs_module: Callable[..., None]) -> UnicornLink:
    needs_module("unicorn", "sim")
    board = find_board("nucleo_f446re")
    return UnicornLink(board, board.simulators[0], images("nucleo_f446re", "unicorn"))


def test_unicorn_counts_the_same_every_time(core: UnicornLink) -> None:
    client = Client(core, 10.0)
    client.write_input(bytes(40))
    assert len({client.infer(count=True).counter for _ in range(5)}) == 1


def test_unicorn_denies_what_the_chip_would_not_do(core: UnicornLink, images: Callable[[str, str], Image]) -> None:
    symbols = images("nucleo_f446re", "unicorn").symbols
    infer = next(address for name, address in symbols.items() if "model5infer" in name) & ~1
    crimes = {
        # mov.w r0, #0x08000000; str r0, [r0]; bx lr
        r"read or wrote data where nothing answers \(0x08000000\)": b"\x4f\xf0\x00\x60\x00\x60\x70\x47",
        # movs r0, #0; movt r0, #0x2002; ldr r0, [r0]; bx lr: the 128 KiB of RAM end at 0x20020000
        r"read or wrote data where nothing answers \(0x20020000\)": b"\x00\x20\xc2\xf2\x02\x00\x00\x68\x70\x47",
        # movs r0, #1; movt r0, #0x6000; bx r0
        "fetched an instruction where nothing answers": b"\x01\x20\xc6\xf2\x00\x00\x00\x47",
    }
    for complaint, code in crimes.items():
        core.reset()
        client = Client(core, 10.0)
        client.write_input(bytes(40))
        core.write_memory(infer, code)
        with pytest.raises(TinygenError, match=complaint) as caught:
            client.infer()
        assert caught.value.code == ExitCode.NO_ANSWER
        assert isinstance(caught.value, DeviceFaultError)
        inside = infer <= caught.value.fault.pc < infer + 12
        assert inside == ("fetched" not in complaint)
    core.reset()
    assert Client(core, 10.0).hello().board == "nucleo_f446re"


def test_unicorn_changes_memory_and_reset_undoes_it(core: UnicornLink, images: Callable[[str, str], Image]) -> None:
    at = images("nucleo_f446re", "unicorn").symbols["_ZN7tinygen10kBuildInfoE"]
    before = core.read_memory(at, 4)
    core.write_memory(at, bytes([before[0] ^ 0xFF]))
    assert Client(core, 10.0).hello().build_id[:2] == f"{before[0] ^ 0xFF:02x}"
    core.reset()
    assert Client(core, 10.0).hello().build_id[:2] == f"{before[0]:02x}"


def test_an_image_that_does_not_fit_the_chip_is_refused(images: Callable[[str, str], Image]) -> None:
    image = replace(images("nucleo_f446re", "unicorn"))
    with open_target(find_board("esp32s3"), "labwired", image) as target, pytest.raises(TinygenError):
        Client(target.open(), 0.05).hello()
