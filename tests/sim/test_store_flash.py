"""What is learned, over a loss of power: each family's flash driver on a model of its controller, in unicorn.

The power goes before, within and after every single erasure and programming of a save and of a forgetting: afterwards
the device has the old state or the new one, byte for byte, and says what it met.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tinygen.boards.loader import find_board
from tinygen.core.errors import TinygenError
from tinygen.core.files import write_tree
from tinygen.device.messages import STORE_FOUND, STORE_OUTCOMES, STORE_PLACES
from tinygen.device.values import Image
from tinygen.firmware.project_view import render_project
from tinygen.tasks import learning
from tinygen.toolchain.cross import cross_compiler
from tinygen.toolchain.elf import symbols

pytestmark = pytest.mark.sim

APP = Path(__file__).with_name("store_app.cpp")
VALUES = 8
STATE_BYTES = 32 + 8 * VALUES
OWNER = 0x1234ABCD
FAMILIES = {
    "f1": "bluepill_f103c8",
    "f4": "nucleo_f446re",
    "f7": "nucleo_f767zi",
    "l4": "nucleo_l476rg",
    "g4": "nucleo_g474re",
    "h5": "nucleo_h563zi",
    "h7": "nucleo_h743zi",
}
EXHAUSTIVE = "f4"
STEPS = {
    "f1": 17,
    "f4": 1,
    "f7": 11,
    "l4": 5,
    "g4": 5,
    "h5": 3,
    "h7": 1,
}  # operations between two cuts: words differ in size
KINDS = ("within", "after", "before")  # after one is before the next: those two are tried now and then


class Told(NamedTuple):
    """What the application says of itself."""

    phase: int
    gathered: int
    threshold: int
    place: str
    found: str
    outcome: str
    sequence: int
    erases: int
    stall_ms: int
    writes_left: int


class Device:
    """The application on a simulated board."""

    def __init__(self, board_id: str, image: Image) -> None:
        from tinygen.device.unicorn_target import UnicornLink

        board = find_board(board_id)
        self.board = board
        self.link = UnicornLink(board, next(s for s in board.simulators if s.name == "unicorn"), image)
        self.flash: Any = self.link.flash

    def ask(self, request: str, *words: int, raw: bytes = b"", n_bytes: int = 4) -> bytes:
        """Send a request; its answer's bytes."""
        self.link.write(request.encode() + struct.pack(f"<{len(words)}I", *words) + raw)
        found = b""
        for _ in range(60):
            found += self.link.read(n_bytes - len(found), 0.5)
            if len(found) == n_bytes:
                return found
        raise AssertionError(f"{len(found)} of {n_bytes} bytes")

    def number(self, request: str, *words: int, raw: bytes = b"") -> int:
        """The same, for one word."""
        return int.from_bytes(self.ask(request, *words, raw=raw), "little")

    def told(self) -> Told:
        """Its status."""
        n = struct.unpack("<10I", self.ask("?", n_bytes=40))
        words = (STORE_PLACES[n[3]], STORE_FOUND[n[4]], STORE_OUTCOMES[n[5]])
        return Told._make((*n[:3], *words, *n[6:]))

    def state(self) -> bytes:
        """What it learned, without the number of the copy in RAM and without what nobody learned."""
        found = self.ask("b", n_bytes=STATE_BYTES)
        return found[8:-4] if found[8] else b""

    def power_on(self, owner: int = OWNER) -> bool:
        """Off and on; whether it found something of its own."""
        self.link.power_cycle()
        return bool(self.number("o", owner))

    def learn(self, seed: int, threshold: int, n: int = 5) -> bool:
        """Rows, then freeze; whether it was kept."""
        told = b"".join(b"a" + row.tobytes() for row in rows(seed, n)) + b"f" + struct.pack("<I", threshold)
        answers = self.ask("l", raw=told, n_bytes=4 * (n + 2))
        return bool(int.from_bytes(answers[-4:], "little"))

    def scores(self) -> list[int]:
        """Of rows nobody learned."""
        return [self.number("s", raw=row.tobytes()) for row in rows(99, 4)]


def rows(seed: int, n: int) -> Any:
    """int8 [n, 8]."""
    return np.random.default_rng(seed).integers(-60, 60, (n, VALUES)).astype(np.int8)


