"""compile: any model -> plan -> library, its exact sizes, and a proof. The three tasks' models go the same way."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from tinygen.boards.spec import BoardSpec
from tinygen.config import parse_bytes
from tinygen.core.canonical import digest_bytes, pretty_json
from tinygen.core.errors import TinygenError, bad_input, did_you_mean
from tinygen.core.files import place_tree, write_tree
from tinygen.core.values import Report
from tinygen.device.registry import choose
from tinygen.firmware.bare_view import render_bare
from tinygen.firmware.library_view import identifier, render_library
from tinygen.firmware.model_view import compiler_level, render_model
from tinygen.firmware.project_view import render_project
from tinygen.model import compile as compiler
from tinygen.model import importer
from tinygen.model.budget import largest_share_text, parts_text, peak_text
from tinygen.model.ir import Graph, Plan
from tinygen.model.rewrite.registry import rewrite
from tinygen.pipeline import compile_proof, compile_views, engines, placement, runs, saved, steps
from tinygen.pipeline.compile_values import Compiled, Facts, Measured, Request
from tinygen.pipeline.context import Context
from tinygen.pipeline.firmware_steps import check_fits
from tinygen.report import html
from tinygen.report.plan_view import plan_view
from tinygen.toolchain.application import measure_application
from tinygen.toolchain.measure import measure_library

_OURS = "plan.json"


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
        choose(compile_proof.board_of_proof(ctx.board, request.verify_on), request.verify_on, option="--verify")
    made = planned(ctx, request)
    inner = replace(ctx, config=replace(ctx.config, task=made.slug))
    measured = write_library(inner, made, request.output)
    check_measured(inner, made, measured)
    proved = compile_proof.prove(inner, made, request.verify_on) if request.verify_on else None
    facts = Facts(
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


def _plan_json(made: Compiled) -> bytes:
    return pretty_json({**plan_view(made.plan), **placement.values(made.plan, made.board)}).encode()
