"""Kernels for Cortex-M's DSP extension that go element by element."""

from __future__ import annotations

from tinygen.boards.spec import ChipSpec
from tinygen.model.kernels.base import KernelDef, Packed
from tinygen.model.lowering import Lowered

_SHARED = ("n_elements", "zero_point_1", "zero_point_2", "output_zero_point", "act_min", "act_max")
_OPERANDS = ("multiplier_1", "shift_1", "multiplier_2", "shift_2")
# As dsp/requantize.h wants it: shifts to the right, and offset + sum below 2^31.
_LEAST_SHIFT, _MOST_SHIFT = -22, -1


def _accepts(lowered: Lowered, chip: ChipSpec) -> str | None:
    del chip
    p = lowered.params
    if not p["same_shape"]:
        return "the inputs have different shapes"
    if not _LEAST_SHIFT <= p["shift"] <= _MOST_SHIFT:
        return f"the result is shifted by {p['shift']} bits, the short requantisation takes {_LEAST_SHIFT} to -1"
    if any(not -30 <= p.get(name, 0) <= 0 for name in ("shift_1", "shift_2")):
        return "an operand's scale is too far from the other's"
    return None


def _pack(lowered: Lowered) -> Packed:
    p = lowered.params
    shift = -p["shift"]
    params = {name: p[name] for name in (*_SHARED, *_OPERANDS) if name in p}
    offset = (p["output_zero_point"] << shift) + (1 << (shift - 1))
    return Packed(params={**params, "multiplier": p["multiplier"], "offset": offset, "shift": shift}, constants={})


def _work(lowered: Lowered) -> dict[str, float]:
    """Elements, and of those the ones that an operand's own rounding costs more."""
    p = lowered.params
    n = p["n_elements"]
    rounded = sum((p[f"multiplier_{i}"], p[f"shift_{i}"]) != (1 << 30, 0) for i in (1, 2) if f"shift_{i}" in p)
    return {"call": 1.0, "outputs": float(n), "rounded": float(n * rounded)}


def _kernel(op: str) -> KernelDef:
    return KernelDef(
        id=f"{op.lower()}_int8_dsp",
        op=op,
        header="dsp/arithmetic.h",
        arguments=(),
        why="one rounding multiplication for each operand that needs it and one for the result",
        accepts=_accepts,
        pack=_pack,
        overlap=lambda lowered: {0: 0, 1: 0},
        needs=("dsp",),
        code="fast",
        work=_work,
    )


ADD_INT8_DSP = _kernel("ADD")
SUB_INT8_DSP = _kernel("SUB")
MUL_INT8_DSP = _kernel("MUL")
