"""The compilers of the chips, called directly: for figures of single object files, without PlatformIO."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tinygen.boards.spec import ChipSpec
from tinygen.core.errors import tool_failed
from tinygen.core.process import run
from tinygen.core.resources import resource_dir
from tinygen.toolchain.compilers import host_compiler

DIALECT = (
    "-std=gnu++17", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-ffunction-sections", "-fdata-sections",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossCompiler:
    """What compiles for a chip here.

    Attributes:
        prefix: of the binutils: "arm-none-eabi-", "" for this machine.
        flags: the chip's own.
        link_flags: what a freestanding link needs; empty for this machine.
        note: what a reader of its figures must know.
    """

    cxx: str
    prefix: str
    flags: tuple[str, ...]
    link_flags: tuple[str, ...]
    note: str


def cross_compiler(chip: ChipSpec) -> CrossCompiler:
    """The compiler for a chip.

    Raises:
        TinygenError: it is not installed; says the Debian package.
    """
    if chip.arch == "native":
        return CrossCompiler(
            cxx=host_compiler().cxx, prefix="", flags=(), link_flags=(), note="this machine's code, not a chip's"
        )
    if chip.arch == "xtensa":
        standin = resource_dir("firmware") / "standin" / "xtensa" / "include"
        return CrossCompiler(
            cxx=_found("xtensa-lx106-elf-g++", "gcc-xtensa-lx106"),
            prefix="xtensa-lx106-elf-",
            flags=("-mlongcalls", "-fstrict-volatile-bitfields", "-isystem", str(standin)),
            link_flags=("-nostdlib", "-static"),
            note="lx106 call0 code, not the vendor compiler's LX7 code",
        )
    package = "gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib"
    fpu = (f"-mfpu={chip.fpu}", "-mfloat-abi=hard") if chip.fpu else ()
    cpu = ("-mthumb", f"-mcpu={chip.cpu}", *fpu)
    return CrossCompiler(
        cxx=_found("arm-none-eabi-g++", package),
        prefix="arm-none-eabi-",
        flags=cpu,
        link_flags=(*cpu, "--specs=nano.specs", "--specs=nosys.specs"),
        note="",
    )


def _found(program: str, package: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise tool_failed(f"'{program}' is not installed", hint=f"apt-get install {package}")
    return path


def compile_object(
    compiler: CrossCompiler, source: Path, output: Path, *, include: tuple[Path, ...], flags: tuple[str, ...]
) -> Path:
    """Compile one file; returns `output`.

    Raises:
        TinygenError: the compiler's own words.
    """
    dialect = DIALECT if source.suffix == ".cpp" else DIALECT[4:]
    words = [compiler.cxx if source.suffix == ".cpp" else compiler.cxx.replace("g++", "gcc"), "-c", *dialect]
    words += [*compiler.flags, *flags, *(f"-I{folder}" for folder in include), str(source), "-o", str(output)]
    output.parent.mkdir(parents=True, exist_ok=True)
    run(words, timeout_s=300)
    return output


# memset() written as a loop must not become a call of memset().
RUNTIME_FLAGS = ("-O2", "-ffreestanding", "-fno-tree-loop-distribute-patterns")


def runtime_sources(chip: ChipSpec) -> tuple[Path, ...]:
    """Sources of what a freestanding toolchain's C library lacks (the stand-in's memcpy and divisions).

    They are compiled with `RUNTIME_FLAGS`.
    """
    if chip.arch != "xtensa":
        return ()
    folder = resource_dir("firmware") / "standin" / "xtensa" / "runtime"
    return tuple(sorted(path for path in folder.iterdir() if path.suffix in (".c", ".cpp")))
