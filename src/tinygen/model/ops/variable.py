"""READ_VARIABLE and ASSIGN_VARIABLE: the same bytes, out of and into memory that outlives an inference.

The importer has resolved the resource handles: the variable is an ordinary tensor, marked as state in the graph.
Source: tensorflow/lite/micro/kernels/read_variable.cc, assign_variable.cc.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.model.lowering import Array, Lowered, OpContext, OpDef


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((1, 1))
    source, output = ctx.tensor(0), ctx.tensors[ctx.op.outputs[0]]
    if source.dtype != output.dtype:
        raise ctx.fail(f"copies {source.dtype} to {output.dtype}, both must be the same type")
    if source.n_bytes != output.n_bytes:
        raise ctx.fail(f"copies {list(source.shape)} to {list(output.shape)}: not the same number of bytes")
    return Lowered(params={"n_bytes": output.n_bytes})


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    del lowered
    return [inputs[0].reshape(shapes[0]).copy()]


READ_VARIABLE = OpDef(
    name="READ_VARIABLE",
    options_table="",
    options_required=False,
    data_inputs=(0,),
    lower=_lower,
    reference=_reference,
)

ASSIGN_VARIABLE = OpDef(
    name="ASSIGN_VARIABLE",
    options_table="",
    options_required=False,
    data_inputs=(0,),
    lower=_lower,
    reference=_reference,
)
