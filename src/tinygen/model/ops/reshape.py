"""RESHAPE, SQUEEZE and EXPAND_DIMS: the same bytes under another shape; the planner gives both tensors one place."""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.model.lowering import Array, Lowered, OpContext, OpDef


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((1, 2))
    source = ctx.tensor(0)
    output = ctx.tensors[ctx.op.outputs[0]]
    if source.dtype != output.dtype or source.dtype not in RESHAPE.types:
        raise ctx.fail(f"reshapes {source.dtype} to {output.dtype}, supported: {', '.join(RESHAPE.types)} to the same")
    shape = ctx.optional(1)
    if shape is not None and shape.data is None:
        raise ctx.fail("the new shape is computed at run time", "fix the batch size to 1 before converting")
    if source.n_elements != output.n_elements:
        raise ctx.fail(f"reshapes {list(source.shape)} into {list(output.shape)}: not the same number of values")
    return Lowered(params={"n_elements": output.n_elements})


def _lower_ones(ctx: OpContext) -> Lowered:
    """SQUEEZE and EXPAND_DIMS: sizes of 1 come and go."""
    ctx.arity((1, 1) if ctx.op.name == "SQUEEZE" else (2, 2))
    source = ctx.tensor(0)
    output = ctx.tensors[ctx.op.outputs[0]]
    types = SQUEEZE.types if ctx.op.name == "SQUEEZE" else EXPAND_DIMS.types
    if source.dtype != output.dtype or source.dtype not in types:
        raise ctx.fail(f"turns {source.dtype} into {output.dtype}, supported: {', '.join(types)}")
    if [n for n in source.shape if n != 1] != [n for n in output.shape if n != 1]:
        raise ctx.fail(f"turns {list(source.shape)} into {list(output.shape)}: more than sizes of 1 come or go")
    return Lowered(params={"n_elements": output.n_elements})


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    del lowered
    return [inputs[0].reshape(shapes[0])]


RESHAPE = OpDef(
    name="RESHAPE",
    options_table="ReshapeOptions",
    options_required=False,
    data_inputs=(0,),
    lower=_lower,
    reference=_reference,
    types=("int8", "int16", "int32", "float32"),
)

SQUEEZE = OpDef(
    name="SQUEEZE",
    options_table="",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_ones,
    reference=_reference,
    types=("int8", "int16", "int32", "float32"),
)

EXPAND_DIMS = OpDef(
    name="EXPAND_DIMS",
    options_table="",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_ones,
    reference=_reference,
    types=("int8", "int16"),
)
