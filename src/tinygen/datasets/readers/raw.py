"""What every reader gives: recordings as they stand in the files."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

from tinygen.core.errors import bad_input
from tinygen.datasets.values import Recording

GROUP_COLUMNS = {
    "group": "group",
    "speaker": "speaker",
    "person": "person",
    "subject": "person",
    "bearing": "bearing",
    "machine": "bearing",
}
"""Columns that name what must not be on both sides of a split, and the kind of group they stand for."""

SIDES = ("train", "validation", "test")

UNKNOWN_RATE = 0
"""A Recording's rate_hz until the task's usual rate is filled in."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawSet:
    """Recordings before they are fitted to a task: rates may differ or be UNKNOWN_RATE."""

    recordings: tuple[Recording, ...]
    group_kind: str
    noises: tuple[Recording, ...] = ()
    notes: tuple[str, ...] = field(default=())


def text_rows(path: Path) -> list[list[str]]:
    """All rows of a CSV file (comma, semicolon or tab, whichever its first line uses most).

    Raises:
        TinygenError: the file is not text, or empty.
    """
    return delimited_rows(path)[0]


def delimited_rows(path: Path) -> tuple[list[list[str]], str]:
    """`text_rows` and what stands between the columns.

    Raises:
        TinygenError: the file is not text, or empty.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise bad_input("is not a text file", where=str(path), hint="save the table as UTF-8 CSV") from error
    except OSError as error:
        raise bad_input(f"cannot be read: {error.strerror}", where=str(path)) from error
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if row]
    except csv.Error as error:
        raise bad_input(f"is not a CSV table: {error}", where=str(path)) from error
    if not rows:
        raise bad_input("is empty", where=str(path), hint="the first line names the columns")
    return rows, delimiter


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What `index.csv` says about files beside it, by their names relative to it.

    Attributes:
        groups: {file: speaker, bearing, person...}. kind: what a group is, "" where none is named.
        sides: {file: "train" | "validation" | "test"}, the data set's own division.
        positions: {file: place in life, 0..1}.
    """

    groups: dict[str, str] = field(default_factory=dict)
    kind: str = ""
    sides: dict[str, str] = field(default_factory=dict)
    positions: dict[str, float] = field(default_factory=dict)


def read_index(root: Path) -> Index:
    """`index.csv` beside the class folders: columns file, a group column, side, position; an empty one without it.

    Raises:
        TinygenError: the index has no column "file", or a side or position that is none.
    """
    path = root / "index.csv"
    if not path.is_file():
        return Index()
    rows = text_rows(path)
    header = [name.strip().lower() for name in rows[0]]
    if "file" not in header:
        raise bad_input("has no column 'file'", where=str(path), hint=f"its columns are: {', '.join(header)}")
    group = next((name for name in header if name in GROUP_COLUMNS), None)
    at_file = header.index("file")

    def column(name: str | None) -> dict[str, str]:
        if name is None or name not in header:
            return {}
        at = header.index(name)
        return {
            row[at_file].strip(): row[at].strip() for row in rows[1:] if len(row) > max(at_file, at) and row[at].strip()
        }

    sides = column("side")
    for file, side in sides.items():
        if side not in SIDES:
            raise bad_input(f"side '{side}' of '{file}' is none", where=str(path), hint=f"use {', '.join(SIDES)}")
    positions: dict[str, float] = {}
    for file, text in column("position").items():
        try:
            positions[file] = float(text)
        except ValueError as error:
            raise bad_input(f"position '{text}' of '{file}' is no number", where=str(path)) from error
    return Index(groups=column(group), kind=GROUP_COLUMNS[group] if group else "", sides=sides, positions=positions)
