"""The few STM32 registers a program meets on its way to a serial line, as a simulator without peripherals answers them.

Everything else reads back what was written. Source: RM0090 section 30.6 (USART);
ARMv7-M Architecture Reference Manual B3.2.6 (AIRCR) and C1.8 (DWT).
"""

from __future__ import annotations

from collections.abc import Callable

from tinygen.boards.spec import ChipSpec
from tinygen.device.stm32_ready import ready_bits

DWT_CYCCNT = 0xE0001004
AIRCR = 0xE000ED0C
_AIRCR_RESET = 0x05FA0004
_USART_V1 = (0x00, 0x04, 0x04)  # status, transmit data, receive data
_USART_V2 = (0x1C, 0x28, 0x24)
_V1_FAMILIES = ("stm32f1", "stm32f2", "stm32f4")
_TRANSMIT_READY = 0xC0  # TXE and TC


class Registers:
    """Word-wide registers of one chip.

    Args:
        chip: where its peripherals are.
        serial: peripheral that carries the protocol ("usart2").
        sent: gets each byte written to its transmit register.
        reset: called when the program asks for a system reset.
        cycles: the value of DWT CYCCNT.
    """

    def __init__(
        self,
        chip: ChipSpec,
        serial: str,
        *,
        sent: Callable[[int], None],
        reset: Callable[[], None],
        cycles: Callable[[], int],
    ) -> None:
        self._values: dict[int, int] = {}
        self._sent = sent
        self._reset = reset
        self._cycles = cycles
        base = chip.peripherals[f"{serial}_base"]
        status, transmit, receive = _USART_V1 if chip.family in _V1_FAMILIES else _USART_V2
        self._status, self._transmit, self._receive = base + status, base + transmit, base + receive
        self._ready = ready_bits(chip, self._values)

    def read(self, address: int) -> int:
        """The word at `address`."""
        if address == DWT_CYCCNT:
            return self._cycles() & 0xFFFFFFFF
        if address == self._status:
            return _TRANSMIT_READY
        if address == self._receive:
            return 0
        value = self._values.get(address, 0)
        ready = self._ready.get(address)
        return value if ready is None else ready(value)

    def write(self, address: int, value: int) -> None:
        """Store a word and do what hangs on it."""
        if address == self._transmit:
            self._sent(value & 0xFF)
        elif address == AIRCR and value & 0xFFFF0004 == _AIRCR_RESET:
            self._reset()
        else:
            self._values[address] = value
