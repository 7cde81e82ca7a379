"""The oracle against the golden answers of published models, and against models it must not die of."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tinygen.core.errors import ExitCode, TinygenError
from tinygen.model import reference
from tinygen.model.importer import load
from tinygen.verify import wheel
from tinygen.verify.cache import Cache
from tinygen.verify.expect import expectations
from tinygen.verify.oracle import Oracle, probe, written_tensors
from tinygen.verify.values import Vector
from tinygen.verify.vectors import make_inputs

pytestmark = pytest.mark.golden

Shared = Callable[..., Path]
MODELS = ("hello_world_int8", "micro_speech_quantized", "kws_ref_model", "ad01_int8", "pretrainedResnet_quant",
          "vww_96_int8", "str_ww_ref_model", "person_detect")  # fmt: skip


@pytest.fixture(autouse=True)
def _needs_wheel(needs_module: Callable[..., None]) -> None:
    needs_module("tflite_micro", "verify")


@pytest.mark.parametrize("name", MODELS)
def test_golden_answers(shared_dir: Shared, name: str) -> None:
    tflite = shared_dir(f"models/{name}.tflite").read_bytes()
    graph = load(tflite, f"{name}.tflite")
    with np.load(shared_dir(f"models/golden/{name}.npz")) as golden:
        inputs, outputs, digests = golden["inputs"], golden["outputs"], golden["digests"]
        tensors = golden["tensors"].tolist()
    assert set(written_tensors(graph)) == set(tensors)
    oracle = Oracle(tflite, graph, trusted=True)
    for number, model_input in enumerate(inputs):
        answer = oracle.run(model_input.tobytes())
        assert answer.output == outputs[number].tobytes()
        for index, digest in zip(tensors, digests[number], strict=True):
            said = int.from_bytes(hashlib.sha256(answer.tensors[index]).digest()[:8], "little")
            assert said == int(digest), f"vector {number}, tensor {index}"


def test_vectors_stand_alone(shared_dir: Shared) -> None:
    tflite = shared_dir("models/kws_ref_model.tflite").read_bytes()
    graph = load(tflite, "kws")
    vectors = make_inputs(4, 7, 490)
    oracle = Oracle(tflite, graph)
    forwards = [oracle.expect(v).output for v in vectors]
    backwards = [oracle.expect(v).output for v in reversed(vectors)]
    assert forwards == backwards[::-1]
    assert len(set(forwards)) > 1
    with pytest.raises(TinygenError, match="490 input bytes"):
        oracle.run(b"\0" * 489)


def test_the_numpy_reference_is_the_next_rung(shared_dir: Shared) -> None:
    tflite = shared_dir("models/micro_speech_quantized.tflite").read_bytes()
    graph = load(tflite, "micro_speech")
    oracle = Oracle(tflite, graph, trusted=True)
    shape = graph.tensors[graph.inputs[0]].shape
    for vector in make_inputs(4, 3, int(np.prod(shape))):
        own = reference.run(graph, [vector.model_input.reshape(shape)])
        answer = oracle.expect(vector)
        assert {i: own[i].tobytes() for i in answer.tensors} == answer.tensors


def test_asking_is_fast(shared_dir: Shared) -> None:
    tflite = shared_dir("models/kws_ref_model.tflite").read_bytes()
    graph = load(tflite, "kws")
    began = time.monotonic()
    probe(tflite, graph)
    assert time.monotonic() - began < 5.0  # about 0.4 s on an idle machine


def _broken(tflite: bytes, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    data = bytearray(tflite)
    for _ in range(40):
        data[int(rng.integers(0, len(data)))] = int(rng.integers(0, 256))
    return bytes(data)


def test_broken_models_are_an_error_and_not_a_crash(shared_dir: Shared) -> None:
    tflite = shared_dir("models/hello_world_int8.tflite").read_bytes()
    graph = load(tflite, "hello")
    for broken in (tflite[: len(tflite) // 2], b"", b"not a model at all" * 20, _broken(tflite, 1)):
        with pytest.raises(TinygenError) as caught:
            Oracle(broken, graph)
        assert caught.value.code is ExitCode.BAD_INPUT
        assert "TFLM's interpreter" in caught.value.message


def test_an_interpreter_that_crashes_does_not_take_us_along(
    shared_dir: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Too small an arena ends the process with a signal: a crash that is easy to have.
    tflite = shared_dir("models/kws_ref_model.tflite").read_bytes()
    graph = load(tflite, "kws")
    monkeypatch.setattr("tinygen.verify.oracle.arena_bytes_for", lambda tflite, graph: 1000)
    with pytest.raises(TinygenError) as caught:
        Oracle(tflite, graph)
    assert "crashed on this model (signal" in caught.value.message


def test_another_wheel_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheel, "installed_version", lambda: "0.dev20240101000000")
    with pytest.raises(TinygenError, match="round differently") as caught:
        wheel.runtime()
    assert "tinygen[verify]" in caught.value.hint


def test_without_the_wheel_kept_answers_serve(
    shared_dir: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tflite = shared_dir("models/hello_world_int8.tflite").read_bytes()
    graph = load(tflite, "hello")
    vectors = make_inputs(5, 1, 1)
    cache = Cache(tmp_path)
    now = expectations(tflite, graph, vectors, cache)
    assert "run now" in now.source
    assert cache.knows(graph.digest)
    monkeypatch.setattr(wheel, "installed_version", lambda: None)
    kept = expectations(tflite, graph, vectors, cache)
    assert "cache" in kept.source
    assert [e.tensors for e in kept.expected] == [e.tensors for e in now.expected]
    more = [*vectors, Vector(name="new", raw=None, model_input=np.array([77], np.int8), label="")]
    with pytest.raises(TinygenError, match="is not installed") as caught:
        expectations(tflite, graph, more, cache)
    assert "--vectors-file" in caught.value.hint
    with pytest.raises(TinygenError, match="is not installed"):
        expectations(tflite, graph, vectors, None)
