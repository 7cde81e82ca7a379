"""Boards are found by map, USB id and answer; two processes never share one, whatever they call its port."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.sham import ShamDevice, sham_output
from tinygen.boards.loader import find_board
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.core.values import Report
from tinygen.device import discovery, greeting
from tinygen.device.client import Client
from tinygen.device.discovery import Place, SerialPort, places, port_of
from tinygen.device.hardware_map import MappedDevice, load_map, map_file
from tinygen.device.portlock import PortLock, holder, identity
from tinygen.device.registry import RESERVED, choose, find_places, open_target
from tinygen.device.serialport import SerialTarget
from tinygen.device.values import Image
from tinygen.pipeline import rack

BOARD = find_board("nucleo_f446re")
NO_IMAGE = Image(elf=Path(), symbols={}, build_id="")
STLINK = (0x0483, 0x374B)


@pytest.fixture(autouse=True)
def own_bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the locks nor the map of this machine matter here."""
    monkeypatch.setenv("TINYGEN_LOCK_DIR", str(tmp_path / "locks"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("TINYGEN_DEVICES", raising=False)
    monkeypatch.chdir(tmp_path)


def port(name: str, usb_id: tuple[int, int] | None = STLINK, serial: str = "", location: str = "") -> SerialPort:
    return SerialPort(device=name, description="x", usb_id=usb_id, serial_number=serial, location=location)


def write_map(text: str, path: str = "devices.toml") -> Path:
    Path(path).write_text(text)
    return Path(path)


RACK = """
[[device]]
name = "left"
board = "nucleo_f446re"
serial_number = "066AFF"

[[device]]
name = "right"
board = "NUCLEO-F446RE"
location = "1-4.2"
baud = 57600

[[device]]
name = "far"
board = "esp32s3"
port = "socket://rack7:5001"
"""


# The map.


def test_the_map_is_read_and_aliases_become_ids() -> None:
    devices = load_map(write_map(RACK))
    assert [(d.name, d.board, d.baud) for d in devices] == [
        ("left", "nucleo_f446re", 0), ("right", "nucleo_f446re", 57600), ("far", "esp32s3", 0)
    ]  # fmt: skip
    assert load_map(None) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[device]]\nname = "a"\nboard = "nucleo_f446re"', "needs a port, a serial_number or a location"),
        ('[[device]]\nname = "a"\nboard = "nucleo_f446r"\nport = "/dev/x"', "did you mean 'nucleo_f446re'"),
        ('[[device]]\nname = "a"\nboard = "host"\nport = "/dev/x"\nserial = "1"', "did you mean 'serial_number'"),
        ('[[device]]\nname = "qemu"\nboard = "esp32s3"\nport = "/dev/x"', "means something else behind --on"),
        ('[[device]]\nname = "a b"\nboard = "esp32s3"\nport = "/dev/x"', "name"),
        ('[[devices]]\nname = "a"', "did you mean 'device'"),
        ("[[device", "is not TOML"),
        (RACK + RACK, "the name is there twice"),
    ],
)
def test_every_mistake_in_the_map_is_named(text: str, said: str) -> None:
    with pytest.raises(TinygenError, match=said) as caught:
        load_map(write_map(text), reserved=RESERVED)
    assert caught.value.code == ExitCode.BAD_INPUT
    assert caught.value.where == "devices.toml"


def test_the_variable_goes_before_the_folder_before_the_users_own(tmp_path: Path) -> None:
    assert map_file() is None
    own = tmp_path / "config" / "tinygen" / "devices.toml"
    own.parent.mkdir(parents=True)
    own.write_text("")
    assert map_file() == own
    assert map_file(tmp_path) == own
    here = write_map("")
    assert map_file() == Path.cwd() / here
    other = write_map("", "rack.toml")
    assert map_file(env={"TINYGEN_DEVICES": str(other)}) == other
    with pytest.raises(TinygenError, match="no such file"):
        map_file(env={"TINYGEN_DEVICES": "nowhere.toml"})


