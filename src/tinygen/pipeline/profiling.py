"""The verb `profile`: build if needed, connect, count, report, draw."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tinygen.core.canonical import digest_bytes
from tinygen.core.files import write_atomic
from tinygen.core.values import Report
from tinygen.device.counting import counting
from tinygen.device.registry import choose
from tinygen.features import reference
from tinygen.features.spec import FeatureSpec, lead_in_frames
from tinygen.features.stages import stage_names, stages_in_use
from tinygen.pipeline import firmware_steps, profile_views, proof, real_time, saved
from tinygen.pipeline.context import Context
from tinygen.report import flame
from tinygen.verify import profile as profiler
from tinygen.verify import vectors as vector_maker


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to count, and what to compare it with.

    Attributes:
        runs, warmups: None takes 101 and 8 on hardware, 3 and 1 in simulators.
        compare: a file that `profile --json` wrote.
        threshold_percent: a part that takes so much longer than there is a failed check.
        output: where the picture goes; None: into the build folder.
    """

    runs: int | None = None
    warmups: int | None = None
    compare: Path | None = None
    threshold_percent: float = 5.0
    output: Path | None = None


def profile(ctx: Context, request: Request) -> Report:
    """Count every layer and every stage of the front end.

    Raises:
        TinygenError: as `firmware_steps.built`; no counter there; the device is silent; nothing to compare with.
    """
    before = profile_views.earlier(request.compare) if request.compare is not None else None
    chosen = choose(ctx.board, ctx.config.on)
    made = firmware_steps.built(ctx)
    planned = made.generated.planned
    plan, task = planned.plan, planned.converted.task
    (vector,) = vector_maker.make(
        planned.converted.heldout, task.features, planned.input_quantization, 1, ctx.config.seed
    )
    used = stages_in_use(task.features)
    with proof.connected(ctx, made, chosen) as (target, client):
        meaning = counting(target.capabilities, client.hello())
        usual = (
            (profiler.SIMULATED_WARMUPS, profiler.SIMULATED_RUNS)
            if meaning.deterministic
            else (profiler.WARMUPS, profiler.RUNS)
        )
        found = profiler.measure(
            client,
            meaning,
            vector.model_input.tobytes(),
            vector.raw,
            layers=[(f"{step.position} {step.op.name}", step.kernel) for step in plan.steps],
            stages=[name if name in used else "" for name in stage_names(task.features)],
            warmups=usual[0] if request.warmups is None else request.warmups,
            runs=usual[1] if request.runs is None else request.runs,
            progress=ctx.progress,
        )
    subject = {
        "task": task.name,
        "board": ctx.board.id,
        "target": target.capabilities.name,
        "engine": ctx.config.engine,
        "build": made.firmware.build_id[:12],
        "model": digest_bytes(planned.converted.model.tflite)[:16],
        "input": vector.name,
        "toolchain": made.firmware.toolchain,
    }
    page = request.output or ctx.config.build_dir / f"profile-{task.name}-{ctx.board.id}.html"
    report = profile_views.report(
        found, subject, compare=before, threshold_percent=request.threshold_percent, page=page
    )
    in_q = firmware_steps.quantization_of(planned.input_tensor)
    rule = firmware_steps.stream_rule(ctx, planned.converted, in_q.scale)
    parts = per_hop(found, task.features, rule.hop_rows)
    counted = found.counting
    if parts:
        rests = "; the model looks once per motion, here at every hop" if rule.segments is not None else ""
        report = replace(
            report,
            measurements=(
                *report.measurements,
                *real_time.shares(ctx.board, sum(parts.values()), counted.unit, counted.origin),
            ),
            tables=(*report.tables, real_time.per_hop_table(parts, counted.unit, counted.origin)),
            notes=(*report.notes, f"in a stream the model looks every {rule.hop_rows} rows{rests}"),
        )
    write_atomic(page, picture(found, subject))
    return saved.keep(ctx, report)


def per_hop(found: profiler.Profile, spec: FeatureSpec, hop_rows: int) -> dict[str, float]:
    """What each stage of the front end and the model take per 10 ms of a stream; empty for a model without one.

    Args:
        found: of the recording of one inference.
        spec: its front end.
        hop_rows: new rows per inference of the stream.
    """
    if not found.stages:
        return {}
    period = reference.row_end(spec, 1) - reference.row_end(spec, 0)
    rows = spec.rate_hz * real_time.HOP_MS / 1000 / period
    computed = lead_in_frames(spec) + spec.n_frames
    parts = {part.name: part.median / computed * rows for part in found.stages}
    return {**parts, "model": found.whole.median / hop_rows * rows}


def picture(found: profiler.Profile, subject: dict[str, str]) -> bytes:
    """The flame-style page."""
    unit = found.counting.unit

    def blocks(parts: tuple[profiler.Part, ...]) -> tuple[flame.Block, ...]:
        return tuple(
            flame.Block(name=p.name, value=p.median, tip=f"{p.median:,.0f} {unit}, worst {p.worst:,.0f}; {p.detail}")
            for p in parts
        )

    model = sum(part.median for part in found.layers)
    front = sum(part.median for part in found.stages)
    children = [flame.Block(name="model", value=model, tip=f"{model:,.0f} {unit}", children=blocks(found.layers))]
    if found.stages:
        tip = f"{front:,.0f} {unit} for one recording"
        children.insert(0, flame.Block(name="front end", value=front, tip=tip, children=blocks(found.stages)))
    root = flame.Block(
        name=f"one recording: {front + model:,.0f} {unit}",
        value=front + model,
        tip=found.counting.words,
        children=tuple(children),
    )
    title = f"{subject['task']} on {subject['board']}"
    words = f"{found.counting.words}; medians of {len(found.whole.counts)} runs; build {subject['build']}"
    return flame.page(title, words, [(f"Where the {unit} go", flame.flame(root, unit))])
