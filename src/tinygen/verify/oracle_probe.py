"""Runs an untrusted model once in a process of its own: TFLM ends the process on many a broken model.

`python -m tinygen.verify.oracle_probe MODEL ARENA_BYTES TENSOR[,TENSOR...]`; exit code 0 when the interpreter takes the
model, makes one inference on zeros and gives every tensor.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from tinygen.verify.wheel import runtime


def interpreter(tflite: bytes, arena_bytes: int) -> Any:
    """TFLM's interpreter with all tensors kept. Too small an arena ends the process."""
    module = runtime()
    keep = module.InterpreterConfig.kPreserveAllTensors
    return module.Interpreter.from_bytes(tflite, arena_size=arena_bytes, intrepreter_config=keep)


def main(arguments: list[str]) -> int:
    """Probe one model; a Python exception or a signal tells the parent why not."""
    model, arena_bytes, tensors = arguments
    subject = interpreter(Path(model).read_bytes(), int(arena_bytes))
    details = subject.get_input_details(0)
    subject.set_input(np.zeros(details["shape"], dtype=details["dtype"]), 0)
    subject.invoke()
    for index in filter(None, tensors.split(",")):
        subject.GetTensor(int(index), 0)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
