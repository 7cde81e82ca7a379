"""The ESP32-S3 stand-in port in labwired, and the same application object code in QEMU's Xtensa `sim` machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tinygen.boards.loader import load_boards
from tinygen.core.files import write_tree
from tinygen.firmware.project_view import render_project

pytestmark = pytest.mark.sim

ECHO = Path(__file__).with_name("echo_app.cpp")
PREFIX = "xtensa-lx106-elf-"
CXX = ["-std=gnu++17", "-O2", "-fno-exceptions", "-fno-rtti", "-ffunction-sections", "-fdata-sections"]
WARN = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef"]


class Build:
    """Objects of the project and the two images made of them."""

    def __init__(self, folder: Path, firmware: Path) -> None:
        self.folder = folder
        self._flags = ["-mlongcalls", "-DTINYGEN_STANDIN", "-isystem", str(firmware / "standin/xtensa/include")]
        write_tree(folder, render_project(load_boards()["esp32s3"], "echo", "aot", {}).files)
        (folder / "echo.cpp").write_text(ECHO.read_text())
        self.app = [self.compile(folder / "echo.cpp"), self.compile(folder / "src/main.cpp")]
        port = [*folder.glob("lib/tinygen/src/port/*/*.cpp"), *folder.glob("lib/tinygen/src/port/*/*.S")]
        self.port = [self.compile(path) for path in sorted(port)]
        sim = firmware / "port/xtensa_sim"
        self.sim_port = [self.compile(path, "sim_") for path in sorted([*sim.glob("*.cpp"), *sim.glob("*.S")])]
        self.image = self.link("image.elf", [*self.port, *self.app], folder / "ld/esp32s3.ld")
        self.sim_image = self.link("sim.elf", [*self.sim_port, *self.app], sim / "xtensa_sim.ld")

    def compile(self, source: Path, mark: str = "") -> Path:
        """One object file."""
        out = self.folder / f"{mark}{source.parent.name}_{source.name}.o"
        language = [*CXX, *WARN] if source.suffix == ".cpp" else []
        includes = ["-Iinclude", "-Ilib/tinygen/include"]
        command = [PREFIX + "g++", *self._flags, *language, *includes, "-c", str(source), "-o", str(out)]
        subprocess.run(command, cwd=self.folder, check=True)
        return out

    def link(self, name: str, objects: list[Path], script: Path) -> Path:
        """One image."""
        out = self.folder / name
        flags = ["-nostartfiles", "-nostdlib", "-Wl,--gc-sections,--fatal-warnings", "-T", str(script)]
        subprocess.run([PREFIX + "g++", *flags, *map(str, objects), "-lgcc", "-o", str(out)], check=True)
        return out


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory, needs_tool: object, root: Path) -> Build:
    """The echo application for both simulators."""
    assert callable(needs_tool)
    needs_tool(PREFIX + "g++", "gcc-xtensa-lx106")
    return Build(tmp_path_factory.mktemp("esp32s3"), root / "firmware")


def sections(image: Path) -> dict[str, tuple[int, int]]:
    """{section: (address, size)}."""
    from elftools.elf.elffile import ELFFile

    with image.open("rb") as file:
        return {s.name: (s["sh_addr"], s["sh_size"]) for s in ELFFile(file).iter_sections() if s["sh_flags"] & 2}


def test_code_and_data_do_not_share_sram(build: Build) -> None:
    """iram 0x40378000 and dram 0x3FC88000 are two views of the same bytes."""
    placed = sections(build.image)
    text_at, text_size = placed[".text"]
    assert text_at == 0x40378000
    shared = text_at - 0x40378000 + 0x3FC88000
    for name, (address, size) in placed.items():
        if name != ".text" and size:
            assert address >= shared + text_size, name


def test_labwired_receives_and_sends(build: Build, needs_module: object) -> None:
    assert callable(needs_module)
    needs_module("labwired", "sim")
    import labwired

    system = Path(labwired.__file__).parent / "configs/systems/esp32s3.yaml"
    with labwired.Sim(str(build.image), system=str(system)) as machine:
        machine.run_for("1ms")
        assert machine.read_uart_bytes() == b"start=00000000 kind=00000003 made=0000002a data=00001234 "
        sent = bytes(range(0x61, 0x7A)) * 8
        machine.send_bytes(sent)
        machine.run_for("3ms")
        assert machine.read_uart_bytes() == bytes(b + 1 for b in sent)
        machine.send_bytes(b"?")
        machine.run_for("1ms")
        text = machine.read_uart_bytes()
        told = {name: int(number, 16) for name, number in re.findall(rb"(\w+)=([0-9a-f]{8})", text)}
        assert told[b"stack"] == 8192
        assert 0 < told[b"used"] < 2048
        assert told[b"lost"] == 0
        assert 4000 < told[b"count"] < 12000


def test_qemu_xtensa_runs_the_same_object_code(build: Build, needs_tool: object) -> None:
    assert callable(needs_tool)
    needs_tool("qemu-system-xtensa", "qemu-system-misc")
    sent = bytes(range(0x61, 0x7A)) * 30
    command = ["qemu-system-xtensa", "-M", "sim", "-cpu", "lx106", "-semihosting", "-icount", "shift=0"]
    command += ["-kernel", str(build.sim_image), "-display", "none", "-serial", "none", "-monitor", "none"]
    done = subprocess.run(command, input=sent + b"?", capture_output=True, timeout=30, check=True)
    start = b"start=00000000 kind=00000003 made=0000002a data=00001234 "
    assert done.stdout.startswith(start + bytes(b + 1 for b in sent))
    told = {name: int(number, 16) for name, number in re.findall(rb"(\w+)=([0-9a-f]{8})", done.stdout)}
    # CCOUNT runs at 40 MHz of simulated time there, an instruction takes 1 ns: 25 instructions a count
    assert 4000 < told[b"count"] * 25 < 12000


def test_too_much_data_fails_the_link(build: Build) -> None:
    source = build.folder / "big.cpp"
    source.write_text(
        "static volatile char big[330000];\n__attribute__((constructor)) static void use() { big[1] = 1; }\n"
    )
    with pytest.raises(subprocess.CalledProcessError):
        objects = [*build.port, *build.app, build.compile(source)]
        build.link("big.elf", objects, build.folder / "ld/esp32s3.ld")
