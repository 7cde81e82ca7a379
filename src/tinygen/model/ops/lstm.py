"""UNIDIRECTIONAL_SEQUENCE_LSTM: int8 or int16 input and hidden state, int16 cell state; no peephole, projection, norm.

Gates lie in Q3.12 before their activation and in Q0.15 after it. Hidden and cell state go on from one inference to the
next, as TFLM's reference kernel has it. With int16 input the biases are int64, and both sums are scaled as 64-bit ones.
Source: tensorflow/lite/micro/kernels/lstm_eval.h, lstm_eval_common.cc.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinygen.core.fixedpoint import (
    multiply_by_quantized_multiplier,
    multiply_wide_by_quantized_multiplier,
    quantize_multiplier,
)
from tinygen.model.ir import DType, Tensor
from tinygen.model.lowering import BOTH, LIMITS, Array, Int64, Lowered, OpContext, OpDef
from tinygen.model.sigmoid_table import logistic_int16, sigmoid_table, tanh_int16
from tinygen.model.sums import MAX_WIDE_SHIFT

# In the order of the operator's inputs: input, forget, cell, output gate.
GATES = 4
_FIRST_INPUT_WEIGHTS, _FIRST_RECURRENT_WEIGHTS, _FIRST_BIAS = 1, 5, 12
_HIDDEN, _CELL = 18, 19
_MUST_BE_ABSENT = {
    **dict.fromkeys((9, 10, 11), "peephole"),
    **dict.fromkeys((16, 17), "projection"),
    **dict.fromkeys(range(20, 24), "layer normalisation"),
}
_INT16 = (-32768, 32767)
_GATE_SCALE = 2.0**-12


def _matrix(ctx: OpContext, slot: int, shape: tuple[int, int]) -> tuple[Array, float]:
    tensor = ctx.constant(slot, "int8", "weights")
    if tensor.shape != shape or tensor.data is None:
        raise ctx.fail(f"weights '{tensor.label}' have shape {list(tensor.shape)}, expected {list(shape)}")
    if tensor.quantization is not None and len(tensor.quantization.scales) != 1:
        raise ctx.fail(f"weights '{tensor.label}' have one scale per channel, supported: a single one")
    return tensor.data, ctx.channel_scales(tensor, 0, 1)[0]


def _cell_state(ctx: OpContext) -> tuple[Tensor, int]:
    cell = ctx.tensor(_CELL)
    if cell.dtype != "int16" or cell.quantization is None or cell.quantization.zero_point:
        raise ctx.fail(f"the cell state '{cell.name}' is {cell.dtype}, supported: int16 with zero point 0")
    mantissa, exponent = math.frexp(cell.quantization.scale)
    if mantissa != 0.5 or not -31 <= exponent - 1 <= 0:
        raise ctx.fail(f"the cell state's scale {cell.quantization.scale:g} is no power of two up to 1")
    return cell, exponent - 1


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((20, 24))
    for slot, what in _MUST_BE_ABSENT.items():
        if ctx.optional(slot) is not None:
            raise ctx.fail(f"input {slot} is there: {what} is not supported")
    source, source_q = ctx.activation(0, (3, 3), BOTH)
    output, output_q = ctx.output((3, 3), BOTH)
    hidden, hidden_q = ctx.activation(_HIDDEN, (2, 2), BOTH)
    dtype = ctx.alike(source, hidden, output)
    sum_type: DType = "int32" if dtype == "int8" else "int64"
    cell, cell_power = _cell_state(ctx)
    ctx.word("fused_activation_function", ("tanh",))
    time_major = bool(ctx.op.options.get("time_major", False))
    batch, steps = (source.shape[1], source.shape[0]) if time_major else (source.shape[0], source.shape[1])
    if batch != 1:
        raise ctx.fail(f"batch {batch}, supported: 1")
    in_c, cells = source.shape[2], hidden.shape[1]
    if output.n_elements != steps * cells or output.shape[2] != cells or cell.shape != (1, cells):
        raise ctx.fail(f"output {list(output.shape)} and cell state {list(cell.shape)} do not fit {cells} cells")
    if (hidden_q.scale, hidden_q.zero_point) != (output_q.scale, output_q.zero_point):
        raise ctx.fail("hidden state and output have different quantisation")
    if float(ctx.op.options.get("proj_clip", 0.0)) > 0:
        raise ctx.fail("proj_clip without a projection is not supported")
    clip = float(ctx.op.options.get("cell_clip", 0.0))
    weights = np.zeros((cells, GATES, in_c + cells), np.int8)
    bias = np.zeros((cells, GATES), np.dtype(sum_type))
    parts: list[tuple[int, int]] = []
    for gate in range(GATES):
        own, own_scale = _matrix(ctx, _FIRST_INPUT_WEIGHTS + gate, (cells, in_c))
        back, back_scale = _matrix(ctx, _FIRST_RECURRENT_WEIGHTS + gate, (cells, cells))
        weights[:, gate, :in_c], weights[:, gate, in_c:] = own, back
        bias[:, gate] = ctx.bias(_FIRST_BIAS + gate, cells, (sum_type,), sum_type)
        for scale, weight_scale in ((source_q.scale, own_scale), (hidden_q.scale, back_scale)):
            parts.append(quantize_multiplier(scale * weight_scale / _GATE_SCALE))
        sums = np.abs(weights[:, gate].astype(np.int64)).sum(axis=1)
        ctx.accumulator_fits(bias[:, gate], sums.tolist(), dtype)
    if dtype == "int16" and max(shift for _, shift in parts) > MAX_WIDE_SHIFT:
        raise ctx.fail("scales of input and weights are far too large for the gates' Q3.12")
    cell_scale = 2.0**cell_power
    products = {
        "forget": quantize_multiplier(2.0**-15),
        "input": quantize_multiplier(2.0**-30 / cell_scale),
        "output": quantize_multiplier(2.0**-30 / hidden_q.scale),
    }
    tanh_shift = 15 + cell_power - 3
    params = {
        "steps": steps,
        "in_c": in_c,
        "cells": cells,
        "input_zero_point": source_q.zero_point,
        "output_zero_point": hidden_q.zero_point,
        # A scale finer than Q3.12 is shifted right after the factor 3, a coarser one left.
        "tanh_multiplier": 3 if tanh_shift < 0 else 3 << tanh_shift,
        "tanh_shift": max(0, -tanh_shift),
        "cell_clip": int(min(np.float32(clip) / np.float32(cell_scale), np.float32(32767))) if clip > 0 else 32768,
        "act_min": LIMITS[dtype][0],
        "act_max": LIMITS[dtype][1],
    }
    for name, (multiplier, shift) in products.items():
        params[f"{name}_multiplier"] = multiplier
        params[f"{name}_shift"] = shift
    if params["tanh_multiplier"] > 3 << 12:
        raise ctx.fail(f"the cell state's scale {cell_scale:g} is too coarse")
    constants: dict[str, Array] = {
        "weights": weights,
        "bias": bias,
        "multiplier": np.array([m for m, _ in parts], np.int32).reshape(GATES, 2),
        "shift": np.array([s for _, s in parts], np.int8).reshape(GATES, 2),
        "sigmoid_table": sigmoid_table(),
    }
    return Lowered(params=params, constants=constants, macs=steps * cells * GATES * (in_c + cells), dtype=dtype)


def _product(a: Int64, b: Int64, p: dict[str, int], name: str) -> Int64:
    return multiply_by_quantized_multiplier(a * b, p[f"{name}_multiplier"], p[f"{name}_shift"])


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p, c = lowered.params, lowered.constants
    rows = inputs[0].astype(np.int64).reshape(p["steps"], p["in_c"]) - p["input_zero_point"]
    hidden = inputs[1].astype(np.int64).reshape(-1)
    cell = inputs[2].astype(np.int64).reshape(-1)
    weights, bias = c["weights"].astype(np.int64), c["bias"].astype(np.int64)
    multiplier, shift = c["multiplier"].astype(np.int64), c["shift"].astype(np.int64)
    scaled = multiply_by_quantized_multiplier if lowered.dtype == "int8" else multiply_wide_by_quantized_multiplier
    out = np.empty((p["steps"], p["cells"]), np.dtype(lowered.dtype))
    for step, row in enumerate(rows):
        own = weights[:, :, : p["in_c"]] @ row + bias
        back = weights[:, :, p["in_c"] :] @ (hidden - p["output_zero_point"])
        first = np.clip(scaled(own, multiplier[:, 0], shift[:, 0]), *_INT16)
        second = np.clip(scaled(back, multiplier[:, 1], shift[:, 1]), *_INT16)
        gates = np.clip(first + second, *_INT16)
        opened = logistic_int16(gates, 3, 0)
        kept = np.clip(_product(opened[:, 1], cell, p, "forget"), *_INT16)
        added = np.clip(_product(opened[:, 0], tanh_int16(gates[:, 2], 3, 0), p, "input"), *_INT16)
        cell = np.clip(kept + added, *_INT16)
        if p["cell_clip"] <= 32767:
            cell = np.clip(cell, -p["cell_clip"], p["cell_clip"])
        shown = tanh_int16(cell, p["tanh_multiplier"], p["tanh_shift"])
        product = _product(opened[:, 3], shown, p, "output") + p["output_zero_point"]
        hidden = np.clip(product, p["act_min"], p["act_max"])
        out[step] = hidden
    return [
        out.reshape(shapes[0]),
        hidden.astype(np.dtype(lowered.dtype)).reshape(inputs[1].shape),
        cell.astype(np.int16).reshape(inputs[2].shape),
    ]


UNIDIRECTIONAL_SEQUENCE_LSTM = OpDef(
    name="UNIDIRECTIONAL_SEQUENCE_LSTM",
    options_table="UnidirectionalSequenceLSTMOptions",
    options_required=True,
    data_inputs=(0, _HIDDEN, _CELL),
    state_inputs=(_HIDDEN, _CELL),
    lower=_lower,
    reference=_reference,
    types=BOTH,
)
