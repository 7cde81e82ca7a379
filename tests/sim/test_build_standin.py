"""PlatformIO without its registry: small projects built by the stand-in, run, and kept apart."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tinygen.boards.loader import load_boards
from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.toolchain import pio
from tinygen.toolchain.build import build, build_origin, objects_of
from tinygen.toolchain.elf import measurements
from tinygen.toolchain.flash import flash
from tinygen.toolchain.relink import relink_for_xtensa_sim
from tinygen.toolchain.setup import prepare
from tinygen.toolchain.values import Firmware

pytestmark = pytest.mark.sim

# The answer is ANSWER only if constructors ran, the helpers divide and multiply rightly and .data was initialised.
MAIN = """
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
volatile int seed = ANSWER - 2;
struct Built {
  int value;
  Built() : value(seed + 2) {}
};
Built built;
volatile std::int64_t wide = -7000000000001LL;
volatile std::uint32_t small = 1000003u;
volatile std::int32_t negative = -2147483647 - 1;
const std::array<int, 3> table{{1, 2, 3}};
extern "C" int check() {
  char copy[7];
  std::memcpy(copy, "tinygen", sizeof copy);
  bool right = wide * 3 == -21000000000003LL && wide / 1000 == -7000000000LL && wide % 1000 == -1;
  right = right && small / 7 == 142857 && small % 7 == 4 && negative / 3 == -715827882 && negative % 3 == -2;
  right = right && static_cast<std::int64_t>(negative) * negative == 4611686018427387904LL;
  right = right && (static_cast<std::uint64_t>(wide) / 10000000u) == 1844673707370u;
  right = right && copy[6] == 'n' && table[2] == 3 && std::numeric_limits<std::int16_t>::min() == -32768;
  return right ? built.value : 99;
}
"""

ARM_START = """
#include <cstdint>
extern "C" {
extern std::uint32_t _top, _load, _data, _edata, _bss, _ebss;
extern void (*__init_array_start[])();
extern void (*__init_array_end[])();
int check();
[[noreturn]] void Reset_Handler() {
  *reinterpret_cast<volatile std::uint32_t*>(0xE000ED88u) |= 0xFu << 20;
  const std::uint32_t* from = &_load;
  for (std::uint32_t* to = &_data; to != &_edata;) *to++ = *from++;
  for (std::uint32_t* to = &_bss; to != &_ebss;) *to++ = 0;
  for (auto run = __init_array_start; run != __init_array_end; ++run) (*run)();
  const std::uint32_t block[2] = {0x20026u, static_cast<std::uint32_t>(check())};
  register std::uint32_t operation asm("r0") = 0x20;
  register const std::uint32_t* argument asm("r1") = block;
  asm volatile("bkpt 0xAB" ::"r"(operation), "r"(argument) : "memory");
  for (;;) {
  }
}
__attribute__((section(".vectors"), used)) const void* const vectors[2] = {
    &_top, reinterpret_cast<const void*>(&Reset_Handler)};
}
"""

ARM_LD = """
ENTRY(Reset_Handler)
MEMORY {
  FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 256K
  RAM (rw) : ORIGIN = 0x20000000, LENGTH = 64K
}
_top = ORIGIN(RAM) + LENGTH(RAM);
SECTIONS {
  .text : { KEEP(*(.vectors)) *(.text .text.* .rodata .rodata.*) . = ALIGN(4);
    __init_array_start = .; KEEP(*(.init_array*)) __init_array_end = .; } > FLASH
  .ARM.exidx : { *(.ARM.exidx*) } > FLASH
  .data : { _data = .; *(.data .data.*) . = ALIGN(4); _edata = .; } > RAM AT > FLASH
  _load = LOADADDR(.data);
  .bss (NOLOAD) : { _bss = .; *(.bss .bss.* COMMON) . = ALIGN(4); _ebss = .; } > RAM
}
"""

XTENSA_START = """
  .section .text.entry, "ax"
  .global _start
  .literal_position
  .literal .Ltop, _top
  .align 4
_start:
  movi a0, 0
  l32r a1, .Ltop
  call0 start
