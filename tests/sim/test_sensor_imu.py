"""Inertial sensors over I2C, read by the firmware's driver: labwired's own MPU-6050 and I2C controllers (STM32F401,
ESP32-S3), and a register model of controller and sensors on unicorn.

Not executed anywhere here: the lines' timing, a sensor's own clock, an ESP32-S3 under the vendor's core.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tinygen.boards.loader import load_boards
from tinygen.boards.spec import BoardSpec
from tinygen.core.files import write_tree
from tinygen.features.spec import FeatureSpec, ScaledWindowSpec
from tinygen.firmware.project_view import render_project
from tinygen.firmware.sensors.plan import source_plan
from tinygen.firmware.sensors.values import SensorChoice
from tinygen.firmware.source_view import render_source
from tinygen.toolchain import elf as elf_files

pytestmark = pytest.mark.sim
Needs = Callable[..., None]
ROOT = Path(__file__).parents[2]
WARN = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef"]
CXX = ["-std=gnu++17", "-Os", "-fno-exceptions", "-fno-rtti", "-ffunction-sections", "-fdata-sections", *WARN]
KEPT = 16

# Asks the sensor for ever and keeps what it gives.
APP = f"""
#include "tinygen/port.h"
#include "tinygen/source.h"
#include "tinygen/stream_api.h"

extern "C" {{
volatile unsigned seen_status = 99;
volatile unsigned seen_count = 0;
volatile unsigned seen_missed = 0;
volatile int seen_samples[{6 * KEPT}] = {{}};
}}

namespace tinygen::stream {{
void offer(const std::int16_t* samples, std::size_t) {{
  for (unsigned i = 0; seen_count < {KEPT} && i < source::kInfo.channels; ++i) {{
    seen_samples[seen_count * source::kInfo.channels + i] = samples[i];
  }}
  seen_count = seen_count + 1;
}}
void miss(std::uint32_t instants) {{ seen_missed = seen_missed + instants; }}
}}  // namespace tinygen::stream

extern "C" void tinygen_report_fault();
extern "C" void tinygen_report_fault() {{}}

int main() {{
  static_cast<void>(tinygen::port::init());
  tinygen::port::stay_awake(true);
  seen_status = static_cast<unsigned>(tinygen::source::start());
  for (;;) {{
    tinygen::source::poll();
    tinygen::port::idle();
  }}
}}
"""


def image(board: BoardSpec, choice: SensorChoice, spec: FeatureSpec, folder: Path) -> tuple[Path, dict[str, int]]:
    """The board's port with the sensor's driver and the application above: (ELF, addresses of its symbols)."""
    source = source_plan(board, spec, choice)
    write_tree(folder, {**render_project(board, "motion", "aot", {}, source=source).files, **render_source(source)})
    (folder / "app.cpp").write_text(APP)
    sources = [str(p) for p in sorted(folder.glob("lib/tinygen/src/port/*/*.[cS]*"))]
    sources += ["app.cpp", "src/source.cpp"]
    if board.chip.arch == "xtensa":
        standin = ROOT / "firmware/standin/xtensa"
        flags = ["-mlongcalls", "-DTINYGEN_STANDIN", "-isystem", str(standin / "include")]
        command, tail = ["xtensa-lx106-elf-g++", *flags, *CXX], ["-nostdlib", "-lgcc"]
    else:
        cpu = ["-mthumb", f"-mcpu={board.chip.cpu}", "-mfloat-abi=hard", f"-mfpu={board.chip.fpu}"]
        command, tail = ["arm-none-eabi-g++", *cpu, *CXX], ["--specs=nano.specs", "--specs=nosys.specs"]
    elf = folder / "image.elf"
    script = str(next(folder.glob("ld/*.ld")))
    command += [
        "-Iinclude",
        "-Ilib/tinygen/include",
        *sources,
        "-nostartfiles",
        "-Wl,--gc-sections",
        "-T",
        script,
        *tail,
    ]
    done = subprocess.run([*command, "-o", str(elf)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return elf, {name: symbol.address for name, symbol in elf_files.symbols(elf).items()}


@pytest.mark.parametrize("attached", [True, False])
@pytest.mark.parametrize(("board_id", "machine"), [("nucleo_f401re", "stm32f401"), ("esp32s3", "esp32s3")])
def test_labwireds_mpu6050_is_read(
    board_id: str, machine: str, attached: bool, tmp_path: Path, needs_module: Needs
) -> None:
    needs_module("labwired", "sim")
    import labwired

    board = load_boards()[board_id]
    compiler = "xtensa-lx106-elf-g++" if board.chip.arch == "xtensa" else "arm-none-eabi-g++"
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is missing")
    elf, at = image(board, SensorChoice(source="imu"), ScaledWindowSpec(), tmp_path)
    chip = Path(labwired.__file__).parent / "configs" / "chips" / f"{machine}.yaml"
    device = f'{{ id: "imu", type: "mpu6050", connection: "{board.sensors["imu"].peripheral}" }}' if attached else ""
    system = tmp_path / "system.yaml"
    system.write_text(f'name: "imu"\nchip: "{chip.as_posix()}"\nexternal_devices: [{device}]\n')
    with labwired.Sim(str(elf), system=str(system)) as sim:
        deadline = time.monotonic() + 60
        wanted = 3 if attached else 1
        while time.monotonic() < deadline:
            sim.run_for("200us")
            if sim.read_u32(at["seen_status"]) != 99 and (not attached or sim.read_u32(at["seen_count"]) >= wanted):
                break
        status = sim.read_u32(at["seen_status"])
        if not attached:
            assert status == 2  # nobody answers on the bus
            return
        assert status == 0
        assert sim.read_u32(at["seen_count"]) >= wanted
        values = [sim.read_u32(at["seen_samples"] + 4 * i) for i in range(3 * wanted)]
    # The model's resting place is 0x0123, 0x0456, 0x4000 steps at 2 g; the driver asks for 8 g, a quarter of the steps.
    assert values == [73, 278, 4096] * wanted
