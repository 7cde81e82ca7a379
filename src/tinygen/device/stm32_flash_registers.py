"""Where STM32's flash controllers have their registers and bits. Source: ST's CMSIS device headers; see stm32_flash."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """Registers as offsets in bytes, bits as masks; 0 for what a family lacks.

    Attributes:
        clear: where error flags are removed; None: in the status itself.
        address: F1's address register.
        second: bit of the control register that means the second bank.
        filling: status bit while a word waits for its other parts.
        programmed_error: a word that is not blank was to be programmed.
        needs_blank: the same without error correction (F1).
    """

    key: int
    status: int
    control: int
    busy: int
    lock: int
    program: int
    erase: int
    start: int
    sequence_error: int
    alignment_error: int
    size_error: int
    sector_shift: int = 0
    sector_mask: int = 0
    clear: int | None = None
    address: int | None = None
    second: int = 0
    filling: int = 0
    programmed_error: int = 0
    ecc_error: int = 0
    needs_blank: bool = False

    @property
    def places(self) -> tuple[int, ...]:
        """Offsets of all its registers."""
        return tuple(p for p in (self.key, self.status, self.control, self.clear, self.address) if p is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A controller.

    Attributes:
        banks: with registers of their own.
        access_bytes: width of a write to flash.
        ecc: (offset, bit) that tells of a word that cannot be corrected, which raises an NMI; None where there is no
            correction, or a bus fault instead.
    """

    banks: tuple[Bank, ...]
    access_bytes: int
    ecc: tuple[int, int] | None = None


def _h7(second: int) -> Bank:
    return Bank(
        key=second + 0x04,
        control=second + 0x0C,
        status=second + 0x10,
        clear=second + 0x14,
        busy=1 << 0 | 1 << 2,
        filling=1 << 1,
        lock=1 << 0,
        program=1 << 1,
        erase=1 << 2,
        start=1 << 7,
        sequence_error=1 << 18,
        alignment_error=1 << 21,
        size_error=1 << 19,
        ecc_error=1 << 26,
        sector_shift=8,
        sector_mask=7,
    )


_F4 = Bank(
    key=0x04,
    status=0x0C,
    control=0x10,
    busy=1 << 16,
    lock=1 << 31,
    program=1 << 0,
    erase=1 << 1,
    start=1 << 16,
    sequence_error=1 << 7,
    alignment_error=1 << 5,
    size_error=1 << 6,
    sector_shift=3,
    sector_mask=0x1F,
)
_L4 = Bank(
    key=0x08,
    status=0x10,
    control=0x14,
    busy=1 << 16,
    lock=1 << 31,
    program=1 << 0,
    erase=1 << 1,
    start=1 << 16,
    sequence_error=1 << 7,
    alignment_error=1 << 5,
    size_error=1 << 6,
    programmed_error=1 << 3,
    sector_shift=3,
    sector_mask=0xFF,
    second=1 << 11,
)
_F1 = Bank(
    key=0x04,
    status=0x0C,
    control=0x10,
    address=0x14,
    busy=1 << 0,
    lock=1 << 7,
    program=1 << 0,
    erase=1 << 1,
    start=1 << 6,
    sequence_error=1 << 2,
    alignment_error=1 << 2,
    size_error=0,
    needs_blank=True,
)
_H5 = Bank(
    key=0x04,
    status=0x20,
    control=0x28,
    clear=0x30,
    busy=1 << 0 | 1 << 3,
    filling=1 << 1,
    lock=1 << 0,
    program=1 << 1,
    erase=1 << 2,
    start=1 << 5,
    sequence_error=1 << 18,
    alignment_error=1 << 20,
    size_error=1 << 19,
    sector_shift=6,
    sector_mask=0x7F,
    second=1 << 31,
)

FAMILIES = {
    "stm32f1": Family(banks=(_F1,), access_bytes=2),
    "stm32f4": Family(banks=(_F4,), access_bytes=4),
    "stm32f7": Family(banks=(_F4,), access_bytes=4),
    "stm32l4": Family(banks=(_L4,), access_bytes=4, ecc=(0x18, 1 << 31)),
    "stm32g4": Family(banks=(_L4,), access_bytes=4, ecc=(0x18, 1 << 31)),
    "stm32h7": Family(banks=(_h7(0), _h7(0x100)), access_bytes=4),
    "stm32h5": Family(banks=(_H5,), access_bytes=4, ecc=(0x104, 1 << 31)),
}
