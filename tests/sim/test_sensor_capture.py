"""ADC, I2S and PDM sources of the STM32F4: what their drivers write into the registers, and what becomes of the words
that a DMA brings. A register model on unicorn: no conversion, no clock and no DMA runs here, and none on silicon yet.
"""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tinygen.boards.loader import load_boards
from tinygen.core.errors import TinygenError
from tinygen.features import pdm
from tinygen.features.spec import BandEnergySpec, FeatureSpec, LogMelSpec
from tinygen.firmware.sensors.plan import source_plan
from tinygen.firmware.sensors.values import SensorChoice

pytestmark = pytest.mark.sim
ADC, TIM2, SPI2, DMA1, DMA2, RCC = 0x40012000, 0x40000000, 0x40003800, 0x40026000, 0x40026400, 0x40023800
AUDIO, MOTOR = LogMelSpec(), BandEnergySpec(n_channels=2)


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{name}_of_capture", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Machine:
    """A board whose driver has been started; words can be put where its DMA would put them."""

    def __init__(self, board_id: str, source: Any, spec: FeatureSpec, folder: Path) -> None:
        self.board = load_boards()[board_id]
        elf, self.at = _load("test_sensor_imu").image(self.board, SensorChoice(source=source), spec, folder)
        self.model = _load("test_port_stm32").ClockedBoard(self.board, elf, ready=True)
        self.core = self.model._core
        (self.ring,) = [address for name, address in self.at.items() if "g_ring" in name]

    def word(self, name: str) -> int:
        return int(struct.unpack("<I", self.core.mem_read(self.at[name], 4))[0])

    def bring(self, words: np.ndarray, dma: int, stream: int, *, second: bool) -> None:
        """Half a ring of words, and the interrupt."""
        from unicorn import arm_const

        place = self.ring + (2 * len(words) if second else 0)
        self.core.mem_write(place, words.astype("<u2").tobytes())
        shift = {0: 0, 3: 22}[stream]
        self.model._ready[dma] = lambda _word: 1 << (shift + (5 if second else 4))
        self.core.reg_write(arm_const.UC_ARM_REG_LR, self.model._idle | 1)
        self.core.emu_start(self.at["tinygen_sensor_interrupt"] | 1, self.model._idle, timeout=20_000_000)
        assert self.model.registers[dma + 8] == 1 << (shift + (5 if second else 4))  # the flag is cleared

    def samples(self, count: int) -> list[int]:
        return list(struct.unpack(f"<{count}i", self.core.mem_read(self.at["seen_samples"], 4 * count)))


@pytest.fixture(autouse=True)
def _tools(needs_tool: Callable[..., str], needs_module: Callable[..., None]) -> None:
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    needs_module("unicorn", "sim")


@pytest.mark.parametrize("board_id", ["feather_f405", "nucleo_f401re"])
def test_a_timer_starts_conversions(board_id: str, tmp_path: Path) -> None:
    machine = Machine(board_id, "adc", MOTOR, tmp_path)
    reg, sensor, clock = machine.model.registers, machine.board.sensors["adc"], machine.board.clock
    assert clock is not None
    assert machine.word("seen_status") == 0
    timer_hz = clock.bus_hz / clock.apb1_divider * (1 if clock.apb1_divider == 1 else 2)
    assert timer_hz / (reg[TIM2 + 0x2C] + 1) == pytest.approx(MOTOR.rate_hz, rel=1e-3)
    assert (reg[TIM2 + 0x28], reg[TIM2 + 0x04], reg[TIM2]) == (0, 0x20, 1)
    first, second = sensor.channels[:2]
    assert reg[ADC + 0x34] == first | second << 5
    assert reg[ADC + 0x2C] == 1 << 20
    assert reg[ADC + 0x08] == 0x16000301  # rising edge, TIM2 TRGO, DMA for ever, on
    assert reg[ADC + 0x304] >> 16 & 3 == 1
    assert clock.bus_hz / clock.apb2_divider / 4 <= 36e6
    stream = DMA2 + 0x10
    assert reg[stream + 0x08] == ADC + 0x4C
    assert reg[stream + 0x0C] == machine.ring
    assert reg[stream + 0x00] == 0x00022D19  # circular, 16 bits, memory counts, both interrupts, on; channel 0
    for pin in list(sensor.pins.values())[:2]:
        gpio = 0x40020000 + 0x400 * (ord(pin[1]) - ord("A"))
        assert reg[gpio] >> 2 * int(pin[2:]) & 3 == 3
    words = np.tile(np.array([0, 4095], np.uint16), 64)
    machine.bring(words, DMA2, 0, second=False)
    machine.bring(np.tile(np.array([2048, 2049], np.uint16), 64), DMA2, 0, second=True)
    assert machine.word("seen_count") == 128
    assert machine.samples(4) == [-32768, 32752, -32768, 32752]


