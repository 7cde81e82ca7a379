"""`generate --into`: the task's model as a part of an existing project, of which no file is touched."""

from __future__ import annotations

from pathlib import Path

from tinygen.core.errors import bad_input
from tinygen.core.files import write_own
from tinygen.core.values import Measurement, Report
from tinygen.firmware.component_view import Component, Kind, render_component
from tinygen.firmware.model_view import compiler_level
from tinygen.pipeline import engines, firmware_steps, saved
from tinygen.pipeline.context import Context

_RECORD = ".tinygen-files"
# What shows that a folder is a project of this kind.
_SIGNS: dict[Kind, tuple[str, ...]] = {
    "platformio": ("platformio.ini",),
    "espidf": ("main/CMakeLists.txt", "sdkconfig", "sdkconfig.defaults", "idf_component.yml", "src/CMakeLists.txt"),
    "cmake": ("CMakeLists.txt",),
    "arduino": ("libraries", "*.ino", "*/*.ino"),
}


def into(ctx: Context, folder: Path, kind: Kind) -> Report:
    """Put front end, model and decision into somebody's project.

    Args:
        folder: the project (Arduino: the sketchbook, which has or gets `libraries`).
        kind: what builds it.

    Raises:
        TinygenError: it is no such project, or files that are not ours are in the way; as `firmware_steps.planned`.
    """
    if not any(any(folder.glob(sign)) for sign in _SIGNS[kind]):
        signs = " or ".join(_SIGNS[kind])
        raise bad_input(f"is no {kind} project: it has no {signs}", where=str(folder), hint="name its top folder")
    if ctx.config.engine != engines.AOT:
        raise bad_input(
            "only generated code goes into another project", where="--engine", hint="leave --into out, or --engine aot"
        )
    planned = firmware_steps.planned(ctx)
    component = render_component(
        kind,
        planned.converted.task.name,
        firmware_steps.chain_files(ctx, planned),
        level=compiler_level(planned.plan),
        arena_bytes=planned.plan.arena_bytes,
        weights_bytes=planned.plan.weights_bytes,
    )
    place = folder / component.folder
    refuse_foreign(place, component)
    changed = write_own(place, component.files)
    return saved.keep(
        ctx,
        Report(
            kind="generate",
            subject={"board": planned.board.id, "task": planned.converted.task.name, "into": str(place)},
            measurements=(
                Measurement(name="files", value=len(component.files), unit="count", origin="counted"),
                Measurement(name="changed", value=changed, unit="count", origin="counted"),
                Measurement(name="arena", value=planned.plan.arena_bytes, unit="bytes", origin="planned"),
                Measurement(name="weights", value=planned.plan.weights_bytes, unit="bytes", origin="planned"),
            ),
            notes=("no file of yours was touched; left to add:", *component.add),
        ),
    )


def refuse_foreign(place: Path, component: Component) -> None:
    """Raise where a file that an earlier call did not write has a name of ours.

    Raises:
        TinygenError: it names them.
    """
    record = place / _RECORD
    ours = set(record.read_text(encoding="utf-8").splitlines()) if record.is_file() else set()
    if place.exists() and not place.is_dir():
        raise bad_input("is a file", where=str(place), hint="move it away")
    foreign = [path for path in component.files if path not in ours and (place / path).exists()]
    if foreign:
        raise bad_input(
            f"{len(foreign)} file(s) there are not tinygen's: {', '.join(foreign[:5])}",
            where=str(place),
            hint="move them away, or generate another task",
        )
