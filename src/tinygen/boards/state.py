"""Where in a chip's flash something is kept over a loss of power: two areas of whole sectors, behind the image.

The image ends where the first area begins; nothing of it lies behind, so that the linker script, the image's digest and
every uploader know one piece of flash. Areas at the end of the flash are erased while code runs from elsewhere: on
chips with two banks from the other bank, without a pause.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygen.boards.spec import BoardSpec, ChipSpec
from tinygen.core.errors import bad_input

LEAST_AREA_BYTES = 2048
FRAME_BYTES = 96
"""What firmware/store/keeper_flash.cpp adds to a record; an area's first block is 32 more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sector:
    """What is erased at once. `number` counts within its bank."""

    address: int
    size_bytes: int
    bank: int
    number: int
    erase_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StateAreas:
    """Two areas of the same size, one behind the other.

    Attributes:
        sectors: of both areas, in order.
        endurance: erases a sector is good for.
        stall_ms: longest time the program stands still while an area is erased; 0 where code runs from another bank.
        erase_ms: longest time an area takes to be erased.
        reserved_bytes: from the first area to the end of the flash: what the image cannot have.
    """

    sectors: tuple[Sector, ...]
    endurance: int
    stall_ms: int
    erase_ms: int
    reserved_bytes: int

    @property
    def address(self) -> int:
        """Of the first area."""
        return self.sectors[0].address

    @property
    def area_bytes(self) -> int:
        """Of one of them."""
        return sum(sector.size_bytes for sector in self.sectors) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAreas:
    """Why nothing is kept over a loss of power."""

    reason: str


def sectors_of(chip: ChipSpec) -> tuple[Sector, ...]:
    """All of a chip's flash, in order of addresses; empty where its file says nothing."""
    layout = chip.flash_layout
    if layout is None:
        return ()
    found: list[Sector] = []
    address = chip.flash.address
    for bank in range(layout.banks):
        number = 0
        for run in layout.sectors:
            for _ in range(run.count):
                found.append(
                    Sector(
                        address=address, size_bytes=run.size_bytes, bank=bank, number=number, erase_ms=run.erase_most_ms
                    )
                )
                address += run.size_bytes
                number += 1
    return tuple(found)


def record_bytes(payload_bytes: int) -> int:
    """Flash that a record of so many bytes takes."""
    return FRAME_BYTES + -(-payload_bytes // 32) * 32


def state_areas(board: BoardSpec, payload_bytes: int) -> StateAreas | NoAreas:
    """Where a state of so many bytes is kept.

    Args:
        board: `state` says where, or that nothing is to be kept.
        payload_bytes: of the state; an area holds at least two of its records.

    Raises:
        TinygenError: the board names sectors the state does not fit into.
    """
    chip = board.chip
    if board.state == "none":
        return NoAreas(reason=f'{board.id} says [flash] state = "none"')
    sectors = sectors_of(chip)
    if not sectors:
        return NoAreas(reason=f"{chip.id} has no table of flash sectors")
    wanted = max(32 + 2 * record_bytes(payload_bytes), LEAST_AREA_BYTES)
    if board.state:
        chosen = named_areas(sectors, board.state)
        if isinstance(chosen, str):
            raise bad_input(chosen, where=f"{board.id}: flash.state")
    else:
        size = sectors[-1].size_bytes
        count = 2 * -(-wanted // size)
        chosen = sectors[-count:]
        if any(sector.size_bytes != size for sector in chosen):
            return NoAreas(reason=f"{chip.title} has no {count} equal sectors at the end of its flash")
        if sum(sector.size_bytes for sector in chosen) > chip.flash.size_bytes // 2:
            return NoAreas(reason=f"two sectors at the end of {chip.title}'s flash are more than half of it")
    found = areas_from(chip, chosen)
    if found.area_bytes < wanted:
        raise bad_input(
            f"its areas have {found.area_bytes:,} bytes each, {wanted:,} are needed for two records of what is learned",
            where=f"{board.id}: flash.state",
            hint="name more sectors, or leave the key out",
        )
    return found


def named_areas(sectors: tuple[Sector, ...], numbers: tuple[int, ...]) -> tuple[Sector, ...] | str:
    """The sectors a board file names, counted from the start of the flash; or what is wrong with them."""
    if any(number >= len(sectors) for number in numbers):
        return f"the chip's last sector is {len(sectors) - 1}"
    if numbers != tuple(range(numbers[0], numbers[0] + len(numbers))) or len(numbers) % 2 or numbers[0] == 0:
        return "an even number of neighbouring sectors in order, and not the first, which holds the vectors"
    chosen = tuple(sectors[number] for number in numbers)
    if len({(sector.size_bytes, sector.bank) for sector in chosen}) != 1:
        return "sectors of one size in one bank"
    if chosen[0].address % 4096:
        return "the first must begin at a multiple of 4096 bytes"
    return chosen


def areas_from(chip: ChipSpec, chosen: tuple[Sector, ...]) -> StateAreas:
    """Facts of the areas. The image lies before them: in another bank only if they are not in the first."""
    erase_ms = sum(sector.erase_ms for sector in chosen) // 2
    layout = chip.flash_layout
    return StateAreas(
        sectors=chosen,
        endurance=0 if layout is None else layout.endurance,
        stall_ms=erase_ms if chosen[0].bank == 0 else 0,
        erase_ms=erase_ms,
        reserved_bytes=chip.flash.address + chip.flash.size_bytes - chosen[0].address,
    )


def contradictions_of(board: BoardSpec) -> list[str]:
    """What a board file says of flash against what its chip has."""
    if not isinstance(board.state, tuple) or not board.state:
        return []
    sectors = sectors_of(board.chip)
    if not sectors:
        return [f"flash.state: the chip '{board.chip.id}' has no table of sectors (flash_layout)"]
    chosen = named_areas(sectors, board.state)
    return [f"flash.state: {chosen}"] if isinstance(chosen, str) else []