def test_names_of_the_map_stand_behind_on() -> None:
    devices = load_map(write_map(RACK))
    assert choose(BOARD, "left", devices) == "left"
    assert choose(BOARD, "board", devices) == "board"
    with pytest.raises(TinygenError, match=r"'far' stands for esp32s3 in devices.toml, not for nucleo_f446re"):
        choose(BOARD, "far", devices)
    with pytest.raises(TinygenError, match="unknown target 'lefd'") as caught:
        choose(BOARD, "lefd", devices)
    assert caught.value.hint.startswith("did you mean 'left'?; a serial port is like")
    with pytest.raises(TinygenError, match="does not run on 'board'"):
        choose(find_board("host"), "board", devices)


# Finding ports.


def test_mapped_devices_are_found_by_serial_number_and_location() -> None:
    left, right, _ = load_map(write_map(RACK))
    here = [port("/dev/a", serial="066aff"), port("/dev/b", location="1-4.2:1.2"), port("/dev/c", location="1-4.21")]
    assert port_of(left, here) == "/dev/a"
    assert port_of(right, here) == "/dev/b"
    with pytest.raises(TinygenError, match=r"no port has serial number 066AFF; ports here: /dev/b \(x\)") as caught:
        port_of(left, here[1:2])
    assert caught.value.code == ExitCode.NO_ANSWER
    with pytest.raises(TinygenError, match=r"several ports have location 1-4\.2") as caught:
        port_of(right, [*here, port("/dev/d", location="1-4.2:1.0")])
    assert caught.value.code == ExitCode.BAD_INPUT
    moved = MappedDevice(name="m", board=BOARD.id, port="/dev/c", serial_number="066AFF")
    with pytest.raises(TinygenError, match="no port has port /dev/c, serial number 066AFF"):
        port_of(moved, here)


def test_the_map_goes_before_usb_ids_and_absent_boards_are_left_out() -> None:
    devices = load_map(write_map(RACK))
    here = [port("/dev/a", serial="066AFF"), port("/dev/b", location="1-4.2"), port("/dev/c")]
    assert [place.port for place in places(BOARD, devices, ports=here)] == ["/dev/a", "/dev/b"]
    assert places(BOARD, devices, ports=here[1:]) == [Place(port="/dev/b", baud=57600, name="right")]
    with pytest.raises(TinygenError, match="066AFF") as caught:
        places(BOARD, devices, ports=here[2:])
    assert caught.value.code == ExitCode.NO_ANSWER


def test_one_fitting_usb_id_is_enough_and_none_is_told() -> None:
    assert places(BOARD, (), ports=[port("/dev/a"), port("/dev/b", (1, 2))])[0].port == "/dev/a"
    with pytest.raises(TinygenError, match="no nucleo_f446re found on USB") as caught:
        places(BOARD, (), ports=[port("/dev/ttyS0", None)])
    assert caught.value.code == ExitCode.NO_ANSWER


def test_several_are_told_apart_by_what_they_answer() -> None:
    here = [port("/dev/a"), port("/dev/b"), port("/dev/c")]
    said = {"/dev/a": "nucleo_f401re", "/dev/b": "nucleo_f446re", "/dev/c": ""}
    assert places(BOARD, (), ask=lambda _, name: said[name], ports=here)[0].port == "/dev/b"
    # An adapter with an id of its own.
    other = [port("/dev/a", (1, 2)), port("/dev/b", (1, 2)), port("/dev/ttyS0", None)]
    assert places(BOARD, (), ask=lambda _, name: said[name], ports=other)[0].port == "/dev/b"


def test_ambiguity_is_refused_with_the_list() -> None:
    here = [port("/dev/a"), port("/dev/b"), port("/dev/c")]
    for said in ({}, {"/dev/a": BOARD.id, "/dev/b": BOARD.id}):
        with pytest.raises(TinygenError, match="several ports could be nucleo_f446re: /dev/a") as caught:
            places(BOARD, (), ask=lambda _, name, said=said: said.get(name, ""), ports=here)  # type: ignore[misc]
        assert caught.value.code == ExitCode.BAD_INPUT
        assert "/dev/b" in str(caught.value)
        assert ("answers as nucleo_f446re" in str(caught.value)) == bool(said)
        assert "devices.toml" in caught.value.hint


# Locks.


