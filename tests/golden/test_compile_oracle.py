"""The oracle in a child process: the same answers as in this one, and a refusal instead of a crash."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.random_graphs import random_model
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.model.importer import load
from tinygen.verify import oracle_child
from tinygen.verify.inputs import model_inputs
from tinygen.verify.oracle import Oracle
from tinygen.verify.oracle_child import expect_in_child

pytestmark = pytest.mark.golden


def test_the_child_answers_as_this_process_does(needs_module: Callable[..., None]) -> None:
    needs_module("tflite_micro", "verify")
    data = random_model(11)
    graph = load(data, "random")
    vectors = model_inputs(graph, 10, 2)
    told = expect_in_child(data, graph, vectors).expected
    oracle = Oracle(data, graph)
    for vector, answer in zip(vectors, told, strict=True):
        mine = oracle.expect(vector)
        assert answer.output == mine.output
        assert answer.tensors == mine.tensors


def test_a_file_the_interpreter_cannot_take_is_explained(needs_module: Callable[..., None]) -> None:
    needs_module("tflite_micro", "verify")
    data = random_model(11)
    graph = load(data, "random.tflite")
    with pytest.raises(TinygenError, match="refused this model") as caught:
        expect_in_child(data[: len(data) // 2], graph, model_inputs(graph, 2, 1))
    assert caught.value.code is ExitCode.BAD_INPUT
    assert "nothing can be proved" in caught.value.hint


def test_a_crash_of_the_interpreter_is_its_own(
    needs_module: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_module("tflite_micro", "verify")
    data = random_model(11)
    graph = load(data, "random.tflite")
    monkeypatch.setattr(oracle_child, "_CHILD", ("-c", "import os; os.abort()"))
    with pytest.raises(TinygenError, match=r"crashed on this model \(signal 6\)"):
        expect_in_child(data, graph, model_inputs(graph, 2, 1))
