"""A watched device: log, events and frames together, with times, across restarts, crashes and unplugged cables."""

from __future__ import annotations

import io
import os
import re
import select
import struct
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from support.faultylink import SimulatedClock
from support.sham import BUILD_ID, ShamDevice
from tinygen.boards.loader import find_board
from tinygen.core.errors import ExitCode, TinygenError, no_answer
from tinygen.device.decode import DECODERS, describe, type_name
from tinygen.device.discovery import Place
from tinygen.device.frames import EVENT, FAULT, NAK, RESPONSE, Frame, Type, encode
from tinygen.device.link import Capabilities, Link
from tinygen.device.serialport import SerialTarget
from tinygen.device.values import StreamScores
from tinygen.device.watch import Kind, Seen, Watch
from tinygen.report.live import LiveView, line_of

AT = datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC)


def event(number: int, name: str, score: int) -> bytes:
    return encode(Frame(EVENT, 0, struct.pack("<IQIhxx", number, 16_000 * number, score, 3) + name.encode()))


class ScriptedTarget:
    """A device whose doings are a script: (time, what happens)."""

    def __init__(self, clock: SimulatedClock, script: list[tuple[float, Callable[[], None]]], reopens: bool) -> None:
        self.clock = clock
        self.script = script
        self.device = ShamDevice()
        self.ready = bytearray()
        self.there = True
        self.opened = 0
        self.capabilities = Capabilities(
            name="scripted", proves=(), does_not_prove=(), counter="none", counter_origin="x", reopens=reopens
        )

    def open(self) -> Link:
        self._happen(0.0)
        if not self.there:
            raise no_answer("cannot open: no such file", where="scripted")
        self.opened += 1
        self.ready = bytearray(self.device.start())
        return self

    def __enter__(self) -> ScriptedTarget:
        return self

    def __exit__(self, *_: object) -> None: ...

    def write(self, data: bytes) -> None:
        self._check()
        self.ready += self.device.take(data)

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        self._check()
        self._happen(0.0 if self.ready else timeout_s)
        self._check()
        data = bytes(self.ready[:max_bytes])
        del self.ready[:max_bytes]
        return data

    def reset(self) -> None: ...

    def close(self) -> None: ...

    def _check(self) -> None:
        if not self.there:
            raise no_answer("the port has gone", where="scripted")

    def _happen(self, seconds: float) -> None:
        end = self.clock.now + seconds
        if self.script and self.script[0][0] <= end:
            at, what = self.script.pop(0)
            self.clock.now = max(at, self.clock.now)
            what()
        else:
            self.clock.sleep(seconds)


def watch(
    seconds: float | None,
    script: Callable[[ScriptedTarget], list[tuple[float, Callable[[], None]]]],
    reopens: bool = True,
) -> tuple[Watch, list[Seen], ScriptedTarget]:
    clock = SimulatedClock()
    target = ScriptedTarget(clock, [], reopens)
    target.script = script(target)
    seen: list[Seen] = []
    watcher = Watch(target, "x", seen.append, clock=clock, sleep=clock.sleep, now=lambda: AT)
    watcher.run(seconds)
    return watcher, seen, target


def texts(seen: list[Seen], kind: Kind) -> list[str]:
    return [one.text for one in seen if one.kind is kind]


def test_log_events_frames_and_boot_words_come_together() -> None:
    watcher, seen, _ = watch(
        2.0,
        lambda t: [
            (0.5, lambda: t.ready.extend(t.device.log("hot", level=2) + event(1, "yes", 900))),
            (0.7, lambda: t.ready.extend(b"ESP-ROM:esp32s3\r\nrst:0x1\0" + encode(Frame(0x66, 9, b"\1\2")))),
        ],
    )
    assert [one.kind for one in seen] == [Kind.LOG, Kind.STATE, Kind.LOG, Kind.EVENT, Kind.FRAME, Kind.TEXT, Kind.TEXT]
    assert texts(seen, Kind.LOG) == ["tinygen is ready", "hot"]
    assert texts(seen, Kind.STATE) == [f"sham: task nothing, engine sham, build {BUILD_ID}"]
    assert texts(seen, Kind.EVENT) == ["EVENT 1: yes, score 900, at sample 16000"]
    assert texts(seen, Kind.FRAME) == ["type 0x66 #9: 01 02"]
    assert texts(seen, Kind.TEXT) == ["ESP-ROM:esp32s3", "rst:0x1"]
    assert (watcher.found.log_lines, watcher.found.events, watcher.found.frames) == (2, 1, 4)
    assert all(one.at == AT for one in seen)