"""

# Shared by the chip's port and QEMU's: they differ in `leave`.
XTENSA_RUN = """
#include <cstdint>
extern "C" {
extern std::uint32_t _bss, _ebss;
extern void (*__ctors_start[])();
extern void (*__ctors_end[])();
int check();
void leave(int code);
void start() {
  for (std::uint32_t* to = &_bss; to != &_ebss;) *to++ = 0;
  for (auto run = __ctors_end; run != __ctors_start;) (*--run)();
  leave(check());
  for (;;) {
  }
}
}
"""

S3_LEAVE = """
#include <cstdint>
#if !defined(TINYGEN_STANDIN)
#error the stand-in defines TINYGEN_STANDIN
#endif
extern "C" void leave(int code) {
  volatile std::uint32_t* const uart = reinterpret_cast<volatile std::uint32_t*>(0x60000000u);
  uart[5] = 20;
  for (int divisor = 10; divisor != 0; divisor /= 10) uart[0] = static_cast<std::uint32_t>('0' + code / divisor % 10);
  uart[0] = 10;
}
"""

SIM_LEAVE = """
  .text
  .global leave
leave:
  mov a3, a2
  movi a2, 1
  simcall
1: j 1b
"""


def xtensa_ld(code: str, data: str) -> str:
    """A linker script with code and data at these origins."""
    return f"""
ENTRY(_start)
MEMORY {{
  CODE (rx) : ORIGIN = {code}, LENGTH = 64K
  DATA (rw) : ORIGIN = {data}, LENGTH = 64K
}}
_top = ORIGIN(DATA) + LENGTH(DATA);
SECTIONS {{
  .text : {{ KEEP(*(.text.reset)) *(.literal.entry) KEEP(*(.text.entry)) *(.literal .literal.* .text .text.*) }} > CODE
  .rodata : {{ *(.rodata .rodata.*) . = ALIGN(4);
    __ctors_start = .; KEEP(*(.ctors*)) __ctors_end = .; }} > DATA
  .data : {{ *(.data .data.*) . = ALIGN(4); }} > DATA
  .bss (NOLOAD) : {{ _bss = .; *(.bss .bss.* COMMON) . = ALIGN(4); _ebss = .; }} > DATA
}}
"""


# QEMU starts at the first byte of CODE, where the literals would lie.
SIM_START = (
    """
  .section .text.reset, "ax"
  j _start
"""
    + XTENSA_START
)


def write(root: Path, files: dict[str, str]) -> Path:
    """Write a small project."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def project(root: Path, board: BoardSpec, answer: int) -> Path:
    """A project of the generated layout whose program answers a number."""
    spec = board.platformio
    ini = ["[platformio]", f"default_envs = {board.id}", f"[env:{board.id}]", f"platform = {spec.platform}"]
    ini += [f"board = {spec.board}"] if spec.board else []
    ini += [f"framework = {spec.framework}"] if spec.framework else []
    ini += ["platform_packages =", *(f"    {name}" for name in spec.packages)] if spec.packages else []
    ini += ["build_unflags = -Os -std=gnu++11", "build_flags = -std=gnu++17 -O2 -Wall -Wextra -Werror"]
    ini += ["test_framework = custom"]
    files = {"src/main.cpp": MAIN.replace("ANSWER", str(answer)), "lib/tinygen/library.json": '{"name": "tinygen"}'}
    files["lib/tinygen/include/tinygen/nothing.h"] = "#pragma once\n"
    port = "lib/tinygen/src/port/here"
    if board.chip.arch == "native":
        files[f"{port}/start.cpp"] = 'extern "C" int check();\nint main() { return check(); }\n'
    elif board.chip.arch == "xtensa":
        files |= {f"{port}/start.S": XTENSA_START, f"{port}/run.cpp": XTENSA_RUN, f"{port}/leave.cpp": S3_LEAVE}
        files["ld/esp32s3.ld"] = xtensa_ld("0x40378000", "0x3FC98000")
    else:
        ini += ["board_build.ldscript = ld/chip.ld", "extra_scripts = pre:tools/cpu.py"]
        files |= {f"{port}/start.cpp": ARM_START, "ld/chip.ld": ARM_LD}
        flags = f'["-mfloat-abi=hard", "-mfpu={board.chip.fpu}"]'
        files["tools/cpu.py"] = (
            f'Import("env")\nflags = {flags}\n'
            'env.Append(ASFLAGS=flags, ASPPFLAGS=flags, CCFLAGS=flags, LINKFLAGS=flags + ["--specs=nano.specs"])\n'
        )
    # The library is found by the header main.cpp includes, as in a generated project.
    files["src/main.cpp"] = "#include <tinygen/nothing.h>\n" + files["src/main.cpp"]
    return write(root, {"platformio.ini": "\n".join([*ini, ""]), **files})


