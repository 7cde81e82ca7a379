"""The few STM32 registers a program meets on its way to a serial line, as a simulator without peripherals answers them.

Everything else reads back what was written. Source: RM0090 sections 21.4 (IWDG) and 30.6 (USART); RM0385 31.8.8;
ARMv7-M Architecture Reference Manual B3.2.6 (AIRCR) and C1.8 (DWT).
"""

from __future__ import annotations

from collections.abc import Callable

from tinygen.boards.spec import ChipSpec
from tinygen.device.serial_interrupt import SerialInterrupt
from tinygen.device.stm32_flash import FlashController
from tinygen.device.stm32_ready import ready_bits
from tinygen.device.stm32_reset import Cause, reset_flags
from tinygen.device.watchdog_model import Watchdog

DWT_CYCCNT = 0xE0001004
AIRCR = 0xE000ED0C
_AIRCR_RESET = 0x05FA0004
_USART_V1 = (0x00, 0x04, 0x04, 0x0C)  # status, transmit data, receive data, CR1
_USART_V2 = (0x1C, 0x28, 0x24, 0x00)
_V1_FAMILIES = ("stm32f1", "stm32f2", "stm32f4")
_TRANSMIT_READY = 0xC0  # TXE and TC
_ACKNOWLEDGED = 3 << 21  # TEACK, REACK of the second generation: transmitter and receiver are on


class Registers:
    """Word-wide registers of one chip.

    Args:
        chip: where its peripherals are.
        serial: peripheral that carries the protocol ("usart2").
        sent: gets each byte written to its transmit register.
        reset: called when the program asks for a system reset.
        cycles: the value of DWT CYCCNT.
        cause: of the last reset, for the chip's reset flags.
        flash: the controller of flash the program may write; None where it may not.

    Attributes:
        line: received bytes on their way by interrupt.
        watchdog: the independent watchdog; never runs where the chip's facts do not say where it is.
    """

    def __init__(
        self,
        chip: ChipSpec,
        serial: str,
        *,
        sent: Callable[[int], None],
        reset: Callable[[], None],
        cycles: Callable[[], int],
        cause: Cause = "power-on",
        flash: FlashController | None = None,
    ) -> None:
        self._values: dict[int, int] = {}
        self._sent = sent
        self._reset = reset
        self._cycles = cycles
        self._flash = flash
        self.watchdog = Watchdog()
        self._watchdog_base = chip.peripherals.get("iwdg_base", 0)
        base = chip.peripherals[f"{serial}_base"]
        status, transmit, receive, control = _USART_V1 if chip.family in _V1_FAMILIES else _USART_V2
        self._status, self._transmit, self._receive = base + status, base + transmit, base + receive
        self._serial_ready = _TRANSMIT_READY | (0 if chip.family in _V1_FAMILIES else _ACKNOWLEDGED)
        number = chip.peripherals[f"{serial}_irq"]
        values = self._values
        self.line = SerialInterrupt(number=number, control=base + control, receive=self._receive, values=values)
        self._ready = ready_bits(chip, self._values)
        flags = reset_flags(chip.family)
        self._reset_register = chip.peripherals["rcc_base"] + flags.offset if flags else None
        self._remove_flags = flags.remove if flags else 0
        if flags and self._reset_register is not None:
            self._values[self._reset_register] = flags.after(cause)

    def read(self, address: int) -> int:
        """The word at `address`."""
        if address == DWT_CYCCNT:
            return self._cycles() & 0xFFFFFFFF
        if address == self._status:
            return self._serial_ready | self.line.status
        if address == self._receive:
            return self.line.take()
        if self._watchdog_base and 0 <= address - self._watchdog_base < 0x10:
            return self.watchdog.read(address - self._watchdog_base)
        if self._flash is not None and self._flash.owns(address):
            return self._flash.read(address)
        value = self._values.get(address, 0)
        ready = self._ready.get(address)
        return value if ready is None else ready(value)

    def write(self, address: int, value: int) -> None:
        """Store a word and do what hangs on it."""
        if address == self._transmit:
            self._sent(value & 0xFF)
        elif address == AIRCR and value & 0xFFFF0004 == _AIRCR_RESET:
            self._reset()
        elif self._watchdog_base and 0 <= address - self._watchdog_base < 0x10:
            self.watchdog.write(address - self._watchdog_base, value)
        elif self._flash is not None and self._flash.owns(address):
            self._flash.write(address, value)
        elif address == self._reset_register and value & self._remove_flags:
            self._values[address] = 0
        elif not self.line.write(address, value):
            self._values[address] = value
