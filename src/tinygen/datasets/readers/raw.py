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
    return rows


def read_index(root: Path) -> tuple[dict[str, str], str]:
    """Groups from `index.csv` beside the class folders: ({file relative to root: group}, kind), or ({}, "").

    Raises:
        TinygenError: the index has no column "file".
    """
    path = root / "index.csv"
    if not path.is_file():
        return {}, ""
    rows = text_rows(path)
    header = [name.strip().lower() for name in rows[0]]
    if "file" not in header:
        raise bad_input("has no column 'file'", where=str(path), hint=f"its columns are: {', '.join(header)}")
    group = next((name for name in header if name in GROUP_COLUMNS), None)
    if group is None:
        return {}, ""
    at_file, at_group = header.index("file"), header.index(group)
    found = {
        row[at_file].strip(): row[at_group].strip()
        for row in rows[1:]
        if len(row) > max(at_file, at_group) and row[at_group].strip()
    }
    return found, GROUP_COLUMNS[group]
