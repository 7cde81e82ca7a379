"""What a network will cost on a board, from its layers alone: compiled and linked before anybody trains it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinygen.boards.spec import BoardSpec
from tinygen.core.canonical import digest_bytes
from tinygen.core.files import write_tree
from tinygen.firmware.library_view import render_library
from tinygen.firmware.model_view import compiler_level
from tinygen.model import compile as compiler
from tinygen.model import importer
from tinygen.model.ir import Plan
from tinygen.model.rewrite.registry import rewrite
from tinygen.model.selection import Options
from tinygen.tasks.shapes import Shape
from tinygen.tasks.spec import Layer
from tinygen.toolchain.measure import measure_library
from tinygen.training.export import count_ranges, write_int8
from tinygen.training.fold import plain_layers
from tinygen.training.layout import initial, slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most a network may take; None: whatever the board has (no limit for instructions)."""

    ram_bytes: int
    flash_bytes: int
    instructions: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a network takes.

    Attributes:
        ram_bytes: arena, stack and the C library's part; flash_bytes: weights and code. Both None where something
            else was over the budget already, so that nothing was linked.
        instructions: estimated from fitted costs of the kernels; None where nobody has measured the core.
        over: what is over the budget, "" where nothing is.
    """

    arena_bytes: int
    weights_bytes: int
    macs: int
    instructions: int | None
    ram_bytes: int | None
    flash_bytes: int | None
    over: str


def untrained(layers: Sequence[Layer], shape: Shape, seed: int = 0) -> bytes:
    """An INT8 model of the layers' shape with drawn weights: it costs what the trained one will cost."""
    plain = plain_layers(layers)
    ranges = np.tile(np.array([[-4.0, 4.0]], np.float32), (count_ranges(plain), 1))
    return write_int8(plain, shape, initial(slots(plain, shape), seed), ranges)


def cost_of(tflite: bytes, board: BoardSpec, budget: Budget, options: Options, work: Path) -> Cost:
    """The cost of a model. What a bound already shows to be too much is not linked.

    Args:
        tflite: an INT8 model.
        board: what for.
        budget: limits.
        options: what kernels are chosen for.
        work: folder for what the compiler makes.

    Raises:
        TinygenError: the model cannot be compiled, or the C++ compiler is missing.
    """
    name = digest_bytes(tflite)[:12]
    plan = compiler.plan(rewrite(importer.load(tflite, name)), board.chip, options)
    instructions = None if plan.instructions is None else round(plan.instructions)
    over = _first_over(
        ("RAM", plan.arena_bytes, budget.ram_bytes, "bytes of arena"),
        ("flash", plan.weights_bytes, budget.flash_bytes, "bytes of weights"),
        ("instructions", instructions, budget.instructions, "estimated instructions"),
    )
    ram = flash = None
    if not over:
        ram, flash = _linked(plan, tflite, board, work / name)
        over = _first_over(
            ("RAM", ram, budget.ram_bytes, "bytes of arena, stack and C library"),
            ("flash", flash, budget.flash_bytes, "bytes of weights and code"),
        )
    return Cost(
        arena_bytes=plan.arena_bytes,
        weights_bytes=plan.weights_bytes,
        macs=plan.macs,
        instructions=instructions,
        ram_bytes=ram,
        flash_bytes=flash,
        over=over,
    )


def _linked(plan: Plan, tflite: bytes, board: BoardSpec, work: Path) -> tuple[int, int]:
    """(RAM, flash) in bytes of the library, linked for the board's chip."""
    write_tree(work / "library", render_library(plan, tflite, "candidate", board.chip))
    sizes = measure_library(work / "library", board.chip, work / "objects", optimize=compiler_level(plan))
    stack = sizes.stack.total_bytes if sizes.stack is not None else 0
    return plan.arena_bytes + plan.state_bytes + stack + sizes.c_library_ram_bytes, sizes.flash_bytes


def _first_over(*parts: tuple[str, int | None, int | None, str]) -> str:
    for name, value, limit, what in parts:
        if value is not None and limit is not None and value > limit:
            return f"{name}: {value:,} {what} of {limit:,}"
    return ""
