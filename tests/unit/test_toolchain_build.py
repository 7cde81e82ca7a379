"""The build driver around the compiler: environments, errors, time-outs, image figures, flashing commands."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tinygen.boards.loader import load_boards
from tinygen.boards.spec import BoardSpec
from tinygen.core.canonical import pretty_json
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.toolchain import compilers, elf, pio
from tinygen.toolchain.build import (
    _objects_changed,
    _record_objects,
    build,
    environment_name,
    objects_of,
    read_firmware,
)
from tinygen.toolchain.diagnose import build_error, problems
from tinygen.toolchain.flash import commands, flash, refusal
from tinygen.toolchain.uploaders import UPLOADERS


@pytest.fixture(scope="module")
def boards() -> dict[str, BoardSpec]:
    return load_boards()


def ini(root: Path, text: str) -> Path:
    """A folder with this platformio.ini."""
    (root / "platformio.ini").write_text(text, encoding="utf-8")
    return root


# --- environments ---------------------------------------------------------------------------------------------------


def test_foreign_platformio_variables_do_not_reach_an_offline_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORMIO_BUILD_FLAGS", "-DWRONG")
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", "/users/own")
    env = pio.environment(Path("/private"))
    assert env["PLATFORMIO_CORE_DIR"] == str(Path("/private"))
    assert "PLATFORMIO_BUILD_FLAGS" not in env
    assert env["PLATFORMIO_SETTING_ENABLE_TELEMETRY"] == "no"


def test_a_connected_build_leaves_the_users_core_directory_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", "/users/own")
    assert pio.environment(None)["PLATFORMIO_CORE_DIR"] == "/users/own"
    monkeypatch.delenv("PLATFORMIO_CORE_DIR")
    assert "PLATFORMIO_CORE_DIR" not in pio.environment(None)


def test_the_environment_of_a_project(tmp_path: Path, boards: dict[str, BoardSpec]) -> None:
    both = "[platformio]\ndefault_envs = host\n[env:host]\nplatform = native\n[env:esp32s3]\nplatform = espressif32\n"
    assert environment_name(ini(tmp_path, both), boards["esp32s3"]) == "esp32s3"
    with pytest.raises(TinygenError, match="no environment for feather_f405: host, esp32s3"):
        environment_name(tmp_path, boards["feather_f405"])
    mine = "[env:mine]\nboard = adafruit_feather_f405\n"
    assert environment_name(ini(tmp_path, mine), boards["feather_f405"]) == "mine"
    with pytest.raises(TinygenError, match="cannot be read"):
        environment_name(ini(tmp_path, "no section\n"), boards["host"])


def test_no_project_is_the_users_mistake(tmp_path: Path, boards: dict[str, BoardSpec]) -> None:
    with pytest.raises(TinygenError, match="no project") as caught:
        build(tmp_path, boards["host"], build_id="", offline=True)
    assert caught.value.code == ExitCode.BAD_INPUT


# --- running --------------------------------------------------------------------------------------------------------


def test_lines_arrive_in_order_and_in_the_log(tmp_path: Path) -> None:
    seen: list[str] = []
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr, flush=True); sys.exit(3)"
    log = tmp_path / "deep" / "log.txt"
    words = (sys.executable, "-c", code)
    done = pio.run(words, cwd=tmp_path, env=dict(os.environ), timeout_s=20, log=log, on_line=seen.append)
    assert (done.returncode, seen) == (3, ["one", "two"])
    assert log.read_text().splitlines()[-3:] == ["one", "two", "exit code 3"]


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX")
def test_a_time_out_takes_the_children_too(tmp_path: Path) -> None:
    marker = tmp_path / "alive"
    child = f"import time, pathlib; time.sleep(1.5); pathlib.Path({str(marker)!r}).touch()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with pytest.raises(TinygenError, match=r"longer than 0\.5 s") as caught:
        pio.run((sys.executable, "-c", code), cwd=tmp_path, env=dict(os.environ), timeout_s=0.5)
    assert caught.value.code == ExitCode.TOOL_FAILED
    time.sleep(1.6)
    assert not marker.exists()


def test_an_interruption_ends_the_program(tmp_path: Path) -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    code = "import time; print('up', flush=True); time.sleep(30)"
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        pio.run((sys.executable, "-c", code), cwd=tmp_path, env=dict(os.environ), timeout_s=60, on_line=interrupt)
    assert time.monotonic() - start < 10


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(TinygenError, match="'no-such-program' is not installed"):
        pio.run(("no-such-program",), cwd=tmp_path, env=dict(os.environ), timeout_s=5)


# --- errors ---------------------------------------------------------------------------------------------------------

COMPILER_OUTPUT = """Compiling .pio/build/x/src/main.cpp.o
src/main.cpp: In function 'int f()':
src/main.cpp:3:10: error: 'a' was not declared in this scope
    3 |   return a;
