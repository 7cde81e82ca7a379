"""How large an arena TFLM's interpreter needs: its allocation record, and the least size it really starts in.

`python -m tinygen.verify.arena MODEL` prints one line of JSON. The record's total is what is used in the end; starting
takes more, because the memory planner works in the part that tensors get later: most of all for tiny models.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import tinygen
from tinygen.core.errors import bad_input, tool_failed
from tinygen.core.process import run
from tinygen.verify.wheel import ORACLE_NAME, missing, runtime

_TIMEOUT_S = 120.0
_STEP_BYTES = 16
_FACTOR, _FLOOR_BYTES, _LIMIT_BYTES = 10, 1 << 16, 1 << 28
_LINE = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")
_ANSWER = "arena record: "


@dataclass(frozen=True, slots=True, kw_only=True)
class ArenaRecord:
    """What the wheel's interpreter (64-bit, reference kernels) recorded, in bytes.

    Attributes:
        total, head, tail: used after an inference; the head holds tensors and scratch, the tail what persists.
        least: the smallest arena, in steps of 16, in which it starts and runs.
    """

    total: int
    head: int
    tail: int
    least: int


def record(tflite: bytes, name: str) -> ArenaRecord:
    """Ask the interpreter, in a process of its own.

    Args:
        tflite: the model.
        name: what errors call it.

    Raises:
        TinygenError: the wheel is missing; the interpreter refuses the model or crashes on it.
    """
    problem = missing()
    if problem is not None:
        raise problem
    with tempfile.TemporaryDirectory(prefix="tinygen-arena-") as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(tflite)
        root = str(Path(tinygen.__file__).resolve().parents[1])
        done = run(
            [sys.executable, "-m", "tinygen.verify.arena", str(path)],
            env={"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))},
            timeout_s=_TIMEOUT_S,
            check=False,
        )
    answer = next((line for line in done.stdout.splitlines() if line.startswith(_ANSWER)), None)
    if done.returncode != 0 or answer is None:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        said = lines[-1] if lines else f"exit code {done.returncode}"
        raise bad_input(f"TFLM's interpreter gives no allocation record: {said}", where=name, hint=ORACLE_NAME)
    found = dict(_LINE.findall(done.stderr))
    if set(found) != {"total", "head", "tail"}:
        raise tool_failed(f"{ORACLE_NAME} printed no allocation record that is understood", where=name)
    least = json.loads(answer.removeprefix(_ANSWER))["least"]
    return ArenaRecord(total=int(found["total"]), head=int(found["head"]), tail=int(found["tail"]), least=int(least))


def _starts(tflite: bytes, arena_bytes: int) -> bool:
    """Whether an inference on zeros is possible in an arena of this size."""
    try:
        interpreter = runtime().Interpreter.from_bytes(tflite, arena_size=arena_bytes)
        details = interpreter.get_input_details(0)
        interpreter.set_input(np.zeros(details["shape"], dtype=details["dtype"]), 0)
        interpreter.invoke()
    except RuntimeError:
        return False
    return True


def main(arguments: list[str]) -> int:
    """Print the record (standard error, by the interpreter) and the least arena (standard output)."""
    tflite = Path(arguments[0]).read_bytes()
    high = _FACTOR * len(tflite) + _FLOOR_BYTES
    while not _starts(tflite, high):
        high *= 4
        if high > _LIMIT_BYTES:
            print("the interpreter does not start in any arena", file=sys.stderr)
            return 1
    recording = runtime().Interpreter.from_bytes(tflite, arena_size=high)
    details = recording.get_input_details(0)
    recording.set_input(np.zeros(details["shape"], dtype=details["dtype"]), 0)
    recording.invoke()
    recording.print_allocations()
    low = 1
    high //= _STEP_BYTES
    while low < high:
        middle = (low + high) // 2
        if _survives(tflite, middle * _STEP_BYTES):
            high = middle
        else:
            low = middle + 1
    print(_ANSWER + json.dumps({"least": high * _STEP_BYTES}), flush=True)
    return 0


def _survives(tflite: bytes, arena_bytes: int) -> bool:
    """`_starts` in a forked child: far too small an arena ends the process."""
    child = os.fork()
    if child == 0:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 2)
        os._exit(0 if _starts(tflite, arena_bytes) else 1)
    return os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