def _i2s_rates(machine: Machine, slot_bits: int) -> float:
    reg, clock = machine.model.registers, machine.board.clock
    assert clock is not None
    pll, prescaler = reg[RCC + 0x84], reg[SPI2 + 0x20]
    divider = pll & 0x3F or clock.pll_m
    vco = clock.external_hz / divider * (pll >> 6 & 0x1FF)
    assert 100e6 <= vco <= 432e6
    assert divider == clock.pll_m
    division = 2 * (prescaler & 0xFF) + (prescaler >> 8 & 1)
    assert prescaler & 0xFF >= 2
    assert reg[RCC] >> 26 & 1
    return float(vco / (pll >> 28 & 7) / division / slot_bits)


@pytest.mark.parametrize("board_id", ["feather_f405", "nucleo_f446re"])  # one PLLI2S divider, and two
def test_an_i2s_microphone(board_id: str, tmp_path: Path) -> None:
    machine = Machine(board_id, "i2s", AUDIO, tmp_path)
    reg = machine.model.registers
    assert machine.word("seen_status") == 0
    assert _i2s_rates(machine, 64) == pytest.approx(16000, rel=1e-4)
    assert reg[SPI2 + 0x1C] == 0x0F03
    assert reg[SPI2 + 0x04] == 1
    assert reg[DMA1 + 0x10 + 0x18 * 3 + 0x08] == SPI2 + 0x0C
    for pin in machine.board.sensors["i2s"].pins.values():
        gpio, number = 0x40020000 + 0x400 * (ord(pin[1]) - ord("A")), int(pin[2:])
        assert reg[gpio] >> 2 * number & 3 == 2
        assert reg[gpio + 0x20 + 4 * (number // 8)] >> 4 * (number % 8) & 0xF == 5
    frames = np.zeros((64, 4), np.uint16)
    loud = np.array([0x00012300, -0x00012300, 0x7FFFFF00, -0x80000000, 0], np.int64)
    for i, value in enumerate(loud.tolist()):
        frames[i, :2] = (value >> 16 & 0xFFFF, value & 0xFFFF)
    frames[:, 2:] = 0x5A5A  # the other slot
    machine.bring(frames.reshape(-1), DMA1, 3, second=False)
    assert machine.word("seen_count") == 64
    wanted = np.clip(loud >> 13, -32768, 32767).tolist()
    assert machine.samples(5) == wanted


def test_the_microphone_of_the_discovery_board(tmp_path: Path) -> None:
    machine = Machine("disco_f407vg", "pdm", AUDIO, tmp_path)
    reg = machine.model.registers
    assert machine.word("seen_status") == 0
    assert _i2s_rates(machine, 64) == pytest.approx(16000, rel=1e-4)  # 1.024 MHz
    assert reg[SPI2 + 0x1C] == 0x0F18
    words = np.random.default_rng(1).integers(0, 65536, 512).astype(np.uint16)
    machine.bring(words[:256], DMA1, 3, second=False)
    assert machine.word("seen_count") == 64
    assert machine.samples(16) == pdm.samples(words[:64], 16000).tolist()


def test_a_clock_that_does_not_start_is_told(tmp_path: Path) -> None:
    machine = Machine("nucleo_f401re", "i2s", AUDIO, tmp_path)
    elf = tmp_path / "image.elf"
    silent = _load("test_port_stm32").ClockedBoard(machine.board, elf, ready=False)
    assert struct.unpack("<I", silent._core.mem_read(machine.at["seen_status"], 4))[0] == 4


def test_sources_that_do_not_suit_are_refused() -> None:
    boards = load_boards()
    for board_id, source, spec, said in (
        ("nucleo_h743zi", "adc", MOTOR, "has no source 'adc'"),
        ("nucleo_f401re", "pdm", AUDIO, "has no source 'pdm'"),
        ("nucleo_f401re", "i2s", MOTOR, "one channel"),
        ("nucleo_f401re", "adc", BandEnergySpec(n_channels=4), "names 3"),
        ("nucleo_f401re", "adc", BandEnergySpec(rate_hz=150_000), "too fast"),
        ("nucleo_f401re", "imu", MOTOR, "3 \\(acceleration\\)"),
    ):
        with pytest.raises(TinygenError, match=said):
            source_plan(boards[board_id], spec, SensorChoice(source=source))  # type: ignore[arg-type]
