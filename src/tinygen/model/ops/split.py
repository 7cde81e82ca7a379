"""SPLIT, SPLIT_V and UNPACK: a tensor cut along one dimension.

Source: tensorflow/lite/micro/kernels/split.cc, split_v.cc, unpack.cc.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinygen.model.ir import Tensor
from tinygen.model.lowering import Array, Lowered, OpContext, OpDef
from tinygen.model.movement import ANY_TYPE, axis_of, item_bytes, movable, whole_numbers

MAX_PARTS = 16


def _parts(ctx: OpContext, source: Tensor, axis: int, sizes: list[int] | None) -> list[int]:
    """The size of each output along the axis; checks them all. None: equal parts without that dimension (UNPACK)."""
    found = []
    for number, index in enumerate(ctx.op.outputs):
        output = ctx.tensors[index]
        movable(ctx, source, output, ANY_TYPE)
        size = () if sizes is None else (sizes[number],)
        shape = (*source.shape[:axis], *size, *source.shape[axis + 1 :])
        if output.shape != shape or 0 in shape:
            raise ctx.fail(
                f"output '{output.label}' is declared {list(output.shape)}, the operator makes {list(shape)}"
            )
        found.append(1 if sizes is None else sizes[number])
    if sum(found) != source.shape[axis]:
        raise ctx.fail(f"parts of {found} do not add up to the {source.shape[axis]} of dimension {axis}")
    return found


def _rows(source: Tensor, axis: int, parts: list[int]) -> dict[str, int]:
    row = math.prod(source.shape[axis + 1 :]) * item_bytes(source)
    return {"n_rows": math.prod(source.shape[:axis]), "n_outputs": len(parts), "row_bytes": parts[0] * row}


def _lower_split(ctx: OpContext) -> Lowered:
    n = len(ctx.op.outputs)
    ctx.arity((2, 2), n)
    source = ctx.tensor(1)
    axes = whole_numbers(ctx, 0, "axis")
    if len(axes) != 1 or n < 1:
        raise ctx.fail(f"has {len(axes)} axes and {n} outputs")
    axis = axis_of(ctx, axes[0], len(source.shape))
    if int(ctx.op.options.get("num_splits", n)) != n or source.shape[axis] % n:
        raise ctx.fail(f"{n} outputs from num_splits = {ctx.op.options.get('num_splits')} of {source.shape[axis]}")
    return Lowered(params=_rows(source, axis, _parts(ctx, source, axis, [source.shape[axis] // n] * n)))


def _lower_unpack(ctx: OpContext) -> Lowered:
    n = len(ctx.op.outputs)
    ctx.arity((1, 1), n)
    source = ctx.tensor(0)
    axis = axis_of(ctx, int(ctx.op.options.get("axis", 0)), len(source.shape))
    if n < 1 or int(ctx.op.options.get("num", 0)) != n:
        raise ctx.fail(f"num = {ctx.op.options.get('num', 0)} but there are {n} outputs")
    return Lowered(params=_rows(source, axis, _parts(ctx, source, axis, None)))


def _lower_split_v(ctx: OpContext) -> Lowered:
    n = len(ctx.op.outputs)
    ctx.arity((3, 3), n)
    if not 1 <= n <= MAX_PARTS:
        raise ctx.fail(f"has {n} outputs, supported: 1 to {MAX_PARTS}", "split in two steps")
    source = ctx.tensor(0)
    sizes, axes = whole_numbers(ctx, 1, "sizes"), whole_numbers(ctx, 2, "axis")
    if len(axes) != 1 or len(sizes) != n:
        raise ctx.fail(f"has {len(axes)} axes and {len(sizes)} sizes for {n} outputs")
    axis = axis_of(ctx, axes[0], len(source.shape))
    if sizes.count(-1) > 1 or any(s < -1 for s in sizes):
        raise ctx.fail(f"sizes {sizes} are negative")
    rest = source.shape[axis] - sum(s for s in sizes if s != -1)
    parts = _parts(ctx, source, axis, [rest if s == -1 else s for s in sizes])
    shared = _rows(source, axis, parts)
    row = shared["row_bytes"] // parts[0]
    params = {"n_rows": shared["n_rows"], "n_outputs": n}
    return Lowered(params=params | {f"row_bytes_{i}": parts[i] * row if i < n else 0 for i in range(MAX_PARTS)})


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    n_rows = lowered.params["n_rows"]
    widths = [math.prod(shape) // n_rows for shape in shapes]
    rows = np.ascontiguousarray(inputs[0]).reshape(n_rows, -1)
    pieces = np.split(rows, np.cumsum(widths)[:-1], axis=1)
    return [np.ascontiguousarray(piece).reshape(shape) for piece, shape in zip(pieces, shapes, strict=True)]


SPLIT = OpDef(
    name="SPLIT",
    options_table="SplitOptions",
    options_required=False,
    data_inputs=(1,),
    lower=_lower_split,
    reference=_reference,
    types=ANY_TYPE,
)

SPLIT_V = OpDef(
    name="SPLIT_V",
    options_table="SplitVOptions",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_split_v,
    reference=_reference,
    types=ANY_TYPE,
)

UNPACK = OpDef(
    name="UNPACK",
    options_table="UnpackOptions",
    options_required=True,
    data_inputs=(0,),
    lower=_lower_unpack,
    reference=_reference,
    types=ANY_TYPE,
)
