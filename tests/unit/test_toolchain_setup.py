"""Offline setup: what is missing is named, what is made is the same each time."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tinygen.boards.loader import load_boards
from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.core.resources import resource_dir, source_dir
from tinygen.toolchain import registry, setup, standin
from tinygen.toolchain.preflight import preflight, require
from tinygen.toolchain.versions import parse_ref, satisfies, version_within


@pytest.fixture(scope="module")
def boards() -> dict[str, BoardSpec]:
    return load_boards()


def snapshot(root: Path) -> dict[str, bytes | str]:
    """Everything below a folder: content of files, targets of links."""
    return {
        path.relative_to(root).as_posix(): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("feather_f405", ["gcc-arm-none-eabi", "libnewlib-arm-none-eabi", "libstdc++-arm-none-eabi-newlib"]),
        ("esp32s3", ["gcc-xtensa-lx106"]),
        ("host", ["g++"]),
    ],
)
def test_preflight_with_an_empty_path_names_the_packages(
    name: str, packages: list[str], boards: dict[str, BoardSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    start = time.monotonic()
    lacking = preflight(boards[name], offline=True)
    assert time.monotonic() - start < 1
    for package in packages:
        found = [item for item in lacking if item.package == f"Debian package {package}"]
        assert [item.command for item in found] == [f"apt-get install {package}"]
    with pytest.raises(TinygenError, match="missing") as caught:
        require(boards[name], offline=True)
    assert caught.value.code == ExitCode.TOOL_FAILED
    assert f"apt-get install {' '.join(packages)}" in caught.value.hint


def test_preflight_asks_for_the_scons_this_platformio_was_made_for(
    boards: dict[str, BoardSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "scons_version", lambda: "3.0.0")
    lacking = [item for item in preflight(boards["host"], offline=True) if "PyPI" in item.package]
    assert [item.command for item in lacking] == [f"pip install scons=={setup.scons_pin()}"]
    assert "3.0.0" in lacking[0].what


def test_connected_machines_need_nothing_for_a_board(
    boards: dict[str, BoardSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert preflight(boards["feather_f405"], offline=False) == []


def test_a_platform_without_stand_in_is_said_so(boards: dict[str, BoardSpec]) -> None:
    spec = dataclasses.replace(boards["feather_f405"].platformio, platform="atmelavr @ ~5.0")
    board = dataclasses.replace(boards["feather_f405"], platformio=spec)
    assert any("atmelavr" in item.what for item in preflight(board, offline=True))
    with pytest.raises(TinygenError, match="no offline stand-in"):
        standin.platform_files([board])


@pytest.mark.parametrize(("word", "offline"), [("1", True), ("0", False), ("yes", True), ("no", False)])
def test_the_environment_overrides_the_probe(word: str, offline: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(registry.OVERRIDE, word)
    monkeypatch.setattr(registry, "reachable", lambda: pytest.fail("probed all the same"))
    assert registry.is_offline() is offline
    assert registry.is_offline(not offline) is not offline


def test_the_probe_is_one_attempt_cut_off_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def never(url: str) -> bool:
        asked.append(url)
        time.sleep(0.5)
        return True

    monkeypatch.setattr(registry, "_answers", never)
    monkeypatch.setattr(registry, "PROBE_S", 0.05)
    registry.reachable.cache_clear()
    try:
        start = time.monotonic()
        assert not registry.reachable()
        assert not registry.reachable()
        assert time.monotonic() - start < 0.4
    finally:
        registry.reachable.cache_clear()
    assert len(asked) == 1


def test_no_file_of_ours_names_the_registrys_host() -> None:
    import platformio

    hosts = [*platformio.__registry_mirror_hosts__]
    for root in (source_dir("toolchain"), resource_dir("firmware") / "standin"):
        for path in root.rglob("*.*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert not [host for host in hosts if host in path.read_text(encoding="utf-8")], path


def test_seeding_twice_is_the_same_and_repairs(
    boards: dict[str, BoardSpec], tmp_path: Path, needs_module: Callable[..., None]
) -> None:
    needs_module("SCons", "offline")
    everything = list(boards.values())
    core = setup.prepare(everything, cache=tmp_path / "a")
    first = snapshot(core)
    stamp = (core / "platforms" / "ststm32" / "platform.json").stat().st_mtime_ns
    assert setup.prepare(everything[::-1], cache=tmp_path / "a") == core
    assert snapshot(core) == first
    assert (core / "platforms" / "ststm32" / "platform.json").stat().st_mtime_ns == stamp
    other = setup.prepare(everything, cache=tmp_path / "b")
    assert (other.name, snapshot(other)) == (core.name, first)
    shutil.rmtree(core / "platforms" / "ststm32" / "builder")
    (core / "packages" / "tool-scons" / ".piopm").write_text("half")
    setup.prepare(everything, cache=tmp_path / "a")
    assert snapshot(core) == first


def test_the_directory_is_keyed_by_what_is_in_it(
    boards: dict[str, BoardSpec], needs_module: Callable[..., None]
) -> None:
    needs_module("SCons", "offline")
    board = boards["feather_f405"]
    changed = dataclasses.replace(board, clock_hz=board.clock_hz // 2)
    assert setup.layout([board]).key != setup.layout([changed]).key


def test_what_is_seeded_satisfies_the_boards_own_lines(
    boards: dict[str, BoardSpec], tmp_path: Path, needs_module: Callable[..., None]
) -> None:
    needs_module("SCons", "offline")
    core = setup.prepare(list(boards.values()), cache=tmp_path)
    assert satisfies(
        json.loads((core / "packages" / "tool-scons" / ".piopm").read_text())["version"], setup.scons_requirement()
    )
    for board in boards.values():
        for kind, text in [("platforms", board.platformio.platform)] + [
            ("packages", text) for text in board.platformio.packages
        ]:
            ref = parse_ref(text)
            record = json.loads((core / kind / ref.name / ".piopm").read_text())
            assert record["spec"]["owner"] == ref.owner
            assert satisfies(record["version"], ref.requirement)
        platform = core / "platforms" / parse_ref(board.platformio.platform).name
        assert "offline stand-in" in json.loads((platform / "platform.json").read_text())["title"]
        if board.platformio.board:
            manifest = json.loads((platform / "boards" / f"{board.platformio.board}.json").read_text())
            assert manifest["upload"]["maximum_ram_size"] == board.chip.ram.size_bytes
            assert "offline stand-in" in manifest["name"]


def test_an_unwritable_cache_is_one_clear_error(
    boards: dict[str, BoardSpec], tmp_path: Path, needs_module: Callable[..., None]
) -> None:
    needs_module("SCons", "offline")
    (tmp_path / "file").write_text("")
    with pytest.raises(TinygenError, match="cannot write"):
        setup.prepare([boards["host"]], cache=tmp_path / "file")


@pytest.mark.parametrize(
    ("requirements", "preferred", "version"),
    [
        ((">=1.120200.0,<1.130000.0",), "1.120201.0", "1.120201.0"),
        ((">=1.120200.0,<1.130000.0",), "1.140201.0", "1.120200.0"),
        (("~6.13.0",), "1.0.0", "6.13.0"),
        (("^19.6", "~19.6.0"), "1.0.0", "19.6.0"),
        (("",), "2.0.0", "2.0.0"),
    ],
)
def test_a_version_within_the_requirements(requirements: tuple[str, ...], preferred: str, version: str) -> None:
    assert version_within(requirements, preferred) == version


def test_requirements_that_exclude_each_other_are_an_error() -> None:
    with pytest.raises(TinygenError, match="exclude"):
        version_within(("~1.2.0", "~2.0.0"))
    with pytest.raises(TinygenError, match="no version requirement"):
        satisfies("1.0.0", ">>1")
    with pytest.raises(TinygenError, match="no package"):
        parse_ref("what is this?")