def test_a_restart_is_noticed_and_greeted() -> None:
    def other_build(target: ScriptedTarget) -> None:
        target.device = ShamDevice(build_id="ff" * 16)
        target.ready += target.device.start()

    watcher, seen, target = watch(2.0, lambda t: [(1.0, lambda: other_build(t))])
    assert watcher.found.restarts == 1
    assert target.opened == 1
    assert [text[-8:] for text in texts(seen, Kind.STATE)] == [BUILD_ID[-8:], "estarted", "ffffffff"]


def test_an_unplugged_board_is_waited_for() -> None:
    def there(target: ScriptedTarget, is_it: bool) -> Callable[[], None]:
        return lambda: setattr(target, "there", is_it)

    watcher, seen, target = watch(9.0, lambda t: [(1.0, there(t, False)), (4.0, there(t, True))])
    assert (watcher.found.reconnects, watcher.found.gone, target.opened) == (1, "", 2)
    assert texts(seen, Kind.FAULT) == ["scripted: the port has gone"]
    waiting = [text for text in texts(seen, Kind.STATE) if text.startswith("waiting")]
    assert waiting == ["waiting for the device: scripted: cannot open: no such file"]  # told once, not twice a second
    assert 8.9 < target.clock.now < 9.5
    gone, _, _ = watch(9.0, lambda t: [(1.0, there(t, False))])
    assert "cannot open" in gone.found.gone


def test_a_program_that_ended_for_good_ends_the_watch() -> None:
    watcher, _, target = watch(None, lambda t: [(1.0, lambda: setattr(t, "there", False))], reopens=False)
    assert (target.opened, target.clock.now < 2) == (1, True)
    assert "gone" in watcher.found.gone


def test_a_crash_is_told_and_the_watch_goes_on() -> None:
    fault = struct.pack("<BxH7I", 0, 3, 0x08001234, 0x08000001, 0x20001000, 1, 2, 3, 4)
    watcher, seen, target = watch(
        3.0,
        lambda t: [
            (1.0, lambda: t.ready.extend(t.device.log("last words") + encode(Frame(FAULT, 0, fault)))),
            (2.0, lambda: t.ready.extend(t.device.start())),  # the watchdog
        ],
    )
    (told,) = texts(seen, Kind.FAULT)
    assert "0x08001234" in told
    assert texts(seen, Kind.LOG) == ["tinygen is ready", "last words", "tinygen is ready"]
    assert (watcher.found.gone, watcher.found.restarts, target.opened) == ("", 1, 1)


def test_nobody_at_all_is_an_error() -> None:
    with pytest.raises(TinygenError, match="cannot open") as caught:
        watch(1.0, lambda t: [(0.0, lambda: setattr(t, "there", False))])
    assert caught.value.code == ExitCode.NO_ANSWER


def test_every_frame_has_words() -> None:
    assert type_name(Type.INFER) == "INFER"
    assert describe(Frame(Type.INFER | RESPONSE, 3, b"short")) == "INFER answer, malformed: 73 68 6f 72 74"
    assert describe(Frame(NAK, 4, struct.pack("<BBI", 3, 8, 12))) == "NAK #4 of INFER: no_input, detail 12"
    assert describe(Frame(NAK, 4, b"")).startswith("NAK, malformed")
    assert (
        describe(Frame(Type.WRITE_INPUT, 5, bytes(40)))
        == "WRITE_INPUT #5: " + " ".join(["00"] * 16) + " ... (40 bytes)"
    )
    for kind in range(256):
        for payload in (b"", b"\xff", bytes(6), bytes(70)):
            assert describe(Frame(kind, 1, payload))
    assert len(dict(DECODERS)) == len(DECODERS)


