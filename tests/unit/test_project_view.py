"""The generated PlatformIO project: the same bytes every time, plain, pinned, without a trace of this machine."""

from __future__ import annotations

import configparser
import getpass
import hashlib
import re
import socket
from pathlib import Path

import numpy as np
import pytest

from tinygen.boards.loader import load_boards
from tinygen.core.errors import TinygenError
from tinygen.firmware.board_view import vector_table_bytes
from tinygen.firmware.project_view import BUILD_INFO, render_project, tree_digest
from tinygen.firmware.values import RenderedTree, SelfTestVector

MODEL = {"src/model.cpp": b"// a model\n"}
BOARD_IDS = sorted(load_boards())


def vector(values: list[int]) -> SelfTestVector:
    """A self-test vector whose output is the input's first value."""
    data = np.array(values, np.int8)
    return SelfTestVector(model_input=data, expected_output=data[:1])


def project(board_id: str) -> RenderedTree:
    """A project with a stand-in for the model."""
    return render_project(load_boards()[board_id], "gesture", "aot", MODEL, [vector([1, -128, 127])])


def ini(tree: RenderedTree, board_id: str) -> configparser.SectionProxy:
    """The board's environment of platformio.ini."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(tree.files["platformio.ini"].decode())
    return parser[f"env:{board_id}"]


@pytest.mark.parametrize("board_id", BOARD_IDS)
def test_generating_twice_gives_identical_bytes(board_id: str) -> None:
    assert project(board_id).files == project(board_id).files


@pytest.mark.parametrize("board_id", BOARD_IDS)
def test_build_id_covers_every_other_file_and_is_in_the_image(board_id: str) -> None:
    tree = project(board_id)
    assert tree.build_id == tree_digest(tree.files)
    stored = re.findall(r"0x([0-9a-f]{2})", tree.files[BUILD_INFO].decode())
    assert "".join(stored) == tree.build_id
    for name in tree.files:
        if name != BUILD_INFO:
            assert tree_digest({**tree.files, name: tree.files[name] + b" "}) != tree.build_id, name


def test_build_id_is_a_sha256_over_names_lengths_and_bytes() -> None:
    expected = hashlib.sha256(b"a\x003\x00xyzb\x000\x00").hexdigest()[:32]
    assert tree_digest({"b": b"", "a": b"xyz", BUILD_INFO: b"not counted"}) == expected


@pytest.mark.parametrize("board_id", BOARD_IDS)
def test_nothing_of_this_machine_is_in_it(board_id: str, root: Path) -> None:
    for name, data in project(board_id).files.items():
        assert not name.startswith("/") and ".." not in name
        text = data.decode("utf-8")
        assert "\r" not in text, name
        for trace in (str(root), str(Path.home()) + "/", socket.gethostname()):
            assert len(trace) < 4 or trace not in text, (name, trace)
        if name.endswith((".ini", ".py", ".ld", ".json")):
            assert not re.search(r"(?<![\w.$*/])/(home|usr|opt|tmp|work|root)/", text), name
        if len(getpass.getuser()) > 4:
            assert getpass.getuser() not in text, name


@pytest.mark.parametrize("board_id", BOARD_IDS)
def test_versions_are_pinned_and_the_unity_trap_is_closed(board_id: str) -> None:
    section = ini(project(board_id), board_id)
    assert re.fullmatch(r"[a-z0-9]+ @ ~\d+\.\d+\.\d+", section["platform"])
    assert section["test_framework"] == "custom"
    for package in section.get("platform_packages", "").split("\n"):
        assert not package or re.search(r"@ [>~=]=?\d", package)


@pytest.mark.parametrize("board_id", ["feather_f405", "nucleo_f446re", "nucleo_f401re", "disco_f407vg"])
def test_bare_stm32_pins_its_compiler_and_gives_fpu_flags_to_all_tools(board_id: str) -> None:
    tree = project(board_id)
    section = ini(tree, board_id)
    assert "framework" not in section
    assert "toolchain-gccarmnoneeabi @ >=1.12" in section["platform_packages"]
    assert section["custom_cpu_flags"] == "-mfloat-abi=hard -mfpu=fpv4-sp-d16"
    assert section["board_build.ldscript"] in tree.files
    script = tree.files["tools/cpu_flags.py"].decode()
    assert all(word in script for word in ("ASFLAGS", "CCFLAGS", "LINKFLAGS"))


def test_esp32s3_uses_arduino_and_leaves_the_vendors_linker_script_alone() -> None:
    tree = project("esp32s3")
    section = ini(tree, "esp32s3")
    assert section["framework"] == "arduino"
    assert "board_build.ldscript" not in section
    assert "ld/esp32s3.ld" in tree.files  # for the stand-in only
    assert b"void setup()" in tree.files["src/main.cpp"]


def test_host_project_has_neither_board_nor_linker_script() -> None:
    tree = project("host")
    section = ini(tree, "host")
    assert "board" not in section
    assert not [name for name in tree.files if name.startswith("ld/")]
    assert any(name.startswith("lib/tinygen/src/port/host/") for name in tree.files)


@pytest.mark.parametrize("board_id", BOARD_IDS)
def test_only_the_boards_own_port_travels(board_id: str) -> None:
    folders = {name.split("/")[4] for name in project(board_id).files if name.startswith("lib/tinygen/src/port/")}
    expected = {"esp32s3": {"arduino", "esp32", "esp32s3"}, "host": {"host"}, "stm32": {"stm32"}}
    assert folders == expected[load_boards()[board_id].chip.port]


def test_linker_script_has_the_chips_memory_and_an_explicit_stack() -> None:
    board = load_boards()["nucleo_f401re"]
    tree = render_project(board, "gesture", "aot", MODEL, stack_bytes=4096)
    script = tree.files["ld/stm32f401re.ld"].decode()
    assert "ORIGIN = 0x08000000, LENGTH = 0x80000" in script
    assert "ORIGIN = 0x20000000, LENGTH = 0x18000" in script
    assert "_stack_bytes = 4096;" in script
    assert f"== {vector_table_bytes(board)}," in script


def test_vector_tables_have_the_size_of_the_reference_manuals() -> None:
    sizes = {board.id: vector_table_bytes(board) for board in load_boards().values() if board.chip.port == "stm32"}
    assert sizes == {
        "feather_f405": 4 * (16 + 82),
        "disco_f407vg": 4 * (16 + 82),
        "nucleo_f446re": 4 * (16 + 97),
        "nucleo_f401re": 4 * (16 + 85),
        "nucleo_f411re": 4 * (16 + 86),
        "blackpill_f411ce": 4 * (16 + 86),
        "bluepill_f103c8": 4 * (16 + 43),
        "nucleo_f746zg": 4 * (16 + 98),
        "nucleo_f767zi": 4 * (16 + 110),
        "nucleo_l476rg": 4 * (16 + 82),
        "disco_l475vg_iot01a": 4 * (16 + 82),
        "nucleo_g474re": 4 * (16 + 102),
        "nucleo_h743zi": 4 * (16 + 150),
        "nucleo_h563zi": 4 * (16 + 131),
    }


def test_selftest_vectors_are_written_out() -> None:
    text = project("host").files["src/selftest.cpp"].decode()
    assert "1, -128, 127," in text
    assert "kSelfTestCount = 1;" in text
    empty = render_project(load_boards()["host"], "gesture", "aot", MODEL).files["src/selftest.cpp"].decode()
    assert "kSelfTestCount = 0;" in empty


def test_names_that_would_break_the_files_are_refused() -> None:
    with pytest.raises(TinygenError, match="letters, digits"):
        render_project(load_boards()["host"], 'x";\n[evil]', "aot", MODEL)
    with pytest.raises(TinygenError, match="multiple of 16"):
        render_project(load_boards()["host"], "gesture", "aot", MODEL, stack_bytes=1001)


def test_two_views_cannot_claim_one_file() -> None:
    with pytest.raises(TinygenError, match=re.escape("src/main.cpp")):
        render_project(load_boards()["host"], "gesture", "aot", {"src/main.cpp": b""})
