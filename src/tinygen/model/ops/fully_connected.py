"""FULLY_CONNECTED: int8 activations and weights, one scale for all or one per output.

The product of input and weight scale is taken in double, as the pinned TFLM wheel does (a float32 product changes
bytes).
Source: tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.core.fixedpoint import quantize_multiplier
from tinygen.model.lowering import Array, Int64, Lowered, OpContext, OpDef, requantized


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((2, 3))
    source, source_q = ctx.activation(0)
    filters = ctx.constant(1, "int8", "weights")
    output, output_q = ctx.output()
    if int(ctx.op.options.get("weights_format", 0)) != 0:
        raise ctx.fail("weights are in a shuffled format, supported: the default one")
    if len(filters.shape) != 2 or filters.data is None:
        raise ctx.fail(f"weights '{filters.name}' have shape {list(filters.shape)}, expected [outputs, inputs]")
    out_c, in_c = filters.shape
    batch, rest = divmod(source.n_elements, in_c)
    if rest:
        raise ctx.fail(f"input of {source.n_elements} values does not divide into rows of {in_c}")
    if output.n_elements != batch * out_c or output.shape[-1] != out_c:
        raise ctx.fail(f"output '{output.name}' is declared {list(output.shape)}, expected {batch} rows of {out_c}")
    low, high = ctx.activation_range(output_q)
    scales = ctx.channel_scales(filters, 0, out_c)
    parts = [quantize_multiplier(source_q.scale * scale / output_q.scale) for scale in scales]
    weights = np.asarray(filters.data, np.int8).reshape(out_c, in_c)
    bias = ctx.bias(2, out_c)
    ctx.accumulator_fits(bias, np.abs(weights.astype(np.int64)).sum(axis=1).tolist())
    per_channel = len(set(parts)) > 1
    params = {
        "batch": batch,
        "in_c": in_c,
        "out_c": out_c,
        "input_zero_point": source_q.zero_point,
        "output_zero_point": output_q.zero_point,
        "act_min": low,
        "act_max": high,
        "per_channel": int(per_channel),
        "multiplier": parts[0][0],
        "shift": parts[0][1],
    }
    constants: dict[str, Array] = {
        "weights": weights,
        "bias": bias,
        "multiplier": np.array([m for m, _ in parts], np.int32),
        "shift": np.array([s for _, s in parts], np.int8),
    }
    return Lowered(params=params, constants=constants, macs=batch * in_c * out_c)


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    rows = inputs[0].astype(np.int64).reshape(p["batch"], p["in_c"]) - p["input_zero_point"]
    weights = lowered.constants["weights"].astype(np.float64)
    acc: Int64 = (rows.astype(np.float64) @ weights.T).astype(np.int64) + lowered.constants["bias"].astype(np.int64)
    out = requantized(
        acc,
        lowered.constants["multiplier"],
        lowered.constants["shift"],
        zero_point=p["output_zero_point"],
        low=p["act_min"],
        high=p["act_max"],
    )
    return [out.reshape(shapes[0])]


FULLY_CONNECTED = OpDef(
    name="FULLY_CONNECTED",
    options_table="FullyConnectedOptions",
    options_required=True,
    data_inputs=(0,),
    lower=_lower,
    reference=_reference,
)
