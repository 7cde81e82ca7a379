"""compile: any model -> plan -> library, its exact sizes, and a proof. The three tasks' models go the same way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinygen.boards.loader import find_board
from tinygen.boards.spec import BoardSpec
from tinygen.config import parse_bytes
from tinygen.core.canonical import digest_bytes, pretty_json
from tinygen.core.errors import TinygenError, bad_input, did_you_mean
from tinygen.core.files import place_tree, write_tree
from tinygen.core.values import Report
from tinygen.device.client import Client
from tinygen.device.registry import choose
from tinygen.firmware.bare_view import render_bare
from tinygen.firmware.library_view import identifier, render_library
from tinygen.firmware.model_view import compiler_level, render_model
from tinygen.firmware.project_view import render_project
from tinygen.firmware.values import SelfTestVector
from tinygen.model import compile as compiler
from tinygen.model import importer, reference
from tinygen.model.budget import largest_share_text, parts_text, peak_text
from tinygen.model.ir import Graph, Plan
from tinygen.model.rewrite.registry import rewrite
from tinygen.pipeline import compile_views, engines, placement, proof, proof_memory, runs, saved, steps, views
from tinygen.pipeline.context import PROJECT_KEEPS, Context
from tinygen.pipeline.firmware_steps import check_fits
from tinygen.report import html
from tinygen.report.plan_view import plan_view
from tinygen.toolchain import build as builder
from tinygen.toolchain.application import Application, measure_application
from tinygen.toolchain.cross import cross_compiler
from tinygen.toolchain.measure import Sizes, measure_library
from tinygen.toolchain.stack import firmware_stack
from tinygen.toolchain.values import Firmware
from tinygen.verify import compare
from tinygen.verify.facts import Setup
from tinygen.verify.inputs import model_inputs, split
from tinygen.verify.oracle_child import expect_in_child
from tinygen.verify.rewritten import windows
from tinygen.verify.runner import Reference
from tinygen.verify.values import Vector

SELF_TEST_VECTORS = 2
DEFAULT_VECTORS = 20
_LARGE_VECTORS = 8
_LARGE_MACS = 1_000_000
_SLOW_VECTORS = 2
_SLOW = ("labwired", "qemu-xtensa")
_OURS = "plan.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asked for.

    Attributes:
        model: a .tflite file; None takes the task's own.
        output: the library's folder; None takes one in the build folder.
        verify_on: "host", "unicorn", "qemu"... or "" for no proof.
        streaming: "full" or "incremental".
        time_axis: of the model's input, along which an incremental model's rows arrive.
        explain: people want to see what each rewrite did and why each kernel was taken.
        rewrites: False compiles the graph as it is.
    """

    model: Path | None = None
    output: Path | None = None
    verify_on: str = ""
    streaming: str = "full"
    time_axis: int = 1
    explain: bool = False
    rewrites: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compiled:
    """A model and its plan.

    Attributes:
        name: as people know it: the file's name, or the task's.
        slug: for folders and for the hello: letters, digits, '_' and '-'.
        graph: as imported; the plan's may be rewritten.
    """

    name: str
    slug: str
    tflite: bytes
    graph: Graph
    plan: Plan
    board: BoardSpec
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """The library on disk and what it takes.

    Attributes:
        own: compiled at the level of the library's own build files; other: -Os where that is -O2, and the reverse.
        application: RAM of the serial protocol around it, as `verify` uses it.
    """

    folder: Path
    own: Sizes
    other: Sizes
    application: Application


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Linked:
    """What `proof.connected` needs of an image."""

    firmware: Firmware


def with_budget(ctx: Context, text: str | None) -> Context:
    """The context with "ram=32K,flash=128K" of --budget over the configured limits.

    Raises:
        TinygenError: an unknown key or a size that is none.
    """
    if not text:
        return ctx
    limits: dict[str, int] = {}
    for part in text.split(","):
        key, _, size = part.partition("=")
        key = key.strip().lower()
        if key not in ("ram", "flash"):
            hint = did_you_mean(key, ("ram", "flash"))
            raise bad_input(f"unknown budget '{key}'; {hint}", where="--budget", hint="write: ram=32K,flash=128K")
        try:
            limits[key] = parse_bytes(size)
        except ValueError as error:
            raise bad_input(str(error), where=f"--budget {key}") from error
    config = replace(
        ctx.config,
        ram_budget_bytes=limits.get("ram", ctx.config.ram_budget_bytes),
        flash_budget_bytes=limits.get("flash", ctx.config.flash_budget_bytes),
    )
    return replace(ctx, config=config)


