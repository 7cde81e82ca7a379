"""Kernels of variables, recurrent layers and of types other than int8."""

from __future__ import annotations

from tinygen.boards.spec import ChipSpec
from tinygen.model.kernels.base import KernelDef, Packed, without
from tinygen.model.lowering import Lowered

_FLOAT32 = 4  # ops/quantize.py
_ITEM_BYTES = (1, 1, 2, 4, 4)


def _variable_kernels(op: str) -> tuple[KernelDef, KernelDef]:
    shared = KernelDef(
        id=f"{op.lower()}_any_shared",
        op=op,
        header="",
        arguments=(),
        why="the value lives in the state itself, nothing to do",
        alias=True,
    )
    copy = KernelDef(
        id=f"{op.lower()}_any_copy",
        op=op,
        header="variable.h",
        arguments=(),
        why="the value and the state both live on",
    )
    return shared, copy


READ_VARIABLE_ANY_SHARED, READ_VARIABLE_ANY_COPY = _variable_kernels("READ_VARIABLE")
ASSIGN_VARIABLE_ANY_SHARED, ASSIGN_VARIABLE_ANY_COPY = _variable_kernels("ASSIGN_VARIABLE")


def _from_float(lowered: Lowered, chip: ChipSpec) -> str | None:
    del chip
    return None if lowered.params["input_type"] == _FLOAT32 else "the input is no float"


def _from_integer(lowered: Lowered, chip: ChipSpec) -> str | None:
    del chip
    return "the input is a float" if lowered.params["input_type"] == _FLOAT32 else None


def _conversion_overlap(lowered: Lowered) -> dict[int, int]:
    """Element i is read, then written. A wider output must run ahead of nothing that is still to be read."""
    p = lowered.params
    source, target = _ITEM_BYTES[p["input_type"]], _ITEM_BYTES[p.get("output_type", _FLOAT32)]
    return {0: max(0, target - source) * p["n_elements"]}


def _without_input_type(lowered: Lowered) -> Packed:
    return Packed(params=without(lowered.params, "input_type"), constants=lowered.constants)


QUANTIZE_FLOAT32_SCALE = KernelDef(
    id="quantize_float32_scale",
    op="QUANTIZE",
    header="quantize.h",
    arguments=("scale",),
    why="one float division per value, rounded as TFLM rounds",
    accepts=_from_float,
    pack=_without_input_type,
    overlap=_conversion_overlap,
)

QUANTIZE_ANY_REQUANTIZE = KernelDef(
    id="quantize_any_requantize",
    op="QUANTIZE",
    header="quantize.h",
    arguments=(),
    why="from integers to integers of another scale or type",
    accepts=_from_integer,
    overlap=_conversion_overlap,
)

DEQUANTIZE_ANY_SCALE = KernelDef(
    id="dequantize_any_scale",
    op="DEQUANTIZE",
    header="quantize.h",
    arguments=("scale",),
    why="one float product per value",
    overlap=_conversion_overlap,
)
