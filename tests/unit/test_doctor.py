"""`doctor` looks quickly, without TensorFlow and without network, and says what each thing is for and where it is."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tinygen
from tinygen.config import load_config
from tinygen.core.values import CheckStatus, Report
from tinygen.device import access
from tinygen.pipeline import doctor as verb
from tinygen.pipeline.context import Context
from tinygen.toolchain import inventory, pio_packages, registry
from tinygen.toolchain.uploaders import UPLOADERS

LIMIT_S = 5.0
SOURCES = str(Path(tinygen.__file__).parents[1])


def looked(folder: Path, *, offline: bool | None = True) -> Report:
    return verb.doctor(Context(config=load_config(None, {"board": "nucleo_f446re"}, folder), offline=offline))


def test_the_whole_command_takes_less_than_five_seconds_and_leaves_tensorflow_alone(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tinygen", "doctor", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, registry.OVERRIDE: "1", "PYTHONPATH": os.pathsep.join([SOURCES, *sys.path])},
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # What a machine with nothing else to do takes, and the longest that the registry is waited for (the next test).
    assert worked + registry.PROBE_S < LIMIT_S, f"{worked:.1f} s of work"
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "tinygen" in imported
    assert not imported & {"tensorflow", "keras", "tflite_micro", "unicorn", "labwired"}
    found = json.loads(done.stdout)
    assert {"python", "tensorflow", "openocd", "PlatformIO packages", "USB permission"} <= {
        check["name"] for check in found["checks"]
    }
    assert {item["name"] for item in found["needs"]} >= {"tensorflow", "arm-none-eabi-g++", "dfu-util"}


def test_a_silent_network_is_waited_for_once_and_not_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(registry.OVERRIDE, raising=False)
    asked: list[str] = []

    def silent(url: str) -> bool:
        asked.append(url)
        time.sleep(30)
        return True

    monkeypatch.setattr(registry, "_answers", silent)
    monkeypatch.setattr(registry, "PROBE_S", 0.5)
    registry.reachable.cache_clear()
    started = time.monotonic()
    report = looked(tmp_path, offline=None)
    registry.reachable.cache_clear()
    assert time.monotonic() - started < 15
    assert len(asked) == 1
    check = next(check for check in report.checks if check.name == "PlatformIO registry")
    assert check.status is CheckStatus.SKIPPED


def test_everything_says_what_it_is_for_and_how_to_get_it_on_every_system() -> None:
    needs = (*inventory.PACKAGES, *inventory.PROGRAMS, *inventory.WRITERS)
    assert len({need.name for need in needs}) == len(needs)
    for need in needs:
        assert need.purpose
        assert need.linux
        assert need.windows
    assert {tool.program for tool in UPLOADERS} == {need.name for need in inventory.WRITERS}


def test_what_is_missing_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinygen.toolchain.inventory.shutil.which", lambda name: None)
    monkeypatch.setattr(sys, "platform", "darwin")
    report = looked(tmp_path)
    check = next(check for check in report.checks if check.name == "dfu-util")
    assert check.status is CheckStatus.SKIPPED
    assert "needed for: flash an STM32 by USB (DFU) (feather_f405, blackpill_f411ce)" in check.reason or (
        "blackpill_f411ce, feather_f405" in check.reason
    )
    assert check.reason.endswith("how: brew install dfu-util")


def test_a_program_that_hangs_or_lies_is_there_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.name != "posix":
        pytest.skip("shell scripts")
    for name, text in (("hangs", "sleep 30"), ("lies", "echo nothing"), ("tells", "echo tells v1.2.3 >&2")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(inventory, "_ANSWER_S", 0.3)
    needs = [
        inventory.Need(name=name, purpose="x", linux="x", macos="x", windows="x", asks=("--version",))
        for name in ("hangs", "lies", "tells", "absent")
    ]
    assert [found.version for found in inventory.look((), needs)] == ["?", "?", "1.2.3", ""]


def test_platformio_s_packages_are_read_from_its_core_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, name, version in (
        ("platforms/ststm32", "ststm32", "19.6.0"),
        ("packages/toolchain-gccarmnoneeabi@1.120301.0", "toolchain-gccarmnoneeabi", "1.120301.0"),
    ):
        path = tmp_path / folder / ("platform.json" if folder.startswith("platforms") else "package.json")
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"name": name, "version": version}))
    (tmp_path / "packages" / "broken").mkdir()
    (tmp_path / "packages" / "broken" / "package.json").write_text("{")
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", str(tmp_path))
    found = pio_packages.installed()
    assert [(package.kind, package.name) for package in found] == [
        ("platform", "ststm32"),
        ("package", "toolchain-gccarmnoneeabi"),
    ]
    check = next(check for check in looked(tmp_path).checks if check.name == "PlatformIO packages")
    assert check.reason == "ststm32 19.6.0, toolchain-gccarmnoneeabi 1.120301.0"
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", str(tmp_path / "empty"))
    check = next(check for check in looked(tmp_path).checks if check.name == "PlatformIO packages")
    assert check.status is CheckStatus.SKIPPED


def test_permissions_are_told_before_a_board_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.setattr(access, "_serial_group", lambda: ("dialout", False))
    assert access.serial_access("linux") == (
        False,
        "you are not in the group dialout; needed for: serial ports; "
        "how: sudo usermod -aG dialout $USER, then log in again",
    )
    monkeypatch.setattr(access, "_serial_group", lambda: ("uucp", True))
    assert access.serial_access("linux")[0]
    assert access.usb_access("linux", [tmp_path])[0] is False
    (tmp_path / "60-openocd.rules").touch()
    assert access.usb_access("linux", [tmp_path]) == (True, "udev rules: 60-openocd.rules")
    for system in ("darwin", "win32"):
        assert access.serial_access(system)[0]
        assert access.usb_access(system, [])[0]
