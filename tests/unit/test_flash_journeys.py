"""`tinygen flash` in its whole, but for the writing: who is asked, who is refused, what is said before and after."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tinygen.boards.loader import find_board
from tinygen.config import load_config
from tinygen.core.errors import AmbiguousError, ExitCode, TinygenError
from tinygen.core.values import Check, CheckStatus, Report
from tinygen.device.discovery import Place, SerialPort
from tinygen.device.greeting import Occupant, running_on
from tinygen.device.portlock import PortLock
from tinygen.device.usb import UsbDevice
from tinygen.device.values import Hello
from tinygen.pipeline import flashing, image_views
from tinygen.pipeline.context import Context

STLINK = (0x0483, 0x374B)
ONE, TWO = (
    SerialPort(device=f"/dev/ttyACM{i}", description="ST-LINK", usb_id=STLINK, serial_number=f"S{i}") for i in (0, 1)
)


def hello(**values: str) -> Hello:
    return SimpleNamespace(**{"board": "nucleo_f446re", "build_id": "b" * 40, "task": "kws", "engine": "aot"} | values)  # type: ignore[return-value]


class Bench:
    """A machine with ports, probes and what answers there; it notes what was written, and by which probe."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.ports: list[SerialPort] = [ONE]
        self.devices: list[UsbDevice] = []
        self.before: Hello | None = None
        self.remark = ""
        self.image = Check(name="image", status=CheckStatus.PASSED, reason="same")
        self.said: list[str] = []
        self.written: list[dict[str, Any]] = []
        self.context = Context(config=load_config(None, {"board": "nucleo_f446re"}, folder), offline=True)
        monkeypatch.setattr("tinygen.device.discovery.serial_ports", lambda: self.ports)
        monkeypatch.setattr("tinygen.pipeline.flashing.usb.plugged_in", lambda: self.devices)
        monkeypatch.setattr(
            flashing, "running_on", lambda board, places: Occupant(hello=self.before, remark=self.remark)
        )
        monkeypatch.setattr(flashing, "who", lambda board, port: "")
        monkeypatch.setattr(flashing, "require_port", lambda port: None)
        monkeypatch.setattr(flashing, "claim", self._claim)
        built = SimpleNamespace(generated=SimpleNamespace(planned=SimpleNamespace(plan=None)))
        monkeypatch.setattr("tinygen.pipeline.flashing.firmware_steps.built", lambda ctx: built)
        monkeypatch.setattr("tinygen.pipeline.flashing.flasher.refusal", lambda *_, **__: None)
        monkeypatch.setattr("tinygen.pipeline.flashing.flasher.flash", lambda *_, **given: self.written.append(given))
        monkeypatch.setattr("tinygen.pipeline.flashing.proof.connected", self._connected)
        monkeypatch.setattr("tinygen.pipeline.flashing.proof.image_check", lambda *_: self.image)
        monkeypatch.setattr("tinygen.pipeline.flashing.saved.keep", lambda ctx, report: report)
        monkeypatch.setattr(image_views, "_ready", lambda made: ())
        built.firmware = SimpleNamespace(board="nucleo_f446re")

    @contextmanager
    def _lock(self) -> Iterator[None]:
        yield

    def _claim(self, places: list[Place], where: str) -> tuple[Place, Any]:
        return places[0], self._lock()

    @contextmanager
    def _connected(self, *_: object, **__: object) -> Iterator[tuple[None, Any]]:
        yield None, SimpleNamespace(hello=hello)

    def flash(self, **request: Any) -> Report:
        return flashing.flash(self.context, flashing.Request(**request), self.said.append)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    return Bench(monkeypatch, tmp_path)


def test_the_build_that_is_replaced_is_told_before_writing(bench: Bench) -> None:
    bench.before = hello(build_id="a" * 40, task="vibration")
    told_before: list[bool] = []

    def say(line: str) -> None:
        bench.said.append(line)
        told_before.append(not bench.written)

    report = flashing.flash(bench.context, flashing.Request(), say)
    assert bench.said == ["on the board now: build aaaaaaaaaaaa (vibration, aot, for nucleo_f446re)"]
    assert told_before == [True]
    assert report.details["replaced_build_id"] == "a" * 40
    assert report.ok
    assert [check.name for check in report.checks] == ["this build answers", "image"]


