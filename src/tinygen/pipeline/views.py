"""Results of steps as Reports: which numbers, with which origin, and which tables people see."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import ExitCode
from tinygen.core.process import shown
from tinygen.core.store import StepResult
from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.datasets.manifest import DatasetManifest
from tinygen.datasets.values import Dataset, Split
from tinygen.device.values import Hello
from tinygen.device.watch import Watched
from tinygen.model.budget import peak
from tinygen.model.ir import Plan
from tinygen.pipeline.firmware_steps import Built, Generated
from tinygen.pipeline.steps import Converted
from tinygen.report.plan_view import plan_view
from tinygen.toolchain import elf

SYNTHETIC = "synthetic data: says nothing about real recordings"


def dry_run(commands: list[str]) -> Report:
    """Commands instead of results; nothing was made or run for it."""
    return Report(kind="dry-run", subject={}, details={"commands": commands})


def commands_of(report: Report) -> list[str]:
    """The commands of a dry run."""
    commands = report.details.get("commands")
    return [str(command) for command in commands] if isinstance(commands, list) else []


def boards(known: list[BoardSpec]) -> Report:
    """One row a board."""
    rows = []
    for board in sorted(known, key=lambda b: b.id):
        chip = board.chip
        native = chip.arch == "native"
        rows.append(
            (
                board.id,
                ", ".join(board.aliases),
                chip.title,
                "" if native else f"{board.clock_hz / 1e6:g} MHz",
                "" if native else f"{chip.flash.size_bytes // 1024} K",
                "" if native else f"{chip.ram.size_bytes // 1024} K",
                board.serial.connector,
                ", ".join(s.name for s in board.simulators),
            )
        )
    columns = ("board", "also known as", "chip", "clock", "flash", "RAM", "protocol over", "simulators")
    return Report(
        kind="boards",
        subject={},
        tables=(Table(title="boards", columns=columns, rows=tuple(rows)),),
        details={"boards": [dict(zip(columns, row, strict=True)) for row in rows]},
    )


def board(board: BoardSpec) -> Report:
    """Everything known about one board."""
    chip, known = board.chip, board.platformio.frameworks
    facts = [
        ("chip", f"{chip.title} ({chip.cpu}; {', '.join(chip.isa) or 'no extensions'})"),
        *(
            (f"{region.kind} {region.name}", f"{region.size_bytes:,} bytes at 0x{region.address:08X}")
            for region in chip.regions
        ),
        ("core clock", f"{board.clock_hz:,} Hz{_tree(board)}"),
        ("LED", f"{board.led_pin}, {board.led_drive}" if board.led_pin else "-"),
        ("cycle counter", chip.cycle_counter),
        *(
            (what, f"0x{chip.peripherals[key]:08X}")
            for what, key in (("independent watchdog", "iwdg_base"), ("unique id", "uid_base"))
            if key in chip.peripherals
        ),
        ("protocol over", f"{board.serial.connector}, {board.serial.peripheral}, {board.serial.baud} baud"),
        ("pins", f"TX {board.serial.tx_pin or '-'}, RX {board.serial.rx_pin or '-'}"),
        (
            "PlatformIO",
            f"{board.platformio.platform}, board {board.platformio.board}, "
            f"framework {board.platformio.framework or 'none'} (of {', '.join(f or 'none' for f in known)})",
        ),
        ("upload", ", ".join(board.platformio.upload_protocols) or "-"),
    ]
    simulators = tuple((s.name, s.machine, ", ".join(s.proves), ", ".join(s.does_not_prove)) for s in board.simulators)
    sources = tuple((s.document, s.place) for s in (*board.sources, *chip.sources))
    return Report(
        kind="board",
        subject={"board": board.id, "title": board.title, "aliases": ", ".join(board.aliases)},
        tables=(
            Table(title="facts", columns=("what", "value"), rows=tuple(facts)),
            Table(title="simulators", columns=("name", "machine", "proves", "does not prove"), rows=simulators),
            Table(title="sources", columns=("document", "place"), rows=sources),
        ),
        details={"board": board},
    )


def _tree(board: BoardSpec) -> str:
    """A clock tree in one line; "" where our own code sets up none."""
    clock = board.clock
    if clock is None:
        return ""
    source = {"hsi": "internal oscillator"}.get(clock.source, "clock fed in" if clock.bypass else "crystal")
    return (
        f": {source} {clock.external_hz / 1e6:g} MHz / {clock.pll_m} x {clock.pll_n} / {clock.core_divisor}, "
        f"bus {clock.bus_hz / 1e6:g}, APB1 {clock.bus_hz / clock.apb1_divider / 1e6:g}, "
        f"APB2 {clock.bus_hz / clock.apb2_divider / 1e6:g} MHz, {clock.flash_wait_states} flash wait states"
    )


def manifests(known: list[DatasetManifest]) -> Report:
    """The built-in data sets."""
    rows = tuple((m.name, m.task, ", ".join(m.labels), m.group_kind, m.licence, m.how) for m in known)
    return Report(
        kind="datasets",
        subject={},
        tables=(
            Table(
                title="built-in data sets", columns=("name", "task", "labels", "split by", "licence", "how"), rows=rows
            ),
        ),
        notes=("your own recordings: --data FOLDER (WAV/FLAC class folders, CSV with a header, NPZ)",),
        details={"datasets": known},
    )


def dataset(dataset: Dataset, sides: Split) -> Report:
    """What a data set holds and how it is divided."""
    counts = [Counter(r.label for r in side) for side in (sides.train, sides.validation, sides.test)]
    labels = sorted(set().union(*counts))
    rows = [(label, *(str(count[label]) for count in counts)) for label in labels]
    rows.append(
        (
            f"{dataset.group_kind}s",
            *(str(len({r.group for r in s})) for s in (sides.train, sides.validation, sides.test)),
        )
    )
    return Report(
        kind="dataset",
        subject={
            "name": dataset.name,
            "licence": dataset.licence,
            "source": dataset.source,
            "digest": dataset.digest[:16],
        },
        checks=(
            Check(
                name="no group on two sides",
                status=CheckStatus.PASSED,
                reason=f"divided by {dataset.group_kind}, never by window",
            ),
        ),
        measurements=(Measurement(name="recordings", value=len(dataset.recordings), unit="count", origin="counted"),),
        tables=(Table(title="recordings", columns=("label", "train", "validation", "test"), rows=tuple(rows)),),
        notes=dataset.notes,
        details={
            "synthetic": dataset.synthetic,
            "sides": dict(zip(("train", "validation", "test"), counts, strict=True)),
        },
    )


def training(step: StepResult) -> Report:
    """How the float network did; its INT8 form is judged by `convert`."""
    facts = json.loads((step.path / "fitted.json").read_text())
    note = SYNTHETIC if facts["synthetic"] else ""
    return Report(
        kind="train",
        subject={
            "task": facts["task"],
            "dataset": facts["dataset"],
            "step": step.path.name,
            "redone": _redone(step.reused),
        },
        measurements=(
            Measurement(name="parameters", value=facts["n_parameters"], unit="count", origin="counted"),
            Measurement(name="epochs", value=len(facts["history"]), unit="count", origin="counted"),
            *_metrics("float", facts["metrics"], "measured-on-test-side", note),
        ),
        notes=tuple(facts["notes"]),
        details=facts,
    )


def acceptance(made: Converted, shortened: bool) -> Check:
    """Whether the INT8 model reaches what its task asks for on the test side.

    Args:
        made: the model.
        shortened: the user chose the number of epochs (--epochs): a miss is said, not punished.
    """
    metric, least = made.task.acceptance.metric, made.task.acceptance.at_least
    value = made.model.int8_metrics[metric]
    miss = CheckStatus.SKIPPED if shortened else CheckStatus.FAILED
    sides = made.model.details.get("sides")
    test = sides.get("test") if isinstance(sides, dict) else None
    count = test.get("recordings") if isinstance(test, dict) else None
    unseen = f"{count} unseen recordings" if count else "unseen recordings"
    return Check(
        name="acceptance",
        status=CheckStatus.PASSED if value >= least else miss,
        reason=f"INT8 {metric} {value:.3f} on {unseen}, {'at least' if value >= least else 'less than'} {least:g}"
        + (" (training shortened by --epochs)" if shortened and value < least else ""),
    )


def conversion(made: Converted, path: Path, *, shortened: bool) -> Report:
    """Float against INT8, both on the test side."""
    model = made.model
    note = SYNTHETIC if model.synthetic else ""
    return Report(
        kind="convert",
        subject={"task": made.task.name, "dataset": model.dataset, "tflite": str(path), "redone": _redone(made.reused)},
        checks=(acceptance(made, shortened),),
        measurements=(
            Measurement(name="tflite_bytes", value=len(model.tflite), unit="bytes", origin="counted"),
            Measurement(name="parameters", value=model.n_parameters, unit="count", origin="counted"),
            *_metrics("float", model.float_metrics, "measured-in-keras", note),
            *_metrics("int8", model.int8_metrics, "measured-in-tflm-interpreter", note),
        ),
        tables=_confusion(made),
        notes=_notes(model.details.get("notes")),
        details={"seed": model.seed, "synthetic": model.synthetic, **model.details},
    )


def _notes(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()


def _metrics(kind: str, metrics: dict[str, float], origin: str, note: str) -> list[Measurement]:
    return [
        Measurement(name=f"{kind}_{name}", value=round(value, 4), unit="ratio", origin=origin, note=note)
        for name, value in metrics.items()
    ]


def _confusion(made: Converted) -> tuple[Table, ...]:
    table, labels = made.model.details.get("confusion_int8"), made.model.details.get("labels")
    if not isinstance(table, list) or not isinstance(labels, list):
        return ()
    rows = tuple((str(label), *(str(n) for n in row)) for label, row in zip(labels, table, strict=False))
    title = "confusion matrix, INT8 (rows: truth)" + (" on synthetic data" if made.model.synthetic else "")
    return (Table(title=title, columns=("truth \\ said", *(str(label) for label in labels)), rows=rows),)


def compilation(plan: Plan, board: BoardSpec) -> Report:
    """Kernels and memory, known before anything is built."""
    top = peak(plan)
    rows = []
    for step in plan.steps:
        shapes = (
            " + ".join(_shape(plan, i) for i in step.inputs)
            + " -> "
            + " + ".join(_shape(plan, i) for i in step.outputs)
        )
        weights = sum(array.nbytes for array in step.constants.values())
        mark = "  <- peak" if step.position == top.position else ""
        rows.append((str(step.position), step.op.name, shapes, f"{step.macs:,}", f"{weights:,}", step.kernel + mark))
    return Report(
        kind="compile",
        subject={"model": plan.graph.name, "board": board.id, "digest": plan.graph.digest[:16]},
        checks=(Check(name="fits", status=CheckStatus.PASSED, reason=f"within {board.id}'s memory and the budget"),),
        measurements=(
            Measurement(name="arena_bytes", value=plan.arena_bytes, unit="bytes", origin="planned"),
            Measurement(
                name="arena_lower_bound_bytes",
                value=plan.lower_bound_bytes,
                unit="bytes",
                origin="planned",
                note="no layout of these buffers can be smaller",
            ),
            Measurement(name="weights_bytes", value=plan.weights_bytes, unit="bytes", origin="planned"),
            Measurement(name="macs", value=plan.macs, unit="count", origin="planned"),
        ),
        tables=(
            Table(
                title="steps", columns=("step", "operator", "shapes", "MACs", "constants", "kernel"), rows=tuple(rows)
            ),
        ),
        details={
            "plan_view": plan_view(plan),
            "steps": [
                {
                    "position": step.position,
                    "op": step.op.name,
                    "kernel": step.kernel,
                    "why": step.why,
                    "refused": [list(pair) for pair in step.refused],
                    "macs": step.macs,
                    "scratch_bytes": step.scratch_bytes,
                }
                for step in plan.steps
            ],
            "peak_step": top.position,
            "peak_live_bytes": top.live_bytes,
        },
    )


def _shape(plan: Plan, tensor: int) -> str:
    return "x".join(str(size) for size in plan.graph.tensors[tensor].shape)


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
        notes=(standin,) if standin else (),
        details={"standin": firmware.standin},
    )


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


def flashing(made: Built, port: str, hello: Hello, before: Hello | None) -> Report:
    """What answers after an upload, and what answered before it."""
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
        checks=(Check(name="this build answers", status=CheckStatus.PASSED, reason=f"hello from {hello.board}"),),
        notes=(replaced, f"next: tinygen verify --on {port}"),
        details={"replaced_build_id": before.build_id if before is not None else None},
    )


def _redone(reused: bool) -> str:
    return "no, nothing had changed" if reused else "yes"


def capacities(board: BoardSpec) -> tuple[Measurement, ...]:
    """What the chip has; nothing for the developer's own machine."""
    if board.chip.arch == "native":
        return ()
    return tuple(
        Measurement(name=name, value=region.size_bytes, unit="bytes", origin="declared")
        for name, region in (("flash_capacity_bytes", board.chip.flash), ("ram_capacity_bytes", board.chip.ram))
    )


def with_checks(report: Report, checks: tuple[Check, ...]) -> Report:
    """The report with further checks."""
    return replace(report, checks=(*report.checks, *checks))


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


def whole_run(proof: Report, made: Converted, image: Built, *, page: Path, seconds: float, shortened: bool) -> Report:
    """The proof with what came before it, as one report."""
    model = made.model
    note = SYNTHETIC if model.synthetic else ""
    return replace(
        proof,
        kind="run",
        checks=(acceptance(made, shortened), *proof.checks),
        subject={**proof.subject, "dataset": model.dataset, "elf": str(image.firmware.elf), "page": str(page)},
        measurements=(
            *proof.measurements,
            *_metrics("int8", model.int8_metrics, "measured-in-tflm-interpreter", note),
            Measurement(name="elapsed_s", value=round(seconds, 1), unit="s", origin="measured-on-host"),
        ),
    )
