"""`generate --ci` and `--renode`: what a user's own continuous integration runs."""

from __future__ import annotations

import shlex
from pathlib import Path

from tinygen import __version__
from tinygen.boards.loader import load_boards
from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import bad_input
from tinygen.core.files import write_atomic, write_own
from tinygen.core.values import Report
from tinygen.firmware.ci_view import WorkflowView, render_renode, render_workflow
from tinygen.pipeline.context import Context
from tinygen.toolchain import debian
from tinygen.toolchain.preflight import purpose_of

WORKFLOW = Path(".github/workflows")
_MARK = b"# Made by `tinygen generate --ci github`"


def options(ctx: Context) -> str:
    """What makes another command work on this task, board and framework."""
    return shlex.join(ctx.config.words("--on", "--vectors", "--build-dir", "--config"))


def github(ctx: Context, root: Path) -> Report:
    """Write a workflow that generates, builds, simulates and verifies.

    Args:
        root: top folder of the user's repository, where tinygen.toml is.

    Raises:
        TinygenError: a workflow of that name is there that tinygen did not write; it cannot be written.
    """
    board = ctx.board
    path = root / WORKFLOW / f"tinygen-{ctx.place}.yml"
    if path.exists() and not path.read_bytes().startswith(_MARK):
        raise bad_input("exists and is not tinygen's", where=str(path), hint="move it away")
    purposes = tuple(dict.fromkeys((purpose_of(board), "sim")))
    tools = tuple(dict.fromkeys(tool for purpose in purposes for tool in debian.PURPOSES[purpose]))
    view = WorkflowView(
        board=board.id,
        task=ctx.config.task,
        packages=debian.packages(tools),
        requirement=shlex.quote(f"tinygen[train,verify,sim,offline]=={__version__}"),
        options=options(ctx),
        simulator=board.simulators[0].name,
        place=ctx.place,
        vendor=board.chip.arch != "native",
    )
    write_atomic(path, render_workflow(view))
    return Report(
        kind="generate",
        subject={"board": board.id, "task": ctx.config.task, "workflow": str(path)},
        notes=(f"written: {path}", "commit it with tinygen.toml; the job fails when a byte differs"),
    )


def require_renode(board: BoardSpec) -> None:
    """Refuse a board that Renode does not describe, before anything is written for it.

    Raises:
        TinygenError: with the boards it describes.
    """
    if not board.renode:
        known = ", ".join(sorted(other.id for other in load_boards().values() if other.renode))
        raise bad_input(f"Renode has no description of {board.id}", where="--renode", hint=f"it has of: {known}")


def renode(ctx: Context, project: Path) -> tuple[str, ...]:
    """Put Renode's script and test into a generated project; returns what to do with them.

    Raises:
        TinygenError: Renode describes no such board or chip.
    """
    board = ctx.board
    require_renode(board)
    files = render_renode(board, options(ctx))
    write_own(project / "renode", {path.partition("/")[2]: data for path, data in files.items()})
    return (
        f"renode {project}/renode/{board.id}.resc, then: tinygen verify {options(ctx)} --on socket://localhost:3456",
        "not run by tinygen's own tests: Renode is in no package registry; the scripts follow its 1.16 platform files",
    )
