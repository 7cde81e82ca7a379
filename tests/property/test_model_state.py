"""Models with state, and types other than int8: reference == TFLM's interpreter, as sequences on one interpreter."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from support.typed_graphs import (
    EXTREME_FLOATS,
    PAIRS,
    conversion,
    lstm_model,
    scale,
    sequence,
    svdf_model,
    wide_lstm_model,
)
from tinygen.model.importer import load
from tinygen.model.ir import NUMPY_TYPES, DType
from tinygen.model.reference import initial_state, run
from tinygen.model.sigmoid_table import logistic_int16, tanh_int16

N_MODELS = int(os.environ.get("TINYGEN_RANDOM_GRAPHS", "24"))
MODELS = (
    "alexa",
    "hey_mycroft",
    "trained_lstm_int8",
    "keyword_scrambled_8bit",
    "magic_wand",
    "rock_paper_scissors",
    "ecg_autoencoder",
)
Array = npt.NDArray[np.generic]


def interpreter(tflite: bytes) -> Any:
    from tflite_micro.python.tflite_micro import runtime

    keep = runtime.InterpreterConfig.kPreserveAllTensors
    return runtime.Interpreter.from_bytes(tflite, intrepreter_config=keep, arena_size=4 << 20)


def compare(tflite: bytes, name: str, given: list[Array]) -> None:
    graph = load(tflite, name)
    oracle, state = interpreter(tflite), initial_state(graph)
    for number, values in enumerate(given):
        oracle.set_input(values, 0)
        oracle.invoke()
        for index, ours in run(graph, [values], state).items():
            theirs = np.asarray(oracle.GetTensor(index, 0)["tensor_data"])
            differing = int((theirs.reshape(-1).view(np.uint8) != ours.reshape(-1).view(np.uint8)).sum())
            assert differing == 0, f"{name}: inference {number}, tensor {index}, {differing} bytes differ"


@pytest.mark.parametrize("make", [lstm_model, wide_lstm_model, svdf_model])
def test_random_recurrent_layers(needs_module: Callable[[str, str], None], make: Callable[[int], bytes]) -> None:
    needs_module("tflite_micro", "verify")
    for seed in range(N_MODELS):
        data = make(seed)
        graph = load(data, "m")
        rng = np.random.default_rng(seed + 1)
        compare(data, f"{make.__name__}-{seed}", sequence(rng, graph.tensors[graph.inputs[0]], 5))


@pytest.mark.parametrize("target", ["int8", "int16"])
@pytest.mark.parametrize("step", [1.0, 0.5, 0.1, 1e-6, 3e7, 0.00390625])
@pytest.mark.parametrize("zero", [0, 5, -7, -128, 127])
def test_floats_to_integers(needs_module: Callable[[str, str], None], target: DType, step: float, zero: int) -> None:
    needs_module("tflite_micro", "verify")
    rng = np.random.default_rng(zero + 200)
    near = (rng.integers(-260, 260, 4000) + rng.choice([0, 0.5, -0.5], 4000)) * np.float32(step)
    values = np.concatenate(
        [EXTREME_FLOATS, near.astype(np.float32), np.nextafter(near.astype(np.float32), np.float32(0))]
    )
    data = conversion("QUANTIZE", ("float32", 0, 0), (target, step, 0 if target == "int16" else zero), len(values))
    compare(data, f"{target} {step} {zero}", [values[None]])


@pytest.mark.parametrize("pair", PAIRS)
def test_integers_to_integers(needs_module: Callable[[str, str], None], pair: tuple[DType, DType]) -> None:
    needs_module("tflite_micro", "verify")
    rng = np.random.default_rng(3)
    info = np.iinfo(np.dtype(NUMPY_TYPES[pair[0]]))
    if pair[0] == "int32":
        values = np.concatenate([rng.integers(info.min, info.max, 2000), rng.integers(-500, 500, 2000)])
    else:
        values = np.arange(info.min, info.max + 1)
    points: dict[str, tuple[int, ...]] = {"int8": (-128, 0, 127, 5), "uint8": (0, 128, 255, 3)}
    for number in range(12):
        zeros = [int(rng.choice(points.get(dtype, (0,)))) for dtype in pair]
        scales = [scale(rng, 0.01, 1.0) for _ in pair]
        if number == 0:
            scales[1] = scales[0]
        data = conversion("QUANTIZE", (pair[0], scales[0], zeros[0]), (pair[1], scales[1], zeros[1]), len(values))
        compare(data, f"{pair} {scales} {zeros}", [values.astype(NUMPY_TYPES[pair[0]])[None]])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_integers_to_floats(needs_module: Callable[[str, str], None], dtype: DType) -> None:
    needs_module("tflite_micro", "verify")
    info = np.iinfo(np.dtype(NUMPY_TYPES[dtype]))
    values = np.arange(info.min, info.max + 1).astype(NUMPY_TYPES[dtype])
    for step, zero in ((0.1, 0), (1 / 3, int(info.max)), (1e-7, int(info.min)), (12345.678, 1)):
        point = 0 if dtype == "int16" else zero
        compare(conversion("DEQUANTIZE", (dtype, step, point), ("float32", 0, 0), len(values)), dtype, [values[None]])


def test_the_interpolated_sigmoid_and_tanh_for_every_input(needs_module: Callable[[str, str], None]) -> None:
    needs_module("tflite_micro", "verify")
    values = np.arange(-32768, 32768).astype(np.int16)
    for op, ours in (("LOGISTIC", logistic_int16), ("TANH", tanh_int16)):
        data = conversion(op, ("int16", 2.0**-12, 0), ("int16", 2.0**-15, 0), len(values))
        oracle = interpreter(data)
        oracle.set_input(values[None], 0)
        oracle.invoke()
        assert (oracle.get_output(0)[0] == ours(values, 3, 0)).all()


@pytest.mark.parametrize("name", MODELS)
def test_published_models_match_their_golden_digests(shared_dir: Callable[[str], Path], name: str) -> None:
    graph = load(shared_dir(f"models/{name}.tflite").read_bytes(), name)
    golden = np.load(shared_dir(f"models/golden/{name}.npz"))
    state = initial_state(graph)
    for values, digests, outputs in zip(golden["inputs"], golden["digests"], golden["outputs"], strict=True):
        written = run(graph, [values], state)
        assert set(written) == {int(t) for t in golden["tensors"]}
        for tensor, digest in zip(golden["tensors"], digests, strict=True):
            ours = hashlib.sha256(written[int(tensor)].tobytes()).digest()[:8]
            assert int.from_bytes(ours, "little") == int(digest), f"tensor {tensor}"
        assert written[graph.outputs[0]].tobytes() == outputs.tobytes()
