"""An inertial sensor of the LSM6DS family on the bus: registers, scales, block data update, ready flags.

Source: STMicroelectronics DocID026899 (LSM6DS3), DocID028475 (LSM6DSL), DS12140 (LSM6DSO): WHO_AM_I 0Fh, CTRL1_XL 10h,
CTRL2_G 11h, CTRL3_C 12h (BDU 6, IF_INC 2; 04h after reset), STATUS_REG 1Eh (XLDA 0, GDA 1), OUTX_L_G 22h, OUTX_L_XL
28h; mechanical characteristics: 0.061, 0.122, 0.244, 0.488 mg and 70 mdps a step.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

_CTRL1_XL, _CTRL2_G, _CTRL3_C, _STATUS, _OUT_G, _OUT_XL = 0x10, 0x11, 0x12, 0x1E, 0x22, 0x28
_MG = {0: 0.061, 1: 0.488, 2: 0.122, 3: 0.244}
_HZ = (0.0, 12.5, 26.0, 52.0, 104.0, 208.0, 416.0, 833.0, 1660.0, 3330.0, 6660.0)
_LOOKS = 3

Motion = Callable[[int], tuple[tuple[float, float, float], tuple[float, float, float]]]
"""(acceleration in g, rotation in degrees a second) of a sample's number."""


class Lsm6ds:
    """The sensor; a new sample comes with every third look at its status, or more where nobody takes them.

    Attributes:
        sampled: samples so far. registers: as they were written.
    """

    def __init__(self, identity: int, motion: Motion) -> None:
        self.registers = {0x0F: identity, _CTRL3_C: 0x04}
        self.sampled = 0
        self._motion = motion
        self._pointer: int | None = None
        self._looks = 0
        self._locked: set[int] = set()  # low bytes read whose high bytes were not, with block data update
        self._latest: dict[int, int] = {}
        self._shown: dict[int, int] = {}
        self._ready = 0

    @property
    def rate_hz(self) -> float:
        """Of the accelerometer."""
        return _HZ[self.registers.get(_CTRL1_XL, 0) >> 4]

    def begin(self) -> None:
        """The next byte is a register's number."""
        self._pointer = None

    def write(self, byte: int) -> None:
        """A register's number, then values."""
        if self._pointer is None:
            self._pointer = byte
            return
        self.registers[self._pointer] = byte
        self._step()

    def read(self) -> int:
        """The byte at the pointer."""
        assert self._pointer is not None
        at = self._pointer
        if at == _STATUS:
            self._look()
            byte = self._ready
        elif _OUT_G <= at < _OUT_XL + 6:
            byte = self._output(at)
        else:
            byte = self.registers.get(at, 0)
        self._step()
        return byte

    def _step(self) -> None:
        if self.registers[_CTRL3_C] & 4:
            assert self._pointer is not None
            self._pointer += 1

    def _look(self) -> None:
        self._looks += 1
        if self.rate_hz and self._looks % _LOOKS == 0:
            self._sample()

    def _sample(self) -> None:
        acceleration, rotation = self._motion(self.sampled)
        self.sampled += 1
        mg = _MG[self.registers[_CTRL1_XL] >> 2 & 3]
        steps = [round(value * 1000 / mg) for value in acceleration]
        values = struct.pack("<3h", *(max(-32768, min(32767, step)) for step in steps))
        self._latest |= dict(enumerate(values, _OUT_XL))
        self._ready |= 1
        if self.registers.get(_CTRL2_G, 0) >> 4:
            assert self.registers[_CTRL2_G] & 0x0E == 0x0C  # 2000 degrees a second
            turned = struct.pack("<3h", *(round(value * 1000 / 70) for value in rotation))
            self._latest |= dict(enumerate(turned, _OUT_G))
            self._ready |= 2

    def _output(self, at: int) -> int:
        pair = at & ~1
        if pair not in self._locked:
            self._shown |= {place: self._latest.get(place, 0) for place in (pair, pair + 1)}
        if self.registers[_CTRL3_C] & 0x40:
            (self._locked.discard if at & 1 else self._locked.add)(pair)
        if at & 1:
            self._ready &= ~(1 if at >= _OUT_XL else 2)
        return self._shown[at]
