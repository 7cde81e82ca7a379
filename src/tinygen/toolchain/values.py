"""What a build gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """An allocated ELF section."""

    name: str
    address: int
    size_bytes: int
    kind: str  # "flash" (occupies flash), "ram" (occupies RAM), "both" (.data: loaded from flash into RAM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A symbol of the image."""

    name: str
    address: int
    size_bytes: int
    section: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Firmware:
    """A linked image and what the linker made of it.

    Attributes:
        elf: the image (a program of this machine for `host`).
        flash_bytes, ram_bytes: read from the ELF's sections (the stack counts as RAM where the image reserves it).
        toolchain: compiler and version as it says itself.
        standin: True when PlatformIO used the offline stand-in platform instead of the vendor's.
    """

    elf: Path
    board: str
    build_id: str
    sections: tuple[Section, ...]
    symbols: dict[str, Symbol]
    flash_bytes: int
    ram_bytes: int
    toolchain: str
    standin: bool
