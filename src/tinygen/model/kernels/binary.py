"""Kernels of two-input elementwise operators (ADD has its own, which are older)."""

from __future__ import annotations

from tinygen.model.kernels.base import KernelDef, Packed, without
from tinygen.model.lowering import Lowered


def _pack(lowered: Lowered) -> Packed:
    return Packed(params=without(lowered.params, "n_elements", "same_shape"), constants={})


def broadcast_overlap(lowered: Lowered) -> dict[int, int]:
    """An input that is not repeated is read element by element as the output is written."""
    p = lowered.params
    full = [number for number in (1, 2) if all(p[f"stride_{number}_{i}"] != 0 or p[f"size_{i}"] == 1 for i in range(4))]
    return {number - 1: 0 for number in full}


def _kernel(op: str) -> KernelDef:
    return KernelDef(
        id=f"{op.lower()}_int8_broadcast",
        op=op,
        header="binary.h",
        arguments=(),
        why="element by element; an input may be repeated along its dimensions of size 1",
        pack=_pack,
        overlap=broadcast_overlap,
    )


SUB_INT8_BROADCAST = _kernel("SUB")
MUL_INT8_BROADCAST = _kernel("MUL")
MINIMUM_INT8_BROADCAST = _kernel("MINIMUM")
MAXIMUM_INT8_BROADCAST = _kernel("MAXIMUM")
PRELU_INT8_BROADCAST = _kernel("PRELU")
