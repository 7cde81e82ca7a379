"""The I2C controller of an STM32F4 as its master sees it, byte by byte, and the bus behind it.

Time passes with reads of SR1: a byte with its acknowledge takes `_POLLS` of them. The acknowledge of a received byte is
what CR1 says when that byte ends, as on the chip: a driver that decides late leaves the sensor driving the line.
Source: RM0090 rev 19, 27.3.3 (master mode, EV5 to EV8) and 27.6 (registers).
"""

from __future__ import annotations

from typing import Protocol

CR1, CR2, DR, SR1, SR2, CCR, TRISE = 0x00, 0x04, 0x10, 0x14, 0x18, 0x1C, 0x20
_ENABLE, _START, _STOP, _ACK, _RESET = 1 << 0, 1 << 8, 1 << 9, 1 << 10, 1 << 15
_SB, _ADDR, _BTF, _RXNE, _TXE, _AF = 1 << 0, 1 << 1, 1 << 2, 1 << 6, 1 << 7, 1 << 10
_POLLS = 3


class Device(Protocol):
    """What answers at an address."""

    def begin(self) -> None:
        """A start condition with this device's address, to be written to."""

    def write(self, byte: int) -> None:
        """A byte of the master's."""

    def read(self) -> int:
        """The byte the master asks for."""


class Controller:
    """Registers at offsets of the controller's base.

    Attributes:
        values: of what is only kept (CR2, CCR, TRISE).
        faults: what a bus analyser would complain about.
    """

    def __init__(self, devices: dict[int, Device]) -> None:
        self._devices = devices
        self.values: dict[int, int] = {}
        self.faults: list[str] = []
        self._clear()

    def _clear(self) -> None:
        self._control = 0
        self._status = 0
        self._device: Device | None = None
        self._busy = self._transmitting = self._stopping = self._starting = False
        self._expects_address = self._held = False
        self._data: int | None = None
        self._moving: int | None = None  # in the shift register
        self._left = 0
        self._kind = ""

    def read(self, offset: int) -> int:
        """A read of the master's."""
        match offset:
            case 0x00:
                return self._control
            case 0x10:
                return self._take()
            case 0x14:
                self._pass_time()
                return self._status
            case 0x18:
                told = int(self._busy) | int(self._busy) << 1 | int(self._transmitting) << 2
                if self._status & _ADDR:
                    self._addressed()
                return told
        return self.values.get(offset, 0)

    def write(self, offset: int, word: int) -> None:
        """A write of the master's."""
        match offset:
            case 0x00:
                self._command(word)
            case 0x10:
                self._give(word & 0xFF)
            case 0x14:
                self._status &= word | ~_AF
            case _:
                self.values[offset] = word

    def _command(self, word: int) -> None:
        if word & _RESET:
            self._clear()
            return
        self._control = word & ~(_START | _STOP)
        if word & _START and word & _ENABLE:
            self._starting = True
            self._settle()
        if word & _STOP:
            self._stopping = True
            self._settle()

    def _settle(self) -> None:
        """Start and stop conditions come when no byte is on its way."""
        if self._left:
            return
        if self._starting:
            self._starting = False
            self._busy, self._expects_address, self._data, self._held = True, True, None, False
            self._status = _SB
        if self._stopping and self._busy and not (self._status & _SB):
            self._stopping = False
            if self._held:
                self.faults.append("stop while the sensor drives the line: its last byte was acknowledged")
            self._busy = self._transmitting = False
            self._device = None
            self._status &= _RXNE | _AF

    def _give(self, byte: int) -> None:
        if self._expects_address and self._status & _SB:
            self._status &= ~_SB
            self._begin("address", byte)
        elif self._transmitting and not self._expects_address:
            self._status &= ~_BTF
            if self._left:
                if self._data is not None:
                    self.faults.append("a byte was written over one that waits")
                self._data = byte
                self._status &= ~_TXE
            else:
                self._begin("out", byte)
        else:
            self.faults.append(f"byte {byte:#04x} outside a transfer")

    def _take(self) -> int:
        if self._data is None or self._transmitting:
            self.faults.append("DR was read with nothing in it")
            return 0
        byte, self._data = self._data, None
        self._status &= ~_RXNE
        if self._moving is not None and self._kind == "full":
            self._data, self._moving, self._kind = self._moving, None, ""
            self._status = (self._status | _RXNE) & ~_BTF
            self._next_in()
        return byte

    def _begin(self, kind: str, byte: int) -> None:
        self._kind, self._moving, self._left = kind, byte, _POLLS

    def _addressed(self) -> None:
        self._status &= ~_ADDR
        if self._transmitting:
            self._status |= _TXE
        else:
            assert self._device is not None
            self._begin("in", self._device.read())
            self._held = True

    def _pass_time(self) -> None:
        if not self._left:
            return
        self._left -= 1
        if self._left:
            return
        byte, kind = self._moving, self._kind
        self._moving, self._kind = None, ""
        assert byte is not None
        {"address": self._end_address, "out": self._end_out, "in": self._end_in}[kind](byte)
        self._settle()

    def _end_address(self, byte: int) -> None:
        self._expects_address = False
        self._device = self._devices.get(byte >> 1)
        if self._device is None:
            self._status |= _AF
            return
        self._transmitting = not byte & 1
        self._status |= _ADDR
        if self._transmitting:
            self._device.begin()

    def _end_out(self, byte: int) -> None:
        assert self._device is not None
        self._device.write(byte)
        if self._data is not None:
            self._begin("out", self._data)
            self._data = None
            self._status |= _TXE
        else:
            self._status |= _BTF | _TXE

    def _end_in(self, byte: int) -> None:
        self._held = bool(self._control & _ACK)
        if self._data is None:
            self._data = byte
            self._status |= _RXNE
            self._next_in()
        else:  # the clock is stretched until the master has taken the byte before
            self._moving, self._kind = byte, "full"
            self._status |= _BTF

    def _next_in(self) -> None:
        """The sensor goes on where its last byte was acknowledged, and no stop is asked for."""
        if self._held and not self._stopping and self._device is not None:
            self._begin("in", self._device.read())
