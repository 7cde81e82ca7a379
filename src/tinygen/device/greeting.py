"""Who is on a port: a short question, without holding anybody up."""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import TinygenError
from tinygen.device.client import Client
from tinygen.device.discovery import Place
from tinygen.device.serialport import SerialTarget
from tinygen.device.values import Hello

_WAITS_S = (0.2, 0.3, 0.5)


def hello_on(board: BoardSpec, place: Place) -> Hello:
    """What answers there within a second, asked at the rate of `board`.

    Raises:
        TinygenError: nobody answers, the port cannot be opened or is another process's, or speaks another protocol.
    """
    with SerialTarget(board, [place]) as target:
        client = Client(target.open(), name=place.port)
        return client.hello(_WAITS_S)


def who(board: BoardSpec, port: str) -> str:
    """The board id that answers on a port, "" when nobody does."""
    try:
        return hello_on(board, Place(port=port)).board
    except TinygenError:
        return ""


def running_on(board: BoardSpec, places: Sequence[Place]) -> Hello | None:
    """What runs on the first place, None when nobody answers there."""
    try:
        return hello_on(board, places[0]) if places else None
    except TinygenError:
        return None
