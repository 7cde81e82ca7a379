"""Sections, symbols and memory use, read from an ELF image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from tinygen.boards.spec import ChipSpec
from tinygen.core.errors import tool_failed
from tinygen.core.values import Measurement
from tinygen.toolchain.values import Firmware, Section, Symbol

Place = Literal["flash", "ram", "nowhere"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfFacts:
    """What an image holds.

    Attributes:
        compilers: what the compilers wrote into `.comment`, each once.
    """

    entry: int
    sections: tuple[Section, ...]
    symbols: dict[str, Symbol]
    flash_bytes: int
    ram_bytes: int
    compilers: tuple[str, ...]


def read(path: Path, chip: ChipSpec) -> ElfFacts:
    """Read an image that was linked for a chip.

    A section counts as flash where its bytes are stored in a flash region, as RAM where it lies in a RAM region when
    the program runs, as both when it is copied (`.data`). For `native` there are no regions: read-only sections count
    as flash, writable ones as RAM, initialised writable ones as both (text, bss and data of `size`).

    Raises:
        TinygenError: no ELF file, or a section lies outside the chip's memories.
    """
    try:
        with path.open("rb") as file:
            return _facts(ELFFile(file), chip, path)
    except OSError as error:
        raise tool_failed(f"cannot read the image: {error.strerror}", where=str(path), hint="build again") from error
    except ELFError as error:
        raise tool_failed(f"not an ELF image: {error}", where=str(path), hint="build again") from error


def measurements(firmware: Firmware, chip: ChipSpec) -> tuple[Measurement, ...]:
    """Flash and RAM of an image, with what a reader must know to use them."""
    if chip.arch == "native":
        notes = (
            "text and data of a program of this machine, not a chip's flash",
            "data and bss, without stack and libraries",
        )
    elif chip.arch == "xtensa" and firmware.standin:
        notes = (
            "RAM image of the offline stand-in: nothing is stored in flash",
            "code, constants, data and stack, all in RAM",
        )
    else:
        notes = ("", "")
    return (
        Measurement(name="flash_bytes", value=firmware.flash_bytes, unit="bytes", origin="linked", note=notes[0]),
        Measurement(name="ram_bytes", value=firmware.ram_bytes, unit="bytes", origin="linked", note=notes[1]),
        *_reserved(firmware, chip),
    )


def _reserved(firmware: Firmware, chip: ChipSpec) -> tuple[Measurement, ...]:
    """Flash behind the image that keeps what is learned, where the linker script says so."""
    start = firmware.symbols.get("tinygen_state_start")
    if start is None:
        return ()
    reserved = chip.flash.address + chip.flash.size_bytes - start.address
    note = f"from {start.address:#010x} on: keeps what is learned over a loss of power; the image cannot have it"
    return (Measurement(name="state_flash_bytes", value=reserved, unit="bytes", origin="linked", note=note),)


def _facts(elf: Any, chip: ChipSpec, path: Path) -> ElfFacts:
    sections: list[Section] = []
    flash = ram = 0
    for section in elf.iter_sections():
        if not section["sh_flags"] & SH_FLAGS.SHF_ALLOC or section["sh_size"] == 0:
            continue
        in_flash, in_ram = _places(elf, section, chip, path)
        if not in_flash and not in_ram:
            continue
        flash += section["sh_size"] if in_flash else 0
        ram += section["sh_size"] if in_ram else 0
        kind = "both" if in_flash and in_ram else "flash" if in_flash else "ram"
        sections.append(
            Section(name=section.name, address=section["sh_addr"], size_bytes=section["sh_size"], kind=kind)
        )
    comment = elf.get_section_by_name(".comment")
    words = comment.data().decode(errors="replace").split("\0") if comment else []
    return ElfFacts(
        entry=elf["e_entry"],
        sections=tuple(sections),
        symbols=_symbols(elf),
        flash_bytes=flash,
        ram_bytes=ram,
        compilers=tuple(dict.fromkeys(word for word in words if word)),
    )


def _places(elf: Any, section: Any, chip: ChipSpec, path: Path) -> tuple[bool, bool]:
    """(stored in flash, lies in RAM) of an allocated section."""
    stored = section["sh_type"] != "SHT_NOBITS"
    if chip.arch == "xtensa" and elf.get_section_by_name(".flash.text") is not None:
        return _idf_places(section.name, stored)
    if chip.arch == "native":
        writable = bool(section["sh_flags"] & SH_FLAGS.SHF_WRITE)
        return stored, writable
    runs = _region(chip, section["sh_addr"], section["sh_size"])
    loads = _region(chip, _load_address(elf, section), section["sh_size"]) if stored else "nowhere"
    if runs == "nowhere":
        raise tool_failed(
            f"section {section.name} lies at 0x{section['sh_addr']:08X}, outside the memories of {chip.id}",
            where=str(path),
            hint="the linker script and the chip's description disagree",
        )
    return runs == "flash" or loads == "flash", runs == "ram"


def _idf_places(name: str, stored: bool) -> tuple[bool, bool]:
    """(stored in flash, lies in RAM) by ESP-IDF's section names.

    The vendor's images show flash at several addresses, keep RAM contents in flash without saying so in the ELF, and
    hold dummies that only reserve address space. Not tried with an image of the vendor's compiler.
    """
    if "dummy" in name:
        return False, False
    return stored, name.startswith((".iram0", ".dram0", ".noinit", ".rtc"))


def _region(chip: ChipSpec, address: int, size_bytes: int) -> Place:
    for region in chip.regions:
        if region.address <= address and address + size_bytes <= region.address + region.size_bytes:
            return region.kind
    return "nowhere"


def _load_address(elf: Any, section: Any) -> int:
    """Where a section's bytes are stored: its program header's physical address, or its own address without one."""
    for segment in elf.iter_segments():
        if segment["p_type"] == "PT_LOAD" and segment.section_in_segment(section):
            return int(segment["p_paddr"] + section["sh_addr"] - segment["p_vaddr"])
    return int(section["sh_addr"])


def _symbols(elf: Any) -> dict[str, Symbol]:
    """Named functions, objects and linker symbols; where a local and a global share a name, the global one."""
    table = elf.get_section_by_name(".symtab")
    if table is None:
        return {}
    found: dict[str, tuple[bool, Symbol]] = {}
    names = [section.name for section in elf.iter_sections()]
    for entry in table.iter_symbols():
        info, name, index = entry["st_info"], entry.name, entry["st_shndx"]
        if not name or name.startswith("$") or info["type"] in ("STT_FILE", "STT_SECTION") or index == "SHN_UNDEF":
            continue
        is_global = info["bind"] != "STB_LOCAL"
        if name in found and found[name][0] and not is_global:
            continue
        section = names[index] if isinstance(index, int) else ""
        symbol = Symbol(name=name, address=entry["st_value"], size_bytes=entry["st_size"], section=section)
        found[name] = (is_global, symbol)
    return {name: symbol for name, (_, symbol) in sorted(found.items())}


def symbols(path: Path) -> dict[str, Symbol]:
    """The symbols of any ELF image, whatever it was linked for.

    Raises:
        TinygenError: no ELF file.
    """
    try:
        with path.open("rb") as file:
            return _symbols(ELFFile(file))
    except (OSError, ELFError) as error:
        raise tool_failed(f"not an ELF image: {error}", where=str(path), hint="build again") from error
