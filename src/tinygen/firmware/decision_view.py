"""A DecisionRule rendered into src/decision.cpp."""

from __future__ import annotations

from dataclasses import dataclass

from tinygen.core.errors import bad_input
from tinygen.firmware.environment import render
from tinygen.tasks.decision import MAX_RECONSTRUCTED, Affine, output_multiplier
from tinygen.tasks.spec import DecisionRule

RUNTIME_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionView:
    """What templates/model/decision.cpp.j2 prints. Multiplier, shift and zero points are 0 for argmax."""

    kind: str
    labels: tuple[str, ...]
    elements: int
    threshold: int
    multiplier: int
    shift: int
    in_zero_point: int
    out_zero_point: int
    unsigned: bool = False


def decision_view(
    rule: DecisionRule, *, input_elements: int, output_elements: int, in_q: Affine, out_q: Affine
) -> DecisionView:
    """The rule's constants for a model with these sizes and quantisations.

    Raises:
        TinygenError: the model does not suit the rule.
    """
    multiplier, shift, in_zero_point, out_zero_point = 0, 0, 0, 0
    if rule.kind == "argmax":
        if output_elements != len(rule.labels) or not rule.labels:
            raise bad_input(f"the model has {output_elements} outputs for {len(rule.labels)} labels", where="decision")
    else:
        if input_elements != output_elements:
            raise bad_input(
                f"the model takes {input_elements} values and gives {output_elements}: it cannot be a reconstruction",
                where="decision",
            )
        if output_elements > MAX_RECONSTRUCTED:
            raise bad_input(f"{output_elements} elements are more than {MAX_RECONSTRUCTED}", where="decision")
        if len(rule.labels) != 2:
            raise bad_input(f"reconstruction tells two classes apart, got {len(rule.labels)} labels", where="decision")
        if not 0 <= rule.threshold < 2**31:
            raise bad_input(f"the threshold must be in 0..2^31-1, got {rule.threshold}", where="decision")
        multiplier, shift = output_multiplier(in_q, out_q)
        in_zero_point, out_zero_point = in_q.zero_point, out_q.zero_point
    return DecisionView(
        kind=rule.kind,
        labels=tuple(_c_string(label) for label in rule.labels),
        elements=output_elements,
        threshold=rule.threshold if rule.kind == "reconstruction" else 0,
        multiplier=multiplier,
        shift=shift,
        in_zero_point=in_zero_point,
        out_zero_point=out_zero_point,
        unsigned=rule.kind == "argmax" and rule.unsigned_output,
    )


def render_decision(
    rule: DecisionRule, *, input_elements: int, output_elements: int, in_q: Affine, out_q: Affine
) -> dict[str, bytes]:
    """{"src/decision.cpp": its text}: the implementation of decision_api.h.

    Raises:
        TinygenError: the model does not suit the rule.
    """
    view = decision_view(rule, input_elements=input_elements, output_elements=output_elements, in_q=in_q, out_q=out_q)
    return {"src/decision.cpp": render("model/decision.cpp.j2", {"view": view, "runtime_version": RUNTIME_VERSION})}


def _c_string(text: str) -> str:
    """A C++ string literal of the text's UTF-8 bytes; octal escapes end after three digits, whatever follows."""
    plain = "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode())
    return f'"{plain}"'
