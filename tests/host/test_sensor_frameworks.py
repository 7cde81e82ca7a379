"""Sensor drivers compile as they are shipped, against what the frameworks declare, and the linker finds each once.

The ESP32-S3's I2C driver runs in labwired (tests/sim/test_sensor_imu.py), the STM32F4's in unicorn and labwired; the
I2S drivers of ESP-IDF are the vendor's and run nowhere here.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tinygen.boards.framework import with_framework
from tinygen.boards.loader import find_board
from tinygen.core.errors import TinygenError
from tinygen.core.files import write_tree
from tinygen.features.spec import FeatureSpec, LogMelSpec, ScaledWindowSpec
from tinygen.firmware.project_view import render_project
from tinygen.firmware.sensors.plan import source_plan
from tinygen.firmware.sensors.values import SensorChoice, SourceKind
from tinygen.firmware.source_view import render_source

pytestmark = pytest.mark.host
ROOT = Path(__file__).resolve().parents[2]
WARN = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef"]
CXX = ["-std=gnu++17", "-O2", "-fno-exceptions", "-fno-rtti", "-r", "-nostdlib", "-o", "port.o"]
AUDIO, MOTION, VOLTAGE = LogMelSpec(), ScaledWindowSpec(n_channels=6), ScaledWindowSpec(n_channels=2)
ARDUINO = ("-DARDUINO=10812",)
HOW = {  # compiler, stand-ins, macros
    ("stm32", "stm32cube"): ("arm", ("stm32cube",), ()),
    ("stm32", "arduino"): ("arm", ("arduino_stm32",), (*ARDUINO, "-DARDUINO_ARCH_STM32")),
    ("esp32s3", "arduino"): ("xtensa", ("arduino_esp32", "idf_common"), (*ARDUINO, "-DARDUINO_ARCH_ESP32")),
    ("esp32s3", "espidf"): ("xtensa", ("espidf", "idf_common"), ("-DESP_PLATFORM",)),
}
CASES: list[tuple[str, str, SourceKind, FeatureSpec]] = [
    *(("esp32s3", framework, "i2s", AUDIO) for framework in ("arduino", "espidf")),
    *(("esp32s3", framework, "imu", MOTION) for framework in ("arduino", "espidf")),
    ("nucleo_f446re", "stm32cube", "imu", MOTION),
    ("nucleo_f446re", "arduino", "imu", MOTION),
    ("nucleo_f446re", "stm32cube", "adc", VOLTAGE),
    ("nucleo_f446re", "arduino", "i2s", AUDIO),
    ("disco_f407vg", "stm32cube", "pdm", AUDIO),
]


@pytest.mark.parametrize(("board_id", "framework", "source", "spec"), CASES)
def test_drivers_compile_against_the_framework(
    board_id: str,
    framework: str,
    source: SourceKind,
    spec: FeatureSpec,
    tmp_path: Path,
    needs_tool: Callable[..., str],
) -> None:
    board = with_framework(find_board(board_id), framework)
    family, standins, macros = HOW[board.chip.port, framework]
    if family == "arm":
        compiler = [needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi"), "-mthumb", f"-mcpu={board.chip.cpu}"]
        places = []
    else:
        compiler = [needs_tool("xtensa-lx106-elf-g++", "gcc-xtensa-lx106"), "-mlongcalls"]
        places = [ROOT / "firmware/standin/xtensa/include"]
    plan = source_plan(board, spec, SensorChoice(source=source, device="lsm6ds3"))
    assert plan is not None
    write_tree(tmp_path, {**render_project(board, "echo", "aot", {}, source=plan).files, **render_source(plan)})
    places += [ROOT / "tests/standins" / name for name in standins]
    system = [word for place in places for word in ("-isystem", str(place))]
    runtime = "runtime" if framework == "espidf" else "lib/tinygen"
    sources = [*map(str, sorted(tmp_path.glob(f"{runtime}/src/port/*/*.cpp"))), "src/source.cpp", "src/main.cpp"]
    own = ["-Iinclude", f"-I{runtime}/include"]
    done = subprocess.run(
        [*compiler, *CXX, *WARN, *macros, *own, *system, *sources],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:3000]
    listed = subprocess.run(["nm", "-C", tmp_path / "port.o"], capture_output=True, text=True, check=True).stdout
    assert f"T tinygen::{'i2c' if source == 'imu' else 'capture'}::start(" in listed
    assert "T tinygen::source::start()" in listed
    if family == "arm" and source != "imu":
        assert f"T DMA{2 if source == 'adc' else 1}_Stream{0 if source == 'adc' else 3}_IRQHandler" in listed


@pytest.mark.parametrize(("board_id", "framework", "source"), [("esp32s3", "espidf", "adc"), ("esp32s3", None, "pdm")])
def test_a_source_without_a_driver_is_refused_with_what_there_is(
    board_id: str, framework: str | None, source: SourceKind
) -> None:
    board = with_framework(find_board(board_id), framework)
    with pytest.raises(TinygenError, match=f"esp32s3 has no source '{source}'; it has: imu, i2s"):
        source_plan(board, VOLTAGE, SensorChoice(source=source))
