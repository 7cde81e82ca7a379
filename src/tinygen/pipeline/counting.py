"""How many instructions a plan really takes: its generated code in a bare image, run in a simulator."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tinygen.boards.spec import ChipSpec, MemoryRegion
from tinygen.core.errors import tool_failed
from tinygen.core.files import building_directory, write_tree
from tinygen.core.resources import resource_dir
from tinygen.device import bare
from tinygen.firmware.model_view import compiler_level, render_model
from tinygen.model.ir import Plan
from tinygen.toolchain import stack
from tinygen.toolchain.bare_image import AN547, NETDUINO, SIM_LX106, Source, build_bare
from tinygen.toolchain.cross import cross_compiler

Runner = Literal["qemu", "unicorn"]
CORES: dict[str, tuple[tuple[str, ...], str]] = {
    "cortex-m0plus": ((), ""),
    "cortex-m3": ((), ""),
    "cortex-m4": (("dsp", "fpu_sp"), "fpv4-sp-d16"),
    "cortex-m7": (("dsp", "fpu_sp"), "fpv5-sp-d16"),
    "cortex-m33": (("dsp", "fpu_sp"), "fpv5-sp-d16"),
    "cortex-m55": (("dsp", "fpu_sp", "mve"), "auto"),
    "lx106": ((), ""),
}
_INFER = re.compile(r"_ZN7tinygen\d+(model\w*?)5inferEPFbPvtES1_$")
_STEP = re.compile(r"_ZN7tinygen\d+(model\w*?)12_GLOBAL__N_1L?\d+step_(\d+)_")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """A plan and what it is run on: the bytes of all inputs, for each inference in turn."""

    plan: Plan
    inputs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What came out.

    Attributes:
        instructions: of each inference, from entering infer() to its return.
        outputs: bytes of all outputs of each inference.
        stack_bytes: worst case of one inference, from the call graph; None where that is not known.
        steps: {step: instructions of each inference}; unicorn only.
        origin: what counted.
    """

    instructions: tuple[int, ...]
    outputs: tuple[bytes, ...]
    steps: dict[int, tuple[int, ...]]
    stack_bytes: int | None
    origin: str


def core_chip(core: str) -> ChipSpec:
    """A chip that is nothing but a core, with memory enough.

    Raises:
        KeyError: no such core here.
    """
    isa, fpu = CORES[core]
    regions = (
        MemoryRegion(name="flash", address=0x08000000, size_bytes=1 << 20, kind="flash"),
        MemoryRegion(name="ram", address=0x20000000, size_bytes=128 << 10, kind="ram"),
    )
    arch = {
        "cortex-m0plus": "armv6m",
        "cortex-m3": "armv7m",
        "cortex-m33": "armv8m",
        "cortex-m55": "armv8m",
        "lx106": "xtensa",
    }
    return ChipSpec(
        id=core,
        title=core,
        arch=arch.get(core, "armv7em"),  # type: ignore[arg-type]
        cpu=core,
        isa=isa,
        fpu=fpu,
        regions=regions,
        arena_alignment_bytes=4,
        define="",
        port="stm32",
        family="",
        max_clock_hz=1,
        peripherals={},
        cycle_counter="none",
        sources=(),
    )


def runner_of(core: str) -> Runner:
    """What runs a core's images: unicorn where it can, because it also counts per step."""
    return "qemu" if core in ("cortex-m55", "lx106") else "unicorn"