def compile_app(board_id: str, folder: Path) -> Image:
    """The port of a generated project, the store and the application."""
    board = find_board(board_id)
    tree = render_project(board, "store", "aot", {}, state_bytes=STATE_BYTES)
    write_tree(folder, tree.files)
    (folder / "app.cpp").write_bytes(APP.read_bytes())
    runtime = folder / "lib/tinygen/src"
    sources = [*runtime.glob("port/*/*.cpp"), *runtime.glob("store/*.cpp")]
    sources += [runtime / "protocol/crc32.cpp", runtime / "features/integers.cpp"]
    sources += [folder / "app.cpp", folder / "src/main.cpp"]
    compiler = cross_compiler(board.chip)
    words = [compiler.cxx, *compiler.flags, "-std=gnu++17", "-O2", "-fno-exceptions", "-fno-rtti"]
    words += ["-fno-threadsafe-statics", "-ffunction-sections", "-fdata-sections", "-Wall", "-Wextra", "-Werror"]
    words += ["-Wconversion", "-Wshadow", "-Wundef", "-Iinclude", "-Ilib/tinygen/include"]
    words += [*map(str, sorted(sources)), *compiler.link_flags, "-nostartfiles", "-Wl,--gc-sections,--fatal-warnings"]
    elf = folder / "image.elf"
    words += ["-T", str(next(folder.glob("ld/*.ld"))), "-o", str(elf)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return Image(elf=elf, symbols={name: s.address for name, s in symbols(elf).items()}, build_id="")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Image]:
    """Each family's image, built once."""
    built: dict[str, Image] = {}

    def image(family: str) -> Image:
        if family not in built:
            built[family] = compile_app(FAMILIES[family], tmp_path_factory.mktemp(family))
        return built[family]

    return image


@pytest.fixture
def device(
    images: Callable[[str], Image], needs_module: Callable[..., None], needs_tool: Callable[..., str]
) -> Callable[[str], Device]:
    """A board with blank flash, switched on."""
    needs_module("unicorn", "sim")
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")

    def made(family: str) -> Device:
        found = Device(FAMILIES[family], images(family))
        found.number("o", OWNER)
        return found

    return made


@pytest.mark.parametrize("family", FAMILIES)
def test_learned_frozen_switched_off_and_on_scores_the_same(family: str, device: Callable[[str], Device]) -> None:
    board = device(family)
    assert (board.told().found, board.told().place) == ("nothing", "flash")
    assert board.learn(1, 777)
    first = board.told()
    assert (first.outcome, first.sequence, first.erases) == ("done", 1, 1)
    scores, state = board.scores(), board.state()
    assert scores == learning.scores(learning.learn(rows(1, 5)), rows(99, 4)).tolist()
    assert board.power_on()
    assert board.told()[:5] == (2, 5, 777, "flash", "whole")
    assert (board.scores(), board.state()) == (scores, state)
    # In turn: records fill an area, then the other one is erased. The board says how often it may still write.
    writes = board.told().writes_left
    if writes < 40:
        for n in range(writes + 2):
            board.learn(2 + n, n)
        told = board.told()
        assert (told.sequence, told.erases, told.outcome) == (writes + 3, 2, "done")
        assert board.power_on() and board.told().threshold == writes + 1
    # Forgotten is forgotten, and nothing of it is left in the cells.
    learned = board.state()[24:]
    assert learned in bytes(board.flash.cells)
    assert board.number("x")
    assert learned not in bytes(board.flash.cells)
    assert not board.power_on()
    assert (board.told().phase, board.told().found) == (0, "forgotten")
    before = board.flash.operations
    assert board.number("x") and board.flash.operations == before  # nothing to wear flash for


def cuts(board: Device, job: Callable[[], object], number: int, kind: str) -> bool:
    """Power goes in operation `number` of a job; False when the job was over before."""
    flash = board.flash
    flash.cut_after, flash.cut_kind, flash.seed = flash.operations + number, kind, number
    try:
        job()
    except TinygenError as error:
        assert "the power went" in error.message
        return True
    flash.cut_after = None
    return False


def _whatever_is_cut_from(
    image: bytes,
    board: Device,
    job: Callable[[], object],
    old: bytes,
    new: bytes,
    step: int,
    every_kind: bool,
) -> tuple[int, int]:
    """Cuts of a job that makes `new` out of `old`, at every `step`-th operation; how many left which."""
    left = {old: 0, new: 0}
    met = set()
    for number in range(0, 10_000, step):
        for kind in KINDS if every_kind or number % 7 == 0 else KINDS[:1]:
            board.flash.take(image, "test")
            board.power_on()
            assert board.state() == old
            if not cuts(board, job, number, kind):  # it was over: nothing was cut
                board.power_on()
                assert board.state() == new and "torn" in met
                return left[old], left[new]
            board.power_on()
            found, told = board.state(), board.told()
            assert found in left, (number, kind, told)
            left[found] += 1
            met.add(told.found)
            if found == old:  # cut off where it shows, or nothing to be seen of it
                assert told.found in ("torn", "whole"), (number, kind)
            else:
                assert told.found in ("whole", "torn", "forgotten"), (number, kind)
            if number % 4 and not every_kind:
                continue
            # It goes on from there: the next state is kept, whatever the cut left behind.
            assert board.learn(7, 31)
            assert board.power_on()
            told = board.told()
            assert (told.phase, told.threshold, told.found) == (2, 31, "whole"), (number, kind)
    raise AssertionError("a job without end")


def _cut_everywhere(board: Device, step: int, *, every_kind: bool) -> None:
    board.learn(1, 777)
    old, image = board.state(), board.flash.image()
    board.learn(3, 888)
    new = board.state()
    board.flash.take(image, "test")
    board.power_on()
    board.number("x")
    gone = board.state()
    olds, news = _whatever_is_cut_from(image, board, lambda: board.learn(3, 888), old, new, step, every_kind)
    assert olds > 0 and (news > 0 or not every_kind)  # the very last word makes it new
    # Forgetting erases the other area, says so there, erases this one.
    olds, news = _whatever_is_cut_from(image, board, lambda: board.number("x"), old, gone, step, every_kind)
    assert olds > 0 and news > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_power_may_go_at_any_write(family: str, device: Callable[[str], Device]) -> None:
    _cut_everywhere(device(family), STEPS[family], every_kind=False)