def test_all_names_of_a_port_are_one(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"")
    (tmp_path / "by-id").symlink_to("real")
    assert identity(str(tmp_path / "by-id")) == identity(str(tmp_path / "real"))
    assert identity("COM3") == identity(r"\\.\com3")
    assert identity("socket://localhost:77") == identity("socket://127.0.0.1:77") == identity("rfc2217://LOCALHOST:77")
    assert identity("socket://localhost:77") != identity("socket://localhost:78")
    assert identity("spy:///dev/null?file=x") == identity("/dev/null") == identity("/dev/../dev/null")
    assert identity("/dev/null") != identity("/dev/zero")
    assert identity("loop://") == ""


@pytest.mark.skipif(not hasattr(os, "mknod") or os.geteuid() != 0, reason="making a device node needs root")
def test_two_device_nodes_of_one_number_are_one_port(tmp_path: Path) -> None:
    node = tmp_path / "node"
    try:
        os.mknod(node, 0o600 | 0o020000, os.makedev(1, 3))
    except OSError as error:
        pytest.skip(f"this system does not allow device nodes: {error}")
    assert identity(str(node)) == identity("/dev/null")


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/null")
    with PortLock("/dev/null"):
        with pytest.raises(TinygenError, match=rf"in use by process {os.getpid()} ") as caught:
            PortLock(str(tmp_path / "link"))
        assert caught.value.code == ExitCode.NO_ANSWER
        assert caught.value.where == str(tmp_path / "link")
        found = holder("/dev/null")
        assert found is not None and found.pid == os.getpid()
        PortLock("/dev/zero").close()
    assert holder("/dev/null") is None
    PortLock("/dev/null").close()
    PortLock("loop://").close()


def test_waiting_for_a_lock_ends_when_it_is_free() -> None:
    lock = PortLock("/dev/null")
    threading.Timer(0.5, lock.close).start()
    start = time.monotonic()
    PortLock("/dev/null", wait_s=5).close()
    assert 0.3 < time.monotonic() - start < 3


