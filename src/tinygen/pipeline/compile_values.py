"""Values of compile: what was asked, what was planned, what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinygen.boards.spec import BoardSpec
from tinygen.core.values import Report
from tinygen.model.ir import Graph, Plan
from tinygen.toolchain.application import Application
from tinygen.toolchain.measure import Sizes


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
class Facts:
    """What a compilation found out beside its plan.

    Attributes:
        folder: the library's.
        state_bytes: memory that lives from one inference to the next.
        ram_budget_bytes, flash_budget_bytes: the user's limits, None where the board's memory is the limit.
        proof: the verify report, None when nothing was run.
    """

    name: str
    folder: str
    state_bytes: int
    seconds: float
    size: Sizes
    other: Sizes
    application: Application
    ram_budget_bytes: int | None
    flash_budget_bytes: int | None
    proof: Report | None
    explain: bool = False
