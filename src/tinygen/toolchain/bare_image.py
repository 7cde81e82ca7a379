"""Images that only count instructions: sources around firmware/bench, without a port or a C library's start-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tinygen.boards.spec import ChipSpec
from tinygen.core.process import run
from tinygen.core.resources import resource_dir
from tinygen.toolchain.cross import RUNTIME_FLAGS, compile_object, cross_compiler, runtime_sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine of QEMU's that runs a bare image.

    Attributes:
        flags: how the image counts nanoseconds, which are instructions with `-icount shift=0`.
        link_flags: where its memory is.
    """

    name: str
    flags: tuple[str, ...]
    link_flags: tuple[str, ...] = ()


# In firmware/bench, by architecture.
_START = {"xtensa": ("xtensa", ("reset.S", "start.cpp"))}
_ARM = ("arm", ("start.cpp",))

# TIM2 of QEMU's STM32F4 counts nanoseconds; the Cortex-M55's SysTick counts 32 MHz, 125 ns in 4 ticks.
NETDUINO = Machine(name="netduinoplus2", flags=("-DBENCH_TIMER=0x40000000",))
AN547 = Machine(
    name="mps3-an547",
    flags=("-DBENCH_SYSTICK_NS_PER_4=125",),
    link_flags=("-Wl,--defsym=bench_flash=0x10000000", "-Wl,--defsym=bench_ram=0x30000000"),
)
SIM_LX106 = Machine(name="sim", flags=())  # CCOUNT is the core's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file to compile, with flags of its own; its object gets `name`."""

    path: Path
    name: str
    flags: tuple[str, ...] = ()


def build_bare(
    sources: Sequence[Source],
    chip: ChipSpec,
    folder: Path,
    *,
    include: tuple[Path, ...] = (),
    level: str = "-O2",
    machine: Machine | None = None,
) -> Path:
    """Compile and link; returns the ELF file.

    Args:
        sources: what is counted, and a file that defines bench_main().
        chip: whose compiler flags are used; its memory map is not.
        folder: for objects and the image.
        include: folders searched for headers, before the runtime's.
        level: what the compiler optimizes for.
        machine: of QEMU's that will run it; None is for unicorn.

    Raises:
        TinygenError: a tool is missing, or its own words.
    """
    compiler = cross_compiler(chip)
    bench = resource_dir("firmware") / "bench"
    folders = (*include, bench, resource_dir("firmware") / "include")
    place, files = _START.get(chip.arch, _ARM)
    fpu = ("-DBENCH_COPROCESSORS",) if chip.fpu or "mve" in chip.isa else ()
    flags = (*fpu, *(machine.flags if machine else ()))
    paths = (*(bench / place / name for name in files), bench / "say.cpp")
    own = [Source(path=path, name=f"bench_{path.stem}", flags=flags) for path in paths]
    own += [Source(path=path, name=f"libc_{path.stem}", flags=RUNTIME_FLAGS) for path in runtime_sources(chip)]
    objects = [
        compile_object(
            compiler, source.path, folder / f"{source.name}.o", include=folders, flags=(level, *source.flags)
        )
        for source in (*own, *sources)
    ]
    elf = folder / "bench.elf"
    words = [
        compiler.cxx,
        *compiler.link_flags,
        "-nostartfiles",
        "-Wl,--gc-sections",
        "-T",
        str(bench / place / "bench.ld"),
    ]
    words += machine.link_flags if machine else ()
    last = ("-lgcc",) if chip.arch == "xtensa" else ()
    run([*words, "-o", str(elf), *(str(path) for path in objects), *last], timeout_s=120)
    return elf