src/main.cpp:9:1: warning: unused variable 'b' [-Wunused-variable]
In file included from src/model.cpp:1:
lib/tinygen/include/tinygen/k.h:7:2: fatal error: gone.h: No such file or directory
src/main.cpp:3:10: error: 'a' was not declared in this scope
*** [.pio/build/x/src/main.cpp.o] Error 1
"""


def test_the_compilers_first_errors_are_shown_once() -> None:
    assert problems(COMPILER_OUTPUT) == (
        "src/main.cpp:3:10: error: 'a' was not declared in this scope",
        "lib/tinygen/include/tinygen/k.h:7:2: fatal error: gone.h: No such file or directory",
    )
    error = build_error(COMPILER_OUTPUT, where="/p", log="/p/build.log", offline=True)
    assert error.code == ExitCode.TOOL_FAILED
    assert "/p/build.log" in error.hint


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("/usr/bin/ld: main.o: in function `f': undefined reference to `g'", ExitCode.TOOL_FAILED, "`g'"),
        ("ld: region `RAM' overflowed by 4464 bytes", ExitCode.BAD_INPUT, "RAM is 4464 bytes too small"),
        (
            "Error: The program size (2000 bytes) is greater than maximum allowed (1000 bytes)",
            ExitCode.BAD_INPUT,
            "2000 bytes, the chip has 1000",
        ),
        ("HTTPClientError: ", ExitCode.TOOL_FAILED, "could not get a package"),
        ("Error: 'arm-none-eabi-g++' is not installed", ExitCode.TOOL_FAILED, "arm-none-eabi-g++"),
        ("something else altogether", ExitCode.TOOL_FAILED, "something else altogether"),
    ],
)
def test_causes_are_told_apart(line: str, code: ExitCode, words: str) -> None:
    error = build_error(f"Processing x\n{line}\n", where="", log="", offline=False)
    assert error.code == code
    assert words in error.message


# --- images ---------------------------------------------------------------------------------------------------------

SMALL = "int initialised[10] = {1}; int zeroed[25]; const int table[5] = {1, 2, 3}; int main() { return table[2]; }\n"


def test_sections_of_a_program_of_this_machine(
    tmp_path: Path, boards: dict[str, BoardSpec], needs_tool: Callable[..., str]
) -> None:
    needs_tool("g++", "g++")
    if sys.platform != "linux":
        pytest.skip("reads ELF, the format of Linux programs")
    source = tmp_path / "small.cpp"
    source.write_text(SMALL)
    image = compilers.compile_program(compilers.host_compiler("gcc"), [source], tmp_path / "small")
    facts = elf.read(image, boards["host"].chip)
    assert facts.symbols["initialised"].size_bytes == 40
    assert facts.symbols["zeroed"].section == ".bss"
    kinds = {section.name: section.kind for section in facts.sections}
    assert (kinds[".text"], kinds[".bss"], kinds[".data"]) == ("flash", "ram", "both")
    printed = subprocess.run(["size", str(image)], capture_output=True, text=True, check=True).stdout
    text, data, bss = (int(word) for word in printed.splitlines()[1].split()[:3])
    assert (facts.flash_bytes, facts.ram_bytes) == (text + data, data + bss)
    assert any("GCC" in name for name in facts.compilers)
    firmware = read_firmware(image, boards["host"], build_id="ab", standin=True)
    notes = [measurement.note for measurement in elf.measurements(firmware, boards["host"].chip)]
    assert "not a chip's flash" in notes[0]


def arm_image(tmp_path: Path, ram: str) -> Path:
    """A small Arm image with .text in flash and data where asked."""
    source, script, image = tmp_path / "a.c", tmp_path / "a.ld", tmp_path / "a.elf"
    source.write_text(SMALL.replace("main", "entry"))
    script.write_text(
        f"MEMORY {{ F (rx) : ORIGIN = 0x08000000, LENGTH = 64K\n R (rw) : ORIGIN = {ram}, LENGTH = 16K }}\n"
        "ENTRY(entry)\nSECTIONS { .text : { *(.text*) *(.rodata*) } > F .data : { *(.data*) } > R AT > F"
        " .bss : { *(.bss*) } > R /DISCARD/ : { *(.ARM*) } }\n"
    )
    words = [
        "arm-none-eabi-gcc",
        "-mcpu=cortex-m4",
        "-mthumb",
        "-nostdlib",
        f"-T{script}",
        str(source),
        "-o",
        str(image),
    ]
    subprocess.run(words, check=True, timeout=60, capture_output=True)
    return image


def test_flash_and_ram_by_the_chips_addresses(
    tmp_path: Path, boards: dict[str, BoardSpec], needs_tool: Callable[..., str]
) -> None:
    needs_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    facts = elf.read(arm_image(tmp_path, "0x20000000"), boards["feather_f405"].chip)
    sizes = {section.name: (section.kind, section.size_bytes) for section in facts.sections}
    assert sizes[".data"] == ("both", 40)
    assert sizes[".bss"] == ("ram", 100)
    assert facts.ram_bytes == 140
    assert facts.flash_bytes == sizes[".text"][1] + 40


def test_a_section_outside_the_chip_is_an_error(
    tmp_path: Path, boards: dict[str, BoardSpec], needs_tool: Callable[..., str]
) -> None:
    needs_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    with pytest.raises(TinygenError, match=r"\.data lies at 0x30000000, outside"):
        elf.read(arm_image(tmp_path, "0x30000000"), boards["feather_f405"].chip)


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"no image at all" * 10])
def test_a_broken_image_is_one_clear_error(tmp_path: Path, content: bytes, boards: dict[str, BoardSpec]) -> None:
    path = tmp_path / "firmware.elf"
    path.write_bytes(content)
    for read in (lambda: elf.read(path, boards["host"].chip), lambda: elf.symbols(path)):
        with pytest.raises(TinygenError, match="ELF") as caught:
            read()
        assert caught.value.code == ExitCode.TOOL_FAILED
    with pytest.raises(TinygenError, match="no record"):
        objects_of(path)


# --- compilers ------------------------------------------------------------------------------------------------------


def test_a_missing_compiler_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    assert compilers.host_compilers() == ()
    with pytest.raises(TinygenError, match="clang") as caught:
        compilers.host_compiler("clang")
    assert caught.value.hint == "apt-get install clang"


# --- flashing -------------------------------------------------------------------------------------------------------


def built(root: Path, board: BoardSpec, core: str) -> Path:
    """A project that says it was built by `core`."""
    ini(root, f"[env:{board.id}]\nboard = {board.platformio.board}\n")
    folder = root / ".pio" / "build" / board.id
    folder.mkdir(parents=True)
    (folder / "tinygen-origin.json").write_text(pretty_json({"core": core}))
    (folder / "firmware.elf").touch()
    (folder / "firmware.bin").touch()
    return root


def program(folder: Path, name: str, body: str = "exit 0") -> None:
    """A program on a private PATH."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def test_a_connected_machine_flashes_with_platformio(tmp_path: Path, boards: dict[str, BoardSpec]) -> None:
    root = built(tmp_path, boards["esp32s3"], "registry")
    (words,) = commands(root, boards["esp32s3"], port="/dev/ttyACM0", offline=False)
    assert words[1:6] == ("-m", "platformio", "run", "-d", str(root.resolve()))  # a dry run can be pasted into a shell
    assert words[6:] == ("-e", "esp32s3", "-t", "upload", "--upload-port", "/dev/ttyACM0")
    assert refusal(root, boards["esp32s3"], offline=True) is None
    (words,) = commands(root, boards["esp32s3"], port=None, offline=True)
    assert words[-4:] == ("-t", "nobuild", "-t", "upload")