@pytest.mark.soak
@pytest.mark.parametrize("family", FAMILIES)
def test_power_may_go_before_within_and_after_every_write(family: str, device: Callable[[str], Device]) -> None:
    _cut_everywhere(device(family), 1, every_kind=True)


def test_another_models_state_is_refused_and_says_so(device: Callable[[str], Device]) -> None:
    board = device(EXHAUSTIVE)
    assert board.learn(1, 777)
    assert not board.power_on(owner=OWNER + 1)
    assert (board.told().phase, board.told().found) == (0, "another model's")
    assert board.power_on(), "nothing was written: it is still there for the firmware it belongs to"
    assert not board.power_on(owner=OWNER + 1)
    assert board.learn(2, 5) and board.power_on(owner=OWNER + 1)
    assert not board.power_on(), "the newest record belongs to the other one"
    assert board.told().found == "another model's"


@pytest.mark.parametrize("family", [EXHAUSTIVE, "l4"])
def test_rotten_bits_are_found_by_the_digest(family: str, device: Callable[[str], Device]) -> None:
    board = device(family)
    board.learn(1, 777)
    first = board.state()
    board.learn(2, 888)
    image = board.flash.image()
    at = bytes(board.flash.cells).rindex(board.state()[24:56])
    for bit in (0, 77, 200):
        board.flash.take(image, "test")
        board.flash.cells[at + bit // 8] ^= 1 << bit % 8
        assert board.power_on()
        assert board.state() == first, "the record before holds"
        assert board.told().found == "damaged"
    # And where that is gone, too, nothing is learned, and the device says why.
    board.flash.cells[32 + 40] ^= 1
    assert not board.power_on()
    assert (board.told().phase, board.told().found) == (0, "damaged")
    assert board.learn(3, 9) and board.power_on()


@pytest.mark.parametrize("family", [EXHAUSTIVE, "f1", "g4"])
def test_worn_flash_is_told_and_the_other_area_taken(family: str, device: Callable[[str], Device]) -> None:
    board = device(family)
    half = len(board.flash.cells) // 2
    board.learn(1, 777)
    old = board.state()
    board.flash.stuck = dict.fromkeys(range(32 + 192, half), 255)
    assert board.learn(2, 888), "this area takes no more, the other one does"
    assert board.power_on() and board.told().threshold == 888
    board.flash.stuck = dict.fromkeys(range(2 * half), 255)
    image = board.flash.image()
    assert not board.learn(3, 999)
    assert board.told().outcome in ("programming failed", "reading back failed")
    assert board.told().threshold == 999, "it is learned, until the power goes"
    assert board.power_on() and board.told().threshold == 888
    assert old != board.state() and board.flash.image() != image


def test_flash_divided_otherwise_is_never_written(device: Callable[[str], Device]) -> None:
    board = device("g4")
    board.flash.divided = False
    assert not board.power_on()
    assert board.told().place == "nowhere"
    assert not board.learn(1, 5)
    assert board.flash.operations == 0


def test_writing_flash_that_is_locked_is_a_fault(device: Callable[[str], Device]) -> None:
    from tinygen.device.stm32_flash import KEYS, FlashController
    from tinygen.device.stm32_flash_memory import FlashMemory

    chip = find_board("nucleo_f446re").chip
    memory = FlashMemory(0x0804_0000, 0x4_0000)
    said: list[str] = []
    controller = FlashController(chip, memory, fault=said.append, power_lost=lambda: None)
    base = chip.peripherals["flash_base"]
    controller.store(memory.start, 4, 1)
    assert "locked flash" in said[-1] and memory.operations == 0
    for key in KEYS:
        controller.write(base + 4, key)
    controller.store(memory.start, 4, 1)  # PG is not set
    assert controller.read(base + 0xC) & 1 << 7 and memory.operations == 0
    controller.write(base + 0x10, 1 | 2 << 8)
    controller.store(memory.start, 4, 0xF0)
    assert controller.read(base + 0xC) & 1 << 16, "busy"
    controller.store(memory.start + 4, 4, 1)
    assert memory.operations == 1, "busy: nothing is taken"
    while controller.read(base + 0xC) & 1 << 16:
        pass
    controller.store(memory.start, 4, 0xFF)
    assert memory.read(memory.start, 4) == 0xF0, "bits go to 0 only"
    while controller.read(base + 0xC) & 1 << 16:
        pass
    controller.store(memory.start + 8, 2, 1)
    assert controller.read(base + 0xC) & 1 << 6, "PSIZE says words"
    controller.write(base + 4, KEYS[0])
    assert "wrong key" in said[-1] and controller.read(base + 0x10) & 1 << 31, "locked until a reset"
