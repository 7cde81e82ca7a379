"""From an address of an image to function, file and line, by what the compiler wrote into it for debuggers (DWARF)."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from elftools.common.exceptions import DWARFError, ELFError
from elftools.elf.elffile import ELFFile

from tinygen.core.errors import tool_failed

_SCOPES = ("DW_TAG_namespace", "DW_TAG_class_type", "DW_TAG_structure_type")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePlace:
    """Where an instruction comes from. What is not known is "" or 0.

    Attributes:
        function: with its namespaces, without arguments.
        file: as the compiler was told it: relative to the project for its own sources.
    """

    function: str
    file: str
    line: int

    def __str__(self) -> str:
        at = f"{self.file}:{self.line}" if self.file else ""
        return " at ".join(part for part in (self.function, at) if part)


def place_of(image: Path, address: int) -> CodePlace | None:
    """Function, file and line of an instruction; None where the image says nothing about the address.

    Args:
        image: an ELF file, compiled with -g for files and lines; without, the function's symbol is all there is.
        address: the Thumb bit is ignored by images of Arm.

    Raises:
        TinygenError: no ELF file.
    """
    try:
        with image.open("rb") as file:
            elf = ELFFile(file)
            at = address & ~1 if elf["e_machine"] == "EM_ARM" else address
            symbol = _symbol(elf, at)
            try:
                told = _dwarf(elf, at)
            except (DWARFError, KeyError, IndexError, AttributeError):  # damaged, or of a kind pyelftools cannot read
                told = None
            if told is None:
                return CodePlace(function=symbol, file="", line=0) if symbol else None
            function, source, line = told
            return CodePlace(function=function or symbol, file=source, line=line)
    except OSError as error:
        raise tool_failed(f"cannot read the image: {error.strerror}", where=str(image), hint="build again") from error
    except ELFError as error:
        raise tool_failed(f"not an ELF image: {error}", where=str(image), hint="build again") from error


def named(image: Path, address: int) -> str:
    """An address with what is known about it: "tinygen::model::infer at src/model.cpp:12 (0x08001234)"."""
    place = place_of(image, address)
    return f"{address:#010x}" if place is None else f"{place} ({address:#010x})"


def _symbol(elf: Any, address: int) -> str:
    """The function's symbol, mangled as it stands there."""
    table = elf.get_section_by_name(".symtab")
    for entry in table.iter_symbols() if table else ():
        if entry["st_info"]["type"] == "STT_FUNC":
            start = entry["st_value"] & ~1 if elf["e_machine"] == "EM_ARM" else entry["st_value"]
            if start <= address < start + max(1, entry["st_size"]):
                return str(entry.name)
    return ""


def _dwarf(elf: Any, address: int) -> tuple[str, str, int] | None:
    if not elf.has_dwarf_info():
        return None
    dwarf = elf.get_dwarf_info()
    unit = _unit(dwarf, address)
    if unit is None:
        return None
    source, line = _line(dwarf, unit, address)
    return _function(unit, address), source, line


def _unit(dwarf: Any, address: int) -> Any:
    """The compilation unit an address belongs to."""
    ranges = dwarf.get_aranges()
    if ranges is not None:
        offset = ranges.cu_offset_at_addr(address)
        if offset is not None:
            unit = dwarf.get_CU_at(offset)
            if _line(dwarf, unit, address)[1]:
                return unit
    return next((unit for unit in dwarf.iter_CUs() if _line(dwarf, unit, address)[1]), None)


def _line(dwarf: Any, unit: Any, address: int) -> tuple[str, int]:
    """(file, line) from the unit's line table; ("", 0) when the address is not in it."""
    program = dwarf.line_program_for_CU(unit)
    if program is None:
        return "", 0
    before: Any = None
    for entry in program.get_entries():
        state = entry.state
        if state is None:
            continue
        if before is not None and not before.end_sequence and before.address <= address < state.address:
            return _file(program, before.file), before.line
        before = state
    return "", 0


def _file(program: Any, number: int) -> str:
    first = 0 if program["version"] >= 5 else 1  # versions before 5 count from 1, with directory 0 for the unit's own
    entry = program["file_entry"][number - first]
    name, folder = _text(entry["name"]), entry["dir_index"]
    if first and folder == 0:
        return name
    parts = program["include_directory"]
    root = _text(parts[0]) if not first else ""
    path = PurePosixPath(_text(parts[folder - first])) / name
    return path.relative_to(root).as_posix() if root and path.is_relative_to(root) else path.as_posix()


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _function(unit: Any, address: int) -> str:
    found: list[tuple[int, Any]] = []
    for entry in unit.iter_DIEs():
        if entry.tag != "DW_TAG_subprogram" or "DW_AT_low_pc" not in entry.attributes:
            continue
        low = entry.attributes["DW_AT_low_pc"].value
        high = entry.attributes.get("DW_AT_high_pc")
        if high is None:
            continue
        end = high.value if high.form == "DW_FORM_addr" else low + high.value
        if low <= address < end:
            found.append((low, entry))
    if not found:
        return ""
    found.sort(key=lambda pair: pair[0])
    return _qualified(found[bisect_right([low for low, _ in found], address) - 1][1])


def _qualified(entry: Any) -> str:
    """Name with namespaces; what was declared elsewhere is followed to there."""
    for link in ("DW_AT_specification", "DW_AT_abstract_origin"):
        if link in entry.attributes:
            return _qualified(entry.get_DIE_from_attribute(link))
    name = entry.attributes.get("DW_AT_name")
    words = [_text(name.value)] if name else []
    parent = entry.get_parent()
    while parent is not None:
        if parent.tag in _SCOPES and "DW_AT_name" in parent.attributes:
            words.append(_text(parent.attributes["DW_AT_name"].value))
        parent = parent.get_parent()
    return "::".join(reversed(words))
