"""The verb `compare-engines`: one model, both engines in the same application, the same vectors; what each takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tinygen.core.errors import bad_input
from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.device import instruments
from tinygen.device.client import Client
from tinygen.device.registry import choose
from tinygen.pipeline import compilation, compile_proof, compile_values, engines, saved
from tinygen.pipeline.context import Context

ROWS: tuple[tuple[str, str], ...] = (
    ("ram_bytes", "RAM of the image"),
    ("arena_bytes", "its arena"),
    ("flash_bytes", "flash of the image"),
    ("weights_bytes", "its weights (tflm: the file)"),
    ("code_bytes", "its flash beside them"),
    ("stack_used_bytes", "stack used"),
    ("instructions", "instructions per inference"),
    ("compared_output_bytes", "output bytes compared with TFLM"),
    ("differing_bytes", "differing bytes"),
    ("layers_compared", "layers compared"),
)
_COUNTS = ("layers_compared",)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """An engine's proof and figures."""

    engine: str
    report: Report
    measurements: dict[str, Measurement]
    recorded_arena_bytes: int
    files: dict[str, str]


def compare_engines(ctx: Context, model: Path | None, on: str) -> Report:
    """Build, prove and measure a model with both engines.

    The interpreter is built twice: in an arena of the recorded size and its margin, then in the smallest one the
    device itself found to suffice, so that neither engine is shown larger than it has to be.

    Args:
        ctx: names the board and TFLM's tree.
        model: a .tflite file; None takes the task's own.
        on: a target of the board, "sim" or a port.

    Raises:
        TinygenError: as `compile_proof.prove` of either engine.
    """
    chosen = choose(ctx.board, on)
    if chosen == "host" or ctx.board.chip.arch == "native":
        raise bad_input("the interpreter runs on a chip", where="--on host", hint="name an STM32 board and a simulator")
    sides = (_side(ctx, model, chosen, engines.AOT), _tflm(ctx, model, chosen))
    return saved.keep(ctx, _report(ctx, sides, chosen)) if model is None else _report(ctx, sides, chosen)


def _tflm(ctx: Context, model: Path | None, on: str) -> Side:
    least: list[int] = []

    def ask(client: Client) -> None:
        least.append(instruments.least_arena_bytes(client))

    first = _side(ctx, model, on, engines.TFLM, ask)
    recorded = first.recorded_arena_bytes
    if ctx.config.tflm_arena_bytes is not None or not least or not 0 < least[0] < recorded:
        return first
    tight = replace(ctx, config=replace(ctx.config, tflm_arena_bytes=least[0]))
    return replace(_side(tight, model, on, engines.TFLM), recorded_arena_bytes=recorded)


def _side(ctx: Context, model: Path | None, on: str, engine: str, ask: compile_proof.Question | None = None) -> Side:
    inner = replace(ctx, config=replace(ctx.config, engine=engine))
    inner.progress(f"{engine}: planning", 0, 1, "")
    made = compilation.planned(inner, compile_values.Request(model=model))
    made = replace(made, slug=f"{made.slug}-{engine}")
    inner = replace(inner, config=replace(inner.config, task=made.slug))
    report = compile_proof.prove(inner, made, on, ask=ask)
    found = {m.name: m for m in report.measurements}
    flash, weights = found.get("flash_bytes"), found.get("weights_bytes")
    if flash is not None and weights is not None and flash.value is not None and weights.value is not None:
        found["code_bytes"] = replace(flash, name="code_bytes", value=flash.value - weights.value)
    return Side(
        engine=engine,
        report=report,
        measurements=found,
        recorded_arena_bytes=made.plan.arena_bytes,
        files={key: value for key, value in report.subject.items() if key in ("kernels", "tflm_tree", "toolchain")},
    )


def _report(ctx: Context, sides: tuple[Side, Side], on: str) -> Report:
    aot, tflm = sides
    rows = tuple((title, *(_shown(side, name) for side in sides), _ratio(sides, name)) for name, title in ROWS)
    checks = tuple(_proved(side) for side in sides)
    arena = tflm.measurements.get("arena_bytes")
    used = f"{arena.value:,}" if arena is not None and arena.value is not None else "?"
    notes = (
        "both images are the same application (protocol, port, self-test); only the engine differs",
        f"tflm's arena: {used} bytes, the smallest in which it starts on {on}; its allocation record and margin give "
        f"{tflm.recorded_arena_bytes:,}",
        f"TFLM's sources: tree {tflm.files.get('tflm_tree', '?')} with {tflm.files.get('kernels', '?')}, built as its "
        "release build (-DNDEBUG, error strings stripped)",
        "every operator of tflm goes through one more call, which lets layers be compared: some 35 instructions each",
    )
    return Report(
        kind="compare-engines",
        subject={
            "model": aot.report.subject.get("task", "").removesuffix("-aot"),
            "digest": aot.report.subject.get("model", ""),
            "board": ctx.board.id,
            "target": on,
            "toolchain": aot.files.get("toolchain", ""),
        },
        checks=checks,
        measurements=tuple(
            replace(side.measurements[name], name=f"{side.engine}_{name}")
            for side in sides
            for name, _ in ROWS
            if name in side.measurements
        ),
        tables=(Table(title="Engines", columns=("", "aot", "tflm", "tflm / aot"), rows=rows),),
        notes=notes,
        details=_details(sides),
    )


def _details(sides: tuple[Side, Side]) -> dict[str, object]:
    return {
        side.engine: {
            "recorded_arena_bytes": side.recorded_arena_bytes,
            **side.files,
            **{name: side.measurements[name].value for name, _ in ROWS if name in side.measurements},
        }
        for side in sides
    }


def _shown(side: Side, name: str) -> str:
    found = side.measurements.get(name)
    return "-" if found is None or found.value is None else f"{found.value:,}"


def _ratio(sides: tuple[Side, Side], name: str) -> str:
    values = [side.measurements[name].value if name in side.measurements else None for side in sides]
    first, second = values
    if not first or second is None or name in ("differing_bytes", "compared_output_bytes", *_COUNTS):
        return ""
    return f"{second / first:.2f}"


def _proved(side: Side) -> Check:
    wrong = [check for check in side.report.checks if check.status in (CheckStatus.FAILED, CheckStatus.ERROR)]
    vectors, differing = (side.measurements.get(name) for name in ("vectors", "differing_bytes"))
    if wrong or not side.report.ok:
        words = "; ".join(f"{check.name}: {check.reason}" for check in wrong) or "its proof failed"
        return Check(name=side.engine, status=CheckStatus.FAILED, reason=words)
    counted = (
        f"{vectors.value if vectors else 0} vectors, {differing.value if differing else '?'} bytes differ from TFLM"
    )
    return Check(name=side.engine, status=CheckStatus.PASSED, reason=counted)