@contextlib.contextmanager
def other_process(name: str) -> Iterator[subprocess.Popen[str]]:
    code = (
        "import sys, time; from tinygen.device.portlock import PortLock\n"
        f"lock = PortLock({name!r}); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, "--some-verb"], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield child
        child.kill()


def test_another_process_keeps_its_port_until_it_is_killed() -> None:
    with other_process("/dev/null") as child:
        with pytest.raises(TinygenError, match=rf"in use by process {child.pid} \(-c --some-verb"):
            PortLock("/dev/null")
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert holder("/dev/null") is None
        PortLock("/dev/null").close()


def test_half_written_facts_do_no_harm(tmp_path: Path) -> None:
    with PortLock("/dev/null"):
        (file,) = (tmp_path / "locks").iterdir()
        file.write_bytes(b"\0{half")
        with pytest.raises(TinygenError, match="in use by another process"):
            PortLock("/dev/null")


def test_a_folder_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TINYGEN_LOCK_DIR", str(tmp_path / "file" / "locks"))
    with pytest.raises(TinygenError, match="cannot write the port's lock") as caught:
        PortLock("/dev/null")
    assert caught.value.code == ExitCode.TOOL_FAILED


# Devices that answer, over TCP and over pseudo-terminals.


class TcpDevice:
    """A sham device behind a TCP port, plain or behind RFC 2217."""

    def __init__(self, *, rfc2217: bool = False, board: str = BOARD.id) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._rfc2217 = rfc2217
        self._device = ShamDevice(board=board)
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                if self._rfc2217:
                    self._talk_rfc2217(connection)
                else:
                    while data := connection.recv(4096):
                        connection.sendall(self._device.take(data))

    def _talk_rfc2217(self, connection: socket.socket) -> None:
        import serial
        from serial import rfc2217

        class Wire:
            def write(self, data: bytes) -> None:
                connection.sendall(data)

        settings = serial.serial_for_url("loop://", baudrate=115_200, timeout=0)
        manager = rfc2217.PortManager(settings, Wire())
        while data := connection.recv(4096):
            clean = b"".join(manager.filter(data))
            connection.sendall(b"".join(manager.escape(self._device.take(clean))))

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def tcp_device() -> Iterator[Callable[..., TcpDevice]]:
    made: list[TcpDevice] = []

    def make(*, rfc2217: bool = False, board: str = BOARD.id) -> TcpDevice:
        made.append(TcpDevice(rfc2217=rfc2217, board=board))
        return made[-1]

    yield make
    for device in made:
        device.close()


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_board_behind_a_network_port_answers(scheme: str, tcp_device: Callable[..., TcpDevice]) -> None:
    device = tcp_device(rfc2217=scheme == "rfc2217")
    url = f"{scheme}://127.0.0.1:{device.port}"
    with open_target(BOARD, url, NO_IMAGE) as target:
        assert (target.capabilities.name, target.capabilities.reopens) == ("serial", True)
        client = Client(target.open(), name=url)
        assert client.hello().board == BOARD.id
        data = bytes(range(40))
        client.write_input(data)
        assert client.infer().output == sham_output(data)
        with pytest.raises(TinygenError, match="in use"):
            SerialTarget(BOARD, [Place(port=url.replace("127.0.0.1", "localhost"))]).open()
    with open_target(BOARD, url, NO_IMAGE) as target:
        assert Client(target.open()).hello().board == BOARD.id


def test_nobody_at_a_network_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    with (
        open_target(BOARD, f"socket://127.0.0.1:{free}", NO_IMAGE) as target,
        pytest.raises(TinygenError, match="cannot open") as caught,
    ):
        target.open()
    assert caught.value.code == ExitCode.NO_ANSWER
    assert "server" in caught.value.hint


def test_of_several_mapped_boards_the_first_free_one_is_taken(tcp_device: Callable[..., TcpDevice]) -> None:
    urls = [f"socket://127.0.0.1:{tcp_device().port}" for _ in range(2)]
    write_map("".join(f'[[device]]\nname = "n{i}"\nboard = "{BOARD.id}"\nport = "{u}"\n' for i, u in enumerate(urls)))
    assert [place.name for place in find_places(BOARD, "board")] == ["n0", "n1"]
    with open_target(BOARD, "board", NO_IMAGE) as first, open_target(BOARD, "board", NO_IMAGE) as second:
        for target, url in ((first, urls[0]), (second, urls[1])):
            assert Client(target.open()).hello().board == BOARD.id
            assert holder(url) is not None
        with open_target(BOARD, "board", NO_IMAGE) as third, pytest.raises(TinygenError, match="in use by") as caught:
            third.open()
        assert all(url in str(caught.value) for url in urls)
        with open_target(BOARD, "n1", NO_IMAGE) as named, pytest.raises(TinygenError, match="in use by"):
            named.open()
    with open_target(BOARD, "n1", NO_IMAGE) as named:
        assert Client(named.open()).hello().board == BOARD.id


def test_boards_are_found_by_their_answer(
    tcp_device: Callable[..., TcpDevice], monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [f"socket://127.0.0.1:{tcp_device(board=name).port}" for name in ("nucleo_f401re", BOARD.id)]
    monkeypatch.setattr(discovery, "serial_ports", lambda: [port(url) for url in urls])
    assert [place.port for place in find_places(BOARD, "board", ask=greeting.who)] == urls[1:]


def test_the_list_says_what_is_mapped_attached_and_used(tcp_device: Callable[..., TcpDevice]) -> None:
    url = f"socket://127.0.0.1:{tcp_device().port}"
    write_map(RACK + f'[[device]]\nname = "near"\nboard = "{BOARD.id}"\nport = "{url}"\n')
    here = [port("/dev/ttyACM9", serial="066AFF", location="1-2"), port("/dev/ttyS0", None)]
    rows = {row["device"] or row["port"]: row for row in _facts(rack.devices(ask=False, ports=here))}
    assert list(rows) == ["left", "right", "far", "near", "/dev/ttyS0"]
    assert (rows["left"]["port"], rows["left"]["attached"]) == ("/dev/ttyACM9", True)
    assert (rows["right"]["port"], rows["right"]["attached"]) == (None, False)
    assert rows["near"]["used_by"] is None
    with PortLock(url):
        (row,) = [r for r in _facts(rack.devices(ask=True, ports=here)) if r["device"] == "near"]
        assert row["used_by"]["pid"] == os.getpid()
        assert row["answers_as"] is None
    (row,) = [r for r in _facts(rack.devices(ask=True, ports=here)) if r["device"] == "near"]
    assert row["answers_as"].startswith(BOARD.id)
    json.dumps(rows)


def _facts(report: Report) -> list[dict[str, Any]]:
    facts = report.details["devices"]
    assert isinstance(facts, list)
    return facts
