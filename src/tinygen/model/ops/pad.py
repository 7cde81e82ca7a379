"""PAD and PADV2: surround a tensor with its output's zero point, or with a value that the model names.

Source: tensorflow/lite/kernels/internal/reference/pad.h; micro/kernels/pad_common.cc.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.model.lowering import BOTH, Array, Lowered, OpContext, OpDef, expect_shape

MAX_RANK = 4


def _lower(ctx: OpContext) -> Lowered:
    n_inputs = 3 if ctx.op.name == "PADV2" else 2
    ctx.arity((n_inputs, n_inputs))
    source, source_q = ctx.activation(0, (1, MAX_RANK), BOTH)
    output, output_q = ctx.output((1, MAX_RANK), BOTH)
    dtype = ctx.alike(source, output)
    paddings = ctx.constant(1, "int32", "paddings")
    rank = len(source.shape)
    if paddings.shape != (rank, 2) or paddings.data is None:
        raise ctx.fail(f"paddings have shape {list(paddings.shape)}, expected [{rank}, 2]")
    pairs = [(int(before), int(after)) for before, after in np.asarray(paddings.data).reshape(rank, 2)]
    if any(before < 0 or after < 0 for before, after in pairs):
        raise ctx.fail(f"paddings {pairs} are negative")
    expect_shape(ctx, output, tuple(size + a + b for size, (a, b) in zip(source.shape, pairs, strict=True)))
    if (source_q.scale, source_q.zero_point) != (output_q.scale, output_q.zero_point):
        raise ctx.fail("input and output have different quantisation; PAD copies bytes")
    value = output_q.zero_point
    if ctx.op.name == "PADV2":
        filler = ctx.constant(2, dtype, "padding value")
        if filler.data is None or filler.n_elements != 1 or filler.quantization != output_q:
            raise ctx.fail(f"padding value '{filler.name}' must be one number with the output's quantisation")
        value = int(np.asarray(filler.data).reshape(-1)[0])
    params = {"value": value}
    missing = MAX_RANK - rank
    for i in range(MAX_RANK):
        size, (before, after) = (1, (0, 0)) if i < missing else (source.shape[i - missing], pairs[i - missing])
        params |= {f"size_{i}": size, f"before_{i}": before, f"after_{i}": after}
    return Lowered(params=params, dtype=dtype)


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    source = inputs[0].reshape([p[f"size_{i}"] for i in range(MAX_RANK)])
    widths = [(p[f"before_{i}"], p[f"after_{i}"]) for i in range(MAX_RANK)]
    return [np.pad(source, widths, constant_values=p["value"]).reshape(shapes[0])]


PAD = OpDef(
    name="PAD",
    options_table="PadOptions",
    options_required=False,
    data_inputs=(0,),
    lower=_lower,
    reference=_reference,
    types=BOTH,
)

PADV2 = OpDef(
    name="PADV2",
    options_table="",
    options_required=False,
    data_inputs=(0,),
    lower=_lower,
    reference=_reference,
    types=BOTH,
)
