"""Every operator case: NumPy reference == TFLM's interpreter, byte for byte, on extremes, all bytes and random ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from support.cases.base import Array, input_values
from support.cases.registry import CASES
from support.cases.shaping import gather_at_run_time
from tinygen.model.importer import load
from tinygen.model.reference import run

N_INPUTS = 6


@pytest.mark.parametrize("family", sorted(CASES))
def test_operator_cases_equal_the_interpreter(needs_module: Callable[[str, str], None], family: str) -> None:
    needs_module("tflite_micro", "verify")
    from tflite_micro.python.tflite_micro import runtime

    keep = runtime.InterpreterConfig.kPreserveAllTensors
    rng = np.random.default_rng(11)
    compared = 0
    for case in CASES[family]():
        graph = load(case.tflite, case.name)
        oracle = runtime.Interpreter.from_bytes(case.tflite, intrepreter_config=keep, arena_size=1 << 20)
        for number in range(N_INPUTS):
            # The inputs of one operator meet different extremes.
            given = [
                input_values(graph.tensors[index], (number + place) % N_INPUTS, rng)
                for place, index in enumerate(graph.inputs)
            ]
            for place, array in enumerate(given):
                oracle.set_input(array, place)
            oracle.invoke()
            for index, ours in run(graph, given).items():
                theirs = np.asarray(oracle.GetTensor(index, 0)["tensor_data"])
                assert theirs.tobytes() == ours.tobytes(), f"{case.name}: tensor {index}, input {number}"
                compared += 1
    assert compared >= N_INPUTS * 40


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_gather_with_indices_computed_at_run_time(needs_module: Callable[[str, str], None], axis: int) -> None:
    needs_module("tflite_micro", "verify")
    from tflite_micro.python.tflite_micro import runtime

    case = gather_at_run_time(axis)
    graph = load(case.tflite, case.name)
    oracle = runtime.Interpreter.from_bytes(case.tflite, arena_size=1 << 16)
    rng = np.random.default_rng(axis)
    for _ in range(5):
        # Outside of the rows TFLM reads what does not belong to the tensor.
        rows: Array = rng.integers(-128, 128, (3, 4, 5)).astype(np.int8)
        given: list[Array] = [rows, rng.integers(0, 3 + axis, (2, 3)).astype(np.int32)]
        for place, array in enumerate(given):
            oracle.set_input(array, place)
        oracle.invoke()
        assert oracle.get_output(0).tobytes() == run(graph, given)[graph.outputs[0]].tobytes()
