"""From output bytes to a decision, in the device's integers."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.core.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from tinygen.tasks.spec import DecisionRule

Int8 = npt.NDArray[np.int8]
Int32 = npt.NDArray[np.int32]

MAX_RECONSTRUCTED = (2**31 - 1) // 255**2  # elements whose squared differences of int8 values surely fit int32


class Affine(Protocol):
    """real = scale * (q - zero_point): what this room needs of a tensor's quantisation."""

    @property
    def scale(self) -> float:
        """The scale."""

    @property
    def zero_point(self) -> int:
        """The zero point."""


def decide(rule: DecisionRule, model_input: Int8, output: Int8, in_q: Affine, out_q: Affine) -> tuple[int, int]:
    """(label, score) of one inference; see DecisionRule.

    Args:
        rule: the task's rule.
        model_input: the model's int8 input, any shape.
        output: its int8 output, any shape; an unsigned one as the same bytes.
        in_q, out_q: their quantisations (used by "reconstruction" only).

    Raises:
        TinygenError: sizes that do not suit the rule.
    """
    if rule.kind == "argmax":
        flat: npt.NDArray[np.int8 | np.uint8] = np.ascontiguousarray(output).reshape(-1)
        if flat.size != len(rule.labels):
            raise bad_input(f"the model has {flat.size} outputs for {len(rule.labels)} labels", where="decision")
        if rule.unsigned_output:
            flat = flat.view(np.uint8)
        label = int(np.argmax(flat))  # the first on ties
        return label, int(flat[label])
    score = int(reconstruction_scores(model_input.reshape(1, -1), output.reshape(1, -1), in_q, out_q)[0])
    return int(score > rule.threshold), score


def output_multiplier(in_q: Affine, out_q: Affine) -> tuple[int, int]:
    """(multiplier, shift) that brings output steps to input steps.

    Raises:
        TinygenError: the two scales differ so much that the comparison is void.
    """
    ratio = out_q.scale / in_q.scale
    if not 2.0**-16 < ratio < 2.0**16:
        raise bad_input(f"output scale {out_q.scale:g} and input scale {in_q.scale:g} do not compare", where="decision")
    return quantize_multiplier(ratio)


def reconstruction_scores(inputs: Int8, outputs: Int8, in_q: Affine, out_q: Affine) -> Int32:
    """Sum of squared differences between inputs and outputs, in input steps.

    The output is brought to the input's scale, clamp(mbqm(q - out_zero_point) + in_zero_point, -128, 127), like any
    requantised int8 tensor.

    Args:
        inputs, outputs: int8 [n, elements].
        in_q, out_q: their quantisations.

    Returns:
        int32 [n].

    Raises:
        TinygenError: the sizes differ, or are too large for an int32 sum.
    """
    if inputs.shape != outputs.shape:
        raise bad_input(f"input {list(inputs.shape[1:])} and output {list(outputs.shape[1:])} differ", where="decision")
    if inputs.shape[1] > MAX_RECONSTRUCTED:
        raise bad_input(f"{inputs.shape[1]} elements are more than {MAX_RECONSTRUCTED}", where="decision")
    multiplier, shift = output_multiplier(in_q, out_q)
    steps = multiply_by_quantized_multiplier(outputs.astype(np.int64) - out_q.zero_point, multiplier, shift)
    requantised = np.clip(steps + in_q.zero_point, -128, 127)
    difference = inputs.astype(np.int64) - requantised
    scores: Int32 = (difference * difference).sum(axis=1).astype(np.int32)
    return scores
