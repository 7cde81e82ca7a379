"""The verb `boards`: list, show, new, check."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from tinygen.boards.loader import find_board, load_boards, read_boards, user_files
from tinygen.boards.template import board_file
from tinygen.core.errors import bad_input, did_you_mean
from tinygen.core.files import write_atomic
from tinygen.core.values import Check, CheckStatus, Report
from tinygen.pipeline import board_views


def show(name: str | None) -> Report:
    """All boards, or one with its sources.

    Raises:
        TinygenError: unknown board, or a wrong board file.
    """
    if name:
        return board_views.board(find_board(name))
    found = read_boards()
    listed = board_views.boards(list(found.known.values()))
    files = (
        f"left out: {wrong.path} has {len(wrong.texts)} mistake(s); tinygen boards check" for wrong in found.broken
    )
    return replace(listed, notes=(*listed.notes, *files))


def new(identifier: str, chip: str | None, output: Path | None) -> Report:
    """Write a board file with every field explained.

    Args:
        identifier: the new board's id.
        chip: its chip; a board of the catalogue with this chip lends its values.
        output: default: boards/<identifier>.toml in this folder, where every verb finds it.

    Raises:
        TinygenError: no such chip, an id that is taken or cannot be one, or a file that is there already.
    """
    known = load_boards()
    if not identifier:
        raise bad_input("what is it called?", where="boards new", hint="tinygen boards new my_board --chip stm32f446re")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", identifier):
        raise bad_input(f"'{identifier}' is no board id", hint="use lower-case letters, digits, - and _")
    if taken := next((b.id for b in known.values() if identifier in (b.id, *b.aliases)), ""):
        another = "" if taken == identifier else f": it is another name of {taken}"
        raise bad_input(f"there is a board '{identifier}' already{another}", hint="choose another id")
    chips = {board.chip.id: board for board in reversed(known.values()) if board.chip.arch != "native"}
    if chip is None:
        raise bad_input("which chip is on it?", where="--chip", hint=", ".join(sorted(chips)))
    if chip not in chips:
        raise bad_input(f"unknown chip '{chip}'", where="--chip", hint=did_you_mean(chip, chips))
    path = output or Path("boards") / f"{identifier}.toml"
    if path.exists():
        raise bad_input("exists already", where=str(path), hint="name another file with -o")
    like = chips[chip]
    write_atomic(path, board_file(identifier, like.chip, like).encode())
    notes = [f"written: {path}", f"change what differs, then: tinygen boards check {path}"]
    if path.resolve() not in user_files():
        notes.append(f"to use it, set TINYGEN_BOARDS={path.resolve()}, or put it into ./boards")
    return Report(kind="boards new", subject={"board": identifier, "like": like.id}, notes=tuple(notes))


def check(files: tuple[Path, ...]) -> Report:
    """Whether board files are right: syntax, keys, clock tree against the chip's limits, pins, ids.

    Args:
        files: those to check; none: the catalogue and the user's own.

    Raises:
        TinygenError: a named file is missing, or the catalogue itself is wrong.
    """
    for file in files:
        if not file.is_file():
            raise bad_input("no such file", where=str(file))
    named = [file.resolve() for file in files]
    found = read_boards(extra=list(dict.fromkeys([*user_files(), *named])))
    wrong = {mistakes.path: "\n".join(mistakes.texts) for mistakes in found.broken}
    checks = [] if named else [_passed("catalogue", f"{len(load_boards(extra=[]))} boards")]
    for file in named or user_files():
        if file in wrong:
            checks.append(Check(name=file.name, status=CheckStatus.FAILED, reason=wrong[file]))
        else:
            board = found.known[file.stem]
            clock = f", {board.clock_hz / 1e6:g} MHz" if board.clock_hz else ""
            checks.append(_passed(file.name, f"{board.title}: {board.chip.title}{clock}, {board.serial.connector}"))
    return Report(kind="boards check", subject={}, checks=tuple(checks))


def _passed(name: str, reason: str) -> Check:
    return Check(name=name, status=CheckStatus.PASSED, reason=reason)
