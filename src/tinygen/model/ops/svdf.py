"""SVDF: each filter projects the input to one number, remembers the last ones, and weighs them over time.

The pinned wheel takes the products of scales in float32 here, and clamps a projection before it adds the state's zero
point, so that the sum can wrap (later sources clamp the sum).
Source: tensorflow/lite/micro/kernels/svdf_common.cc.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.core.fixedpoint import quantize_multiplier
from tinygen.model.lowering import Array, Int64, Lowered, OpContext, OpDef, expect_shape, requantized

_BIAS_SCALE_TOLERANCE = 1e-5


def _expect_bias_scale(ctx: OpContext, product: float) -> None:
    bias = ctx.optional(3)
    if bias is None:
        return
    declared = 0.0 if bias.quantization is None else bias.quantization.scale
    if abs(declared - product) >= _BIAS_SCALE_TOLERANCE:
        raise ctx.fail(
            f"bias '{bias.name}' has scale {declared:g}, but state and time weights make {product:g}; TFLM refuses it",
            "quantise the bias with state scale times time weights' scale, zero point 0",
        )


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((5, 5))
    source, source_q = ctx.activation(0, (2, 2))
    feature = ctx.constant(1, "int8", "feature weights")
    time = ctx.constant(2, "int8", "time weights")
    state, state_q = ctx.activation(4, (2, 2))
    output, output_q = ctx.output((2, 2))
    ctx.word("fused_activation_function", ("relu",))
    rank = ctx.whole("rank", 1)
    batch, in_c = source.shape
    if len(feature.shape) != 2 or feature.shape[1] != in_c or feature.data is None:
        raise ctx.fail(f"feature weights have shape {list(feature.shape)}, expected [filters, {in_c}]")
    filters = feature.shape[0]
    if len(time.shape) != 2 or time.shape[0] != filters or filters % rank or time.data is None:
        raise ctx.fail(f"time weights {list(time.shape)} do not fit {filters} filters of rank {rank}")
    memory = time.shape[1]
    if state.shape != (batch, memory * filters):
        raise ctx.fail(f"the state has shape {list(state.shape)}, expected {[batch, memory * filters]}")
    expect_shape(ctx, output, (batch, filters // rank))
    feature_scale = np.float32(ctx.channel_scales(feature, 0, 1)[0])
    time_scale = np.float32(ctx.channel_scales(time, 0, 1)[0])
    for tensor in (feature, time):
        if tensor.quantization is not None and len(tensor.quantization.scales) != 1:
            raise ctx.fail(f"'{tensor.label}' has one scale per channel, supported: a single one")
    state_scale = np.float32(state_q.scale)
    first = quantize_multiplier(float(np.float32(source_q.scale) * feature_scale / state_scale))
    second = quantize_multiplier(float(state_scale * time_scale / np.float32(output_q.scale)))
    weights = np.asarray(feature.data, np.int8)
    _expect_bias_scale(ctx, state_q.scale * float(time_scale))
    bias = ctx.bias(3, filters // rank)
    ctx.accumulator_fits(np.zeros(filters, np.int32), np.abs(weights.astype(np.int64)).sum(axis=1).tolist())
    time_weights = np.asarray(time.data, np.int8)
    per_unit = np.abs(time_weights.astype(np.int64)).reshape(filters // rank, -1).sum(axis=1)
    ctx.accumulator_fits(bias, per_unit.tolist())
    params = {
        "batch": batch,
        "in_c": in_c,
        "units": filters // rank,
        "rank": rank,
        "memory": memory,
        "input_zero_point": source_q.zero_point,
        "state_zero_point": state_q.zero_point,
        "output_zero_point": output_q.zero_point,
        "feature_multiplier": first[0],
        "feature_shift": first[1],
        "multiplier": second[0],
        "shift": second[1],
        "act_min": -128,
        "act_max": 127,
    }
    constants: dict[str, Array] = {"weights": weights, "time_weights": time_weights, "bias": bias}
    return Lowered(params=params, constants=constants, macs=batch * filters * (in_c + memory))


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    filters = p["units"] * p["rank"]
    state = inputs[1].reshape(p["batch"], filters, p["memory"]).copy()
    state[:, :, :-1] = state[:, :, 1:]
    rows = inputs[0].astype(np.int64) - p["input_zero_point"]
    projected: Int64 = rows @ lowered.constants["weights"].astype(np.int64).T
    newest = requantized(projected, p["feature_multiplier"], p["feature_shift"], zero_point=0, low=-128, high=127)
    state[:, :, -1] = (newest.astype(np.int64) + p["state_zero_point"]).astype(np.int8)
    centred = state.astype(np.int64) - p["state_zero_point"]
    per_filter = (centred * lowered.constants["time_weights"].astype(np.int64)).sum(axis=2)
    acc = per_filter.reshape(p["batch"], p["units"], p["rank"]).sum(axis=2) + lowered.constants["bias"].astype(np.int64)
    out = requantized(
        acc, p["multiplier"], p["shift"], zero_point=p["output_zero_point"], low=p["act_min"], high=p["act_max"]
    )
    return [out.reshape(shapes[0]), state.reshape(inputs[1].shape)]


SVDF = OpDef(
    name="SVDF",
    options_table="SVDFOptions",
    options_required=True,
    data_inputs=(0, 4),
    state_inputs=(4,),
    lower=_lower,
    reference=_reference,
)
