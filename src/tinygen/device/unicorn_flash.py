"""Flash that a program in unicorn may write: a hole in the read-only flash with a controller behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tinygen.boards.spec import ChipSpec, MemoryRegion
from tinygen.device.stm32_flash import FlashController
from tinygen.device.stm32_flash_memory import FlashMemory, read_file
from tinygen.device.values import Image

_STATE = ("tinygen_state_start", "tinygen_state_end")


def kept_flash(image: Image) -> FlashMemory | None:
    """The flash an image keeps its state in, as the session before left it; None where its linker script has none.

    Raises:
        TinygenError: the file of the session before cannot be read, or is another board's.
    """
    start, end = (image.symbols.get(name, 0) for name in _STATE)
    if end <= start:
        return None
    flash = FlashMemory(start, end - start)
    if image.flash is not None:
        read_file(flash, image.flash)
    return flash


def without(regions: tuple[MemoryRegion, ...], flash: FlashMemory | None) -> list[MemoryRegion]:
    """Regions with a hole where `flash` is."""
    if flash is None:
        return list(regions)
    found = []
    for region in regions:
        end, behind = region.address + region.size_bytes, flash.start + len(flash.cells)
        if not region.address <= flash.start < end:
            found.append(region)
            continue
        found.append(replace(region, size_bytes=flash.start - region.address))
        if behind < end:
            found.append(replace(region, address=behind, size_bytes=end - behind))
    return found


def attach(
    uc: Any,
    chip: ChipSpec,
    flash: FlashMemory,
    *,
    fault: Callable[[str, int | None], None],
    nmi: Callable[[], None],
    power_lost: Callable[[], None],
) -> FlashController:
    """Put the flash into a core's memory.

    Args:
        fault: a bus fault: why, and at which address of data.
        nmi: a word was read that error correction gives up, on families that raise an NMI then.
        power_lost: in the middle of an operation; the core stops.
    """
    gone = False
    answered: int | None = None  # the core stops before the instruction and does it again after the handler

    def lost() -> None:
        nonlocal gone
        gone = True
        power_lost()

    controller = FlashController(chip, flash, fault=lambda words: fault(words, None), power_lost=lost)

    def read(_uc: Any, offset: int, size: int, _data: Any) -> int:
        nonlocal answered
        address = flash.start + offset
        if address == answered:
            answered = None
        elif controller.unreadable(address):
            if controller.is_nmi:
                answered = address
                nmi()
            else:
                fault(f"read a word of flash at {address:#010x} that error correction gave up", address)
        return controller.load(address, size)

    def write(_uc: Any, offset: int, size: int, value: int, _data: Any) -> None:
        if not gone:
            controller.store(flash.start + offset, size, value)

    uc.mmio_map(flash.start, len(flash.cells), read, None, write, None)
    return controller
