"""The dataset layout: `<label>/<recording>.wav`, `index.csv` and `dataset.toml` in one folder; `--data` reads it.

WAV holds every signal tinygen knows, exactly: int16, any rate, any number of channels. `index.csv` says for each file
its group (speaker, bearing, person), and where known its side and its place in life. `dataset.toml` says what the whole
is, whose it is and what was done to it.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from tinygen.core.errors import bad_input
from tinygen.core.files import building_directory, write_atomic, writing
from tinygen.core.progress import Progress, silent
from tinygen.datasets.readers.audio import NOISE_FOLDER
from tinygen.datasets.readers.raw import GROUP_COLUMNS
from tinygen.datasets.values import Recording

FACTS = "dataset.toml"
INDEX = "index.csv"
_NOISE_LABEL = "_noise_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a data set in the layout says about itself.

    Attributes:
        name: of the set. title: one line about it.
        task: "kws", "vibration" or "gesture".
        licence: SPDX id, or "not stated". source: where it came from. attribution: what the licence wants said.
        group_kind: what must stay on one side.
        units: what one int16 step means.
        synthetic: made by a generator.
        notes: what was done to it.
    """

    name: str
    task: str
    title: str = ""
    licence: str = "not stated"
    source: str = ""
    attribution: str = ""
    group_kind: str = "recording"
    units: str = ""
    synthetic: bool = False
    notes: tuple[str, ...] = field(default=())


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    task: str
    title: str = ""
    licence: str = "not stated"
    source: str = ""
    attribution: str = ""
    group_kind: str = "recording"
    units: str = ""
    synthetic: bool = False
    notes: list[str] = []


def read_facts(folder: Path) -> Facts | None:
    """`dataset.toml` of a folder, None where there is none.

    Raises:
        TinygenError: it cannot be read or has a wrong key.
    """
    path = folder / FACTS
    if not path.is_file():
        return None
    try:
        parsed = _Facts.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise bad_input(f"cannot be read: {error}", where=str(path)) from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
        raise bad_input(f"is not about a data set: {faults}", where=str(path)) from error
    values = parsed.model_dump()
    return Facts(**{**values, "notes": tuple(values["notes"])})


def facts_toml(facts: Facts) -> str:
    """The file `read_facts` reads."""
    lines = ["# What this data set is. `--data` reads the folder; `tinygen datasets check --data` looks through it."]
    for key in ("name", "title", "task", "licence", "source", "attribution", "group_kind", "units"):
        value = getattr(facts, key)
        if value:
            lines.append(f"{key} = {quoted(value)}")
    lines.append(f"synthetic = {'true' if facts.synthetic else 'false'}")
    if facts.notes:
        lines += ["notes = [", *(f"  {quoted(note)}," for note in facts.notes), "]"]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """A text as a TOML string of one line."""
    escaped = "".join(
        {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}.get(c, c if c >= " " and c != "\x7f" else " ")
        for c in text
    )
    return f'"{escaped}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written: recordings by label (as its folder is called), noises, groups, labels that changed."""

    folder: Path
    labels: dict[str, int]
    renamed: dict[str, str]
    noises: int
    groups: int


def write_layout(
    folder: Path,
    facts: Facts,
    recordings: Iterable[Recording],
    *,
    noises: Iterable[Recording] = (),
    progress: Progress = silent,
    total: int = 0,
) -> Written:
    """Write a whole data set; the folder is there when all of it is, or not at all.

    Args:
        folder: must not be there yet, or be empty.
        facts: about the set.
        recordings: may be made one after the other; each is written and forgotten.
        noises: for `_background_noise_`.
        progress: told recordings.
        total: how many come, where that is known.

    Raises:
        TinygenError: the folder holds something, nothing came, two labels would become one, or it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise bad_input("exists already", where=str(folder), hint="name a new folder with -o")
    column = next((key for key, kind in GROUP_COLUMNS.items() if kind == facts.group_kind), "")
    rows: list[list[str]] = []
    labels: Counter[str] = Counter()
    groups: set[str] = set()
    called: dict[str, str] = {}
    with building_directory(folder) as temporary:
        taken: set[str] = set()
        for recording in recordings:
            label = called.setdefault(recording.label, _plain(recording.label) or "unlabelled")
            _refuse_merged(called, label)
            name = _file_name(recording, label, taken)
            _write_wav(temporary / name, recording)
            place = "" if recording.position is None else f"{recording.position:.6g}"
            rows.append([name, recording.group, recording.side, place])
            labels[label] += 1
            groups.add(recording.group)
            if len(rows) % 64 == 0:
                progress("writing recordings", len(rows), max(total, len(rows)))
        if not rows:
            raise bad_input("no recording was found to write", where=facts.source or facts.name)
        n_noises = 0
        for noise in noises:
            n_noises += 1
            _write_wav(temporary / NOISE_FOLDER / f"{_plain(Path(noise.name).stem)}.wav", noise)
        wanted = [0, *([1] if column else []), *(i for i in (2, 3) if any(row[i] for row in rows))]
        header = ["file", column, "side", "position"]
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerows([[row[i] for i in wanted] for row in (header, *sorted(rows))])
        write_atomic(temporary / INDEX, out.getvalue().encode())
        write_atomic(temporary / FACTS, facts_toml(facts).encode())
    progress("writing recordings", len(rows), len(rows))
    return Written(
        folder=folder,
        labels=dict(sorted(labels.items())),
        renamed={old: new for old, new in sorted(called.items()) if old != new},
        noises=n_noises,
        groups=len(groups),
    )


def _refuse_merged(called: dict[str, str], label: str) -> None:
    same = [old for old, new in called.items() if new == label]
    if len(same) > 1:
        raise bad_input(
            f"the labels {' and '.join(repr(old) for old in same)} would both become the folder '{label}'",
            hint="rename one of them: --label OLD=NEW",
        )


def _file_name(recording: Recording, label: str, taken: set[str]) -> str:
    name = recording.name.removeprefix(f"{recording.label}/")
    stem = _plain(re.sub(r"\.(wav|flac|csv|npz|mat|txt)(?=$|:|\.\d)", "", name, flags=re.IGNORECASE)) or "recording"
    found, number = f"{label}/{stem}.wav", 1
    while found.lower() in taken:
        number += 1
        found = f"{label}/{stem}-{number}.wav"
    taken.add(found.lower())
    return found


def _plain(text: str) -> str:
    """A text as a file name that every system takes."""
    return re.sub(r"[^\w.+-]+", "-", text).strip("-.")


def _write_wav(path: Path, recording: Recording) -> None:
    import soundfile

    data = io.BytesIO()
    soundfile.write(data, recording.signal, recording.rate_hz, subtype="PCM_16", format="WAV")
    with writing(path):  # libsndfile itself would not say that the disk is full
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.getvalue())
