"""Recurrent operators on Cortex-M with the DSP extension."""

from __future__ import annotations

import numpy as np

from tinygen.boards.spec import ChipSpec
from tinygen.model.kernels.base import KernelDef, Packed
from tinygen.model.kernels.dsp_packing import channel_records, dense_blocks, fast, largest_sum, why_not_pairs
from tinygen.model.kernels.typed import UNIDIRECTIONAL_SEQUENCE_LSTM_INT8_GENERIC
from tinygen.model.lowering import Array, Int8, Int32, Lowered

_GENERIC = UNIDIRECTIONAL_SEQUENCE_LSTM_INT8_GENERIC


def _parts(lowered: Lowered) -> list[tuple[Int8, Int32]]:
    """Weights int8 [cells, gates, n] and bias int32 [cells, gates] of the input's part and of the hidden state's."""
    packed = _GENERIC.pack(lowered).constants
    in_c = lowered.params["in_c"]
    weights, bias = packed["weights"].astype(np.int8), packed["bias"].astype(np.int32)
    return [(weights[:, :, :in_c], bias[:, :, 0]), (weights[:, :, in_c:], bias[:, :, 1])]


def _scales(lowered: Lowered, part: int) -> Lowered:
    """The gates of one part as channels whose results have no zero point."""
    constants: dict[str, Array] = {name: lowered.constants[name][:, part] for name in ("multiplier", "shift")}
    return Lowered(params={"output_zero_point": 0}, constants=constants)


def _accepts(lowered: Lowered, chip: ChipSpec) -> str | None:
    del chip
    p = lowered.params
    if p["in_c"] % 4 or p["cells"] % 4:
        return f"{p['in_c']} inputs and {p['cells']} cells are not whole words"
    for part, (weights, bias) in enumerate(_parts(lowered)):
        rows = weights.reshape(-1, weights.shape[2])
        if (reason := why_not_pairs(rows)) is not None:
            return reason
        if not fast(_scales(lowered, part), largest_sum(rows, bias.reshape(-1))):
            return "a gate's scale or sum is too large for the short requantisation"
    return None


def _pack(lowered: Lowered) -> Packed:
    parts = _parts(lowered)
    cells = range(lowered.params["cells"])
    none = np.zeros(parts[0][1].shape[1], np.int32)
    records = [channel_records(_scales(lowered, part), none, is_fast=True) for part in range(2)]
    constants: dict[str, Array] = {
        "weights": np.concatenate([dense_blocks(weights[cell]) for cell in cells for weights, _ in parts]),
        "bias": np.stack([bias for _, bias in parts], axis=1),
        "channels": np.concatenate(records),
        "sigmoid_table": lowered.constants["sigmoid_table"],
    }
    return Packed(params=_GENERIC.pack(lowered).params, constants=constants)


def _work(lowered: Lowered) -> dict[str, float]:
    p = lowered.params
    runs = float(p["steps"] * p["cells"])
    return {"call": 1.0, "cells": runs, "words": runs * (p["in_c"] + p["cells"]) / 4}


UNIDIRECTIONAL_SEQUENCE_LSTM_INT8_DSP = KernelDef(
    id="unidirectional_sequence_lstm_int8_dsp",
    op="UNIDIRECTIONAL_SEQUENCE_LSTM",
    header="dsp/lstm.h",
    arguments=("weights", "bias", "channels", "sigmoid_table"),
    why="the four gates of a cell share the loads of input and hidden state",
    accepts=_accepts,
    pack=_pack,
    needs=("dsp",),
    code="fast",
    work=_work,
)