@pytest.fixture(scope="module")
def boards() -> dict[str, BoardSpec]:
    return load_boards()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, needs_module: Callable[..., None]) -> Path:
    needs_module("SCons", "offline")
    return tmp_path_factory.mktemp("cache")


Make = Callable[[str, int], tuple[Path, Firmware]]


@pytest.fixture(scope="module")
def make(
    tmp_path_factory: pytest.TempPathFactory,
    boards: dict[str, BoardSpec],
    cache: Path,
    needs_tool: Callable[..., str],
) -> Make:
    """Build a small project once per (board, answer)."""
    done: dict[tuple[str, int], tuple[Path, Firmware]] = {}

    def made(name: str, answer: int) -> tuple[Path, Firmware]:
        board = boards[name]
        if board.chip.arch == "native":
            needs_tool("g++", "g++")
        elif board.chip.arch == "xtensa":
            needs_tool("xtensa-lx106-elf-g++", "gcc-xtensa-lx106")
        else:
            needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
        if (name, answer) not in done:
            root = project(tmp_path_factory.mktemp(name) / "project", board, answer)
            firmware = build(root, board, build_id="00" * 16, offline=True, cache=cache, log=root / "build.log", jobs=2)
            done[name, answer] = root, firmware
        return done[name, answer]

    return made


def in_qemu_arm(image: Path) -> int:
    """Exit code of an image that ends by semihosting."""
    words = ["qemu-system-arm", "-M", "netduinoplus2", "-display", "none", "-monitor", "none", "-serial", "none"]
    words += ["-semihosting-config", "enable=on,target=native", "-kernel", str(image)]
    return subprocess.run(words, timeout=30, check=False, stdin=subprocess.DEVNULL).returncode


def in_qemu_xtensa(image: Path) -> int:
    """Exit code of an image that ends by SIMCALL."""
    words = ["qemu-system-xtensa", "-M", "sim", "-cpu", "lx106", "-semihosting", "-display", "none", "-monitor", "none"]
    words += ["-serial", "none", "-kernel", str(image)]
    return subprocess.run(words, timeout=30, check=False, stdin=subprocess.DEVNULL).returncode


def test_two_arm_projects_on_one_core_directory_do_not_mix(make: Make, needs_tool: Callable[..., str]) -> None:
    needs_tool("qemu-system-arm", "qemu-system-arm")
    first, second = make("feather_f405", 42)[1], make("feather_f405", 43)[1]
    assert (in_qemu_arm(first.elf), in_qemu_arm(second.elf)) == (42, 43)
    assert first.standin
    assert "12." in first.toolchain or "GCC" in first.toolchain


def test_arm_figures_come_from_the_sections(make: Make, boards: dict[str, BoardSpec]) -> None:
    firmware = make("feather_f405", 42)[1]
    kinds = {section.name: section.kind for section in firmware.sections}
    assert kinds[".text"] == "flash"
    assert kinds[".data"] == "both"
    assert kinds[".bss"] == "ram"
    assert firmware.flash_bytes == sum(s.size_bytes for s in firmware.sections if s.kind != "ram")
    assert firmware.ram_bytes == sum(s.size_bytes for s in firmware.sections if s.kind != "flash")
    assert firmware.symbols["check"].address & ~1 in range(0x08000000, 0x08040000)
    assert all(m.origin == "linked" for m in measurements(firmware, boards["feather_f405"].chip))


