"""A line that goes wrong on purpose: a proxy around any link, for tests of everything that talks to a device.

Faults hit whole frames as they pass (what stands between two delimiters on the wire), in both directions. Which frame
is hit by which fault is the caller's to say; `random_faults` throws dice from a seed. Time is a `SimulatedClock`: bytes
take as long as they would on a serial line, and waiting costs nothing but simulated seconds.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from enum import StrEnum

from tinygen.core.errors import no_answer
from tinygen.device.frames import LOG, Frame, encode
from tinygen.device.link import Link

BYTES_PER_S = 11_520.0  # 115,200 baud, 8 data bits, one start and one stop bit
_NOISE = b"ESP-ROM:esp32s3-20210327\r\nrst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)\r\n\xff\xfe\x00\xfe"
_BABBLE_S = 4.0


class Fault(StrEnum):
    """What can happen to a frame on the wire."""

    LOSS = "bytes get lost"
    INSERTION = "bytes that nobody sent"
    FLIP = "flipped bits"
    DROP = "the frame gets lost"
    DUPLICATE = "the frame arrives twice"
    REORDER = "the frame arrives after the next one"
    RESET = "the device is reset in the middle of the frame"
    NOISE = "a boot message before the frame"
    GARBLE = "nonsense, as at another baud rate"
    BABBLE = "the device talks for seconds"
    GONE = "the port disappears"


class SimulatedClock:
    """Seconds that pass only when somebody says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass; a little always does, even where `now` is too large a number to tell."""
        if seconds > 0:
            self.now = max(self.now + seconds, math.nextafter(self.now, math.inf))


Plan = Callable[[bytes], Fault | None]


def no_faults(_frame: bytes) -> Fault | None:
    """A perfect line."""
    return None


def random_faults(seed: int, rate: float, kinds: tuple[Fault, ...] = tuple(Fault)) -> Plan:
    """Each frame is hit with probability `rate`, by any of `kinds`."""
    dice = random.Random(seed)
    return lambda _frame: dice.choice(kinds) if dice.random() < rate else None


class FaultyLink:
    """A link with faults.

    Args:
        link: the line to the device; its `read` is only ever asked for what is there (time-out 0).
        clock: advanced by this link.
        plan: asked about every frame that passes.
        seed: of what the faults do in detail.

    Attributes:
        frames: how many passed; `hits`: how often each fault struck.
    """

    def __init__(self, link: Link, clock: SimulatedClock, plan: Plan = no_faults, seed: int = 0) -> None:
        self._link = link
        self._clock = clock
        self.plan = plan
        self._dice = random.Random(seed)
        self._ready = bytearray()
        self._partial = bytearray()
        self._late: list[bytes] = []  # answers that were overtaken
        self._held: list[bytes] = []  # requests that were overtaken
        self._babble_until = 0.0
        self._gone = False
        self.frames = 0
        self.hits: dict[Fault, int] = dict.fromkeys(Fault, 0)

    def write(self, data: bytes) -> None:
        """Send `data`, frame by frame."""
        self._there()
        for frame in _frames(bytearray(data)):
            held, self._held = self._held, []
            for piece in self._through(frame, self._held):
                self._send(piece)
            for late in held:
                self._send(late)

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """What has arrived; time passes as on a serial line."""
        self._there()
        self._fetch()
        if not self._ready and self._clock.now < self._babble_until:
            self._ready += encode(Frame(LOG, 0, b"\x01still here")) * 20
        if not self._ready and self._late:
            self._ready += self._late.pop(0)
        data = bytes(self._ready[: min(max_bytes, max(1, int(timeout_s * BYTES_PER_S)))])
        del self._ready[: len(data)]
        self._clock.sleep(len(data) / BYTES_PER_S if data else timeout_s)
        return data

    def reset(self) -> None:
        """Restart the device."""
        self._there()
        self._link.reset()

    def close(self) -> None:
        """Let go of the device."""
        self._link.close()

    def plug_in(self) -> None:
        """A port that disappeared is there again; what was under way is lost."""
        self._gone = False
        self._ready.clear()
        self._late.clear()
        self._held.clear()

    def babble(self, seconds: float) -> None:
        """From now on the device talks without end for so long."""
        self._babble_until = self._clock.now + seconds

    def _there(self) -> None:
        if self._gone:
            raise no_answer("the port has gone", where="faulty line", hint="plug it in")

    def _send(self, piece: bytes) -> None:
        self._clock.sleep(len(piece) / BYTES_PER_S)
        self._link.write(piece)

    def _fetch(self) -> None:
        """Take what the device has sent, and hand it on as the faults have it."""
        while data := self._link.read(65536, 0.0):
            self._partial += data
        for frame in _frames(self._partial):
            overtaken, self._late = self._late, []
            for piece in self._through(frame, self._late):
                self._ready += piece
            for late in overtaken:
                self._ready += late

    def _through(self, frame: bytes, hold: list[bytes]) -> list[bytes]:
        """What becomes of one frame; those put into `hold` come after the next one."""
        if frame == b"\0":
            return [frame]
        self.frames += 1
        fault = self.plan(frame)
        if fault is None:
            return [frame]
        self.hits[fault] += 1
        dice = self._dice
        place = dice.randrange(len(frame))
        match fault:
            case Fault.LOSS:
                return [frame[:place] + frame[place + dice.randrange(1, 40) :]]
            case Fault.INSERTION:
                return [frame[:place] + dice.randbytes(dice.randrange(1, 40)) + frame[place:]]
            case Fault.FLIP:
                changed = bytearray(frame)
                for _ in range(dice.randrange(1, 4)):
                    changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
                return [bytes(changed)]
            case Fault.DROP:
                return []
            case Fault.DUPLICATE:
                return [frame, frame]
            case Fault.REORDER:
                hold.append(frame)
                return []
            case Fault.RESET:
                self._link.reset()
                return [frame[:place]]
            case Fault.NOISE:
                return [_NOISE, frame]
            case Fault.GARBLE:
                return [dice.randbytes(len(frame))]
            case Fault.BABBLE:
                self.babble(_BABBLE_S)
                return [frame]
            case Fault.GONE:
                self._gone = True
                return [frame[:place]]


def _frames(data: bytearray) -> Iterator[bytes]:
    """Cut after every delimiter; takes from `data` what it yields."""
    while data:
        end = data.find(0) + 1
        piece = bytes(data[: end or len(data)])
        del data[: len(piece)]
        yield piece
