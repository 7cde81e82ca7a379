"""What a user's continuous integration runs: a workflow, and Renode's scripts for the project."""

from __future__ import annotations

from dataclasses import dataclass

from tinygen.boards.spec import BoardSpec
from tinygen.firmware.environment import render

RENODE_PORT = 3456
"""TCP port at which Renode offers the protocol's serial line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowView:
    """For templates/ci/github.yml.j2.

    Attributes:
        packages: of the system: compilers, simulators.
        requirement: what pip installs, quoted for a shell.
        options: of every verb.
        simulator: what `--on` gets.
        place: name of the project's folder.
        vendor: PlatformIO's registry has a platform for the board.
    """

    board: str
    task: str
    packages: tuple[str, ...]
    requirement: str
    options: str
    simulator: str
    place: str
    vendor: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RenodeView:
    """For templates/project/renode/*.j2. `uart`: Renode's name of the protocol's serial line."""

    board: str
    title: str
    platform: str
    uart: str
    port: int
    options: str


def render_workflow(view: WorkflowView) -> bytes:
    """The workflow file."""
    return render("ci/github.yml.j2", {"v": view})


def render_renode(board: BoardSpec, options: str) -> dict[str, bytes]:
    """{path in the project: content} of Renode's script and test.

    Args:
        board: one that Renode describes.
        options: of `tinygen verify`.
    """
    view = RenodeView(
        board=board.id,
        title=board.title,
        platform=board.renode,
        uart=board.serial.peripheral,
        port=RENODE_PORT,
        options=options,
    )
    return {
        f"renode/{board.id}.resc": render("project/renode/board.resc.j2", {"v": view}),
        f"renode/{board.id}.robot": render("project/renode/board.robot.j2", {"v": view}),
    }
