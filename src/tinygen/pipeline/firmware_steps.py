"""From a model to a linked image: plan, vectors, rendered project, build."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinygen.boards.loader import load_boards
from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import bad_input
from tinygen.core.files import place_tree
from tinygen.features.quantize import InputQuantization, for_input
from tinygen.features.spec import lead_in_frames
from tinygen.firmware.decision_view import render_decision
from tinygen.firmware.features_view import render_features
from tinygen.firmware.model_view import compiler_level
from tinygen.firmware.project_view import STACK_BYTES, render_project
from tinygen.firmware.sensors.plan import source_plan
from tinygen.firmware.stream_view import rendered_stream, state_bytes, stream_view
from tinygen.firmware.values import RenderedTree, SelfTestVector
from tinygen.model import importer
from tinygen.model.budget import check_budget
from tinygen.model.ir import Plan, Quantization, Tensor
from tinygen.pipeline import engines
from tinygen.pipeline.context import PROJECT_KEEPS, Context
from tinygen.pipeline.steps import Converted, converted
from tinygen.pipeline.vectors import asked
from tinygen.tasks import thresholds
from tinygen.tasks.stream import StreamRule, rule_of
from tinygen.toolchain import build as builder
from tinygen.toolchain.values import Firmware

SELF_TEST_VECTORS = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Planned:
    """A model compiled for a board, and how signals reach its input."""

    converted: Converted
    board: BoardSpec
    plan: Plan
    input_quantization: InputQuantization

    @property
    def input_tensor(self) -> Tensor:
        """The model's one input."""
        return self.plan.graph.tensors[self.plan.graph.inputs[0]]

    @property
    def output_tensor(self) -> Tensor:
        """The model's one output."""
        return self.plan.graph.tensors[self.plan.graph.outputs[0]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Generated:
    """A project on disk."""

    planned: Planned
    tree: RenderedTree


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Built:
    """A linked image of the project."""

    generated: Generated
    firmware: Firmware


def quantization_of(tensor: Tensor) -> Quantization:
    """A tensor's quantisation.

    Raises:
        TinygenError: it has none.
    """
    if tensor.quantization is None:
        raise bad_input("has no quantisation parameters", where=f"tensor {tensor.index} '{tensor.name}'")
    return tensor.quantization


def planned(ctx: Context) -> Planned:
    """The task's own model, compiled for the board, within the budget.

    Raises:
        TinygenError: as `steps.converted`; the model does not fit.
    """
    board = ctx.board
    made = converted(ctx)
    graph = importer.load(made.model.tflite, f"{made.task.name}.tflite")
    plan = engines.planned(ctx, graph, made.model.tflite, board)
    input_copy = sum(plan.graph.tensors[i].n_bytes for i in plan.graph.inputs)
    check_fits(ctx, plan, board, {"stack": STACK_BYTES, "copy of the input": input_copy})
    in_q = quantization_of(graph.tensors[graph.inputs[0]])
    quantization = for_input(made.task.features, in_q.scale, in_q.zero_point)
    return Planned(converted=made, board=board, plan=plan, input_quantization=quantization)


def stream_rule(ctx: Context, made: Converted, input_scale: float) -> StreamRule:
    """How a stream of this model's inferences becomes events, the whole window computed anew at every hop.

    Args:
        ctx: brings a threshold, where the user has one.
        made: the model.
        input_scale: of its input.

    Raises:
        TinygenError: the task's plan gives integers the device cannot compute.
    """
    task, decision = made.task, made.model.decision
    rule = rule_of(
        task.stream,
        labels=task.labels,
        rate_hz=task.features.rate_hz,
        window_rows=task.features.n_frames,
        hop_rows=min(task.stream.hop_rows, task.features.n_frames),
        lead_in_rows=lead_in_frames(task.features),
        score_threshold=decision.threshold if decision.kind == "reconstruction" else None,
        label_threshold=decision.threshold if decision.kind == "argmax" else 0,
        input_scale=input_scale,
    )
    return thresholds.carried(rule, ctx.config.event_threshold)


def check_fits(ctx: Context, plan: Plan, board: BoardSpec, other_ram_bytes: dict[str, int]) -> None:
    """Refuse what cannot fit the board or the budget, before anything is compiled.

    Args:
        ctx: the budget.
        plan: what is to be placed.
        board: where.
        other_ram_bytes: what is surely needed beside the arena, by name, in bytes.

    Raises:
        TinygenError: which step peaks, and what would help (another board only where the board is the limit).
    """
    config, chip = ctx.config, board.chip
    budgeted = config.ram_budget_bytes is not None or config.flash_budget_bytes is not None
    if chip.arch == "native" and not budgeted:
        return
    needed = plan.arena_bytes + sum(other_ram_bytes.values())
    larger = tuple(
        known.id
        for known in load_boards().values()
        if known.chip.arch != "native"
        and known.chip.ram.size_bytes >= needed
        and known.chip.flash.size_bytes >= plan.weights_bytes
        and known.id != board.id
    )
    check_budget(
        plan,
        other_ram_bytes=other_ram_bytes,
        ram_limit_bytes=config.ram_budget_bytes or chip.ram.size_bytes,
        ram_limit_name="the budget allows" if config.ram_budget_bytes else f"{board.id} has",
        flash_limit_bytes=config.flash_budget_bytes or chip.flash.size_bytes,
        flash_limit_name="the budget allows" if config.flash_budget_bytes else f"{board.id} has",
        larger_boards=() if budgeted else larger,
    )


def generated(ctx: Context, output: Path | None = None) -> Generated:
    """The complete project, written to its folder (only what changed is touched).

    Args:
        output: another folder than the build folder's.

    Raises:
        TinygenError: as `planned`; the folder cannot be written.
    """
    plan = planned(ctx)
    tree = rendered(ctx, plan)
    place_tree(output or ctx.project_dir, tree.files, named=output is not None, keep=PROJECT_KEEPS)
    return Generated(planned=plan, tree=tree)


def rendered(ctx: Context, planned: Planned) -> RenderedTree:
    """The project's files, with the first held-out vectors as its self-test.

    Raises:
        TinygenError: the oracle is missing or refuses the model.
    """
    made, plan = planned.converted, planned.plan
    proof = asked(ctx, made, plan, planned.input_quantization, count=SELF_TEST_VECTORS)
    selftest = [
        SelfTestVector(model_input=vector.model_input, expected_output=np.frombuffer(expected.output, dtype=np.int8))
        for vector, expected in zip(proof.vectors, proof.expected, strict=True)
    ]
    view = stream_view(
        made.task.features,
        stream_rule(ctx, made, quantization_of(planned.input_tensor).scale),
        real_zero=quantization_of(planned.input_tensor).zero_point,
        input_rows=made.task.features.n_frames,
        ring_s=ctx.ring_s,
        quantization=planned.input_quantization,
    )
    files = {**chain_files(ctx, planned), **rendered_stream(view)}
    source = source_plan(planned.board, made.task.features, ctx.config.sensor)
    level = compiler_level(plan)
    return render_project(
        planned.board,
        made.task.name,
        ctx.config.engine,
        files,
        selftest,
        level=level,
        source=source,
        state_bytes=state_bytes(view),
    )


def chain_files(ctx: Context, planned: Planned) -> dict[str, bytes]:
    """Front end, model and decision: {path in a project: content}."""
    made = planned.converted
    return {
        **engines.engine_for(ctx, planned.plan, made.model.tflite, planned.board).files,
        **render_features(made.task.features, planned.input_quantization),
        **render_decision(
            made.model.decision,
            input_elements=planned.input_tensor.n_elements,
            output_elements=planned.output_tensor.n_elements,
            in_q=quantization_of(planned.input_tensor),
            out_q=quantization_of(planned.output_tensor),
        ),
    }


def built(ctx: Context) -> Built:
    """The linked image.

    Raises:
        TinygenError: as `generated`; a tool is missing, the compiler failed, or the image is over the budget.
    """
    made = generated(ctx)
    board = made.planned.board
    firmware = builder.build(
        ctx.project_dir,
        board,
        build_id=made.tree.build_id,
        offline=ctx.offline,
        werror=ctx.werror,
        log=ctx.log("build"),
        progress=ctx.progress,
    )
    for name, used, limit in (
        ("RAM", firmware.ram_bytes, ctx.config.ram_budget_bytes),
        ("flash", firmware.flash_bytes, ctx.config.flash_budget_bytes),
    ):
        if limit is not None and used > limit:
            raise bad_input(
                f"the linked image uses {used:,} bytes of {name}, the budget allows {limit:,}",
                where=board.id,
                hint="`tinygen compile` shows the memory of each step; raise the budget or shrink the model",
            )
    return Built(generated=made, firmware=firmware)


def build_commands(ctx: Context) -> list[tuple[str, ...]]:
    """What generates and builds the project, for --dry-run: nothing has to be there yet."""
    generate = ("tinygen", "generate", *ctx.config.words("--on", "--vectors"), *ctx.reach)
    return [generate, *builder.commands(ctx.project_dir, ctx.board, offline=ctx.offline)]
