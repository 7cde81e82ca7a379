"""Exact sizes of a generated library: compiled for the chip, linked into the smallest program that uses it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from tinygen.boards.spec import ChipSpec
from tinygen.core.errors import tool_failed
from tinygen.core.files import building_directory
from tinygen.core.process import run
from tinygen.toolchain import stack
from tinygen.toolchain.cross import RUNTIME_FLAGS, CrossCompiler, compile_object, cross_compiler, runtime_sources

# Uses what an application uses: the digests' side of the interface stays out, as the linker leaves it out.
_PROBE = """#include "tinygen/model_api.h"
extern "C" int main() {
  *tinygen::model::input() = 1;
  tinygen::model::infer(nullptr, nullptr);
  return *tinygen::model::output();
}
"""
INFER = "_ZN7tinygen5model5inferEPFbPvtES1_"
_STEP = re.compile(r"_ZN7tinygen5model12_GLOBAL__N_1L?\d+step_(\d+)_")
_WEIGHTS = re.compile(r"_ZN7tinygen5model7weights\d+(\w+?)E?$")
_COUNTED = ("_weights", "_bias", "_multiplier", "_shift", "_channels")  # as compile.WEIGHT_CONSTANTS
_RELOCATED = ".data.rel.ro"  # constants that hold addresses, in programs of this machine
_IGNORED = (".ARM.attributes", ".comment", ".xtensa.info", ".xt.", ".note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What a library takes on a chip.

    Attributes:
        optimize: the compiler's level, "-Os".
        flash_bytes: code, constants and weights of the library and of the C library's functions it calls.
        weights: {symbol: bytes} of the constants in weights.cpp.
        c_library_flash_bytes, c_library_ram_bytes: the part the C library and libgcc have in it.
        ram_bytes: {symbol: bytes} of everything writable in the library's objects; the arena is one of them.
        linked_ram_bytes: writable sections of the linked program; None where the program has the host's own.
        stack: worst case of one inference, None where it is not known.
        step_stacks: {step: bytes of its kernel's worst case}, the step's own frame included.
        compiler: as it says itself.
        note: what a reader must know.
    """

    optimize: str
    flash_bytes: int
    weights: dict[str, int]
    c_library_flash_bytes: int
    c_library_ram_bytes: int
    ram_bytes: dict[str, int]
    linked_ram_bytes: int | None
    stack: stack.StackUse | None
    step_stacks: dict[int, int]
    compiler: str
    note: str

    @property
    def linked_weights_bytes(self) -> int:
        """Of `weights`, what figures count as weights: the rest are tables of functions."""
        return sum(size for name, size in self.weights.items() if name.endswith(_COUNTED))


def measure_library(library: Path, chip: ChipSpec, work: Path, *, optimize: str = "-Os") -> Sizes:
    """Compile the library's sources for the chip and read what came out.

    Args:
        library: folder with src/ and include/.
        chip: what for.
        work: folder that is made anew and then holds the objects, the linked program and the call graphs.
        optimize: "-Os", "-O2"...

    Raises:
        TinygenError: the compiler is missing or failed.
    """
    compiler = cross_compiler(chip)
    include = (library / "include", library / "src")
    with building_directory(work) as folder:
        wanted = (optimize, *stack.FLAGS)
        objects = [
            compile_object(compiler, source, folder / f"{source.stem}.o", include=include, flags=wanted)
            for source in sorted((library / "src").glob("*.cpp"))
        ]
        probe = folder / "probe.cpp"
        probe.write_text(_PROBE)
        main = compile_object(compiler, probe, folder / "probe.o", include=include, flags=wanted)
        helpers = [
            compile_object(
                compiler, source, folder / f"libc_{source.name}.o", include=(),
                flags=(*RUNTIME_FLAGS, *stack.FLAGS),
            )
            for source in runtime_sources(chip)
        ]  # fmt: skip
        words = [
            compiler.cxx,
            *compiler.link_flags,
            *([] if chip.arch == "native" else ["-nostartfiles", "-Wl,-emain"]),
        ]
        words += ["-Wl,--gc-sections", f"-Wl,-Map,{folder / 'probe.map'}", "-o", str(folder / "probe.elf")]
        words += [str(path) for path in (main, *objects, *helpers)]
        run([*words, *(["-lgcc"] if chip.arch == "xtensa" else [])], timeout_s=120)
        version = run([compiler.cxx, "--version"], timeout_s=20).stdout.splitlines()[0]
        return _sizes(folder, objects, chip, compiler, optimize=optimize, version=version)


