"""`make train-report`: trains and judges every task on the developers' recordings, and writes what came out.

Every training is kept under build/train-report by the digest of all that determines it: run the command again after an
interruption, and it goes on where it was. Writes train_report.json and TRAINING.md beside this file. Not part of CI.

    python tests/bench/train_report.py [--only kws] [--groups folds,"synthesis only",ablation] [--kept]
    python tests/bench/train_report.py --ready    # trains the keyword model that ships, writes src/tinygen/ready/kws
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import train_pictures

from tinygen.core.canonical import pretty_json
from tinygen.core.errors import TinygenError
from tinygen.core.files import write_atomic
from tinygen.core.store import Store
from tinygen.core.values import Report
from tinygen.report.json_view import document

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SHARED = Path(os.environ.get("TINYGEN_SHARED", ROOT.parent / "shared"))
BUILD = Path(os.environ.get("TINYGEN_TRAIN_BUILD", ROOT / "build" / "train-report"))
TASKS = ("kws", "vibration", "gesture")
_SHOWN_EVERY = 10


class _Said:
    """A line for every tenth of a stage: this runs for hours, often into a file."""

    def __init__(self) -> None:
        self._last = ("", -1)

    def __call__(self, stage: str, done: int, total: int, remark: str = "") -> None:
        tenth = done * _SHOWN_EVERY // max(1, total)
        if (stage, tenth) != self._last:
            self._last = (stage, tenth)
            print(f"{stage}: {done}/{total} {remark}", flush=True)


def judged(task: str, groups: tuple[str, ...], kept: bool) -> Report | None:
    """The report of a task; None where its judging is not there or its recordings are absent."""
    data = SHARED / "data" / task
    if not data.is_dir():
        print(f"{task}: no recordings at {data}, left out")
        return None
    try:
        module = importlib.import_module(f"tinygen.pipeline.judging_{task}")
    except ModuleNotFoundError:
        print(f"{task}: not judged here, left out")
        return None
    store, said = Store(BUILD / task), _Said()
    more: dict[str, Any] = {"only": groups, "kept_only": kept} if task == "kws" else {}
    found = getattr(module, f"{task}_report")(data, store, said, **more)
    assert isinstance(found, Report)
    return found


def page(documents: Mapping[str, Mapping[str, Any]]) -> str:
    """TRAINING.md of the reports' JSON."""
    lines = [
        "# How good the trained models are",
        "",
        "Written by `make train-report` (seeded; it goes on after an interruption; not part of CI). INT8 figures come",
        "from TFLM's own interpreter on the integer features the device computes. Recordings: `../shared/data`.",
    ]
    for task, report in sorted(documents.items(), key=lambda item: TASKS.index(item[0])):
        subject = ", ".join(f"{name} {value}" for name, value in report["subject"].items() if name != "task")
        lines += ["", f"## {task}", "", f"{subject}.", ""]
        lines += [
            f"- {'met' if c['status'] == 'passed' else '**not met**'}: {c['name']}: {c['reason']}"
            for c in report["checks"]
        ]
        for name, m in report["measurements"].items():
            note = f"; {m['note']}" if m["note"] else ""
            lines.append(f"- {name.replace('_', ' ')}: {m['value']} {m['unit']} ({m['origin']}{note})")
        for table in report["tables"]:
            lines += ["", f"### {table['title']}", "", "| " + " | ".join(table["columns"]) + " |"]
            lines += ["|" + "---|" * len(table["columns"])]
            lines += ["| " + " | ".join(row) + " |" for row in table["rows"]]
        lines += ["", *(f"- {note}" for note in report["notes"])]
        for title, path, _ in train_pictures.pictures(task, report):
            lines += ["", f"![{title}]({path})"]
    return "\n".join(lines) + "\n"


def ready_kws() -> int:
    """Train the keyword model that ships on everything, and write its files; figures are those of the folds."""
    judging = importlib.import_module("tinygen.pipeline.judging_kws")
    found = json.loads((HERE / "train_report.json").read_text()) if (HERE / "train_report.json").is_file() else {}
    figures = found.get("kws", {}).get("measurements", {})
    folder = ROOT / "src" / "tinygen" / "ready" / "kws"
    for name, data in judging.ready_files(SHARED / "data" / "kws", Store(BUILD / "kws"), _Said(), figures).items():
        write_atomic(folder / name, data)
        print(folder / name, len(data))
    return 0


def main() -> int:
    """Judge, write, say what is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=TASKS, help="judge this task; may be repeated")
    parser.add_argument("--groups", default="", help="groups of keyword trainings, comma separated")
    parser.add_argument("--kept", action="store_true", help="train nothing: take what is there")
    parser.add_argument("--ready", action="store_true", help="train and write the keyword model that ships")
    given = parser.parse_args()
    if given.ready:
        return ready_kws()
    out = HERE / "train_report.json"
    documents: dict[str, Any] = json.loads(out.read_text()) if out.is_file() else {}
    groups = tuple(group for group in given.groups.split(",") if group)
    try:
        for task in given.only or TASKS:
            found = judged(task, groups, given.kept)
            if found is not None:
                documents[task] = document(found)
                write_atomic(out, pretty_json(documents).encode())
                train_pictures.write(HERE, task, documents[task])
                write_atomic(HERE / "TRAINING.md", page(documents).encode())
    except TinygenError as error:
        print(f"{error.where}: {error.message}", file=sys.stderr)
        return int(error.code)
    missed = [c["name"] for d in documents.values() for c in d["checks"] if c["status"] != "passed"]
    print("\n".join(f"not met: {name}" for name in missed) or "all met")
    return 0


if __name__ == "__main__":
    sys.exit(main())
