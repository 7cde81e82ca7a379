"""Who is on a port: a short question, without holding anybody up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import ExitCode, TinygenError
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupant:
    """What runs on a board before it is written to.

    Attributes:
        hello: None when nothing answers in this tinygen's protocol.
        remark: what answers instead, "" when nothing does.
    """

    hello: Hello | None = None
    remark: str = ""


def running_on(board: BoardSpec, places: Sequence[Place]) -> Occupant:
    """What runs on the first place that can be opened.

    Raises:
        TinygenError: no place can be opened: it is gone, another process has it, or this user may not.
    """
    refused: list[TinygenError] = []
    for place in places:
        with SerialTarget(board, [place]) as target:
            try:
                link = target.open()
            except TinygenError as error:
                refused.append(error)
                continue
            try:
                return Occupant(hello=Client(link, name=place.port).hello(_WAITS_S))
            except TinygenError as error:
                # Another version of the protocol is an answer, silence is none.
                return Occupant(remark=error.message if error.code is ExitCode.CHECK_FAILED else "")
    if refused:
        raise refused[0]
    return Occupant()
