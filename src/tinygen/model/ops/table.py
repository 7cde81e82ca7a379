"""TABLE: a function of one byte. No file has it; rewrites make it of elementwise operators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.model.lowering import Array, Lowered, OpContext, OpDef


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    source, _ = ctx.activation(0)
    output, _ = ctx.output()
    table = ctx.constant(1, "int8", "table")
    # A table that a chain with reshapes became gives the shape at its end.
    if source.n_elements != output.n_elements:
        raise ctx.fail(f"makes {list(output.shape)} of {list(source.shape)}")
    if table.data is None or table.n_elements != 256:
        raise ctx.fail(f"the table has {table.n_elements} entries, expected 256")
    return Lowered(params={"n_elements": output.n_elements}, constants={"table": np.asarray(table.data, np.int8)})


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    return [lowered.constants["table"][inputs[0].astype(np.int8).view(np.uint8)].reshape(shapes[0])]


TABLE = OpDef(
    name="TABLE", options_table="", options_required=False, data_inputs=(0,), lower=_lower, reference=_reference
)
