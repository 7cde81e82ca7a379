"""STM32's flash controllers, family by family: keys, erasing, programming, errors, and power that goes in between.

What is modelled of each: the lock and its two keys (a wrong one locks until a reset; so does a key too many on F4), a
write to locked flash (a bus fault), the unit of programming and its alignment, bits that only go from 1 to 0 (F1, F4,
F7), words with error correction that take one programming between two erasures (L4, G4, H5, H7) and cannot be read when
that was cut off, error flags, and a busy flag for some looks at it. Not modelled: time, caches, read-out and write
protection, option bytes but those that say how the flash is divided.

Source: PM0075 (F1); RM0090 3.6 and 3.9 (F4); RM0385, RM0410 3.3 and 3.7 (F7); RM0351 3.3 and 3.7 (L4); RM0440 3.3 and
3.7 (G4); RM0433 4.3 and 4.9 (H7); RM0481 7.3 and 7.11 (H5); ST's CMSIS device headers for places of bits.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tinygen.boards.spec import ChipSpec
from tinygen.boards.state import sectors_of
from tinygen.device.stm32_flash_memory import FlashMemory
from tinygen.device.stm32_flash_registers import FAMILIES, Bank

KEYS = (0x45670123, 0xCDEF89AB)
BUSY_LOOKS = {"program": 2, "erase": 50}
"""How often the status says busy. A look costs some five instructions of the driver."""


class FlashController:
    """One chip's controller and the flash it may write.

    Args:
        chip: the family and its sectors.
        memory: the part of the flash that is written; survives a loss of power.
        fault: the core gets a bus fault; told why in words.
        power_lost: called in the middle of an operation, see FlashMemory.cut_after.
    """

    def __init__(
        self, chip: ChipSpec, memory: FlashMemory, *, fault: Callable[[str], None], power_lost: Callable[[], None]
    ) -> None:
        self._memory = memory
        self._family = FAMILIES[chip.family]
        self._base = chip.peripherals["flash_base"]
        self._sectors = sectors_of(chip)
        self._fault = fault
        self._power_lost = power_lost
        layout = chip.flash_layout
        self._word_bytes = layout.word_bytes if layout else 4
        self._corrects = layout.corrects if layout else False
        self._state = [_BankState() for _ in self._family.banks]
        offset, mask, value = layout.option if layout else (0, 0, 0)
        self._options = {self._base + offset: value if memory.divided else ~value & mask} if mask else {}
        self._buffer: dict[int, int] = {}
        self._ecc_failed = False

    @property
    def is_nmi(self) -> bool:
        """Whether a word that cannot be corrected raises an NMI; a bus fault otherwise."""
        return self._family.ecc is not None

    def owns(self, address: int) -> bool:
        """Whether a register is this model's; the others of the controller read back what was written."""
        places = {self._base + place for bank in self._family.banks for place in bank.places}
        ecc = self._family.ecc
        return address in places or address in self._options or (ecc is not None and address == self._base + ecc[0])

    def read(self, address: int) -> int:
        """A register."""
        if address in self._options:
            return self._options[address]
        offset = address - self._base
        ecc = self._family.ecc
        if ecc is not None and offset == ecc[0]:
            return ecc[1] if self._ecc_failed else 0
        for bank, state in zip(self._family.banks, self._state, strict=True):
            if offset == bank.status:
                busy = bank.busy if state.busy > 0 else 0
                state.busy = max(0, state.busy - 1)
                return state.flags | busy | (bank.filling if self._buffer else 0)
            if offset == bank.control:
                return state.control & ~bank.lock | (0 if state.unlocked else bank.lock)
        return 0

    def write(self, address: int, value: int) -> None:
        """A register, and what hangs on it."""
        offset = address - self._base
        ecc = self._family.ecc
        if ecc is not None and offset == ecc[0]:
            self._ecc_failed = self._ecc_failed and not value & ecc[1]
            return
        for bank, state in zip(self._family.banks, self._state, strict=True):
            if offset == bank.key:
                self._take_key(bank, state, value)
            elif offset == (bank.status if bank.clear is None else bank.clear):
                state.flags &= ~value
            elif offset == bank.address:
                state.address = value
            elif offset == bank.control:
                self._take_control(bank, state, value)

    def _take_key(self, bank: Bank, state: _BankState, value: int) -> None:
        if state.unlocked or state.dead or value != KEYS[state.keys]:
            state.dead, state.unlocked = True, False
            self._fault(f"wrote a wrong key to the flash controller ({value:#010x})")
            return
        state.keys += 1
        if state.keys == len(KEYS):
            state.unlocked, state.keys = True, 0

    def _take_control(self, bank: Bank, state: _BankState, value: int) -> None:
        if not state.unlocked:
            return
        if value & bank.lock:
            state.unlocked, state.keys = False, 0
            state.control = 0
            return
        if state.busy:
            state.flags |= bank.sequence_error
            return
        state.control = value & ~bank.start
        if value & bank.start:
            self._erase(bank, state, value)

    def _erase(self, bank: Bank, state: _BankState, value: int) -> None:
        if not value & bank.erase:
            state.flags |= bank.sequence_error
            return
        if bank.address is not None:  # F1 names the page by an address
            sector = next((s for s in self._sectors if s.address <= state.address < s.address + s.size_bytes), None)
        else:
            number = value >> bank.sector_shift & bank.sector_mask
            index = self._family.banks.index(bank) if len(self._family.banks) > 1 else int(bool(value & bank.second))
            sector = next((s for s in self._sectors if (s.bank, s.number) == (index, number)), None)
        if sector is None or not self._memory.holds(sector.address, sector.size_bytes):
            self._fault(f"erased flash that holds its own image or does not exist (control {value:#x})")
            return
        state.busy = BUSY_LOOKS["erase"]
        self._operate(lambda cut: self._memory.erase(sector.address, sector.size_bytes, cut=cut))

    def _operate(self, job: Callable[[random.Random | None], None]) -> None:
        """One erasure or programming; the power goes in the middle of the one that was named."""
        cut = self._memory.next_is_cut()
        job(cut)
        if cut is not None:
            self._power_lost()

    # Of the memory itself.

    def load(self, address: int, size: int) -> int:
        """What the core reads; `unreadable` says before whether it can."""
        return self._memory.read(address, size)

    def unreadable(self, address: int) -> bool:
        """Whether error correction gives up on the word there. Sets the controller's flag."""
        if not self._corrects or not self._memory.is_torn(address, self._word_bytes):
            return False
        self._ecc_failed = True
        for state, bank in zip(self._state, self._family.banks, strict=True):
            state.flags |= bank.ecc_error
        return True

    def store(self, address: int, size: int, value: int) -> None:
        """What the core writes to flash."""
        index = self._bank_of(address) if len(self._family.banks) > 1 else 0
        bank, state = self._family.banks[index], self._state[index]
        if not state.unlocked:
            self._fault(f"wrote {value:#x} to locked flash at {address:#010x}")
        elif not state.control & bank.program or state.busy:
            state.flags |= bank.sequence_error
        elif size != self._family.access_bytes:
            state.flags |= bank.size_error
            if not bank.size_error:
                self._fault(f"wrote {size} bytes at once to flash at {address:#010x}")
        elif address % size:
            state.flags |= bank.alignment_error
        elif self._corrects:
            self._fill(bank, state, address, value)
        elif bank.needs_blank and self._memory.read(address, size) != 0xFFFF and value:
            state.flags |= bank.size_error or bank.sequence_error
        else:
            state.busy = BUSY_LOOKS["program"]
            data = value.to_bytes(size, "little")
            self._operate(lambda cut: self._memory.program(address, data, cut=cut))

    def _bank_of(self, address: int) -> int:
        return next(s.bank for s in self._sectors if s.address <= address < s.address + s.size_bytes)

    def _fill(self, bank: Bank, state: _BankState, address: int, value: int) -> None:
        """Words wait until a whole one with its correction can be programmed."""
        first = address - address % self._word_bytes
        if (self._buffer and first not in self._buffer) or address != first + 4 * len(self._buffer):
            state.flags |= bank.alignment_error
            self._buffer.clear()
            return
        self._buffer[address] = value
        if len(self._buffer) < self._word_bytes // 4:
            return
        data = b"".join(self._buffer[at].to_bytes(4, "little") for at in sorted(self._buffer))
        self._buffer.clear()
        blank = self._memory.is_erased(first, self._word_bytes)
        if not blank and bank.programmed_error:
            state.flags |= bank.programmed_error
            return
        state.busy = BUSY_LOOKS["program"]
        self._operate(lambda cut: self._memory.program(first, data, cut=cut, word=True, torn=not blank))


class _BankState:
    """What a bank's registers hold."""

    def __init__(self) -> None:
        self.control = 0
        self.flags = 0
        self.address = 0
        self.busy = 0
        self.keys = 0
        self.unlocked = False
        self.dead = False