def compile_model(ctx: Context, request: Request) -> Report:
    """Plan, write the library, measure it, and prove it where asked.

    Raises:
        TinygenError: no INT8 model; an unsupported operator; over the budget; a compiler is missing; as `prove`.
    """
    if ctx.config.engine != engines.AOT:
        raise bad_input(
            "a library is generated code; the interpreter is a project",
            where="--engine",
            hint="tinygen compare-engines MODEL builds and proves both",
        )
    if request.verify_on:
        choose(_board_of_proof(ctx.board, request.verify_on), request.verify_on, option="--verify")
    made = planned(ctx, request)
    inner = replace(ctx, config=replace(ctx.config, task=made.slug))
    measured = write_library(inner, made, request.output)
    check_measured(inner, made, measured)
    proved = prove(inner, made, request.verify_on) if request.verify_on else None
    facts = compile_views.Facts(
        explain=request.explain,
        name=made.name,
        folder=str(measured.folder),
        state_bytes=state_bytes(made.plan),
        seconds=made.seconds,
        size=measured.own,
        other=measured.other,
        application=measured.application,
        ram_budget_bytes=ctx.config.ram_budget_bytes,
        flash_budget_bytes=ctx.config.flash_budget_bytes,
        proof=proved,
    )
    report = compile_views.compilation(made.plan, made.board, facts)
    explained = compile_views.compilation(made.plan, made.board, replace(facts, explain=True))
    page = html.page([runs.portable(explained, ctx)], plan_view(made.plan))
    files = {**library_files(made), _OURS: _plan_json(made), "arena.html": page}
    place_tree(measured.folder, files, named=request.output is not None)
    return saved.keep(ctx if request.model is None else inner, report)


def planned(ctx: Context, request: Request) -> Compiled:
    """The model, imported and planned for the board, within the budget as far as a plan can tell.

    Raises:
        TinygenError: the file cannot be read or is refused; the plan alone is over the budget.
    """
    board = ctx.board
    name, tflite = _task_model(ctx) if request.model is None else (request.model.stem, _read(request.model))
    started = time.monotonic()
    graph = importer.load(tflite, name if request.model is None else request.model.name)
    incremental = request.streaming == "incremental"
    plan = engines.planned(
        ctx, graph, tflite, board, incremental=incremental, rewrites=request.rewrites, time_axis=request.time_axis
    )
    seconds = time.monotonic() - started
    try:
        check_fits(ctx, plan, board, {"state": state_bytes(plan)} if state_bytes(plan) else {})
    except TinygenError as error:
        if request.streaming == "full":
            error.hint += _incremental_hint(graph, plan, board)
        raise
    slug = f"{identifier(name)[:40]}-{digest_bytes(tflite)[:8]}"
    return Compiled(name=name, slug=slug, tflite=tflite, graph=graph, plan=plan, board=board, seconds=seconds)


def _task_model(ctx: Context) -> tuple[str, bytes]:
    made = steps.converted(ctx)
    return made.task.name, made.model.tflite


def _incremental_hint(graph: Graph, full: Plan, board: BoardSpec) -> str:
    """What --streaming incremental would need, where the model allows it and it is less."""
    try:
        plan = compiler.plan(rewrite(graph, incremental=True), board.chip)
    except TinygenError:
        return ""
    needed = plan.arena_bytes + plan.state_bytes
    if needed >= full.arena_bytes + full.state_bytes:
        return ""
    return f"; a signal that arrives row by row needs {needed:,} bytes of arena and state with --streaming incremental"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise bad_input(f"cannot be read: {error.strerror}", where=str(path)) from error


