"""Judge vibration or gesture on real recordings: the figures of the README, from committed and seeded code.

usage: PYTHONPATH=tests python tests/bench/judge.py vibration|vibration-device|gesture --data FOLDER
           [--build DIR] [--json FILE]

vibration-device: each bearing learned and scored by the firmware itself, in unicorn. An interrupted judgement is taken
up where it was.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from support.judging_device import device_report
from tinygen.console import ConsoleProgress
from tinygen.core.canonical import pretty_json
from tinygen.core.files import write_atomic
from tinygen.core.store import Store
from tinygen.pipeline.judging_gesture import gesture_report
from tinygen.pipeline.judging_vibration import vibration_report
from tinygen.report import terminal

JUDGES = {"vibration": vibration_report, "vibration-device": device_report, "gesture": gesture_report}


def main() -> int:
    """Run it; 1 when a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=sorted(JUDGES))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with ConsoleProgress(Console(stderr=True, highlight=False)) as progress:
        report = JUDGES[given.task](given.data, Store(given.build / "steps"), progress)
    terminal.show(report, Console(width=140, highlight=False))
    if given.json is not None:
        write_atomic(given.json, pretty_json(report).encode())
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
