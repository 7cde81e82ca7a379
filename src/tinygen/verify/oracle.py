"""TFLM's own interpreter, all tensors kept: what every byte of ours is measured against."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import tinygen
from tinygen.core.errors import TinygenError, bad_input
from tinygen.core.process import run
from tinygen.model.ir import Graph
from tinygen.verify.oracle_probe import interpreter
from tinygen.verify.values import Expected, Vector
from tinygen.verify.wheel import ORACLE_NAME, missing

_PROBE_TIMEOUT_S = 60.0
_ARENA_LIMIT_BYTES = 1 << 30
_ARENA_FLOOR_BYTES = 4 << 20


def written_tensors(graph: Graph) -> tuple[int, ...]:
    """Tensor indices that operators of the graph write, in that order; what can be asked of the interpreter.

    RESOURCE tensors and the states that stand for them are left out: asking TFLM for one ends the process. Constants
    are nobody's result, and of what the compiler made up TFLM knows nothing.
    """
    found: dict[int, None] = {}
    for op in graph.ops:
        for index in op.outputs:
            tensor = graph.tensors.get(index) if index not in graph.state_tensors else None
            if tensor is None or tensor.is_constant or tensor.made:
                continue
            if tensor.dtype != "resource":
                found[index] = None
    return tuple(found)


def arena_bytes_for(tflite: bytes, graph: Graph) -> int:
    """A generous arena: with all tensors kept nothing shares memory, and too small a one ends the process.

    Raises:
        TinygenError: the tensors are absurdly large.
    """
    tensors = sum(t.n_bytes for t in graph.tensors.values() if not t.is_constant)
    wanted = 3 * tensors + 10 * len(tflite) + _ARENA_FLOOR_BYTES
    if wanted > _ARENA_LIMIT_BYTES:
        raise bad_input(f"its tensors take {tensors} bytes, too many for the oracle", where=graph.name)
    return wanted


def probe(tflite: bytes, graph: Graph) -> None:
    """Run the model once in a child process (about 0.4 s), so that a crash of the interpreter is not ours.

    Raises:
        TinygenError: the interpreter refused the model or crashed on it, or is not installed.
    """
    problem = missing()
    if problem is not None:
        raise problem
    handle, name = tempfile.mkstemp(suffix=".tflite")
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(tflite)
        tensors = ",".join(str(index) for index in written_tensors(graph))
        package_root = str(Path(tinygen.__file__).resolve().parents[1])
        done = run(
            [sys.executable, "-m", "tinygen.verify.oracle_probe", name, str(arena_bytes_for(tflite, graph)), tensors],
            env={"PYTHONPATH": os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH", ""))))},
            timeout_s=_PROBE_TIMEOUT_S,
            check=False,
        )
    finally:
        path.unlink(missing_ok=True)
    if done.returncode == 0:
        return
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    if done.returncode < 0:
        first = f"; it said: {lines[-1]}" if lines else ""
        how = f"crashed on this model (signal {-done.returncode}){first}"
    else:
        how = "refused this model: " + (lines[-1] if lines else f"exit code {done.returncode}")
    raise bad_input(
        f"TFLM's interpreter {how}",
        where=graph.name,
        hint=f"{ORACLE_NAME} cannot run it, so nothing can be proved; convert the model again with INT8 operators only",
    )


class Oracle:
    """One interpreter for one model.

    Args:
        tflite: the flatbuffer.
        graph: the same model as the compiler imported it (not rewritten): it says which tensors operators write.
        trusted: skip the probe in a child process (the model ran in this interpreter before).

    Raises:
        TinygenError: the wheel is missing or another version; the interpreter cannot run the model.
    """

    def __init__(self, tflite: bytes, graph: Graph, *, trusted: bool = False) -> None:
        if not trusted:
            probe(tflite, graph)
        self._where = graph.name
        self._written = written_tensors(graph)
        self._outputs = graph.outputs
        self._input_count = len(graph.inputs)
        try:
            self._interpreter = interpreter(tflite, arena_bytes_for(tflite, graph))
            self._inputs: list[dict[str, Any]] = [
                self._interpreter.get_input_details(number) for number in range(self._input_count)
            ]
        except TinygenError:
            raise
        except Exception as error:
            raise bad_input(f"TFLM's interpreter refused this model: {error}", where=graph.name) from error

    @property
    def input_bytes(self) -> int:
        """Bytes of all inputs."""
        return sum(self._size(details) for details in self._inputs)

    @staticmethod
    def _size(details: dict[str, Any]) -> int:
        item_bytes: int = np.dtype(details["dtype"]).itemsize
        return int(np.prod(details["shape"], dtype=np.int64)) * item_bytes

    def run(self, model_input: bytes, *, tensors: bool = True) -> Expected:
        """One inference that goes on from whatever state the last one left.

        Args:
            model_input: the bytes of all inputs, concatenated.
            tensors: also read every tensor; otherwise only the outputs.

        Raises:
            TinygenError: wrong size, or the interpreter failed.
        """
        if len(model_input) != self.input_bytes:
            raise bad_input(
                f"the model takes {self.input_bytes} input bytes, not {len(model_input)}", where=self._where
            )
        try:
            start = 0
            for number, details in enumerate(self._inputs):
                part = model_input[start : start + self._size(details)]
                start += len(part)
                values = np.frombuffer(part, dtype=details["dtype"]).reshape(details["shape"])
                self._interpreter.set_input(values, number)
            self._interpreter.invoke()
            wanted = self._written if tensors else ()
            read = {i: self._interpreter.GetTensor(i, 0)["tensor_data"].tobytes() for i in wanted}
            outputs = [self._interpreter.get_output(n).tobytes() for n in range(len(self._outputs))]
        except (RuntimeError, ValueError) as error:
            raise bad_input(f"TFLM's interpreter failed: {error}", where=self._where) from error
        return Expected(output=b"".join(outputs), tensors=read)

    def reset(self) -> None:
        """Forget the state of variables and recurrent layers."""
        self._interpreter.reset()

    def expect(self, vector: Vector) -> Expected:
        """What this model makes of one vector (for models without state: every vector stands alone).

        Raises:
            TinygenError: wrong input size, or the interpreter failed.
        """
        return self.run(np.ascontiguousarray(vector.model_input, dtype=np.int8).tobytes())
