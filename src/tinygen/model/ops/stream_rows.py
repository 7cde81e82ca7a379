"""STREAM_ROWS: moves new rows into a window that outlives inferences; made by the streaming rewrite, in no file."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinygen.model.lowering import Array, Lowered, OpContext, OpDef


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    rows, window = ctx.tensor(0), ctx.tensor(1)
    if ctx.op.outputs[0] != ctx.op.inputs[1]:
        raise ctx.fail("the window must be updated in place")
    if rows.dtype != "int8" or window.dtype != "int8" or len(rows.shape) != len(window.shape):
        raise ctx.fail(f"{rows.dtype} rows {list(rows.shape)} do not go into a window {list(window.shape)}")
    # Time is the axis along which the window is longer.
    pairs = list(zip(rows.shape, window.shape, strict=True))
    axis = next((i for i, (new, kept) in enumerate(pairs) if new != kept), 0)
    if any(new > kept or (new != kept and i != axis) for i, (new, kept) in enumerate(pairs)):
        raise ctx.fail(f"rows {list(rows.shape)} do not go into a window {list(window.shape)}")
    blocks = math.prod(rows.shape[:axis])
    new = rows.n_elements // blocks
    return Lowered(params={"n_blocks": blocks, "kept_bytes": window.n_elements // blocks - new, "new_bytes": new})


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    rows, window = (array.reshape(p["n_blocks"], -1) for array in inputs)
    return [np.concatenate([window[:, p["new_bytes"] :], rows], axis=1).reshape(shapes[0])]


STREAM_ROWS = OpDef(
    name="STREAM_ROWS",
    options_table="",
    options_required=False,
    data_inputs=(0, 1),
    lower=_lower,
    reference=_reference,
)
