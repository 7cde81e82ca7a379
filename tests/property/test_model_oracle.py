"""NumPy reference == TFLM's own interpreter, byte for byte, at every tensor an operator writes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from support.random_graphs import random_model
from tinygen.model.importer import load
from tinygen.model.reference import run

# More graphs on demand: TINYGEN_RANDOM_GRAPHS=2000 pytest tests/property/test_model_oracle.py
N_GRAPHS = int(os.environ.get("TINYGEN_RANDOM_GRAPHS", "60"))

MODELS = (
    "hello_world_int8",
    "micro_speech_quantized",
    "kws_ref_model",
    "ad01_int8",
    "str_ww_ref_model",
    "pretrainedResnet_quant",
    "vww_96_int8",
    "person_detect",
    "residual_wake_word",
)


def interpreter(tflite: bytes) -> Any:
    from tflite_micro.python.tflite_micro import runtime

    keep = runtime.InterpreterConfig.kPreserveAllTensors
    return runtime.Interpreter.from_bytes(tflite, intrepreter_config=keep, arena_size=4 << 20)


def inputs_of(shape: tuple[int, ...], seed: int, count: int) -> list[npt.NDArray[np.int8]]:
    rng = np.random.default_rng(seed)
    random_ones = [rng.integers(-128, 128, shape).astype(np.int8) for _ in range(count)]
    return [*random_ones, np.full(shape, -128, np.int8), np.full(shape, 127, np.int8)]


def compare(tflite: bytes, name: str, seed: int, count: int) -> int:
    graph = load(tflite, name)
    oracle = interpreter(tflite)
    compared = 0
    for values in inputs_of(graph.tensors[graph.inputs[0]].shape, seed, count):
        oracle.set_input(values, 0)
        oracle.invoke()
        for index, ours in run(graph, [values]).items():
            theirs = np.asarray(oracle.GetTensor(index, 0)["tensor_data"])
            assert theirs.tobytes() == ours.tobytes(), (
                f"{name}: tensor {index}, {int((theirs.reshape(-1) != ours.reshape(-1)).sum())} values differ"
            )
            compared += 1
    return compared


def test_random_graphs_equal_the_interpreter(needs_module: Callable[[str, str], None]) -> None:
    needs_module("tflite_micro", "verify")
    compared = sum(compare(random_model(seed), f"random-{seed}", seed, 2) for seed in range(N_GRAPHS))
    assert compared > N_GRAPHS


def test_wide_random_graphs_equal_the_interpreter(needs_module: Callable[[str, str], None]) -> None:
    needs_module("tflite_micro", "verify")
    compared = sum(compare(random_model(seed, wide=True), f"wide-{seed}", seed, 2) for seed in range(N_GRAPHS))
    assert compared > N_GRAPHS


@pytest.mark.parametrize("name", MODELS)
def test_published_models_match_their_golden_digests(shared_dir: Callable[[str], Path], name: str) -> None:
    graph = load(shared_dir(f"models/{name}.tflite").read_bytes(), name)
    golden = np.load(shared_dir(f"models/golden/{name}.npz"))
    for values, digests, outputs in zip(golden["inputs"], golden["digests"], golden["outputs"], strict=True):
        written = run(graph, [values])
        assert set(written) == {int(t) for t in golden["tensors"]}
        for tensor, digest in zip(golden["tensors"], digests, strict=True):
            ours = hashlib.sha256(written[int(tensor)].tobytes()).digest()[:8]
            assert int.from_bytes(ours, "little") == int(digest), f"tensor {tensor}"
        assert written[graph.outputs[0]].tobytes() == outputs.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_published_models_equal_the_interpreter_on_other_inputs(
    shared_dir: Callable[[str], Path], needs_module: Callable[[str, str], None], name: str
) -> None:
    needs_module("tflite_micro", "verify")
    assert compare(shared_dir(f"models/{name}.tflite").read_bytes(), name, 7, 4) > 0
