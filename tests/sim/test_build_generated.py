"""The generated project of every board builds offline, unchanged, with our warnings as errors."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support.smallest import SMALLEST
from tinygen.boards.loader import load_boards
from tinygen.boards.spec import BoardSpec
from tinygen.core.files import write_tree
from tinygen.device.elfload import load_segments
from tinygen.firmware.project_view import render_project
from tinygen.firmware.values import SelfTestVector
from tinygen.toolchain.build import build, commands
from tinygen.toolchain.debug_info import place_of
from tinygen.toolchain.preflight import preflight
from tinygen.toolchain.relink import relink_for_xtensa_sim
from tinygen.toolchain.values import Firmware

pytestmark = pytest.mark.sim

BOARDS = load_boards()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, needs_module: Callable[..., None]) -> Path:
    needs_module("SCons", "offline")
    return tmp_path_factory.mktemp("cache")


def generate(board: BoardSpec, root: Path) -> str:
    """Write the project of a board; returns its build id."""
    vector = SelfTestVector(
        model_input=np.array([1, 2, 3, 4], dtype=np.int8), expected_output=np.array([-2, -3, -4, -5], dtype=np.int8)
    )
    tree = render_project(board, "smallest", "aot", SMALLEST, [vector])
    write_tree(root, tree.files, keep=(".pio",))
    return tree.build_id


@pytest.mark.parametrize("name", sorted(BOARDS))
def test_every_board_builds_without_a_warning(name: str, tmp_path: Path, cache: Path) -> None:
    board = BOARDS[name]
    lacking = preflight(board, offline=True)
    if lacking:
        pytest.skip(f"missing: {', '.join(item.package for item in lacking)}")
    root = tmp_path / "project"
    build_id = generate(board, root)
    seen: list[tuple[int, int]] = []
    firmware = build(
        root, board, build_id=build_id, offline=True, werror=True, cache=cache, log=tmp_path / "build.log", jobs=2,
        progress=lambda stage, done, total, remark="": seen.append((done, total)),
    )  # fmt: skip
    assert "warning:" not in (tmp_path / "build.log").read_text()
    assert seen[-1][0] == seen[-1][1]
    assert {"tinygen_rx_ring", "tinygen_port_idle"} <= firmware.symbols.keys()
    assert bytes.fromhex(build_id) in firmware.elf.read_bytes()
    if board.chip.arch != "native":
        assert 0 < firmware.ram_bytes <= board.chip.ram.size_bytes
    if board.chip.arch == "xtensa":
        relinked = relink_for_xtensa_sim(firmware, root, board, tmp_path / "sim")
        assert {"tinygen_rx_ring", "tinygen_port_idle"} <= relinked.symbols.keys()
        assert all("/port/" in item for item in relinked.replaced)
        assert bytes.fromhex(build_id) in relinked.elf.read_bytes()


def test_debug_information_changes_no_byte_of_the_image(tmp_path: Path, cache: Path) -> None:
    board = BOARDS["feather_f405"]
    if preflight(board, offline=True):
        pytest.skip("no compiler for Cortex-M")
    images: list[Firmware] = []
    for flag in (" -g ", " "):
        root = tmp_path / f"project{len(images)}"
        build_id = generate(board, root)
        ini = root / "platformio.ini"
        assert " -g " in ini.read_text()
        ini.write_text(ini.read_text().replace(" -g ", flag))
        images.append(build(root, board, build_id=build_id, offline=True, cache=cache, jobs=2))
    assert load_segments(images[0].elf) == load_segments(images[1].elf)
    assert images[0].flash_bytes == images[1].flash_bytes
    places = [place_of(image.elf, image.symbols["main"].address) for image in images]
    assert places[0] is not None and places[0].file == "src/main.cpp"
    assert places[1] is not None and not places[1].file


def test_a_warning_is_an_error_only_where_asked_for(tmp_path: Path, cache: Path) -> None:
    board = BOARDS["host"]
    if preflight(board, offline=True):
        pytest.skip("no host compiler")
    root = tmp_path / "project"
    build_id = generate(board, root)
    (root / "src" / "loud.cpp").write_text("int loud(long long wide);\nint loud(long long wide) { return wide; }\n")
    build(root, board, build_id=build_id, offline=True, cache=cache)
    with pytest.raises(Exception, match=r"loud\.cpp:2.*-Werror=conversion"):
        build(root, board, build_id=build_id, offline=True, werror=True, cache=cache)


def test_the_host_program_ends_with_its_input(tmp_path: Path, cache: Path) -> None:
    board = BOARDS["host"]
    if preflight(board, offline=True):
        pytest.skip("no host compiler")
    build_id = generate(board, tmp_path / "project")
    firmware = build(tmp_path / "project", board, build_id=build_id, offline=True, cache=cache)
    (words,) = commands(tmp_path / "project", board, offline=True, cache=cache)
    assert subprocess.run(words, timeout=60, check=False, capture_output=True).returncode == 0
    done = subprocess.run([str(firmware.elf)], input=b"", timeout=20, check=False, capture_output=True)
    assert done.returncode == 0