# What people see.


def seen(kind: Kind, text: str, level: int = 1, score: int | None = None) -> Seen:
    from tinygen.device.values import StreamEvent

    told = None if score is None else StreamEvent(number=0, instant=5, label=1, score=score, name=text)
    return Seen(at=AT, kind=kind, text=text, level=level, event=told)


def test_plain_lines_where_it_is_no_terminal(tmp_path: Path) -> None:
    out = io.StringIO()
    log = tmp_path / "new" / "device.log"
    for _ in range(2):  # the file is appended to
        with LiveView(Console(file=out, width=40), log) as view:
            view.show(seen(Kind.LOG, "a [bold]line[/bold] that is longer than the console is wide", level=2))
            view.show(seen(Kind.EVENT, "yes", score=7))
    assert "\x1b" not in out.getvalue()
    assert out.getvalue().splitlines()[0].startswith("03:04:05.678 warning a [bold]line[/bold] that is longer than the")
    assert len(out.getvalue().splitlines()) == 4
    lines = log.read_text().splitlines()
    assert lines[0].startswith("2026-01-02T03:04:05.678+00:00 warning a [bold]")
    assert lines[1] == "2026-01-02T03:04:05.678+00:00 event   yes"
    assert len(lines) == 4


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TinygenError, match="cannot write"):
        LiveView(Console(file=io.StringIO()), tmp_path / "file" / "x.log")


def test_a_terminal_gets_a_table_of_scores_and_events() -> None:
    out = io.StringIO()
    with LiveView(Console(file=out, force_terminal=True, width=100, height=40)) as view:
        view.show(seen(Kind.LOG, "hello"))
        for score in (100, 400, 200):
            view.show(seen(Kind.EVENT, "yes", score=score))
        view.show(seen(Kind.EVENT, "no", score=0))
        told = StreamScores(instants=9, inferences=3, sums=(("yes", 300), ("up", 40)))
        view.show(Seen(at=seen(Kind.LOG, "").at, kind=Kind.SCORES, text="", scores=told))
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    assert "log" not in plain.split("hello")[0].splitlines()[-1] or "info" in plain
    last = plain.rindex("last event")
    assert re.search(r"no +1 +0 +03:04:05", plain[last:])
    assert re.search(r"up +0 +40 +█{24}", plain[last:])
    assert re.search(r"yes +3 +300 +█{18} +03:04:05", plain[last:])
    assert line_of(seen(Kind.FAULT, "x")) == "fault   x"


# Over a pseudo-terminal, with the real serial target.


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
def test_a_board_on_a_port_is_watched_through_an_unplugging(tmp_path: Path) -> None:
    import pty
    import tty

    link = tmp_path / "ttyBOARD"

    def plug_in() -> Callable[[], None]:
        ours, theirs = pty.openpty()
        tty.setraw(theirs)
        device = ShamDevice()
        out = threading.Event()

        def serve() -> None:  # a blocked read would keep the terminal alive
            os.write(ours, device.start())
            while not out.is_set():
                if select.select([ours], [], [], 0.02)[0]:
                    os.write(ours, device.take(os.read(ours, 4096)))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        link.symlink_to(os.ttyname(theirs))

        def unplug() -> None:
            link.unlink()
            out.set()
            thread.join()
            os.close(theirs)
            os.close(ours)

        return unplug

    unplug = plug_in()
    heard: list[Seen] = []
    board = find_board("nucleo_f446re")
    with SerialTarget(board, [Place(port=str(link))]) as target:
        watcher = Watch(target, "board", heard.append)
        thread = threading.Thread(target=watcher.run, args=(4.0,))
        thread.start()
        time.sleep(1.0)
        unplug()
        time.sleep(1.0)
        unplug = plug_in()
        thread.join()
    unplug()
    assert watcher.found.reconnects == 1
    assert watcher.found.gone == ""
    assert sum(one.kind is Kind.FAULT for one in heard) == 1
    assert sum(BUILD_ID in one.text for one in heard) == 2
