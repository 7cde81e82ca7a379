"""The receive interrupt of an STM32's USART, for simulators that execute instructions but know no interrupts.

A byte waits in the receive register until the program reads it. Whether the core takes the interrupt is the program's
doing: it must have enabled the USART's receiver and its receive interrupt, and the interrupt's number in the NVIC.
Source: RM0090 sections 30.6.1 and 30.6.4, RM0351 sections 40.8.1 and 40.8.10 (CR1: RE 2, RXNEIE 5; SR or ISR: RXNE 5);
ARMv7-M Architecture Reference Manual B3.4.4, B3.4.5 (NVIC_ISER, NVIC_ICER).
"""

from __future__ import annotations

from collections.abc import MutableMapping

_ISER, _ICER = 0xE000E100, 0xE000E180
_NVIC_BYTES = 0x40
RECEIVED = 1 << 5
_LISTENS = 1 << 2 | 1 << 5


class SerialInterrupt:
    """What a USART holds for the program, and whether its interrupt is open.

    Args:
        number: of the interrupt.
        control: address of CR1.
        receive: address of the data register.
        values: all registers as they were written, by address.
    """

    def __init__(self, *, number: int, control: int, receive: int, values: MutableMapping[int, int]) -> None:
        self.exception = 16 + number
        self._control, self._receive = control, receive
        self._values = values
        self._enabled = _ISER + 4 * (number // 32), 1 << number % 32
        self._waiting: int | None = None

    @property
    def open(self) -> bool:
        """The program wants to be interrupted for a byte."""
        address, bit = self._enabled
        return self._values.get(self._control, 0) & _LISTENS == _LISTENS and bool(self._values.get(address, 0) & bit)

    @property
    def status(self) -> int:
        """Of the status register: RXNE."""
        return 0 if self._waiting is None else RECEIVED

    def put(self, byte: int) -> None:
        """A byte has come."""
        self._waiting = byte

    def take(self) -> int:
        """The program reads the data register."""
        byte, self._waiting = self._waiting, None
        return byte or 0

    def write(self, address: int, value: int) -> bool:
        """True when `address` was one of the NVIC's: ones set or clear, zeros do nothing."""
        if 0 <= address - _ISER < _NVIC_BYTES:
            self._values[address] = self._values.get(address, 0) | value
        elif 0 <= address - _ICER < _NVIC_BYTES:
            place = address - _ICER + _ISER
            self._values[place] = self._values.get(place, 0) & ~value
        else:
            return False
        return True
