"""A device for tests: what `pytest`'s `device` fixture gives."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from tinygen.boards.loader import find_board
from tinygen.boards.spec import BoardSpec
from tinygen.config import FILE_NAME, load_config
from tinygen.core.errors import ExitCode, TinygenError, bad_input, no_answer
from tinygen.device.client import Client
from tinygen.device.decode import describe, level_name
from tinygen.device.frames import EVENT, RESPONSE, Frame
from tinygen.device.link import Target
from tinygen.device.messages import parse_event
from tinygen.device.registry import Image, choose, is_simulator, open_target
from tinygen.device.values import Hello, InferResult, LogLine, MemoryResult, SelfTestResult, StreamEvent
from tinygen.pipeline import firmware_steps, proof
from tinygen.pipeline.context import Context
from tinygen.toolchain import elf

_SLICE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for.

    Attributes:
        board, on: "" takes tinygen.toml's (where there is no such file, `on` "" means that no device is wanted).
        elf: the image a simulator runs; None builds it from tinygen.toml.
        build_id: what the device must say; "" takes the built image's, and any where nothing is built here.
        folder: where tinygen.toml is looked for.
    """

    board: str
    on: str
    elf: Path | None
    build_id: str
    folder: Path


class Device:
    """A device that has answered; `client` is its protocol in full.

    Args:
        client: greeted.
        hello: its answer.
        on: where it runs, in words.
        restart: makes a fresh client after a restart.
    """

    def __init__(self, client: Client, hello: Hello, on: str, restart: Callable[[], tuple[Client, Hello]]) -> None:
        self.client = client
        self.hello = hello
        self.on = on
        self._restart = restart
        self._log_start = len(client.logs)
        self._events: list[StreamEvent] = []

    def infer(self, model_input: npt.NDArray[np.int8] | bytes) -> InferResult:
        """Run the model on an input.

        Args:
            model_input: int8 [input_bytes], of any shape, or the bytes themselves.

        Raises:
            TinygenError: another size; the device fell silent or answered nonsense.
        """
        data = model_input if isinstance(model_input, bytes) else np.ascontiguousarray(model_input, np.int8).tobytes()
        self.client.write_input(data)
        return self.client.infer()

    def infer_raw(self, samples: npt.NDArray[np.int16]) -> InferResult:
        """Run front end and model on a recording.

        Args:
            samples: int16 [samples_per_inference, n_channels].

        Raises:
            TinygenError: as `infer`.
        """
        self.client.run_raw(samples)
        return self.client.infer()

    def stream(self, samples: npt.NDArray[np.int16]) -> list[StreamEvent]:
        """Send the next samples of a stream (begun with `client.stream_begin()`); its events can also be expected.

        Raises:
            TinygenError: as `infer`; the image cannot stream.
        """
        found = self.client.stream(samples)
        self.client.overheard()  # the same events, as they were told unasked
        self._events += found
        return found

    def expect_event(self, name: str | None = None, *, within_s: float = 5.0, least_score: int = 0) -> StreamEvent:
        """The next event with this label (None: any) that no earlier call has returned.

        Raises:
            TinygenError: CHECK_FAILED when none comes in time; says which others came.
        """
        others: list[str] = []
        end = time.monotonic() + within_s
        while True:
            self._events += self._heard()
            while self._events:
                event = self._events.pop(0)
                if name in (None, event.name, str(event.label)) and event.score >= least_score:
                    return event
                others.append(f"{event.name or event.label} (score {event.score})")
            if time.monotonic() >= end:
                break
            self._listen(min(_SLICE_S, max(0.001, end - time.monotonic())))
        wanted = f"event '{name}'" if name is not None else "event"
        raise TinygenError(
            ExitCode.CHECK_FAILED,
            f"no {wanted} with a score of at least {least_score} in {within_s:g} s; "
            f"came: {', '.join(others) or 'none'}",
            where=self.on,
        )

    def expect_log(self, pattern: str, *, within_s: float = 5.0) -> LogLine:
        """The first log line of this test that has the pattern (a regular expression) in it.

        Raises:
            TinygenError: CHECK_FAILED when none comes in time.
        """
        end = time.monotonic() + within_s
        while True:
            found = next((line for line in self.logs if re.search(pattern, line.text)), None)
            if found is not None:
                return found
            if time.monotonic() >= end:
                break
            self._listen(min(_SLICE_S, max(0.001, end - time.monotonic())))
        raise TinygenError(ExitCode.CHECK_FAILED, f"no log line with '{pattern}' in {within_s:g} s", where=self.on)

    def _listen(self, seconds: float) -> None:
        self._events += _events(self.client.listen(seconds))

    def _heard(self) -> list[StreamEvent]:
        return _events(self.client.overheard())

    def reset(self) -> Hello:
        """Restart the device and greet it again.

        Raises:
            TinygenError: it does not come back.
        """
        self.client, self.hello = self._restart()
        self._log_start = 0
        self._events.clear()
        return self.hello

    def selftest(self) -> SelfTestResult:
        """Run the vectors compiled into the image."""
        return self.client.selftest()

    def memory(self) -> MemoryResult:
        """What the device says about its memory."""
        return self.client.memory()

    @property
    def logs(self) -> list[LogLine]:
        """What the device logged since the test began (or since its last reset)."""
        return self.client.logs[self._log_start :]

    def properties(self) -> list[tuple[str, object]]:
        """Who it was, for reports."""
        hello = self.hello
        return [
            ("tinygen_on", self.on), ("tinygen_board", hello.board), ("tinygen_task", hello.task),
            ("tinygen_engine", hello.engine), ("tinygen_build_id", hello.build_id),
        ]  # fmt: skip

    def evidence(self) -> list[tuple[str, list[str]]]:
        """What a failed test shows: titles and lines."""
        frames = [f"{'<' if _from_device(frame) else '>'} {describe(frame)}" for frame in self.client.recent]
        logs = [f"{level_name(line.level):<7} {line.text}" for line in self.client.logs[-20:]]
        return [
            (f"device {self.on}: last frames (> sent, < received)", frames or ["none"]),
            (f"device {self.on}: log", logs or ["nothing"]),
        ]


