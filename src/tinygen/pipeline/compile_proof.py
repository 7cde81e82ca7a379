"""The proof of compile: the model built into the application, run, and compared with TFLM byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from tinygen.boards.loader import find_board
from tinygen.boards.spec import BoardSpec
from tinygen.core.canonical import digest_bytes
from tinygen.core.files import write_tree
from tinygen.core.values import Report
from tinygen.device.client import Client
from tinygen.device.registry import choose
from tinygen.firmware.bare_view import render_bare
from tinygen.firmware.model_view import compiler_level
from tinygen.firmware.project_view import render_project
from tinygen.firmware.values import SelfTestVector
from tinygen.model import reference
from tinygen.model.ir import Graph, Plan
from tinygen.pipeline import compile_views, engines, proof, proof_memory, views
from tinygen.pipeline.compile_values import Compiled
from tinygen.pipeline.context import PROJECT_KEEPS, Context
from tinygen.toolchain import build as builder
from tinygen.toolchain.cross import cross_compiler
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Linked:
    """What `proof.connected` needs of an image."""

    firmware: Firmware


def default_vectors(target: str, plan: Plan) -> int:
    """How many vectors are compared when nobody says; a whole window and some more of an incremental model."""
    if target in _SLOW:
        return _SLOW_VECTORS
    rewritten = plan.graph.rewritten
    hops = -(-rewritten.window_rows // rewritten.hop_rows) if rewritten is not None and rewritten.hop_rows else 0
    return hops + (_LARGE_VECTORS if plan.macs > _LARGE_MACS else DEFAULT_VECTORS)


def board_of_proof(board: BoardSpec, on: str) -> BoardSpec:
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
    board = board_of_proof(made.board, on)
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
