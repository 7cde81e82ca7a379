"""Targets: chosen by name, missing things named, child processes ended, ports without surprises."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tinygen.boards.loader import find_board
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.device import registry
from tinygen.device.childprocess import ChildLink
from tinygen.device.discovery import Place
from tinygen.device.registry import SIMULATORS, choose, is_port, open_target
from tinygen.device.serialport import SerialLink, SerialTarget
from tinygen.device.thumb import count_instructions
from tinygen.device.unicorn_target import UnicornTarget
from tinygen.device.values import Image

ECHO = "import sys, os\nwhile data := os.read(0, 100): os.write(1, data)"
NO_IMAGE = Image(elf=Path("nothing.elf"), symbols={}, build_id="")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def test_sim_picks_the_boards_first() -> None:
    assert choose(find_board("feather_f405"), "sim") == "qemu"
    assert choose(find_board("esp32s3"), "sim") == "labwired"
    assert choose(find_board("host"), "sim") == "host"
    assert choose(find_board("feather_f405"), "unicorn") == "unicorn"
    assert choose(find_board("feather_f405"), "/dev/ttyACM0") == "/dev/ttyACM0"


def test_unknown_and_unfit_targets_say_what_is_possible() -> None:
    with pytest.raises(TinygenError, match="unknown target 'unicron'") as caught:
        choose(find_board("nucleo_f446re"), "unicron")
    assert caught.value.code == ExitCode.BAD_INPUT
    assert "did you mean 'unicorn'" in caught.value.hint
    with pytest.raises(TinygenError, match="nucleo_f446re does not run on 'labwired'"):
        choose(find_board("nucleo_f446re"), "labwired")


@pytest.mark.parametrize("name", ["/dev/ttyACM0", "COM3", "com12", "socket://a:1", "rfc2217://a:1", "loop://"])
def test_ports_are_recognised(name: str) -> None:
    assert is_port(name)


@pytest.mark.parametrize("name", ["host", "unicorn", "qemu-xtensa", "sim", "company"])
def test_words_are_no_ports(name: str) -> None:
    assert not is_port(name)


def test_every_simulator_of_every_board_has_a_target() -> None:
    from tinygen.boards.loader import load_boards

    known = dict(SIMULATORS)
    for board in load_boards().values():
        for simulator in board.simulators:
            assert simulator.name in known, f"{board.id}: {simulator.name}"
            target = open_target(board, simulator.name, NO_IMAGE)
            assert target.capabilities.name == simulator.name
            assert target.capabilities.counter in ("instructions", "none")


def test_every_target_file_is_listed() -> None:
    folder = Path(registry.__file__).parent
    source = (folder / "registry.py").read_text()
    for path in folder.glob("*_target.py"):
        assert f"tinygen.device.{path.stem} import" in source


def test_nothing_heavy_or_posix_only_is_imported_at_start() -> None:
    code = (
        "import sys; import tinygen.device.registry, tinygen.device.client; "
        "print([m for m in ('unicorn', 'labwired', 'serial', 'termios', 'pty') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_child_answers_and_ends_with_us() -> None:
    link = ChildLink([sys.executable, "-c", ECHO], name="echo")
    link.write(b"hello")
    assert link.read(100, 5.0) == b"hello"
    assert link.read(100, 0.01) == b""
    pid = link.pid
    link.close()
    link.close()
    assert not alive(pid)


def test_child_that_dies_is_told_with_its_last_words() -> None:
    link = ChildLink([sys.executable, "-c", "import sys; sys.exit('no such chip')"], name="doomed")
    with pytest.raises(TinygenError, match="exit code 1; it said: no such chip") as caught:
        link.read(10, 5.0)
    assert caught.value.code == ExitCode.NO_ANSWER
    link.close()


def test_child_that_was_reset_starts_again_but_not_for_ever() -> None:
    once = "import os; os.write(1, b'up'); os.read(0, 1)"
    link = ChildLink([sys.executable, "-c", once], name="phoenix", restarts=True)
    assert link.read(10, 5.0) == b"up"
    link.write(b"x")
    assert [link.read(10, 5.0), link.read(10, 5.0)] == [b"", b"up"]
    link.close()
    mute = ChildLink([sys.executable, "-c", ""], name="mute", restarts=True)
    with pytest.raises(TinygenError, match="exit code 0"):
        mute.read(10, 5.0)
    mute.close()


@pytest.mark.skipif(os.name != "posix", reason="a full pipe cannot be asked about elsewhere")
def test_child_that_stops_reading_is_told_in_bounded_time() -> None:
    link = ChildLink([sys.executable, "-c", "import time; time.sleep(60)"], name="deaf")
    start = time.monotonic()
    with pytest.raises(TinygenError, match="took no bytes for 5 s") as caught:
        link.write(bytes(10_000_000))
    assert caught.value.code == ExitCode.NO_ANSWER
    assert time.monotonic() - start < 8
    link.close()


def test_child_that_never_stops_talking_is_held_back() -> None:
    flood = "import os\nwhile True: os.write(1, b'x' * 65536)"
    link = ChildLink([sys.executable, "-c", flood], name="flood")
    time.sleep(0.5)
    assert len(link.read(1 << 30, 1.0)) < 2_000_000
    link.close()
    assert not alive(link.pid)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's help is Linux's")
def test_child_ends_even_if_we_are_killed() -> None:
    code = (
        "import sys, time; from tinygen.device.childprocess import ChildLink\n"
        "link = ChildLink([sys.executable, '-c', 'import time; time.sleep(60)'], name='x')\n"
        "print(link.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    time.sleep(0.2)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 5
    while alive(pid) and time.monotonic() < end and "zombie" not in _state(pid):
        time.sleep(0.05)
    assert not alive(pid) or "zombie" in _state(pid)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return ""


def test_missing_programs_are_named_with_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with (
        open_target(find_board("feather_f405"), "qemu", NO_IMAGE) as target,
        pytest.raises(TinygenError, match="qemu-system-arm") as caught,
    ):
        target.open()
    assert caught.value.code == ExitCode.TOOL_FAILED
    assert "qemu-system-arm" in caught.value.hint


def test_missing_modules_are_named_with_their_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "labwired", None)
    monkeypatch.setitem(sys.modules, "unicorn", None)
    elf = tmp_path / "x.elf"
    elf.write_bytes(b"\x7fELF\x01\x01" + bytes(60))
    image = Image(elf=elf, symbols={"tinygen_port_idle": 1, "tinygen_rx_ring": 2}, build_id="")
    for board, name in (("esp32s3", "labwired"), ("nucleo_f446re", "unicorn")):
        with open_target(find_board(board), name, image) as target, pytest.raises(TinygenError, match=name) as caught:
            target.open()
        assert caught.value.code == ExitCode.TOOL_FAILED
        assert "tinygen[sim]" in caught.value.hint


def test_unicorn_refuses_images_it_cannot_run(tmp_path: Path) -> None:
    board = find_board("nucleo_f446re")
    simulator = board.simulators[0]
    with pytest.raises(TinygenError, match="tinygen_port_idle"):
        UnicornTarget(board, simulator, NO_IMAGE).open()
    symbols = {"tinygen_port_idle": 0x08000101, "tinygen_rx_ring": 0x20000000}
    for content, complaint in ((b"MZ", "not a 32-bit"), (b"\x7fELF\x01\x01" + bytes(46), "cut short")):
        elf = tmp_path / "bad.elf"
        data = bytearray(content.ljust(52, b"\0")) if content != b"MZ" else bytearray(content)
        if content != b"MZ":
            data[28:32] = (4096).to_bytes(4, "little")
            data[42:46] = b"\x20\x00\x01\x00"
        elf.write_bytes(bytes(data))
        with pytest.raises(TinygenError, match=complaint):
            UnicornTarget(board, simulator, Image(elf=elf, symbols=symbols, build_id="")).open()


def test_a_port_that_does_not_exist_is_named() -> None:
    with SerialTarget(find_board("nucleo_f446re"), [Place(port="/dev/tty-not-there")]) as target:
        with pytest.raises(TinygenError, match="cannot open") as caught:
            target.open()
        assert caught.value.code == ExitCode.NO_ANSWER
        assert caught.value.where == "/dev/tty-not-there"
    with pytest.raises(TinygenError, match="no port") as caught:
        SerialLink("nonsense://x", 115200)
    assert caught.value.code == ExitCode.BAD_INPUT


def test_pyserial_urls_work() -> None:
    link = SerialLink("loop://", 115200)
    link.write(b"abc")
    assert link.read(2, 1.0) == b"ab"
    assert link.read(10, 1.0) == b"c"
    assert link.read(10, 0.01) == b""
    with pytest.raises(TinygenError, match="cannot be reset"):
        link.reset()
    link.close()
    link.close()
    with pytest.raises(TinygenError):
        link.write(b"x")


def test_reset_by_lines_releases_them_again() -> None:
    link = SerialLink("loop://", 115200, reset_by_lines=True)
    link.reset()
    link.close()


def test_thumb_instructions_are_counted() -> None:
    nop, wide = b"\x00\xbf", b"\x00\xf0\x00\xf8"
    assert count_instructions(b"") == 0
    assert count_instructions(nop * 3) == 3
    assert count_instructions(nop + wide + nop + wide) == 4
    assert count_instructions(b"\xf7\xee\x10\x0a") == 1  # vmov
