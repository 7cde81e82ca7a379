"""A board as a project for one of its frameworks sees it."""

from __future__ import annotations

from dataclasses import replace

from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import bad_input, did_you_mean

NONE = "none"
"""What people write for "": no framework, our own bare-metal start-up."""


def with_framework(board: BoardSpec, name: str | None) -> BoardSpec:
    """The same board, generated for another framework.

    Args:
        board: the board.
        name: "none", "arduino", "espidf", "stm32cube"; None keeps the board's own.

    Raises:
        TinygenError: the board's platform does not have it.
    """
    if name is None:
        return board
    for framework in board.platformio.frameworks:
        if name == (framework or NONE):
            return replace(board, platformio=replace(board.platformio, framework=framework))
    known = [framework or NONE for framework in board.platformio.frameworks]
    raise bad_input(
        f"{board.id} is not built with '{name}'",
        where="--framework",
        hint=f"{did_you_mean(name, known)} (boards/...: platformio.frameworks)",
    )
