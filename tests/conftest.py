"""What all tests share: where the shared material is, and skipping with a reason."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("TINYGEN_SHARED", ROOT.parent / "shared"))


def _required(name: str) -> bool:
    words = [word.strip() for word in os.environ.get("TINYGEN_REQUIRE", "").split(",")]
    return "all" in words or name in words


def skip_unless(present: bool, name: str, reason: str) -> None:
    """Skip with a reason where something is missing, or fail where TINYGEN_REQUIRE names it (or says "all")."""
    if present:
        return
    if _required(name):
        pytest.fail(f"{reason} (TINYGEN_REQUIRE names it)")
    pytest.skip(reason)


def need_tool(name: str, package: str = "") -> str:
    """Path of a program; skips the test when it is not installed."""
    found = shutil.which(name)
    skip_unless(found is not None, name, f"'{name}' is not installed" + (f" (package {package})" if package else ""))
    return str(found)


def need_module(name: str, extra: str = "") -> None:
    """Skip the test when a Python module is not installed."""
    hint = f" (pip install tinygen[{extra}])" if extra else ""
    skip_unless(find_spec(name) is not None, name, f"Python module '{name}' is not installed{hint}")


def need_shared(relative: str = "") -> Path:
    """A path in the developers' shared folder; skips the test where it is absent (on every user's machine)."""
    path = SHARED / relative
    skip_unless(path.exists(), "shared", f"the developers' shared folder has no '{relative}' here")
    return path


@pytest.fixture(scope="session")
def needs_tool() -> Callable[..., str]:
    """`needs_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi")` -> path, or skip."""
    return need_tool


@pytest.fixture(scope="session")
def needs_module() -> Callable[..., None]:
    """`needs_module("unicorn", "sim")`, or skip."""
    return need_module


@pytest.fixture(scope="session")
def shared_dir() -> Callable[..., Path]:
    """`shared_dir("models/kws_ref_model.tflite")` -> path, or skip."""
    return need_shared


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Any]:
    """Images of a made-up engine by board and target, each built once."""
    from tinygen.boards.loader import find_board
    from tinygen.core.files import write_tree
    from tinygen.device.values import Image
    from tinygen.firmware.project_view import render_project
    from tinygen.toolchain.build import build
    from tinygen.toolchain.preflight import preflight
    from tinygen.toolchain.relink import relink_for_xtensa_sim

    engine = Path(__file__).parent / "host" / "test_protocol_engine.cpp"
    root = tmp_path_factory.mktemp("images")
    built: dict[tuple[str, str], Any] = {}

    def image(board_id: str, target: str) -> Any:
        if (board_id, target) in built:
            return built[board_id, target]
        board = find_board(board_id)
        lacking = preflight(board, offline=True)
        if lacking:
            pytest.skip("; ".join(str(thing) for thing in lacking))
        tree = render_project(board, "nothing", "stub", {"src/engine.cpp": engine.read_bytes()})
        folder = root / board_id
        write_tree(folder, tree.files, keep=(".pio",))
        firmware = build(folder, board, build_id=tree.build_id, offline=True, cache=root / "cache", jobs=2)
        symbols = {name: symbol.address for name, symbol in firmware.symbols.items()}
        built[board_id, target] = Image(elf=firmware.elf, symbols=symbols, build_id=tree.build_id)
        if target == "qemu-xtensa":
            relinked = relink_for_xtensa_sim(firmware, folder, board, root / f"{board_id}-sim")
            symbols = {name: symbol.address for name, symbol in relinked.symbols.items()}
            built[board_id, target] = Image(elf=relinked.elf, symbols=symbols, build_id=tree.build_id)
        return built[board_id, target]

    return image


@pytest.fixture
def need(needs_tool: Callable[..., str], needs_module: Callable[..., None]) -> Callable[[str], None]:
    """Skip without a simulator."""

    def check(tool: str) -> None:
        if tool in ("unicorn", "labwired"):
            needs_module(tool, "sim")
        else:
            needs_tool(tool)

    return check
