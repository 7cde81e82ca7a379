"""Where a proof's image finds room: beside the library, for the protocol and copies of input, output and state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tinygen.boards.loader import load_boards
from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import TinygenError, bad_input
from tinygen.firmware.project_view import STACK_BYTES
from tinygen.model.ir import Plan

_PROTOCOL_BYTES = 4096  # buffers of the protocol and the port, rounded up
_EXAMPLES = 3


def needed_bytes(plan: Plan) -> int:
    """RAM of the proof's image: the library's, the copies, the protocol's buffers and a stack."""
    tensors = plan.graph.tensors
    copies = sum(tensors[i].n_bytes for i in (*plan.graph.inputs, *plan.graph.outputs)) + plan.state_bytes
    return plan.arena_bytes + plan.state_bytes + copies + STACK_BYTES + _PROTOCOL_BYTES


def copies_apart(plan: Plan, board: BoardSpec, on: str) -> bool:
    """Whether the copies must leave the first RAM for model and stack to fit.

    Args:
        on: the target, as `choose` names it.

    Raises:
        TinygenError: they must, and the simulator has no other RAM.
    """
    chip = board.chip
    if chip.arch == "native" or needed_bytes(plan) <= chip.ram.size_bytes:
        return False
    lacking = [str(s.options["lacks"]) for s in board.simulators if s.name == on and "lacks" in s.options]
    if lacking:
        raise bad_input(
            f"the library's {plan.arena_bytes + plan.state_bytes:,} bytes fit, but the proof's copies of input and "
            f"output must go into {board.id}'s {lacking[0]}, which {on}'s machine does not have",
            where=f"--verify {on}",
            hint=f"prove it elsewhere: --verify {_other(board, on)}",
        )
    return True


def _other(board: BoardSpec, on: str) -> str:
    complete = [s.name for s in board.simulators if s.name != on and "lacks" not in s.options]
    return " or ".join((*complete, "host"))


@contextmanager
def explained(plan: Plan, board: BoardSpec) -> Iterator[None]:
    """Say of an image that does not fit what it holds beside the library, and where the model can be proved."""
    try:
        yield
    except TinygenError as error:
        if "does not fit" not in error.message:
            raise
        larger = [
            name
            for name, other in sorted(load_boards().items())
            if other.chip.arch == board.chip.arch
            and needed_bytes(plan) <= sum(r.size_bytes for r in other.chip.regions if r.kind == "ram")
            and any(s.name == "unicorn" for s in other.simulators)
            and name != board.id
        ]
        boards = f", or take a board with more RAM: --board {', '.join(larger[:_EXAMPLES])}" if larger else ""
        error.hint = (
            f"the library alone does fit ({plan.arena_bytes + plan.state_bytes:,} bytes of arena and state); its proof "
            f"also holds the protocol and copies of input and output. Prove it with --verify host{boards}"
        )
        raise