def _sizes(
    folder: Path, objects: list[Path], chip: ChipSpec, compiler: CrossCompiler, *, optimize: str, version: str
) -> Sizes:
    own = {path.name for path in objects}
    placed = map_sizes((folder / "probe.map").read_text(errors="replace"))
    flash, c_flash, c_ram = 0, 0, 0
    linked_ram = 0
    for source, section, size in placed:
        is_probe = source == "probe.o"
        writable = section.startswith((".data", ".bss", "COMMON")) and not section.startswith(_RELOCATED)
        if section.startswith((".text", ".rodata", ".data", ".literal", ".irom", ".init", ".fini")) and not is_probe:
            flash += size
            c_flash += 0 if source in own else size
        if writable:
            linked_ram += size
            c_ram += 0 if source in own or is_probe else size
    native = chip.arch == "native"
    if native:  # the program's start-up code and libraries are this machine's
        flash -= c_flash
        c_flash = c_ram = 0
    ram: dict[str, int] = {}
    weights: dict[str, int] = {}
    for path in objects:
        written, constants = data_symbols(path)
        ram |= written
        weights |= {match[1]: size for name, size in constants.items() if (match := _WEIGHTS.match(name))}
    steps = _step_functions(folder / "probe.elf")
    worst = stack.worst_cases(folder, folder / "probe.elf", (INFER, *steps), prefix=compiler.prefix)
    return Sizes(
        optimize=optimize,
        flash_bytes=flash,
        weights=weights,
        c_library_flash_bytes=c_flash,
        c_library_ram_bytes=c_ram,
        ram_bytes=ram,
        linked_ram_bytes=None if native else linked_ram,
        stack=worst.get(INFER),
        step_stacks={number: worst[name].total_bytes for name, number in sorted(steps.items()) if name in worst},
        compiler=version,
        note=compiler.note,
    )


def _step_functions(program: Path) -> dict[str, int]:
    """{function: step} of a linked program."""
    with program.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        names = [symbol.name for symbol in table.iter_symbols()] if table is not None else []
    return {name: int(match[1]) for name in names if (match := _STEP.match(name))}


_MAP_LINE = re.compile(r"^ (\.?[\w.$*]+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+(\S.*)$")
_MAP_NAME = re.compile(r"^ (\.?[\w.$*]+)$")
_MAP_REST = re.compile(r"^\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+(\S.*)$")


def map_sizes(text: str) -> list[tuple[str, str, int]]:
    """(object file or archive member, input section, bytes) of everything GNU ld placed."""
    start = text.find("Linker script and memory map")
    found: list[tuple[str, str, int]] = []
    name = ""
    for line in text[max(start, 0) :].splitlines():
        if match := _MAP_LINE.match(line):
            name, (section, size, source) = "", (match[1], int(match[3], 16), match[4])
        elif name and (rest := _MAP_REST.match(line)):
            section, size, source = name, int(rest[2], 16), rest[3]
            name = ""
        else:
            alone = _MAP_NAME.match(line)
            name = alone[1] if alone else ""
            continue
        if size and not section.startswith(_IGNORED) and (".o" in source or "(" in source):
            found.append((source.rsplit("/", 1)[-1], section, size))
    return found


def _is_written(section: Any) -> bool:
    flags = section["sh_flags"]
    wanted = SH_FLAGS.SHF_ALLOC | SH_FLAGS.SHF_WRITE
    return flags & wanted == wanted and not section.name.startswith(_RELOCATED)


def data_symbols(path: Path) -> tuple[dict[str, int], dict[str, int]]:
    """({symbol: bytes} in writable sections, {symbol: bytes} in read-only ones) of an object file."""
    written: dict[str, int] = {}
    constant: dict[str, int] = {}
    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            sections = list(elf.iter_sections())
            named: dict[int, int] = {}
            table = elf.get_section_by_name(".symtab")
            for entry in table.iter_symbols() if table else ():
                index = entry["st_shndx"]
                if entry["st_info"]["type"] != "STT_OBJECT" or not isinstance(index, int):
                    continue
                flags = sections[index]["sh_flags"]
                if flags & SH_FLAGS.SHF_ALLOC:
                    (written if _is_written(sections[index]) else constant)[entry.name] = entry["st_size"]
                    named[index] = named.get(index, 0) + entry["st_size"]
            for index, section in enumerate(sections):
                rest = section["sh_size"] - named.get(index, 0)
                if _is_written(section) and rest > 0:
                    written[f"{path.stem}:{section.name}"] = rest  # padding, or data without a symbol
    except (OSError, ELFError) as error:
        raise tool_failed(f"not an object file: {error}", where=str(path)) from error
    return written, constant
