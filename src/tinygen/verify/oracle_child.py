"""The oracle in a process of its own, for models that nobody vouches for: a crash of TFLM's interpreter is not ours.

`python -m tinygen.verify.oracle_child MODEL NAME INPUTS.npz ANSWERS.npz all|outputs`: runs the vectors in order on one
interpreter, so that a model with state sees a sequence.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import tinygen
from tinygen.core.errors import TinygenError, bad_input
from tinygen.core.process import run
from tinygen.model import importer
from tinygen.model.ir import Graph
from tinygen.verify.expect import Expectations
from tinygen.verify.npz import pack, unpack
from tinygen.verify.oracle import Oracle
from tinygen.verify.values import Expected, Vector
from tinygen.verify.wheel import ORACLE_NAME, missing

_CHILD = ("-m", "tinygen.verify.oracle_child")
_BASE_S = 60.0
_VECTOR_S = 20.0


def expect_in_child(tflite: bytes, graph: Graph, vectors: Sequence[Vector]) -> Expectations:
    """What TFLM's interpreter makes of the vectors, one after the other.

    Args:
        tflite: the flatbuffer.
        graph: the same model as imported, for its name.
        vectors: a sequence, where the model has state.

    Raises:
        TinygenError: the wheel is missing; the interpreter refused the model or crashed on it.
    """
    inputs = np.stack([np.ascontiguousarray(v.model_input, dtype=np.int8) for v in vectors])
    arrays = _ask(tflite, graph, inputs, "all")
    tensors = {int(key.removeprefix("tensor_")): rows for key, rows in arrays.items() if key.startswith("tensor_")}
    answers = tuple(
        Expected(output=arrays["output"][n].tobytes(), tensors={i: rows[n].tobytes() for i, rows in tensors.items()})
        for n in range(len(vectors))
    )
    return Expectations(expected=answers, source=f"{ORACLE_NAME}, run now")


def outputs_in_child(tflite: bytes, graph: Graph, inputs: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Outputs int8 [n, bytes] of TFLM's interpreter for inputs int8 [n, bytes], a sequence where the model has state.

    Raises:
        TinygenError: the wheel is missing; the interpreter refused the model or crashed on it.
    """
    if not len(inputs):
        size = sum(graph.tensors[index].n_bytes for index in graph.outputs)
        return np.zeros((0, size), dtype=np.int8)
    return _ask(tflite, graph, inputs, "outputs")["output"].view(np.int8)


def _ask(tflite: bytes, graph: Graph, inputs: npt.NDArray[np.int8], what: str) -> dict[str, npt.NDArray[Any]]:
    problem = missing()
    if problem is not None:
        raise problem
    with tempfile.TemporaryDirectory(prefix="tinygen-oracle-") as name:
        folder = Path(name)
        (folder / "model.tflite").write_bytes(tflite)
        (folder / "in.npz").write_bytes(pack({}, {"inputs": inputs}, compressed=False))
        root = str(Path(tinygen.__file__).resolve().parents[1])
        words = [sys.executable, *_CHILD, str(folder / "model.tflite"), graph.name]
        done = run(
            [*words, str(folder / "in.npz"), str(folder / "out.npz"), what],
            env={"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))},
            timeout_s=_BASE_S + _VECTOR_S * len(inputs),
            check=False,
        )
        if done.returncode != 0:
            raise bad_input(
                f"TFLM's interpreter {_how(done.returncode, done.stderr)}",
                where=graph.name,
                hint=f"{ORACLE_NAME} cannot run it, so nothing can be proved",
            )
        _, arrays = unpack((folder / "out.npz").read_bytes(), "the oracle's answers")
    return arrays


def _how(returncode: int, stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    said = lines[-1] if lines else ""
    if returncode < 0:
        return f"crashed on this model (signal {-returncode})" + (f"; it said: {said}" if said else "")
    return "refused this model: " + (said or f"exit code {returncode}")


def main(arguments: list[str]) -> int:
    """Run the vectors; the reason for a refusal is the last line of standard error."""
    model, name, inputs, answers, what = arguments
    try:
        tflite = Path(model).read_bytes()
        oracle = Oracle(tflite, importer.load(tflite, name), trusted=True)
        _, arrays = unpack(Path(inputs).read_bytes(), inputs)
        made = [oracle.run(row.tobytes(), tensors=what == "all") for row in arrays["inputs"]]
        rows = {"output": np.stack([np.frombuffer(answer.output, np.uint8) for answer in made])}
        for index in made[0].tensors:
            rows[f"tensor_{index}"] = np.stack([np.frombuffer(answer.tensors[index], np.uint8) for answer in made])
        Path(answers).write_bytes(pack({}, rows, compressed=False))
    except (TinygenError, RuntimeError, ValueError) as error:
        print(str(error).replace("\n", " "), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
