"""The decision rule in NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tinygen.core.errors import TinygenError
from tinygen.core.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from tinygen.firmware.decision_view import render_decision
from tinygen.tasks.decision import decide, reconstruction_scores
from tinygen.tasks.spec import DecisionRule


@dataclass(frozen=True)
class Affine:
    scale: float
    zero_point: int


ARGMAX = DecisionRule(kind="argmax", labels=("a", "b", "c"))
SAME = Affine(0.1, -5)


def _int8(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    return np.array(values, dtype=np.int8)


def test_argmax_takes_the_first_on_ties() -> None:
    assert decide(ARGMAX, _int8(), _int8(3, 9, 9), SAME, SAME) == (1, 9)
    assert decide(ARGMAX, _int8(), _int8(-128, -128, -128).reshape(1, 3), SAME, SAME) == (0, -128)


def test_a_probability_without_a_sign_is_read_as_it_is() -> None:
    word = DecisionRule(kind="argmax", labels=("alexa",), unsigned_output=True)
    assert decide(word, _int8(), _int8(-6), SAME, SAME) == (0, 250)  # the byte 250, not -6
    both = DecisionRule(kind="argmax", labels=("a", "b"), unsigned_output=True)
    assert decide(both, _int8(), _int8(100, -56), SAME, SAME) == (1, 200)


def test_reconstruction_counts_squares_and_compares_strictly() -> None:
    rule = DecisionRule(kind="reconstruction", labels=("normal", "anomaly"), threshold=13)
    model_input, output = _int8(10, -20, 127), _int8(12, -23, 127)
    assert decide(rule, model_input, output, SAME, SAME) == (0, 13)
    stricter = DecisionRule(kind="reconstruction", labels=("normal", "anomaly"), threshold=12)
    assert decide(stricter, model_input, output, SAME, SAME) == (1, 13)


def test_output_is_brought_to_the_input_s_scale() -> None:
    in_q, out_q = Affine(0.05, 3), Affine(0.08, -7)
    inputs = np.arange(-128, 128, dtype=np.int8).reshape(1, -1)
    outputs = inputs[:, ::-1].copy()
    multiplier, shift = quantize_multiplier(0.08 / 0.05)
    expected = 0
    for x, y in zip(inputs[0].tolist(), outputs[0].tolist(), strict=True):
        q = int(multiply_by_quantized_multiplier(y + 7, multiplier, shift)) + 3
        expected += (x - max(-128, min(127, q))) ** 2
    assert reconstruction_scores(inputs, outputs, in_q, out_q).tolist() == [expected]


def test_what_does_not_suit_the_rule_is_refused() -> None:
    rule = DecisionRule(kind="reconstruction", labels=("normal", "anomaly"))
    with pytest.raises(TinygenError):
        decide(ARGMAX, _int8(), _int8(1, 2), SAME, SAME)
    with pytest.raises(TinygenError):
        decide(rule, _int8(1), _int8(1, 2), SAME, SAME)
    with pytest.raises(TinygenError):
        reconstruction_scores(_int8(1).reshape(1, 1), _int8(1).reshape(1, 1), Affine(1e-9, 0), Affine(1.0, 0))
    wrong = [
        (ARGMAX, 3, 2),
        (rule, 3, 2),
        (rule, 40000, 40000),
        (DecisionRule(kind="reconstruction", labels=("one",)), 3, 3),
        (DecisionRule(kind="reconstruction", labels=("a", "b"), threshold=-1), 3, 3),
    ]
    for bad, inputs, outputs in wrong:
        with pytest.raises(TinygenError):
            render_decision(bad, input_elements=inputs, output_elements=outputs, in_q=SAME, out_q=SAME)


def test_rendering_twice_gives_the_same_bytes() -> None:
    first = render_decision(ARGMAX, input_elements=9, output_elements=3, in_q=SAME, out_q=SAME)
    assert first == render_decision(ARGMAX, input_elements=9, output_elements=3, in_q=SAME, out_q=SAME)
    assert set(first) == {"src/decision.cpp"}