def count(
    subjects: Sequence[Subject],
    chip: ChipSpec,
    work: Path,
    *,
    runner: Runner = "unicorn",
    level: str = "",
    watch: bool = True,
) -> list[Counted]:
    """Build all subjects into one image and run it.

    Args:
        subjects: plans for this chip; together they must fit 128 KiB of RAM and 1 MiB of flash.
        chip: decides compiler flags and the simulated core.
        work: folder that is made anew.
        runner: "qemu" (an STM32F405 with a Cortex-M4; mps3-an547 for the M55, in steps of 31 instructions; Xtensa's
            `sim` for the lx106, in steps of 25) or "unicorn" (any other core, and counts per step).
        watch: count; without it unicorn only runs, and instructions are 0.
        level: compiler's; "" takes what the plan was optimized for.

    Raises:
        TinygenError: a tool is missing or failed, or the image faulted.
    """
    main = resource_dir("firmware") / "bench" / "model_main.cpp"
    machine = SIM_LX106 if chip.arch == "xtensa" else AN547 if "mve" in chip.isa else NETDUINO
    with building_directory(work) as folder:
        sources: list[Source] = []
        for number, subject in enumerate(subjects):
            own = folder / f"m{number}"
            files = render_model(subject.plan, b"")
            write_tree(own, {name: files[name] for name in ("src/model.cpp", "src/weights.cpp", "src/weights.h")})
            (own / "vectors.bin").write_bytes(b"".join(subject.inputs))
            (own / "vectors.cpp").write_text(_VECTORS.format(path=own / "vectors.bin"))
            wanted = level or compiler_level(subject.plan)
            names = ("tinygen_arena", "tinygen_state", "bench_main", "bench_vectors", "bench_nothing")
            renamed = (f"-Dmodel=model_{number}", *(f"-D{name}={name}_{number}" for name in names))
            counts = f"-DBENCH_VECTORS={len(subject.inputs)}"
            # The weights stay in a file of their own, as users compile them.
            (own / "rest.cpp").write_text(f'#include "{main}"\n#include "src/weights.cpp"\n#include "vectors.cpp"\n')
            for path in (own / "src/model.cpp", own / "rest.cpp"):
                flags = (wanted, *stack.FLAGS, f"-I{own}", f"-I{own / 'src'}", counts, *renamed)
                sources.append(Source(path=path, name=f"{path.stem}_{number}", flags=flags))
        calls = folder / "calls.cpp"
        calls.write_text(_calls(len(subjects)))
        sources.append(Source(path=calls, name="calls"))
        elf = build_bare(sources, chip, folder, machine=machine if runner == "qemu" else None)
        infers = {match[1]: name for name in bare.symbols_of(elf) if (match := _INFER.match(name))}
        found = stack.worst_cases(folder, elf, infers.values(), prefix=cross_compiler(chip).prefix)
        stacks = {key: found[name].total_bytes for key, name in infers.items() if name in found and found[name].bounded}
        run = (
            bare.run_in_qemu(elf, machine.name)
            if runner == "qemu"
            else bare.run_in_unicorn(elf, chip.cpu, _watched(elf) if watch else {})
        )
    return _read(run, subjects, stacks, f"{runner}, {chip.cpu}")


_VECTORS = """extern "C" const signed char bench_vectors[];
#define TEXT(x) #x
#define NAME(x) TEXT(x)
asm(".section .rodata.vectors,\\"a\\"\\n.balign 4\\n.global " NAME(bench_vectors) "\\n" NAME(bench_vectors) ":\\n"
    ".incbin \\"{path}\\"\\n.previous\\n");
"""


def _calls(n_subjects: int) -> str:
    declared = "".join(f"void bench_main_{n}();\n" for n in range(n_subjects))
    body = "".join(f'  bench_say("M\\n");\n  bench_main_{n}();\n' for n in range(n_subjects))
    return f'#include "bench.h"\nextern "C" {{\n{declared}}}\nvoid bench_main() {{\n{body}}}\n'


def _watched(elf: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, address in bare.symbols_of(elf).items():
        if match := _INFER.match(name):
            found[match[1]] = address
        elif match := _STEP.match(name):
            found[f"{match[1]}/{match[2]}"] = address
    return found


def _read(run: bare.BareRun, subjects: Sequence[Subject], stacks: Mapping[str, int], origin: str) -> list[Counted]:
    parts = run.text.split("M\n")[1:]
    if len(parts) != len(subjects):
        raise tool_failed(f"{len(parts)} of {len(subjects)} models were run", where=origin)
    found = []
    for number, (part, subject) in enumerate(zip(parts, subjects, strict=True)):
        lines = part.split("\n")
        ticks = tuple(int.from_bytes(bytes.fromhex(line[2:]), "little") for line in lines if line.startswith("T "))
        outputs = tuple(bytes.fromhex(line[2:]) for line in lines if line.startswith("O "))
        name = f"model_{number}"
        counted = run.counts.get(name, ticks)
        if len(counted) != len(subject.inputs) or len(outputs) != len(subject.inputs):
            raise tool_failed(f"{len(outputs)} of {len(subject.inputs)} inferences were run", where=origin)
        steps = {int(key.split("/")[1]): runs for key, runs in run.counts.items() if key.startswith(f"{name}/")}
        found.append(
            Counted(
                instructions=counted,
                outputs=outputs,
                steps=dict(sorted(steps.items())),
                stack_bytes=stacks.get(name),
                origin=origin,
            )
        )
    return found
