"""Kernels of variables, recurrent layers and of types other than int8."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tinygen.boards.spec import ChipSpec
from tinygen.model.kernels.base import KernelDef, Packed, elementwise_overlap, without
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


def _pack_svdf(lowered: Lowered) -> Packed:
    """Zero points of input and state go into the biases; `OpContext.accumulator_fits` has bounded the sums."""
    p, c = lowered.params, lowered.constants
    feature_bias = -p["input_zero_point"] * c["weights"].astype(np.int64).sum(axis=1)
    per_unit = c["time_weights"].astype(np.int64).reshape(p["units"], -1).sum(axis=1)
    bias = c["bias"].astype(np.int64) - p["state_zero_point"] * per_unit
    constants = {**c, "feature_bias": feature_bias.astype(np.int32), "bias": bias.astype(np.int32)}
    return Packed(params=without(p, "input_zero_point"), constants=constants)


SVDF_INT8_GENERIC = KernelDef(
    id="svdf_int8_generic",
    op="SVDF",
    header="svdf.h",
    arguments=("weights", "feature_bias", "time_weights", "bias"),
    why="shifts each filter's memory while it is weighed",
    pack=_pack_svdf,
)


def _pack_lstm(lowered: Lowered) -> Packed:
    p, c = lowered.params, lowered.constants
    weights = c["weights"].astype(np.int64)
    own = c["bias"].astype(np.int64) - p["input_zero_point"] * weights[:, :, : p["in_c"]].sum(axis=2)
    back = -p["output_zero_point"] * weights[:, :, p["in_c"] :].sum(axis=2)
    bias = np.stack([own, back], axis=-1).astype(np.int32)
    return Packed(params=without(p, "input_zero_point"), constants={**c, "bias": bias})


UNIDIRECTIONAL_SEQUENCE_LSTM_INT8_GENERIC = KernelDef(
    id="unidirectional_sequence_lstm_int8_generic",
    op="UNIDIRECTIONAL_SEQUENCE_LSTM",
    header="lstm.h",
    arguments=("weights", "bias", "multiplier", "shift", "sigmoid_table"),
    why="cell by cell, without scratch: the output's row holds the new hidden state until all cells have read the old",
    pack=_pack_lstm,
)


def _softmax_type(code: int) -> Callable[[Lowered, ChipSpec], str | None]:
    def accepts(lowered: Lowered, chip: ChipSpec) -> str | None:
        del chip
        return None if lowered.params["output_type"] == code else "the output has another type"

    return accepts


def _pack_softmax(lowered: Lowered) -> Packed:
    return Packed(params=without(lowered.params, "output_type"), constants=lowered.constants)


SOFTMAX_INT16_TABLE = KernelDef(
    id="softmax_int16_table",
    op="SOFTMAX",
    header="softmax.h",
    arguments=("exp_table",),
    why="int8 in, int16 out; exp() of every possible difference comes from flash",
    accepts=_softmax_type(2),
    pack=_pack_softmax,
)

SOFTMAX_INT8_TABLE = KernelDef(
    id="softmax_int8_table",
    op="SOFTMAX",
    header="softmax.h",
    arguments=("exp_table",),
    why="exp() of every possible difference comes from flash",
    accepts=_softmax_type(0),
    pack=_pack_softmax,
    overlap=elementwise_overlap,
)

SOFTMAX_INT8_DSP = replace(
    SOFTMAX_INT8_TABLE,
    id="softmax_int8_dsp",
    header="dsp/softmax.h",
    why="the largest value is found four at a time",
    needs=("dsp",),
    code="fast",
)
