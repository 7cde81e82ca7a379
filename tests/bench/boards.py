"""Every board of the catalogue, run: builds the smallest task offline, verifies it in a simulator, fills README.md.

usage: python tests/bench/boards.py [--json FILE] [--readme README.md] [BOARD...]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tinygen.boards.loader import load_boards
from tinygen.boards.spec import BoardSpec

BEGIN, END = "<!-- boards: written by make bench-boards -->", "<!-- end of boards -->"
TASK = ("--task", "gesture", "--offline", "--json")
VECTORS = {"labwired": 5}
COLUMNS = (
    "board", "chip, core clock", "flash, RAM", "protocol over", "executed in", "vectors", "differing bytes",
    "instructions", "silicon",
)  # fmt: skip


def run(board: BoardSpec, cwd: Path) -> dict[str, Any]:
    """One board's document, or {"error": ...}."""
    on = next(s.name for s in board.simulators if s.name in ("unicorn", "labwired"))
    words = [sys.executable, "-m", "tinygen", "verify", *TASK, "--board", board.id, "--on", on]
    done = subprocess.run(
        [*words, "--vectors", str(VECTORS.get(on, 50))], cwd=cwd, capture_output=True, text=True, check=False
    )
    document: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"error": {"message": done.stderr[-500:]}}
    return {**document, "exit_code": done.returncode}


def row(board: BoardSpec, found: dict[str, Any]) -> tuple[str, ...]:
    """Cells; the last one stays empty until a bundle of a real board is committed."""
    passed = {check["name"] for check in found.get("checks", ()) if check["status"] == "passed"}
    executed = found.get("target", "failed") + (", self-test" if "self-test" in passed else "")
    return (
        f"`{board.id}`",
        f"{board.chip.title}, {board.clock_hz / 1e6:g} MHz",
        f"{board.chip.flash.size_bytes // 1024} K, {board.chip.ram.size_bytes // 1024} K",
        board.serial.connector.split(";")[0].split(" (simulators")[0],
        executed,
        str(found.get("vectors", 0)),
        str(found.get("differing_bytes", "-")),
        f"{found['instructions']:,}" if found.get("instructions") else "-",
        "",
    )


def table(rows: list[tuple[str, ...]]) -> str:
    """Markdown."""
    return "\n".join(
        ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS), *("| " + " | ".join(r) + " |" for r in rows)]
    )


def main() -> int:
    """Run the named boards, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("boards", nargs="*")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--readme", type=Path)
    parser.add_argument("--work", type=Path, help="a folder to work in, so that the task is trained once")
    given = parser.parse_args()
    known = {board.id: board for board in load_boards().values() if board.chip.arch != "native"}
    work = given.work or Path(tempfile.mkdtemp(prefix="tinygen-boards-"))
    work.mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[str, Any]] = {}
    for name in given.boards or known:
        results[name] = run(known[name], work)
        print(" | ".join(row(known[name], results[name])), file=sys.stderr, flush=True)
    text = table([row(known[name], found) for name, found in results.items()])
    print(text)
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    if given.readme:
        before, _, rest = given.readme.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        given.readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    return 0 if all(found["exit_code"] == 0 for found in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
