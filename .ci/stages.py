"""Runs the named stages one after the other, prints the time of each, and fails if one failed.

usage: python .ci/stages.py lint types fast ...
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PY = sys.executable
BIN = Path(sys.executable).parent
PYTEST = [PY, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
PARALLEL = ["-n", "2", "--dist", "loadfile"]


def cpp_sources() -> list[str]:
    """The handwritten C++ that git knows."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "firmware"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split() if name.endswith((".h", ".cpp"))]


STAGES: dict[str, list[list[str]]] = {
    "lint": [
        [PY, "-m", "ruff", "check", "src", "tests", "examples", ".ci"],
        [PY, "-m", "ruff", "format", "--check", "src", "tests", "examples", ".ci"],
        [str(BIN / "clang-format"), "--dry-run", "--Werror", *cpp_sources()],
    ],
    "types": [[PY, "-m", "mypy"]],
    "fast": [
        [*PYTEST, *PARALLEL, "-m", "not golden and not host and not sim and not slow and not hardware and not soak"]
    ],
    "golden": [[*PYTEST, "-m", "golden and not slow"]],
    "host": [[*PYTEST, *PARALLEL, "-m", "host and not slow and not soak"]],
    "sim": [[*PYTEST, *PARALLEL, "-m", "sim and not slow and not soak"]],
    "slow": [[*PYTEST, *PARALLEL, "-m", "slow and not wheel and not soak"]],
    "wheel": [[*PYTEST, "-m", "wheel"]],
    "soak": [[*PYTEST, "-m", "soak"]],
}


def run(stage: str) -> bool:
    """Run one stage's commands to the first that fails."""
    for command in STAGES[stage]:
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        if code == 5 and command[:3] == PYTEST[:3]:
            print(f"   (no test is marked for the stage '{stage}')")
        elif code != 0:
            return False
    return True


def main() -> int:
    """Run the stages of the command line."""
    stages = sys.argv[1:]
    unknown = [name for name in stages if name not in STAGES]
    if unknown or not stages:
        print(f"stages: {' '.join(STAGES)}; not known: {' '.join(unknown)}", file=sys.stderr)
        return 2
    rows: list[tuple[str, str, float]] = []
    for stage in stages:
        print(f"== {stage}", flush=True)
        start = time.monotonic()
        ok = run(stage)
        rows.append((stage, "passed" if ok else "FAILED", time.monotonic() - start))
        print(f"== {stage}: {rows[-1][1]} in {rows[-1][2]:.0f} s", flush=True)
    print("\nstage      result     time")
    for stage, verdict, seconds in rows:
        print(f"{stage:<10} {verdict:<8} {seconds:6.0f} s")
    failed = sum(verdict != "passed" for _, verdict, _ in rows)
    print(f"stages: {len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
