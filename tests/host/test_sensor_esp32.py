"""The ESP32-S3's sensor drivers compile as they are shipped, against what the vendor's core declares.

Its I2C driver runs in labwired (tests/sim/test_sensor_imu.py); its I2S driver is the vendor's and runs nowhere here.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from tinygen.boards.loader import load_boards
from tinygen.core.files import write_tree
from tinygen.features.spec import FeatureSpec, LogMelSpec, ScaledWindowSpec
from tinygen.firmware.project_view import render_project
from tinygen.firmware.sensors.plan import source_plan
from tinygen.firmware.sensors.values import SensorChoice
from tinygen.firmware.source_view import render_source

pytestmark = pytest.mark.host
ROOT = Path(__file__).resolve().parents[2]
WARN = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef"]
CXX = ["-std=gnu++17", "-O2", "-fno-exceptions", "-fno-rtti", "-mlongcalls", "-r", "-nostdlib", "-o", "port.o"]


@pytest.mark.parametrize(("source", "spec"), [("i2s", LogMelSpec()), ("imu", ScaledWindowSpec(n_channels=6))])
def test_drivers_compile_against_the_vendors_core(
    source: Literal["i2s", "imu"], spec: FeatureSpec, tmp_path: Path, needs_tool: Callable[..., str]
) -> None:
    compiler = needs_tool("xtensa-lx106-elf-g++", "gcc-xtensa-lx106")
    board = load_boards()["esp32s3"]
    plan = source_plan(board, spec, SensorChoice(source=source, device="lsm6ds3"))
    assert plan is not None
    write_tree(tmp_path, {**render_project(board, "echo", "aot", {}, source=plan).files, **render_source(plan)})
    places = [
        ROOT / "firmware/standin/xtensa/include",
        *(ROOT / "tests/standins" / n for n in ("arduino_esp32", "idf_common")),
    ]
    system = [word for place in places for word in ("-isystem", str(place))]
    sources = sorted(tmp_path.glob("lib/tinygen/src/port/*/*.cpp"))
    own = ["-DARDUINO=10812", "-DARDUINO_ARCH_ESP32", "-Iinclude", "-Ilib/tinygen/include"]
    done = subprocess.run(
        [compiler, *CXX, *WARN, *own, *system, *map(str, sources), "src/source.cpp", "src/main.cpp"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:3000]
    listed = subprocess.run(["nm", "-C", tmp_path / "port.o"], capture_output=True, text=True, check=True).stdout
    assert f"T tinygen::{'i2c' if source == 'imu' else 'capture'}::start(" in listed
    assert "T tinygen::source::start()" in listed
