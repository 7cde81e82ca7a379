"""CONCATENATION and PACK: tensors side by side along one dimension.

Source: tensorflow/lite/micro/kernels/concatenation.cc (which takes at most 10 inputs), pack.cc.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinygen.model.lowering import Array, Lowered, OpContext, OpDef, expect_shape
from tinygen.model.movement import ANY_TYPE, axis_of, item_bytes, movable

MAX_INPUTS = 10


def _lower_concatenation(ctx: OpContext) -> Lowered:
    ctx.arity((1, MAX_INPUTS))
    ctx.word("fused_activation_function", ("none",))
    output = ctx.tensors[ctx.op.outputs[0]]
    sources = [ctx.tensor(slot) for slot in range(len(ctx.op.inputs))]
    rank = len(output.shape)
    axis = axis_of(ctx, int(ctx.op.options.get("axis", 0)), rank)
    for source in sources:
        movable(ctx, source, output, ANY_TYPE)
        if len(source.shape) != rank or any(
            a != b for i, (a, b) in enumerate(zip(source.shape, output.shape, strict=True)) if i != axis
        ):
            raise ctx.fail(f"'{source.label}' {list(source.shape)} does not fit {list(output.shape)} along axis {axis}")
    total = sum(source.shape[axis] for source in sources)
    expect_shape(ctx, output, (*output.shape[:axis], total, *output.shape[axis + 1 :]))
    row = math.prod(output.shape[axis + 1 :]) * item_bytes(output)
    params = {"n_rows": math.prod(output.shape[:axis]), "n_inputs": len(sources)}
    for i in range(MAX_INPUTS):
        params[f"row_bytes_{i}"] = sources[i].shape[axis] * row if i < len(sources) else 0
    return Lowered(params=params)


def _lower_pack(ctx: OpContext) -> Lowered:
    ctx.arity((1, 1 << 15))
    output = ctx.tensors[ctx.op.outputs[0]]
    sources = [ctx.tensor(slot) for slot in range(len(ctx.op.inputs))]
    axis = axis_of(ctx, int(ctx.op.options.get("axis", 0)), len(output.shape))
    for source in sources:
        movable(ctx, source, output, ANY_TYPE)
        if source.shape != sources[0].shape:
            raise ctx.fail(f"packs {list(sources[0].shape)} with {list(source.shape)}")
    if int(ctx.op.options.get("values_count", 0)) != len(sources):
        raise ctx.fail(f"values_count = {ctx.op.options.get('values_count', 0)} but there are {len(sources)} inputs")
    shape = sources[0].shape
    expect_shape(ctx, output, (*shape[:axis], len(sources), *shape[axis:]))
    row = math.prod(shape[axis:]) * item_bytes(output)
    return Lowered(params={"n_rows": math.prod(shape[:axis]), "n_inputs": len(sources), "row_bytes": row})


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    rows = [np.ascontiguousarray(one).reshape(lowered.params["n_rows"], -1) for one in inputs]
    return [np.concatenate(rows, axis=1).reshape(shapes[0])]


CONCATENATION = OpDef(
    name="CONCATENATION",
    options_table="ConcatenationOptions",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_concatenation,
    reference=_reference,
    variadic=True,
    types=ANY_TYPE,
)

PACK = OpDef(
    name="PACK",
    options_table="PackOptions",
    options_required=True,
    data_inputs=(0,),
    lower=_lower_pack,
    reference=_reference,
    variadic=True,
    types=ANY_TYPE,
)
