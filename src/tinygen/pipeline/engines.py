"""Which engine runs a model: our generated code, or TFLM's interpreter. The rest of the pipeline asks here."""

from __future__ import annotations

from dataclasses import dataclass, field

from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import bad_input
from tinygen.firmware.model_view import model_view, render_model
from tinygen.firmware.tflm_operators import check_runnable, registrations
from tinygen.firmware.tflm_view import library_files, render_tflm
from tinygen.model import compile as compiler
from tinygen.model.interpreted import ARENA_ALIGNMENT_BYTES, file_facts, interpreted_plan
from tinygen.model.interpreter_scratch import scratch_bytes
from tinygen.model.ir import Graph, Plan
from tinygen.model.rewrite.registry import PASSES, rewrite
from tinygen.pipeline.context import Context
from tinygen.toolchain.tflm_tree import find_tree, select
from tinygen.verify import arena
from tinygen.verify.wheel import ORACLE_NAME

AOT, TFLM = "aot", "tflm"
OPTIMIZED = {"stm32": "CMSIS-NN", "esp32s3": "ESP-NN"}
"""Whose kernels the interpreter gets, by the chip's port."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Engine:
    """The sources that run a planned model.

    Attributes:
        files: {path in the project: content}, without front end and decision.
        facts: what identifies the engine in reports.
    """

    files: dict[str, bytes]
    facts: dict[str, str] = field(default_factory=dict)


def planned(
    ctx: Context,
    graph: Graph,
    tflite: bytes,
    board: BoardSpec,
    *,
    incremental: bool = False,
    rewrites: bool = True,
    time_axis: int = 1,
) -> Plan:
    """The plan of an imported graph for the configured engine.

    Args:
        ctx: names the engine.
        graph: as imported.
        tflite: the same model's file.
        board: whose chip it is for.
        incremental: compute only what is new of a signal along time.
        rewrites: False compiles the graph as it is.
        time_axis: of the input, 1 or 2, along which an incremental model's rows arrive.

    Raises:
        TinygenError: the model does not fit the engine, or the engine the board.
    """
    if ctx.config.engine == AOT:
        passes = PASSES if rewrites else ()
        rewritten = rewrite(graph, passes=passes, incremental=incremental, time_axis=time_axis)
        return compiler.plan(rewritten, board.chip, ctx.options)
    optimized = _optimized(board)
    if incremental:
        raise bad_input(
            "TFLM's interpreter computes the whole window at every hop",
            where="--streaming incremental",
            hint="use --engine aot, or --streaming full",
        )
    facts = file_facts(tflite, graph.name)
    check_runnable(facts, graph.name, optimized)
    size, origin = _arena(ctx, graph, tflite, optimized)
    return interpreted_plan(graph, facts, arena_bytes=size, arena_origin=origin, model_bytes=len(tflite))


def engine_for(ctx: Context, plan: Plan, tflite: bytes, board: BoardSpec) -> Engine:
    """The sources of a planned model.

    Raises:
        TinygenError: the interpreter's sources are not there (STM32), or lack an operator.
    """
    if ctx.config.engine == AOT:
        return Engine(files=render_model(plan, tflite))
    facts = file_facts(tflite, plan.graph.name)
    optimized = _optimized(board)
    files = render_tflm(plan, facts, tflite, board)
    said = {"kernels": optimized}
    if optimized == "CMSIS-NN":
        tree = find_tree(ctx.config.tflm_tree)
        files |= library_files(select(tree, (line.symbol for line in registrations(facts))))
        said["tflm_tree"] = tree.digest
    return Engine(files=files, facts=said)


def weight_names(ctx: Context, plan: Plan) -> tuple[str, ...]:
    """Arrays of weights in the order of the image's digests; for an interpreter the file is the only one."""
    if ctx.config.engine == AOT:
        return tuple(constant.symbol for constant in model_view(plan).constants)
    return ("g_model_data",)


def _optimized(board: BoardSpec) -> str:
    found = OPTIMIZED.get(board.chip.port)
    if found is None:
        raise bad_input(
            f"there is no interpreter firmware for {board.id}",
            where="--engine tflm",
            hint="take an STM32 board (any simulator of it) or an ESP32-S3 board; TFLM's own interpreter on this "
            "machine is what `tinygen verify` compares with",
        )
    if board.chip.port == "esp32s3" and board.platformio.framework != "espidf":
        raise bad_input(
            "Espressif's TFLM component needs ESP-IDF",
            where="--engine tflm",
            hint="add --framework espidf",
        )
    return found


def _arena(ctx: Context, graph: Graph, tflite: bytes, optimized: str) -> tuple[int, str]:
    """Bytes of the interpreter's arena, and where they come from."""
    given = ctx.config.tflm_arena_bytes
    if given is not None:
        size = -(-given // ARENA_ALIGNMENT_BYTES) * ARENA_ALIGNMENT_BYTES
        return size, f"{size:,} bytes, as configured (tflm.arena)."
    found = arena.record(tflite, graph.name)
    margin = scratch_bytes(graph, optimized)
    words = (
        f"{found.least:,} bytes in which {ORACLE_NAME} starts ({found.total:,} of them in its allocation record; "
        f"64-bit structures, reference kernels), and a margin of {margin:,} for {optimized}'s scratch."
    )
    return found.least + margin, words