def state_bytes(plan: Plan) -> int:
    """Memory that lives from one inference to the next."""
    return plan.state_bytes


def library_files(made: Compiled) -> dict[str, bytes]:
    """The library's files but plan.json and arena.html."""
    return render_library(made.plan, made.tflite, made.name, made.board.chip)


def write_library(ctx: Context, made: Compiled, output: Path | None) -> Measured:
    """Write the library and measure it.

    Raises:
        TinygenError: the folder holds something else; a compiler is missing or failed.
    """
    folder = output or ctx.config.build_dir / "libraries" / f"{made.slug}-{made.board.id}"
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / _OURS).is_file())):
        raise bad_input("is not empty and no generated library", where=str(folder), hint="name a new folder with -o")
    files = {**library_files(made), _OURS: _plan_json(made)}
    place_tree(folder, files, named=output is not None)
    work = ctx.config.build_dir / "measure" / f"{made.slug}-{made.board.id}"
    chip = made.board.chip
    ctx.progress("measuring", 0, 3, "")
    level = compiler_level(made.plan)
    # Measured apart: a folder the user named may hold sources of his own.
    write_tree(work / "library", files)
    own = measure_library(work / "library", chip, work / "own", optimize=level)
    ctx.progress("measuring", 1, 3, "")
    other = measure_library(work / "library", chip, work / "other", optimize="-O2" if level == "-Os" else "-Os")
    ctx.progress("measuring", 2, 3, "")
    files = render_project(made.board, made.slug, ctx.config.engine, _model_files(made), level=level).files
    application = measure_application(files, chip, work / "application")
    ctx.progress("measuring", 3, 3, "")
    return Measured(folder=folder, own=own, other=other, application=application)


def check_measured(ctx: Context, made: Compiled, measured: Measured) -> None:
    """Refuse what the compiler's figures show to be over the budget, or more than the board has.

    Raises:
        TinygenError: the sum, its parts, the step to blame and what would help.
    """
    size, chip, config = measured.own, made.board.chip, ctx.config
    stack = size.stack.total_bytes if size.stack is not None else 0
    ram = {"arena": made.plan.arena_bytes, "state": state_bytes(made.plan), "stack": stack}
    ram["C library"] = size.c_library_ram_bytes
    if made.plan.weights_in_ram:
        ram["weights"] = made.plan.ram_weights_bytes
    flash = {"weights": made.plan.weights_bytes, "code": size.flash_bytes - made.plan.weights_bytes}
    native = chip.arch == "native"
    for word, parts, budget, capacity, blame in (
        ("RAM", ram, config.ram_budget_bytes, chip.ram.size_bytes, peak_text),
        ("flash", flash, config.flash_budget_bytes, chip.flash.size_bytes, largest_share_text),
    ):
        total = sum(parts.values())
        limit, whose = (budget, "the budget allows") if budget is not None else (capacity, f"{made.board.id} has")
        if total > limit and not (native and budget is None):
            more = "raise the budget, or make" if budget is not None else "take a larger board, or make"
            raise bad_input(
                f"the library uses {total:,} bytes of {word} ({parts_text(parts)}), {whose} {limit:,}; "
                f"{blame(made.plan)}",
                where=made.name,
                hint=f"{more} that step smaller: fewer channels, a larger stride, a smaller input",
            )


def _model_files(made: Compiled) -> dict[str, bytes]:
    return {**render_model(made.plan, made.tflite), **render_bare()}