def test_flash_that_holds_something_else_is_no_success(bench: Bench) -> None:
    bench.image = Check(name="image", status=CheckStatus.FAILED, reason="CRC-32 differs")
    assert not bench.flash().ok


def test_the_firmware_of_another_board_is_not_written_over(bench: Bench) -> None:
    bench.before = hello(board="nucleo_f401re")
    with pytest.raises(
        TinygenError, match=r"for nucleo_f401re .*not nucleo_f446re; the board was not written"
    ) as caught:
        bench.flash()
    assert caught.value.code == ExitCode.CHECK_FAILED
    assert not bench.written
    assert bench.flash(overwrite=True).ok
    assert len(bench.written) == 1


def test_two_boards_are_an_open_question_until_one_is_named(bench: Bench) -> None:
    bench.ports = [ONE, TWO]
    with pytest.raises(AmbiguousError) as caught:
        bench.flash()
    assert caught.value.code == ExitCode.BAD_INPUT
    assert list(caught.value.choices) == ["/dev/ttyACM0", "/dev/ttyACM1"]
    assert caught.value.option == "--port"
    assert bench.flash(port="/dev/ttyACM1").ok
    assert bench.written[0]["probe"] == "S1"


def test_no_board_at_all_has_its_own_exit_code(bench: Bench) -> None:
    bench.ports = []
    with pytest.raises(TinygenError, match="no nucleo_f446re found on USB") as caught:
        bench.flash()
    assert caught.value.code == ExitCode.NO_ANSWER


def test_two_probes_and_a_port_of_neither(bench: Bench) -> None:
    adapter = SerialPort(device="/dev/ttyUSB0", description="CP2102", usb_id=(0x10C4, 0xEA60))
    bench.ports = [adapter]
    bench.devices = [
        UsbDevice(usb_id=STLINK, title="ST-Link/V2-1", allowed=True, serial_number=serial) for serial in ("AA", "BB")
    ]
    with pytest.raises(AmbiguousError, match="ST-Link/V2-1 AA, ST-Link/V2-1 BB"):
        bench.flash(port="/dev/ttyUSB0")
    assert bench.flash(port="/dev/ttyUSB0", probe="BB").ok
    assert bench.written[0]["probe"] == "BB"


def test_a_way_that_the_board_does_not_have_is_refused_before_anything_is_built(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tinygen.pipeline.flashing.firmware_steps.built", None)
    with pytest.raises(TinygenError, match="is not flashed by 'dfu'") as caught:
        bench.flash(via="dfu")
    assert caught.value.code == ExitCode.BAD_INPUT
    assert "st-flash" in caught.value.hint


def test_an_older_tinygen_on_the_board_is_said(bench: Bench) -> None:
    bench.remark = "the device speaks version 1 of the protocol, this tinygen speaks version 2"
    assert bench.flash().ok
    assert bench.said == [f"on the board now: firmware of another tinygen; {bench.remark}"]


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")
def test_a_busy_or_closed_port_is_told_before_anything_is_built_or_written(tmp_path: Path) -> None:
    board = find_board("nucleo_f446re")
    master, slave = os.openpty()
    place = Place(port=os.ttyname(slave))
    with PortLock(place.port), pytest.raises(TinygenError, match="in use by process") as caught:
        running_on(board, [place])
    assert caught.value.code == ExitCode.NO_ANSWER
    with pytest.raises(TinygenError, match="cannot open") as caught:
        running_on(board, [Place(port=str(tmp_path))])
    assert caught.value.code == ExitCode.NO_ANSWER
    # A port that is free and silent is a board with somebody else's firmware; the next one is tried.
    assert running_on(board, [Place(port=str(tmp_path)), place]) == Occupant()
    os.close(master)
    os.close(slave)
