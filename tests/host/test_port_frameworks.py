"""The framework ports compile against what the frameworks declare, for every kind of board they are generated for.

The frameworks themselves are only in PlatformIO's registry; `tests/standins` declares what the ports use of them.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tinygen.boards.framework import with_framework
from tinygen.boards.loader import find_board, load_boards
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.core.files import write_tree
from tinygen.firmware.project_view import render_project

pytestmark = pytest.mark.host

STANDINS = Path(__file__).resolve().parents[1] / "standins"
WARN = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef"]
CXX = ["-std=gnu++17", "-O2", "-fno-exceptions", "-fno-rtti", "-r", "-nostdlib", "-o", "port.o"]
PORT_FUNCTIONS = {  # all of tinygen/port.h
    *("init", "read", "write", "idle", "counter", "counter_kind", "stack_bytes", "stack_used_bytes", "reset_cause"),
    *("last_fault", "feed", "watchdog_ms", "expect_long_run", "image_spans", "image_digest", "receive_overruns"),
    *("unique_id", "led", "reset"),
}
HEADERS = {
    "stm32cube": ("stm32cube",),
    ("arduino", "stm32"): ("arduino_stm32",),
    ("arduino", "esp32s3"): ("arduino_esp32", "idf_common"),
    "espidf": ("espidf", "idf_common"),
}
CASES = [
    ("bluepill_f103c8", "stm32cube"),  # USART and GPIO of the first generation
    ("nucleo_f446re", "stm32cube"),
    ("nucleo_f767zi", "stm32cube"),  # USART of the second
    ("nucleo_f446re", "arduino"),
    ("nucleo_h563zi", "arduino"),
    ("esp32s3", "arduino"),
    ("esp32s3", "espidf"),
    ("xiao_esp32s3", "espidf"),  # over the chip's own USB
]


@pytest.mark.parametrize(("board_id", "framework"), CASES)
def test_a_ports_sources_compile_against_its_framework(
    board_id: str, framework: str, tmp_path: Path, needs_tool: Callable[..., str]
) -> None:
    board = with_framework(find_board(board_id), framework)
    tree = render_project(board, "echo", "aot", {}, state_bytes=464)  # with what keeps a learned state
    write_tree(tmp_path, tree.files)
    if board.chip.arch == "xtensa":
        compiler = [needs_tool("xtensa-lx106-elf-g++", "gcc-xtensa-lx106"), "-mlongcalls"]
        compiler += ["-isystem", str(STANDINS.parents[1] / "firmware/standin/xtensa/include")]
        defines = ["-DARDUINO=10812", "-DARDUINO_ARCH_ESP32"] if framework == "arduino" else ["-DESP_PLATFORM"]
    else:
        compiler = [needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi"), "-mthumb", f"-mcpu={board.chip.cpu}"]
        defines = ["-DARDUINO=10808", "-DARDUINO_ARCH_STM32"] if framework == "arduino" else []
    headers = HEADERS.get(framework) or HEADERS[framework, board.chip.port]
    places = [word for name in headers for word in ("-isystem", str(STANDINS / name))]
    runtime = "runtime" if framework == "espidf" else "lib/tinygen"
    sources = [*sorted(tmp_path.glob(f"{runtime}/src/port/*/*.cpp")), tmp_path / "src/main.cpp"]
    sources += sorted(tmp_path.glob(f"{runtime}/src/store/*.cpp"))
    assert any(f"/port/{framework}/" in str(source) for source in sources)
    own = [f"-I{tmp_path}/include", f"-I{tmp_path}/{runtime}/include"]
    done = subprocess.run(
        [*compiler, *CXX, *WARN, *defines, *own, *places, *map(str, sources)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:4000]
    listed = subprocess.run(["nm", "-C", tmp_path / "port.o"], capture_output=True, text=True, check=True).stdout
    defined = re.findall(r" [TW] tinygen::port::(\w+)\(", listed)
    assert set(re.findall(r" T tinygen::store::(\w+)\(", listed)) == {"load", "save", "forget", "status"}
    assert set(defined) >= PORT_FUNCTIONS  # linked: none is there twice
    macro = (tmp_path / "include/board_config.h").read_text()
    assert f"TINYGEN_STATE {2 if board.chip.arch == 'xtensa' else 0}\n" in macro  # across a reset only, or in NVS


def test_every_board_names_its_frameworks() -> None:
    for board in load_boards().values():
        known = board.platformio.frameworks
        assert board.platformio.framework in known
        if board.chip.port == "stm32":
            assert {"", "arduino"} <= set(known), board.id
        if board.chip.port == "esp32s3":
            assert set(known) == {"arduino", "espidf"}, board.id


def test_a_framework_a_board_does_not_have_is_refused() -> None:
    with pytest.raises(TinygenError, match="nucleo_h563zi is not built with 'stm32cube'") as caught:
        with_framework(find_board("nucleo_h563zi"), "stm32cube")
    assert caught.value.code is ExitCode.BAD_INPUT


def test_esp_idfs_cmake_files_configure(tmp_path: Path, needs_tool: Callable[..., str]) -> None:
    """With a stand-in of ESP-IDF's build system: every file that is named is there, every word is one it knows."""
    cmake = needs_tool("cmake")
    write_tree(tmp_path, render_project(with_framework(find_board("esp32s3"), "espidf"), "echo", "aot", {}).files)
    done = subprocess.run(
        [cmake, "-S", ".", "-B", "b"],
        cwd=tmp_path,
        env={"IDF_PATH": str(STANDINS / "espidf"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_esp_idf_makes_warnings_of_our_own_files_errors_on_demand(
    tmp_path: Path, needs_tool: Callable[..., str]
) -> None:
    cmake = needs_tool("cmake")
    write_tree(tmp_path, render_project(with_framework(find_board("esp32s3"), "espidf"), "echo", "aot", {}).files)
    for wanted in ("0", "1"):
        subprocess.run(
            [cmake, "-S", ".", "-B", f"b{wanted}", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"],
            cwd=tmp_path,
            env={"IDF_PATH": str(STANDINS / "espidf"), "PATH": "/usr/bin:/bin", "TINYGEN_WERROR": wanted},
            capture_output=True,
            check=True,
        )
        commands = json.loads((tmp_path / f"b{wanted}/compile_commands.json").read_text())
        strict = {Path(entry["file"]).name for entry in commands if "-Werror" in entry["command"].split()}
        assert ("fft.cpp" in strict) == (wanted == "1")
        assert "chip.cpp" not in strict


def test_esp_idf_compiles_every_source_and_nothing_twice() -> None:
    files = render_project(with_framework(find_board("esp32s3"), "espidf"), "echo", "aot", {}).files
    component = files["src/CMakeLists.txt"].decode()
    for path in files:
        if path.endswith(".cpp") and not path.startswith("test/"):  # those are `pio test`'s
            name = path.removeprefix("src/") if path.startswith("src/") else f"../{path}"
            listed = component.split("INCLUDE_DIRS")[0]
            assert listed.count(f'"{name}"') == 1, path
    assert not any(path.startswith("lib/") for path in files), "PlatformIO would compile it a second time"