def _from_device(frame: Frame) -> bool:
    return bool(frame.type & RESPONSE) or frame.type == EVENT


def _events(frames: list[Frame]) -> list[StreamEvent]:
    found = (parse_event(frame.payload) for frame in frames if frame.type == EVENT)
    return [event for event in found if event is not None]


class Harness:
    """Finds the device, once, and keeps it for all tests. A context manager.

    Args:
        wanted: what was asked for.

    Raises:
        TinygenError: what was asked for cannot be (unknown board, target, file).

    Attributes:
        missing: why there is no device, "" as far as is known.
        was_there: it has answered once.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.missing = ""
        self.was_there = False
        self._wanted = wanted
        self._target: Target | None = None
        self._device: Device | None = None
        self._context: Context | None = None
        toml = wanted.folder / FILE_NAME
        self.board_id, self.on, self.simulated = wanted.board, wanted.on, False
        if not wanted.on and not toml.is_file():
            self.missing = f"name one with --tinygen-on (and --tinygen-board), or write {FILE_NAME}"
            return
        overrides = {"board": wanted.board or None, "on": wanted.on or None}
        if toml.is_file():
            self._context = Context(config=load_config(toml, overrides, wanted.folder))
            self.board_id, self.on = self._context.config.board, self._context.config.on
        elif not wanted.board:
            raise bad_input("no board is named", where="--tinygen-board", hint=f"name it, or write {FILE_NAME}")
        self._board: BoardSpec = find_board(self.board_id)
        self.board_id = self._board.id
        self.on = choose(self._board, self.on)
        self.simulated = is_simulator(self.on)
        if wanted.elf is not None and not wanted.elf.is_file():
            raise bad_input("no such file", where=f"--tinygen-elf {wanted.elf}")
        if self.simulated and wanted.elf is None and self._context is None:
            raise bad_input(f"'{self.on}' needs an image", where="--tinygen-elf", hint=f"name it, or write {FILE_NAME}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def device(self, *, fresh: bool) -> Device:
        """The device, greeted; opened again when it fell silent in an earlier test.

        Args:
            fresh: restart it first.

        Raises:
            TinygenError: it does not answer, or is another build.
        """
        if self._device is not None:
            try:
                if fresh:
                    self._device.reset()
                else:
                    self._device.client.hello()
                return self._wrapped(self._device.client, self._device.hello)
            except TinygenError as error:
                if error.code is not ExitCode.NO_ANSWER:
                    raise
                self._close()
        client, hello = self._opened()
        if fresh and not self.simulated:
            client, hello = self._restarted(client)
        return self._wrapped(client, hello)

    def _wrapped(self, client: Client, hello: Hello) -> Device:
        self._device = Device(client, hello, self._name, lambda: self._restarted(self._now().client))
        return self._device

    def _now(self) -> Device:
        assert self._device is not None
        return self._device

    @property
    def _name(self) -> str:
        return f"{self.board_id} on {self.on}"

    def _opened(self) -> tuple[Client, Hello]:
        if self._target is None:
            self._image = self._made()
            self._target = open_target(self._board, self.on, self._image)
        client = Client(
            self._target.open(),
            self._target.capabilities.time_scale,
            name=self._name,
            build_id=self._wanted.build_id or self._image.build_id,
            window=self._target.capabilities.window,
        )
        hello = client.hello()
        self.was_there = True
        return client, hello

    def _restarted(self, client: Client) -> tuple[Client, Hello]:
        """By the protocol where the device listens, otherwise by its lines or a new start of the simulator."""
        try:
            client.reset()
        except TinygenError as error:
            target = self._target
            if target is None or not (self.simulated or target.capabilities.resets):
                raise no_answer(f"cannot be restarted: {error}", where=self._name, hint="press its button") from error
            return self._opened()
        return client, client.hello()

    def _made(self) -> Image:
        """The image of the simulator; for a board only what is known of the build."""
        if self._wanted.elf is not None:
            symbols = {name: symbol.address for name, symbol in elf.symbols(self._wanted.elf).items()}
            return Image(elf=self._wanted.elf, symbols=symbols, build_id="")
        if self.simulated and self._context is not None:
            return proof.image_for(self._context, firmware_steps.built(self._context), self.on)
        return Image(elf=Path(), symbols={}, build_id="")

    def _close(self) -> None:
        target, self._target, self._device = self._target, None, None
        if target is not None:
            target.__exit__(None, None, None)