def test_a_stand_in_image_is_refused_for_an_esp32s3(tmp_path: Path, boards: dict[str, BoardSpec]) -> None:
    root = built(tmp_path, boards["esp32s3"], "pio-core-0123")
    assert commands(root, boards["esp32s3"], offline=True)[0][-2:] == ("-t", "upload")
    with pytest.raises(TinygenError, match="RAM image") as caught:
        flash(root, boards["esp32s3"], port="/dev/ttyACM0", offline=True)
    assert caught.value.code == ExitCode.TOOL_FAILED


@pytest.mark.skipif(os.name != "posix", reason="uses shell scripts as tools")
def test_an_stm32_is_flashed_by_what_is_there(
    tmp_path: Path, boards: dict[str, BoardSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    board = boards["nucleo_f446re"]
    (tmp_path / "project").mkdir()
    root = built(tmp_path / "project", board, "pio-core-0123")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(TinygenError, match=r"missing: .*Debian package") as caught:
        flash(root, board, offline=True)
    assert caught.value.code == ExitCode.TOOL_FAILED
    assert "apt-get install" in caught.value.hint
    assert commands(root, board, offline=True)[0][0] in ("openocd", "dfu-util", "stm32flash")
    program(tmp_path / "bin", "st-flash")
    (words,) = commands(root, board, offline=True)
    assert (words[0], words[-1]) == ("st-flash", "0x08000000")
    flash(root, board, offline=True)
    program(tmp_path / "bin", "openocd", "echo 'Error: open failed'; exit 1")
    with pytest.raises(TinygenError, match="no board answered") as caught:
        flash(root, board, offline=True, log=tmp_path / "log")
    assert caught.value.code == ExitCode.NO_ANSWER
    program(tmp_path / "bin", "openocd", "echo 'verify failed'; exit 1")
    with pytest.raises(TinygenError, match="verify failed") as caught:
        flash(root, board, offline=True)
    assert caught.value.code == ExitCode.CHECK_FAILED
    program(tmp_path / "bin", "openocd", "echo 'something odd'; exit 1")
    with pytest.raises(TinygenError, match="flashing failed; the board was not written to") as caught:
        flash(root, board, offline=True)
    assert caught.value.code == ExitCode.TOOL_FAILED


def test_flashing_needs_a_build_a_board_and_a_port(tmp_path: Path, boards: dict[str, BoardSpec]) -> None:
    root = ini(tmp_path, "[env:host]\nplatform = native\n")
    with pytest.raises(TinygenError, match="nothing to flash"):
        commands(root, boards["host"], offline=True)
    board = boards["nucleo_f446re"]
    ini(tmp_path, f"[env:{board.id}]\nboard = {board.platformio.board}\n")
    with pytest.raises(TinygenError, match="not built yet"):
        flash(root, board, offline=False)
    built(root, board, "registry")
    with pytest.raises(TinygenError, match="no such port") as caught:
        flash(root, board, port="/dev/no-such-port", offline=False)
    assert caught.value.code == ExitCode.NO_ANSWER


def test_every_board_can_be_flashed_by_a_known_protocol(boards: dict[str, BoardSpec]) -> None:
    known = {tool.protocol for tool in UPLOADERS}
    for board in boards.values():
        if board.chip.arch.startswith("arm"):
            assert known & set(board.platformio.upload_protocols), board.id
    assert dataclasses.is_dataclass(UPLOADERS[0])


def test_objects_whose_source_is_gone_are_not_recorded(tmp_path: Path) -> None:
    project, folder = tmp_path, tmp_path / ".pio" / "build" / "x"
    for name in ("src/model.cpp", "lib/tinygen/src/features/fft.cpp"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    here = ("src/model.cpp.o", "lib1f5/tinygen/features/fft.o", "standin_runtime/abi.o")
    for name in (*here, "src/old.cpp.o", "lib1f5/tinygen/protocol/gone.o"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    image = folder / "firmware.elf"
    image.write_text("image")
    _record_objects(project, folder, image)
    assert set(objects_of(image)) == set(here)
    assert not _objects_changed(folder)
    (folder / here[0]).write_text("another")
    assert _objects_changed(folder)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("src/model.cpp:3:1: error: expected ';'", "start with the first line"),
        ("src/a.cpp:1:10: fatal error: stdint.h: No such file or directory", "tinygen doctor"),
        ("main.cpp:(.text+0x4): undefined reference to `foo'", ".pio"),
    ],
)
def test_a_failed_build_says_what_to_do(line: str, said: str) -> None:
    error = build_error(f"Compiling x\n{line}\n*** [x] Error 1", where="project", log="build.log", offline=True)
    assert line in error.message
    assert said in error.hint
    assert "build.log" in error.hint
