"""The LSM6DS family read by the firmware's driver on unicorn, over a model of the STM32F4's I2C controller.

Not executed: the lines' timing, the sensor's own clock, silicon.
"""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from support.i2c_bus import CCR, CR2, Controller
from support.lsm6ds import Lsm6ds
from tinygen.boards.loader import load_boards
from tinygen.features.spec import ScaledWindowSpec
from tinygen.firmware.sensors.values import SensorChoice

pytestmark = pytest.mark.sim
IDENTITIES = {"lsm6ds3": 0x69, "lsm6ds33": 0x69, "lsm6dsl": 0x6A, "lsm6ds3tr-c": 0x6A, "lsm6dso": 0x6C}
OK, NO_ANSWER, WRONG = 0, 2, 3
I2C1 = 0x40005400
WANTED = 8


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{name}_of_lsm6ds", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PORT, IMU = _load("test_port_stm32"), _load("test_sensor_imu")


class Machine(PORT.ClockedBoard):  # type: ignore[misc,name-defined]
    """A board with a bus; runs from one call of idle() to the next."""

    def __init__(self, device: str, sensor: Lsm6ds | None, folder: Path, *, address: int, channels: int) -> None:
        board = load_boards()["nucleo_f401re"]
        choice = SensorChoice(source="imu", device=device, address=address, range_g=8)
        elf, self.at = IMU.image(board, choice, ScaledWindowSpec(rate_hz=104, n_channels=channels), folder)
        self.bus = Controller({} if sensor is None else {address or 0x6A: sensor})
        super().__init__(board, elf, ready=True)

    def _read(self, core: object, offset: int, size: int, data: object) -> int:
        if 0 <= offset + 0x40000000 - I2C1 < 0x400:
            return self.bus.read(offset + 0x40000000 - I2C1)
        return int(super()._read(core, offset, size, data))

    def _write(self, core: object, offset: int, size: int, word: int, data: object) -> None:
        if 0 <= offset + 0x40000000 - I2C1 < 0x400:
            self.bus.write(offset + 0x40000000 - I2C1, word)
        else:
            super()._write(core, offset, size, word, data)

    def polls(self, count: int) -> None:
        """Out of idle() and on, to the next one, so many times."""
        for _ in range(count):
            self._core.emu_start(self._core.reg_read(self._lr) | 1, 0xFFFFFFFE, timeout=20_000_000)

    def word(self, name: str) -> int:
        return int(struct.unpack("<I", self._core.mem_read(self.at[name], 4))[0])

    def samples(self, channels: int) -> list[tuple[int, ...]]:
        count = min(self.word("seen_count"), IMU.KEPT)
        flat = struct.unpack(
            f"<{count * channels}i", self._core.mem_read(self.at["seen_samples"], 4 * count * channels)
        )
        return [tuple(flat[i : i + channels]) for i in range(0, len(flat), channels)]


def motion(number: int) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """No two samples and no two axes alike; a negative one; more than full scale once."""
    return (0.1 * number, -0.03 * number - 0.5, 1.0 if number != 4 else 9.5), (7.0 * number, -35.0, 1400.0 - number)


@pytest.fixture(autouse=True)
def _tools(needs_tool: Callable[..., str], needs_module: Callable[..., None]) -> None:
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    needs_module("unicorn", "sim")


@pytest.mark.parametrize(
    ("device", "channels", "address"),
    [("lsm6dso", 6, 0), ("lsm6dso", 3, 0), ("lsm6ds3", 6, 0x6B), ("lsm6dsl", 3, 0), ("lsm6ds3tr-c", 6, 0)],
)
def test_every_sample_arrives_once_and_whole(device: str, channels: int, address: int, tmp_path: Path) -> None:
    sensor = Lsm6ds(IDENTITIES[device], motion)
    machine = Machine(device, sensor, tmp_path, address=address, channels=channels)
    assert machine.word("seen_status") == OK
    assert machine.bus.values[CR2] == 42  # the bus's clock in MHz
    ratio = machine.bus.values[CCR]
    assert ratio >> 15 == 1
    assert 42e6 / (3 * (ratio & 0xFFF)) <= 400_000
    assert sensor.rate_hz == 104
    machine.polls(3 * WANTED)
    found = machine.samples(channels)
    assert len(found) >= WANTED
    assert sensor.sampled == len(found)
    for number, values in enumerate(found):
        acceleration, rotation = motion(number)
        # At 8 g a step is 0.244 mg; 2000 degrees a second are 70 mdps a step.
        wanted = [max(-32768, min(32767, round(g * 1000 / 0.244))) for g in acceleration]
        wanted += [round(dps * 1000 / 70) for dps in rotation]
        assert list(values) == wanted[:channels]
    assert machine.bus.faults == []
    assert machine.word("seen_missed") == 0


def test_another_part_and_no_part_are_told(tmp_path: Path) -> None:
    other = Machine("lsm6dso", Lsm6ds(0x69, motion), tmp_path / "other", address=0, channels=3)
    assert other.word("seen_status") == WRONG
    nobody = Machine("lsm6dso", None, tmp_path / "nobody", address=0, channels=3)
    assert nobody.word("seen_status") == NO_ANSWER
    for machine in (other, nobody):
        machine.polls(4)
        assert machine.word("seen_count") == 0
        assert machine.bus.faults == []
