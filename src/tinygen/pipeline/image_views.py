"""Projects, images and devices as Reports: sizes, what was written, who answers."""

from __future__ import annotations

from pathlib import Path

from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import ExitCode
from tinygen.core.process import shown
from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.device.values import Hello
from tinygen.device.watch import Watched
from tinygen.features import quantize
from tinygen.pipeline.firmware_steps import Built, Generated
from tinygen.toolchain import elf


def generation(made: Generated, folder: Path) -> Report:
    """Where the project is and how large it is."""
    sizes = {name: len(data) for name, data in made.tree.files.items()}
    return Report(
        kind="generate",
        subject={
            "board": made.planned.board.id,
            "task": made.planned.converted.task.name,
            "project": str(folder),
            "build_id": made.tree.build_id,
        },
        measurements=(Measurement(name="files", value=len(sizes), unit="count", origin="counted"),),
        notes=(
            *_ready(made),
            quantize.note(made.planned.input_quantization),
            f"plain PlatformIO builds it where its registry is reachable: {shown(('pio', 'run', '-d', str(folder)))}",
            "without the registry: `tinygen build` takes the system's cross compilers for the same project files",
        ),
        details={"files": sizes},
    )


def building(made: Built) -> Report:
    """Sizes of the linked image, beside what was planned."""
    firmware, plan = made.firmware, made.generated.planned.plan
    rows = tuple((s.name, f"0x{s.address:08X}", f"{s.size_bytes:,}", s.kind) for s in firmware.sections)
    standin = "compiled with the offline stand-in platform, not the vendor's" if firmware.standin else ""
    return Report(
        kind="build",
        subject={
            "board": firmware.board,
            "elf": str(firmware.elf),
            "build_id": firmware.build_id,
            "toolchain": firmware.toolchain,
        },
        checks=(arena_check(made),),
        measurements=(
            Measurement(name="arena_bytes", value=plan.arena_bytes, unit="bytes", origin="planned"),
            Measurement(name="weights_bytes", value=plan.weights_bytes, unit="bytes", origin="planned"),
            *elf.measurements(firmware, made.generated.planned.board.chip),
        ),
        tables=(Table(title="sections", columns=("section", "address", "bytes", "in"), rows=rows),),
        notes=(
            *_ready(made.generated),
            quantize.note(made.generated.planned.input_quantization),
            *((standin,) if standin else ()),
        ),
        details={"standin": firmware.standin},
    )


def _ready(made: Generated) -> tuple[str, ...]:
    note = made.planned.converted.note
    return (note,) if note else ()


def arena_check(made: Built) -> Check:
    """Planned = linked: the arena symbol of the image is exactly as large as the plan says."""
    planned_bytes = made.generated.planned.plan.arena_bytes
    linked = [s for name, s in made.firmware.symbols.items() if "tinygen_arena" in name]
    if len(linked) != 1:
        return Check(name="arena planned = linked", status=CheckStatus.ERROR, reason="the image has no arena symbol")
    same = linked[0].size_bytes == planned_bytes
    return Check(
        name="arena planned = linked",
        status=CheckStatus.PASSED if same else CheckStatus.FAILED,
        reason=f"planned {planned_bytes:,} bytes, linked {linked[0].size_bytes:,}",
    )


def flashing(made: Built, port: str, hello: Hello, before: Hello | None, image: Check) -> Report:
    """What answers after an upload, whether its flash holds the image, and what answered before it."""
    if before is None:
        replaced = "whatever was on the board before did not answer"
    elif before.build_id == hello.build_id:
        replaced = "this build was on the board before"
    else:
        replaced = f"replaced build {before.build_id[:12]} ({before.task}, {before.engine}, for {before.board})"
    return Report(
        kind="flash",
        subject={
            "board": made.firmware.board,
            "port": port,
            "build_id": hello.build_id,
            "task": hello.task,
            "engine": hello.engine,
        },
        checks=(Check(name="this build answers", status=CheckStatus.PASSED, reason=f"hello from {hello.board}"), image),
        notes=(*_ready(made.generated), replaced, f"next: tinygen verify --on {port}"),
        details={"replaced_build_id": before.build_id if before is not None else None},
    )


def capacities(board: BoardSpec) -> tuple[Measurement, ...]:
    """What the chip has; nothing for the developer's own machine."""
    if board.chip.arch == "native":
        return ()
    return tuple(
        Measurement(name=name, value=region.size_bytes, unit="bytes", origin="declared")
        for name, region in (("flash_capacity_bytes", board.chip.flash), ("ram_capacity_bytes", board.chip.ram))
    )


def monitoring(watched: Watched) -> Report:
    """How a monitor session ended; it failed when the device was gone then."""
    hello = watched.hello
    counts = ("log_lines", "events", "frames", "restarts", "reconnects")
    return Report(
        kind="monitor",
        subject={"board": hello.board, "task": hello.task, "engine": hello.engine, "build_id": hello.build_id}
        if hello
        else {},
        checks=(Check(name="device", status=CheckStatus.ERROR, reason=watched.gone),) if watched.gone else (),
        measurements=tuple(
            Measurement(name=name, value=getattr(watched, name), unit="count", origin="declared") for name in counts
        ),
        details={"exit_code": int(ExitCode.NO_ANSWER)} if watched.gone else {},
    )