def default_vectors(target: str, plan: Plan) -> int:
    """How many vectors are compared when nobody says; a whole window and some more of an incremental model."""
    if target in _SLOW:
        return _SLOW_VECTORS
    rewritten = plan.graph.rewritten
    hops = -(-rewritten.window_rows // rewritten.hop_rows) if rewritten is not None and rewritten.hop_rows else 0
    return hops + (_LARGE_VECTORS if plan.macs > _LARGE_MACS else DEFAULT_VECTORS)


def _board_of_proof(board: BoardSpec, on: str) -> BoardSpec:
    """On "host" a plan for any board is compiled for this machine."""
    return find_board("host") if on == "host" else board


Question = Callable[[Client], None]


def prove(ctx: Context, made: Compiled, on: str, vectors: Sequence[Vector] = (), ask: Question | None = None) -> Report:
    """Build the model into the application, run it, compare every byte with TFLM.

    Args:
        ctx: with the model's slug as its task.
        made: the model; on "host" its plan for the board is compiled for this machine.
        on: a target of the board, "sim", or "host".
        vectors: what to run it on, a sequence where the model has state; none takes constructed inputs.
        ask: called with the connected device after the proof.

    Raises:
        TinygenError: the oracle or a tool is missing, the interpreter refuses the model, the target is silent.
    """
    board = _board_of_proof(made.board, on)
    ctx = replace(ctx, config=replace(ctx.config, board=board.id))
    chosen = choose(board, on)
    graph, plan = made.graph, made.plan
    apart = proof_memory.copies_apart(plan, board, chosen)
    count = ctx.config.vectors or default_vectors(chosen, plan)
    vectors = tuple(vectors) or model_inputs(plan.graph, count, ctx.config.seed)
    whole = windows(plan, vectors)
    ctx.progress("asking TFLM", 0, 1, "")
    answers = expect_in_child(made.tflite, graph, whole)
    ctx.progress("asking TFLM", 1, 1, "")
    selftest = [
        SelfTestVector(model_input=vector.model_input, expected_output=np.frombuffer(answer.output, dtype=np.int8))
        for vector, answer in zip(vectors[:SELF_TEST_VECTORS], answers.expected, strict=False)
    ]
    level = compiler_level(plan)
    engine = engines.engine_for(ctx, plan, made.tflite, board)
    files = {**engine.files, **render_bare()}
    tree = render_project(board, made.slug, ctx.config.engine, files, selftest, copies_apart=apart, level=level)
    write_tree(ctx.project_dir, tree.files, keep=PROJECT_KEEPS)
    with proof_memory.explained(plan, board):
        firmware = builder.build(
            ctx.project_dir, board, build_id=tree.build_id, offline=ctx.offline, werror=ctx.werror,
            log=ctx.log("build"), progress=ctx.progress,
        )  # fmt: skip

    linked = _Linked(firmware=firmware)
    with proof.connected(ctx, linked, chosen) as (target, client):
        setup = Setup(
            board=board.id,
            task=made.slug,
            engine=ctx.config.engine,
            build_id=firmware.build_id,
            target=target.capabilities,
            plan=plan,
            rule=None,
            oracle=answers.source,
            flash_bytes=firmware.flash_bytes,
            ram_bytes=firmware.ram_bytes,
            measurements=compile_views.stack_measurements(
                firmware_stack(firmware.elf, prefix=cross_compiler(board.chip).prefix)
            ),
            subject={"model": digest_bytes(made.tflite)[:16], "toolchain": firmware.toolchain, **engine.facts},
        )
        report = compare.verify(
            client,
            setup,
            vectors,
            answers.expected,
            ("tensor",),
            reference=_reference_of(graph, vectors, whole),
            weights=partial(proof.weights_now, client),
            progress=ctx.progress,
        )
        if ask is not None:
            ask(client)
        image = proof.image_check(ctx, client, linked, chosen, plan)
    checks = (compile_views.arena_check(plan, firmware.symbols), image, *compile_views.stack_checks(report))
    return views.with_checks(report, checks)


def _reference_of(graph: Graph, vectors: Sequence[Vector], whole: Sequence[Vector]) -> Reference:
    """Our NumPy reference of the imported model; one with state is brought from its start to the vector asked for."""
    numbers = {vector.name: number for number, vector in enumerate(vectors)}

    def run(vector: Vector) -> Mapping[int, npt.NDArray[np.generic]]:
        number = numbers[vector.name]
        state = reference.initial_state(graph)
        for before in whole[:number] if state else ():
            reference.run(graph, split(graph, before.model_input), state)
        return reference.run(graph, split(graph, whole[number].model_input), state)

    return run


def _plan_json(made: Compiled) -> bytes:
    return pretty_json({**plan_view(made.plan), **placement.values(made.plan, made.board)}).encode()
