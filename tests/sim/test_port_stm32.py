"""The STM32 port as the generated project has it, with a small echo application.

In QEMU with real interrupts; on unicorn with a model of the clock registers, whose final values are compared with the
reference manual's formulas.
"""

from __future__ import annotations

import os
import re
import select
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tinygen.boards.loader import load_boards
from tinygen.boards.spec import BoardSpec, ClockSpec
from tinygen.core.files import write_tree
from tinygen.device.stm32_ready import ready_bits
from tinygen.firmware.board_view import vector_table_bytes
from tinygen.firmware.project_view import render_project

pytestmark = pytest.mark.sim

ECHO = Path(__file__).with_name("echo_app.cpp")
CXX = ["-std=gnu++17", "-O2", "-fno-exceptions", "-fno-rtti", "-ffunction-sections", "-fdata-sections"]
WARN = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef"]
STM32_BOARDS = sorted(board.id for board in load_boards().values() if board.chip.port == "stm32")


def compile_image(board: BoardSpec, folder: Path, extra: str = "") -> Path:
    """Compile the port of a generated project with the echo application; `extra` is appended to the application."""
    tree = render_project(board, "echo", "aot", {})
    write_tree(folder, tree.files)
    (folder / "echo.cpp").write_text(ECHO.read_text() + extra)
    sources = [*sorted(folder.glob("lib/tinygen/src/port/*/*.cpp")), folder / "echo.cpp", folder / "src/main.cpp"]
    scripts = list(folder.glob("ld/*.ld"))
    elf = folder / "image.elf"
    chip = board.chip
    cpu = ["-mthumb", f"-mcpu={chip.cpu}", *(["-mfloat-abi=hard", f"-mfpu={chip.fpu}"] if chip.fpu else [])]
    command = ["arm-none-eabi-g++", *cpu, *CXX, *WARN, "-Iinclude", "-Ilib/tinygen/include", *map(str, sources)]
    command += ["-nostartfiles", "--specs=nano.specs", "--specs=nosys.specs", "-Wl,--gc-sections,--fatal-warnings"]
    done = subprocess.run(
        [*command, "-T", str(scripts[0]), "-o", str(elf)], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return elf


def symbols(elf: Path) -> dict[str, tuple[int, int]]:
    """{name: (address, size)} of an ELF."""
    from elftools.elf.elffile import ELFFile

    with elf.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        return {s.name: (s["st_value"], s["st_size"]) for s in table.iter_symbols()}


def value(text: bytes, name: str) -> int:
    """The number the echo application said for a name, the last time."""
    found = re.findall(rb"%s=([0-9a-f]{8})" % name.encode(), text)
    assert found, (name, text)
    return int(found[-1], 16)


class Qemu:
    """netduinoplus2 with its third serial line, USART3, on pipes."""

    def __init__(self, elf: Path) -> None:
        machine = ["-M", "netduinoplus2", "-icount", "shift=0", "-display", "none", "-monitor", "none"]
        serial = ["-serial", "null", "-serial", "null", "-serial", "stdio"]
        self._process = subprocess.Popen(
            ["qemu-system-arm", *machine, *serial, "-kernel", str(elf)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def write(self, data: bytes) -> None:
        """To the board."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)

    def read_until(self, end: bytes, limit_s: float = 20.0) -> bytes:
        """From the board, until `end` has come."""
        assert self._process.stdout is not None
        seen = b""
        deadline = time.monotonic() + limit_s
        while end not in seen:
            left = deadline - time.monotonic()
            assert left > 0, f"nothing more after {seen!r}"
            if select.select([self._process.stdout], [], [], left)[0]:
                seen += os.read(self._process.stdout.fileno(), 4096)
        return seen

    def close(self) -> None:
        """End the simulator."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="module")
def feather(tmp_path_factory: pytest.TempPathFactory, needs_tool: object) -> Path:
    """The echo image of feather_f405."""
    assert callable(needs_tool)
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    return compile_image(load_boards()["feather_f405"], tmp_path_factory.mktemp("feather"))


@pytest.fixture
def qemu(feather: Path, needs_tool: object) -> Iterator[Qemu]:
    """A running feather."""
    assert callable(needs_tool)
    needs_tool("qemu-system-arm", "qemu-system-arm")
    machine = Qemu(feather)
    yield machine
    machine.close()


def test_start_without_a_clock_says_so_and_still_talks(qemu: Qemu) -> None:
    text = qemu.read_until(b"data=00001234 ")
    assert value(text, "start") == 1  # QEMU's RCC reads 0: internal oscillator
    assert value(text, "kind") == 2  # DWT does not count there: SysTick
    assert value(text, "made") == 42  # constructors ran; "data=" says that .data was copied


def test_every_byte_comes_by_interrupt_and_is_echoed_once(qemu: Qemu) -> None:
    """The application reads the ring only, and only the interrupt fills it."""
    qemu.read_until(b"data=00001234 ")
    sent = bytes(range(0x61, 0x7A)) * 40
    qemu.write(sent + b"z")
    answered = qemu.read_until(b"{")
    assert answered == bytes(b + 1 for b in sent) + b"{"
    qemu.write(b"?a")
    assert value(qemu.read_until(b" b"), "lost") == 0


def test_systick_counts_instructions_under_icount(qemu: Qemu) -> None:
    qemu.read_until(b"data=00001234 ")
    counts = []
    for _ in range(2):
        qemu.write(b"?a")
        counts.append(value(qemu.read_until(b" b"), "count"))
    assert abs(counts[0] - counts[1]) <= 1  # where in a tick it began
    # 1 instruction is 1 ns; SysTick counts at 168 MHz, so 1000 turns of 5 to 8 instructions are 840 to 1350 ticks
    assert 800 < counts[0] < 1400


def test_systick_is_extended_beyond_its_24_bits_and_never_runs_backwards(qemu: Qemu) -> None:
    qemu.read_until(b"data=00001234 ")
    qemu.write(b"~a")
    text = qemu.read_until(b" b", limit_s=60)
    assert value(text, "backwards") == 0
    assert (
        1 << 24 < value(text, "long") < 4_000_000 * 100 * 168 // 1000
    )  # 4 million turns of fewer than 100 instructions


def test_stack_is_painted_and_its_use_is_told(qemu: Qemu) -> None:
    qemu.read_until(b"data=00001234 ")
    qemu.write(b"?a")
    text = qemu.read_until(b" b")
    assert value(text, "stack") == 8192
    assert 64 < value(text, "used") < 2048


def test_reset_starts_again(qemu: Qemu) -> None:
    qemu.read_until(b"data=00001234 ")
    qemu.write(b"!")
    assert value(qemu.read_until(b"data=00001234 "), "made") == 42


def test_fault_is_told_with_its_place(qemu: Qemu, feather: Path) -> None:
    qemu.read_until(b"data=00001234 ")
    qemu.write(b"#")
    text = qemu.read_until(b"end=00000000 ")
    cfsr, _, _, bfar = (int(word, 16) for word in re.findall(rb"status=([0-9a-f]{8})", text))
    assert value(text, "FAULT") == 5
    assert cfsr & 0x8200 == 0x8200  # precise, BFAR valid
    assert bfar == 0x30000000
    names = {name: place for name, place in symbols(feather).items() if place[1]}
    pc = value(text, "pc")
    place = [name for name, (at, size) in names.items() if at & ~1 <= pc < (at & ~1) + size]
    assert any("answer" in name or "poll" in name for name in place), place


def test_stack_overflow_faults_instead_of_overwriting_data(qemu: Qemu) -> None:
    qemu.read_until(b"data=00001234 ")
    qemu.write(b"^")
    text = qemu.read_until(b"end=00000000 ")
    cfsr = int(re.findall(rb"status=([0-9a-f]{8})", text)[0], 16)
    assert value(text, "FAULT") == 5
    assert cfsr & 0x1200  # while it pushed, or while an exception did


@pytest.mark.parametrize("board_id", STM32_BOARDS)
def test_vector_table_size_and_first_words(board_id: str, tmp_path: Path, needs_tool: object) -> None:
    assert callable(needs_tool)
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    board = load_boards()[board_id]
    elf = compile_image(board, tmp_path)
    names = symbols(elf)
    assert names["tinygen_vectors"] == (0x08000000, vector_table_bytes(board))
    assert names["_stack_limit"][0] == board.chip.ram.address
    assert names["_stack_top"][0] == board.chip.ram.address + 8192
    image = tmp_path / "image.bin"
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", str(elf), str(image)], check=True)
    words = struct.unpack(f"<{vector_table_bytes(board) // 4}I", image.read_bytes()[: vector_table_bytes(board)])
    assert words[0] == names["_stack_top"][0]
    assert words[1] == names["Reset_Handler"][0] | 1
    irq = board.chip.peripherals[f"{board.serial.peripheral}_irq"]
    assert words[16 + irq] == names["tinygen_serial_interrupt"][0] | 1
    assert all(word & 1 for word in words[1:])


def test_too_much_ram_fails_the_link(tmp_path: Path, needs_tool: object) -> None:
    assert callable(needs_tool)
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    board = load_boards()["nucleo_f401re"]
    fits = 98304 - 8192 - 4096
    used = "\nstatic volatile char big[{0}];\n__attribute__((constructor)) static void use() {{ big[{0} - 1] = 1; }}\n"
    compile_image(board, tmp_path / "fits", used.format(fits))
    with pytest.raises(RuntimeError, match="region `RAM' overflowed"):
        compile_image(board, tmp_path / "over", used.format(fits + 8192))


class ClockedBoard:
    """unicorn with exactly the chip's memories; the clock's ready bits follow their enable bits, or never come."""

    def __init__(self, board: BoardSpec, elf: Path, *, ready: bool) -> None:
        import unicorn
        from unicorn import arm_const

        self.out = bytearray()
        self._cycles = 0
        self.registers: dict[int, int] = {}
        self._ready = ready_bits(board.chip, self.registers) if ready else {}
        serial = board.chip.peripherals[f"{board.serial.peripheral}_base"]
        first = board.chip.family in ("stm32f1", "stm32f4")
        self._status, self._data = serial + (0 if first else 0x1C), serial + (4 if first else 0x28)
        names = symbols(elf)
        core = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        core.ctl_set_cpu_model(getattr(arm_const, f"UC_CPU_ARM_{board.chip.cpu.upper().replace('-', '_')}"))
        core.mem_map(board.chip.flash.address, board.chip.flash.size_bytes, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        core.mem_map(board.chip.ram.address, board.chip.ram.size_bytes)
        image = elf.with_suffix(".bin")
        subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", str(elf), str(image)], check=True)
        core.mem_write(board.chip.flash.address, image.read_bytes())
        core.mmio_map(0x40000000, 0x20000000, self._read, None, self._write, None)
        self.nvic: dict[int, int] = {}
        core.mmio_map(0xE0000000, 0x100000, self._read_system, None, self._write_system, None)
        idle = names["tinygen_port_idle"][0] & ~1
        core.hook_add(unicorn.UC_HOOK_CODE, lambda uc, *_: uc.emu_stop(), begin=idle, end=idle)
        stack, entry = struct.unpack("<II", core.mem_read(board.chip.flash.address, 8))
        core.reg_write(arm_const.UC_ARM_REG_SP, stack)
        core.emu_start(entry | 1, 0xFFFFFFFE, timeout=60_000_000)
        self._core, self._lr, self._idle, self._names = core, arm_const.UC_ARM_REG_LR, idle, names
        self._receive = serial + (4 if first else 0x24)

    def interrupt(self, status: int, byte: int) -> tuple[int, bytes, int]:
        """Run the serial interrupt's handler as the core would; returns (bytes in the ring, all of them, overruns)."""
        self._ready |= {self._status: lambda _: status, self._receive: lambda _: byte}
        self._core.reg_write(self._lr, self._idle | 1)
        self._core.emu_start(self._names["tinygen_serial_interrupt"][0] | 1, self._idle, timeout=1_000_000)
        at = self._names["tinygen_rx_ring"][0]
        head, tail, _, overruns = struct.unpack("<4I", self._core.mem_read(at, 16))
        return head - tail, bytes(self._core.mem_read(at + 16, head)), overruns

    def _read(self, _core: object, offset: int, _size: int, _data: object) -> int:
        address = 0x40000000 + offset
        word = self.registers.get(address, 0)
        if address == self._status and address not in self._ready:
            return 0xC0
        return self._ready[address](word) if address in self._ready else word

    def call(self, name: str) -> None:
        """Run a function of the image to its end."""
        self._core.reg_write(self._lr, self._idle | 1)
        self._core.emu_start(self._names[name][0] | 1, self._idle, timeout=1_000_000)

    def map(self, address: int) -> None:
        """4 KB of memory there."""
        self._core.mem_map(address, 0x1000)

    def _read_system(self, _core: object, offset: int, _size: int, _data: object) -> int:
        if offset == 0x1004:  # DWT CYCCNT
            self._cycles += 100
            return self._cycles
        return 0

    def _write_system(self, _core: object, offset: int, _size: int, word: int, _data: object) -> None:
        self.nvic[0xE0000000 + offset] = word

    def _write(self, _core: object, offset: int, _size: int, word: int, _data: object) -> None:
        address = 0x40000000 + offset
        self.registers[address] = word
        if address == self._data:
            self.out.append(word & 0xFF)


class CachedBoard(ClockedBoard):
    """An STM32H5 with its instruction cache: it empties itself after a reset and when switched off, and is busy then.

    Source: RM0481 8.4.5.

    Attributes:
        too_early: how often it was switched on while busy. rests: how often it was switched off.
    """

    def __init__(self, board: BoardSpec, elf: Path) -> None:
        self._cache = board.chip.peripherals["icache_base"]
        self._busy, self.too_early, self.rests = 3, 0, 0
        super().__init__(board, elf, ready=True)

    def _read(self, core: object, offset: int, size: int, data: object) -> int:
        if 0x40000000 + offset == self._cache + 4:
            self._busy = max(0, self._busy - 1)
            return int(self._busy > 0)
        return super()._read(core, offset, size, data)

    def _write(self, core: object, offset: int, size: int, word: int, data: object) -> None:
        if 0x40000000 + offset == self._cache:
            before = self.registers.get(self._cache, 0)
            self.too_early += word & ~before & 1 and self._busy > 0
            if before & ~word & 1:
                self.rests += 1
                self._busy = 3
        super()._write(core, offset, size, word, data)


def fields(word: int, *places: tuple[int, int]) -> tuple[int, ...]:
    """Values of (lowest bit, width) in a word."""
    return tuple(word >> low & (1 << width) - 1 for low, width in places)


def check_f1(clock: ClockSpec, get: Callable[[str, int], int]) -> None:
    """RM0008 7.3.2: source, halved or not, multiplier - 2; 3.3.3: wait states and prefetch."""
    assert fields(get("rcc", 4), (0, 2), (16, 1), (17, 1), (18, 4)) == (2, 1, clock.pll_m - 1, clock.pll_n - 2)
    assert fields(get("rcc", 4), (8, 3), (11, 3)) == (APB[clock.apb1_divider], APB[clock.apb2_divider])
    assert get("flash", 0) == clock.flash_wait_states | 0x10


def check_f4(clock: ClockSpec, get: Callable[[str, int], int], accelerator: int = 0x700) -> None:
    """RM0090 7.3.2, 7.3.3, 3.9.1, 5.4.1; RM0385 likewise."""
    pll = get("rcc", 4)
    expected = (clock.pll_m, clock.pll_n, clock.pll_p // 2 - 1, 1, clock.pll_q)
    assert fields(pll, (0, 6), (6, 9), (16, 2), (22, 1), (24, 4)) == expected
    assert get("flash", 0) == clock.flash_wait_states | accelerator
    assert fields(get("rcc", 8), (0, 2), (10, 3), (13, 3)) == (2, APB[clock.apb1_divider], APB[clock.apb2_divider])
    assert get("pwr", 0) >> 16 & 3 == (3 if clock.over_drive else 0)
    assert get("rcc", 0) >> 18 & 1 == int(clock.bypass)


def check_f7(clock: ClockSpec, get: Callable[[str, int], int]) -> None:
    """The F4's registers; RM0385 3.7.1: the accelerator is bit 9."""
    check_f4(clock, get, accelerator=0x300)
    assert get("pwr", 0) >> 14 & 3 == clock.voltage_scale


def check_l4(clock: ClockSpec, get: Callable[[str, int], int]) -> None:
    """RM0351 6.4.4, RM0440 7.4.4: source, M - 1, N, R on, R / 2 - 1."""
    source = 2 if clock.source == "hsi" else 3
    expected = (source, clock.pll_m - 1, clock.pll_n, 1, clock.pll_r // 2 - 1)
    assert fields(get("rcc", 0xC), (0, 2), (4, 4), (8, 7), (24, 1), (25, 2)) == expected
    assert fields(get("flash", 0), (0, 4), (8, 3)) == (clock.flash_wait_states, 7)
    switched = (3, 0, APB[clock.apb1_divider], APB[clock.apb2_divider])
    assert fields(get("rcc", 8), (0, 2), (4, 4), (8, 3), (11, 3)) == switched
    assert get("pwr", 0) >> 9 & 3 == clock.voltage_scale


def check_g4(clock: ClockSpec, get: Callable[[str, int], int]) -> None:
    """The L4's registers; RM0440 6.4.22: boost is R1MODE = 0."""
    check_l4(clock, get)
    assert get("pwr", 0x80) >> 8 & 1 == int(not clock.over_drive)


def check_h7(clock: ClockSpec, get: Callable[[str, int], int]) -> None:
    """RM0433 8.7.11 to 8.7.13, 8.7.6 to 8.7.9, 4.9.1, 6.8.4, 6.8.6."""
    assert fields(get("rcc", 0x28), (0, 2), (4, 6)) == (2, clock.pll_m)
    dividers = (clock.pll_n - 1, clock.pll_p - 1, clock.pll_q - 1, clock.pll_r - 1)
    assert fields(get("rcc", 0x30), (0, 9), (9, 7), (16, 7), (24, 7)) == dividers
    assert fields(get("rcc", 0x2C), (0, 1), (1, 1), (2, 2), (16, 1)) == (0, 0, 1, 1)  # 2 MHz at the input, wide VCO
    assert fields(get("rcc", 0x18), (0, 4), (8, 4)) == (8, 0)  # buses at half the core
    assert fields(get("rcc", 0x1C), (4, 3), (8, 3)) == (APB[clock.apb1_divider], APB[clock.apb2_divider])
    assert get("rcc", 0x10) & 7 == 3
    assert fields(get("flash", 0), (0, 4), (4, 2)) == (clock.flash_wait_states, 2)
    assert get("pwr", 0x18) >> 14 & 3 == clock.voltage_scale
    assert get("pwr", 0xC) & 7 == 2  # LDO


def check_h5(clock: ClockSpec, get: Callable[[str, int], int]) -> None:
    """RM0481 11.8: PLL1CFGR, PLL1DIVR, CFGR1, CFGR2; 10.11: VOSCR; 7.11: ACR."""
    assert fields(get("rcc", 0x28), (0, 2), (2, 2), (5, 1), (8, 6), (16, 1)) == (3, 1, 0, clock.pll_m, 1)
    dividers = (clock.pll_n - 1, clock.pll_p - 1, clock.pll_q - 1, clock.pll_r - 1)
    assert fields(get("rcc", 0x34), (0, 9), (9, 7), (16, 7), (24, 7)) == dividers
    assert fields(get("rcc", 0x20), (0, 4), (4, 3), (8, 3)) == (0, APB[clock.apb1_divider], APB[clock.apb2_divider])
    assert get("rcc", 0x1C) & 3 == 3
    assert fields(get("flash", 0), (0, 4), (4, 2), (8, 1)) == (clock.flash_wait_states, 2, 1)
    assert get("pwr", 0x10) >> 4 & 3 == clock.voltage_scale
    assert get("icache", 0) & 1 == 1


APB = {1: 0, 2: 4, 4: 5, 8: 6, 16: 7}
CHECKS = {
    "stm32f1": check_f1,
    "stm32f4": check_f4,
    "stm32f7": check_f7,
    "stm32l4": check_l4,
    "stm32g4": check_g4,
    "stm32h7": check_h7,
    "stm32h5": check_h5,
}


@pytest.mark.parametrize("board_id", STM32_BOARDS)
@pytest.mark.parametrize("ready", [True, False], ids=["clock", "no-clock"])
def test_clock_registers_and_baud_rate(
    board_id: str, ready: bool, tmp_path: Path, needs_tool: object, needs_module: object
) -> None:
    assert callable(needs_tool) and callable(needs_module)
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    needs_module("unicorn", "sim")
    board = load_boards()[board_id]
    facts, clock, limits = board.chip.peripherals, board.clock, board.chip.clock_limits
    assert clock is not None and limits is not None
    machine = ClockedBoard(board, compile_image(board, tmp_path), ready=ready)
    serial = facts[f"{board.serial.peripheral}_base"]
    baud = machine.registers[serial + (8 if board.chip.family in ("stm32f1", "stm32f4") else 0xC)]
    divider = clock.apb1_divider if facts[f"{board.serial.peripheral}_bus"] == 1 else clock.apb2_divider
    assert value(bytes(machine.out), "start") == (0 if ready else 1)
    if not ready:
        assert baud == round(limits.internal_hz / 115200)
        return
    assert baud == round(clock.bus_hz / divider / 115200)

    def get(name: str, offset: int) -> int:
        return machine.registers.get(facts[f"{name}_base"] + offset, 0)

    CHECKS[board.chip.family](clock, get)


ASKS_ID = """
extern "C" void tinygen_ask_id() {
  std::uint8_t id[12];
  say("id", static_cast<std::uint32_t>(tinygen::port::unique_id(id, sizeof id)));
}
namespace {
const bool asked = (tinygen_ask_id(), true);  // so that it is linked
}
"""


def test_the_cache_of_an_h5_is_never_switched_on_while_it_empties_itself(
    tmp_path: Path, needs_tool: Callable[..., str], needs_module: Callable[..., None]
) -> None:
    """After a reset, and when the chip's id, which it must not hold, has been read."""
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    needs_module("unicorn", "sim")
    board = load_boards()["nucleo_h563zi"]
    machine = CachedBoard(board, compile_image(board, tmp_path, ASKS_ID))
    cache = board.chip.peripherals["icache_base"]
    assert (machine.registers[cache] & 1, machine.rests, machine.too_early) == (1, 0, 0)
    machine.map(0x08FFF000)
    machine.call("tinygen_ask_id")
    assert value(bytes(machine.out), "id") == 12
    assert (machine.registers[cache] & 1, machine.rests, machine.too_early) == (1, 1, 0)


@pytest.mark.parametrize("board_id", STM32_BOARDS)
def test_pins_of_the_serial_line(board_id: str, tmp_path: Path, needs_tool: object, needs_module: object) -> None:
    assert callable(needs_tool) and callable(needs_module)
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    needs_module("unicorn", "sim")
    board = load_boards()[board_id]
    facts, first = board.chip.peripherals, board.chip.family == "stm32f1"
    machine = ClockedBoard(board, compile_image(board, tmp_path), ready=True)
    for pin, mode in ((board.serial.tx_pin, 0x9), (board.serial.rx_pin, 0x8)):
        port, number = ord(pin[1]) - ord("A"), int(pin[2:])
        gpio = facts["gpio_base"] + 0x400 * port
        enabled = machine.registers[facts["rcc_base"] + facts["rcc_gpio_enable"]]
        assert enabled >> (port + (2 if first else 0)) & 1
        if first:
            assert machine.registers[gpio + 4 * (number // 8)] >> 4 * (number % 8) & 0xF == mode
            continue
        assert machine.registers[gpio] >> 2 * number & 3 == 2
        half = machine.registers[gpio + 0x20 + 4 * (number // 8)]
        assert half >> 4 * (number % 8) & 0xF == board.serial.alternate_function
    bus = "rcc_apb1_enable" if facts[f"{board.serial.peripheral}_bus"] == 1 else "rcc_apb2_enable"
    enabled = machine.registers[facts["rcc_base"] + facts[bus]]
    assert enabled >> facts[f"{board.serial.peripheral}_enable_bit"] & 1


@pytest.mark.parametrize("board_id", STM32_BOARDS)
def test_the_watchdog_runs_and_stops_for_a_debugger(
    board_id: str, tmp_path: Path, needs_tool: object, needs_module: object
) -> None:
    """RM0090 21.4: key 0xCCCC starts it; the freeze bits are in the headers of ST's device packs."""
    assert callable(needs_tool) and callable(needs_module)
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    needs_module("unicorn", "sim")
    board = load_boards()[board_id]
    machine = ClockedBoard(board, compile_image(board, tmp_path), ready=True)
    watchdog = board.chip.peripherals["iwdg_base"]
    assert watchdog in machine.registers
    assert machine.registers[watchdog + 4] == 6  # divided by 256
    assert machine.registers[watchdog + 8] == 999
    frozen = {"stm32h7": (0x5C001054, 18), "stm32h5": (0x44024008, 12)}.get(board.chip.family)
    if frozen:
        assert machine.registers[frozen[0]] >> frozen[1] & 1


@pytest.mark.parametrize("board_id", STM32_BOARDS)
def test_the_receive_interrupt_of_both_usart_generations(
    board_id: str, tmp_path: Path, needs_tool: object, needs_module: object
) -> None:
    """unicorn raises no interrupts: the handler is called here, with the registers an interrupt would find."""
    assert callable(needs_tool) and callable(needs_module)
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    needs_module("unicorn", "sim")
    board = load_boards()[board_id]
    machine = ClockedBoard(board, compile_image(board, tmp_path), ready=True)
    assert machine.interrupt(0xC0, 0x11) == (0, b"", 0)  # not ours
    assert machine.interrupt(0xE0, 0x5A) == (1, b"\x5a", 0)
    assert machine.interrupt(0xE8, 0xA5) == (2, b"\x5a\xa5", 1)  # a byte was lost before this one
    serial = board.chip.peripherals[f"{board.serial.peripheral}_base"]
    if board.chip.family not in ("stm32f1", "stm32f4"):
        assert machine.registers[serial + 0x20] == 8  # ICR: the overrun is cleared, or the interrupt never ends
    irq = board.chip.peripherals[f"{board.serial.peripheral}_irq"]
    assert machine.nvic[0xE000E100 + 4 * (irq // 32)] >> irq % 32 & 1