def test_an_unchanged_project_is_not_compiled_again(
    boards: dict[str, BoardSpec], cache: Path, tmp_path: Path, make: Make
) -> None:
    make("host", 42)
    root, board, log = project(tmp_path / "project", boards["host"], 42), boards["host"], tmp_path / "log"
    first = build(root, board, build_id="00" * 16, offline=True, cache=cache, log=log)
    assert "Compiling" in log.read_text()
    assert build_origin(root, board).startswith("pio-core-")
    second = build(root, board, build_id="00" * 16, offline=True, cache=cache, log=log)
    assert "Compiling" not in log.read_text()
    assert first == second
    (first.elf.parent / "tinygen-origin.json").write_text('{"core": "registry"}')
    build(root, board, build_id="00" * 16, offline=True, cache=cache, log=log)
    assert "Compiling" in log.read_text()


def test_the_host_is_built_by_platformio_too(make: Make) -> None:
    assert subprocess.run([str(make("host", 42)[1].elf)], timeout=20, check=False).returncode == 42


def test_the_host_can_be_built_with_sanitizers(
    make: Make, boards: dict[str, BoardSpec], cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("host", 42)
    monkeypatch.setenv("TINYGEN_SANITIZE", "1")
    root = project(tmp_path / "project", boards["host"], 44)
    broken = 'extern "C" int check();\nint main(int n, char**) { int a[2] = {0, check()}; return a[n + 1]; }\n'
    write(root, {"lib/tinygen/src/port/here/start.cpp": broken})
    firmware = build(root, boards["host"], build_id="00" * 16, offline=True, cache=cache)
    done = subprocess.run([str(firmware.elf)], timeout=20, check=False, capture_output=True, text=True)
    assert done.returncode not in (0, 44)
    assert "out of bounds" in done.stderr or "stack-buffer-overflow" in done.stderr


def test_esp32s3_constructors_and_helpers_in_labwired(make: Make, needs_module: Callable[..., None]) -> None:
    needs_module("labwired", "sim")
    import labwired

    firmware = make("esp32s3", 42)[1]
    assert firmware.flash_bytes == 0
    machine = labwired.Sim(str(firmware.elf), chip="esp32s3")
    try:
        text = b""
        end = time.monotonic() + 30
        while b"\n" not in text and time.monotonic() < end:
            machine.run_for("1ms")
            text += machine.read_uart_bytes()
    finally:
        machine.close()
    assert text.strip() == b"42"


def xtensa_port(root: Path) -> Path:
    """A port for QEMU's sim machine that ends with the program's answer."""
    return write(
        root,
        {
            "start.S": SIM_START,
            "run.cpp": XTENSA_RUN,
            "leave.S": SIM_LEAVE,
            "sim.ld": xtensa_ld("0x50000000", "0x60000000"),
        },
    )


def test_the_same_objects_run_in_qemus_xtensa_machine(
    make: Make, boards: dict[str, BoardSpec], tmp_path: Path, needs_tool: Callable[..., str]
) -> None:
    needs_tool("qemu-system-xtensa", "qemu-system-misc")
    for answer in (42, 43):
        root, firmware = make("esp32s3", answer)
        port = xtensa_port(tmp_path / "port")
        result = relink_for_xtensa_sim(firmware, root, boards["esp32s3"], tmp_path / f"sim{answer}", port_dir=port)
        assert in_qemu_xtensa(result.elf) == answer
        recorded = objects_of(firmware.elf)
        assert result.shared.items() <= recorded.items()
        assert any(name.endswith("main.cpp.o") for name in result.shared)
        assert {Path(name).name for name in result.replaced} == {"start.S.o", "run.cpp.o", "leave.cpp.o"}


def test_relinking_refuses_objects_that_changed(make: Make, boards: dict[str, BoardSpec], tmp_path: Path) -> None:
    root, firmware = make("esp32s3", 42)
    copy = tmp_path / "project"
    shutil.copytree(root, copy)
    image = copy / firmware.elf.relative_to(root)
    changed = next(image.parent.rglob("main.cpp.o"))
    changed.write_bytes(changed.read_bytes() + b"x")
    moved = dataclasses.replace(firmware, elf=image)
    with pytest.raises(TinygenError, match="not the one") as caught:
        relink_for_xtensa_sim(moved, copy, boards["esp32s3"], tmp_path / "out", port_dir=xtensa_port(tmp_path / "port"))
    assert caught.value.code == ExitCode.TOOL_FAILED
    assert not (tmp_path / "out").exists()
    image.write_bytes(image.read_bytes() + b"x")
    with pytest.raises(TinygenError, match="changed after it was built"):
        objects_of(image)


def test_a_compiler_error_is_shown_first(make: Make, boards: dict[str, BoardSpec], cache: Path, tmp_path: Path) -> None:
    make("feather_f405", 42)
    root = project(tmp_path / "project", boards["feather_f405"], 42)
    write(root, {"src/wrong.cpp": "int wrong() { return undeclared_name; }\n"})
    log = tmp_path / "build.log"
    with pytest.raises(TinygenError, match="undeclared_name") as caught:
        build(root, boards["feather_f405"], build_id="00" * 16, offline=True, cache=cache, log=log)
    assert caught.value.code == ExitCode.TOOL_FAILED
    assert "wrong.cpp:1" in caught.value.message
    assert str(log) in caught.value.hint
    assert "Compiling" in log.read_text()


def test_what_does_not_fit_is_the_users_to_decide(
    make: Make, boards: dict[str, BoardSpec], cache: Path, tmp_path: Path
) -> None:
    make("feather_f405", 42)
    root = project(tmp_path / "project", boards["feather_f405"], 42)
    write(root, {"src/huge.cpp": "char huge[70000];\nchar* use_huge = huge;\n"})
    script = root / "ld" / "chip.ld"
    script.write_text(script.read_text().replace("*(.data .data.*)", "KEEP(*(.data .data.*))"))
    with pytest.raises(TinygenError, match="does not fit: RAM") as caught:
        build(root, boards["feather_f405"], build_id="00" * 16, offline=True, cache=cache)
    assert caught.value.code == ExitCode.BAD_INPUT


def test_building_again_after_a_change_and_an_interruption(
    make: Make, boards: dict[str, BoardSpec], cache: Path, tmp_path: Path, needs_tool: Callable[..., str]
) -> None:
    needs_tool("qemu-system-arm", "qemu-system-arm")
    root, firmware = make("feather_f405", 42)
    copy = tmp_path / "project"
    shutil.copytree(root, copy)
    source = copy / "src" / "main.cpp"
    source.write_text(source.read_text().replace("42 - 2", "47 - 2"))
    (copy / ".pio" / "build" / "feather_f405" / "tinygen-objects.json").unlink()
    again = build(copy, boards["feather_f405"], build_id="11" * 16, offline=True, cache=cache)
    assert in_qemu_arm(again.elf) == 47
    assert in_qemu_arm(firmware.elf) == 42


def test_a_standin_image_is_not_flashed_onto_an_esp32s3(make: Make, boards: dict[str, BoardSpec]) -> None:
    root, _ = make("esp32s3", 42)
    with pytest.raises(TinygenError, match="stand-in") as caught:
        flash(root, boards["esp32s3"], port="/dev/ttyACM0", offline=True)
    assert caught.value.code == ExitCode.TOOL_FAILED


def network_free() -> list[str]:
    """The words before a command that take its network away, or [] where that is not allowed."""
    for words in (["unshare", "-n"], ["unshare", "-rn"]):
        if (
            shutil.which("unshare")
            and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
        ):
            return words
    return []


@pytest.mark.parametrize("name", ["feather_f405", "esp32s3", "host"])
def test_no_network_is_touched(
    name: str, make: Make, boards: dict[str, BoardSpec], cache: Path, tmp_path: Path
) -> None:
    make(name, 42)
    words = network_free()
    if not words:
        pytest.skip("network namespaces are not permitted here")
    root = project(tmp_path / "project", boards[name], 42)
    core = prepare(list(boards.values()), cache=cache)
    start = time.monotonic()
    done = pio.run([*words, *pio.command("run")], cwd=root, env=pio.environment(core), timeout_s=60)
    assert done.returncode == 0, done.stdout
    assert "[offline stand-in]" in done.stdout
    assert time.monotonic() - start < 30


def test_two_processes_seed_one_directory_at_once(tmp_path: Path, cache: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tinygen.boards.loader import load_boards;"
        "from tinygen.toolchain.setup import prepare;"
        "print(prepare(list(load_boards().values()), cache=Path(sys.argv[1])))"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) for _ in "ab"
    ]
    answers = {process.communicate(timeout=60)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(answers) == 1
    assert not list(tmp_path.rglob("*.tmp"))
