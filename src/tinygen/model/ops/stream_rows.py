"""STREAM_ROWS: moves new rows into a window that outlives inferences; made by the streaming rewrite, in no file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.model.lowering import Array, Lowered, OpContext, OpDef


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    rows, window = ctx.tensor(0), ctx.tensor(1)
    if ctx.op.outputs[0] != ctx.op.inputs[1]:
        raise ctx.fail("the window must be updated in place")
    if rows.dtype != "int8" or window.dtype != "int8" or rows.n_elements > window.n_elements:
        raise ctx.fail(f"{rows.dtype} rows {list(rows.shape)} do not go into a window {list(window.shape)}")
    return Lowered(params={"kept_bytes": window.n_elements - rows.n_elements, "new_bytes": rows.n_elements})


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    rows, window = inputs
    new = lowered.params["new_bytes"]
    return [np.concatenate([window.reshape(-1)[new:], rows.reshape(-1)]).reshape(shapes[0])]


STREAM_ROWS = OpDef(
    name="STREAM_ROWS",
    options_table="",
    options_required=False,
    data_inputs=(0, 1),
    lower=_lower,
    reference=_reference,
)
