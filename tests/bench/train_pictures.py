"""ROC and DET pictures of `make train-report`, as files beside its page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinygen.core.files import write_atomic
from tinygen.core.values import Report
from tinygen.report import rates, svg

FOLDER = "training"


def pictures(task: str, document: Mapping[str, Any]) -> list[tuple[str, str, bytes]]:
    """(title, path from TRAINING.md on, SVG) of a report's JSON."""
    report = Report(kind=task, subject={}, details={"rates": document.get("rates", [])})
    return [
        (title, f"{FOLDER}/{task}-{number}.svg", svg.file_of(drawn))
        for number, (title, drawn) in enumerate(rates.figures(report), start=1)
    ]


def write(folder: Path, task: str, document: Mapping[str, Any]) -> None:
    """Put them into a folder; those of an earlier report go."""
    made = pictures(task, document)
    for old in (folder / FOLDER).glob(f"{task}-*.svg"):
        if f"{FOLDER}/{old.name}" not in {path for _, path, _ in made}:
            old.unlink()
    for _, path, data in made:
        write_atomic(folder / path, data)
