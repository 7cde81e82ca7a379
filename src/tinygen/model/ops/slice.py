"""SLICE and STRIDED_SLICE: a part of a tensor, every so many-th element, possibly backwards.

Source: tensorflow/lite/micro/kernels/strided_slice_common.cc, slice.cc; internal/strided_slice_logic.h.
"""

from __future__ import annotations

import math

from tinygen.model.lowering import Lowered, OpContext, OpDef, expect_shape
from tinygen.model.movement import ANY_TYPE, item_bytes, movable, moved, row_major, strided, whole_numbers

MAX_RANK = 5
MAX_RANK_STRIDED = 4


def _whole_range(ctx: OpContext, max_rank: int) -> int:
    source = ctx.tensor(0)
    output = ctx.tensors[ctx.op.outputs[0]]
    movable(ctx, source, output, ANY_TYPE)
    if not 1 <= len(source.shape) <= max_rank:
        raise ctx.fail(f"'{source.label}' has {len(source.shape)} dimensions, supported: 1 to {max_rank}")
    return len(source.shape)


def _lower_slice(ctx: OpContext) -> Lowered:
    ctx.arity((3, 3))
    rank = _whole_range(ctx, MAX_RANK)
    source = ctx.tensor(0)
    begin, size = whole_numbers(ctx, 1, "begin"), whole_numbers(ctx, 2, "size")
    if len(begin) != rank or len(size) != rank:
        raise ctx.fail(f"has {len(begin)} begins and {len(size)} sizes for {rank} dimensions")
    full = [
        have - first if wanted == -1 else wanted for have, first, wanted in zip(source.shape, begin, size, strict=True)
    ]
    for have, first, wanted in zip(source.shape, begin, full, strict=True):
        if first < 0 or wanted < 1 or first + wanted > have:
            raise ctx.fail(f"slice from {begin} of size {size} is empty or leaves the shape {list(source.shape)}")
    expect_shape(ctx, ctx.tensors[ctx.op.outputs[0]], tuple(full))
    strides = row_major(source.shape)
    start = sum(b * s for b, s in zip(begin, strides, strict=True))
    return strided(ctx, full, strides, start, item_bytes(source))


def _lower_strided(ctx: OpContext) -> Lowered:
    ctx.arity((4, 4))
    rank = _whole_range(ctx, MAX_RANK_STRIDED)
    source = ctx.tensor(0)
    output = ctx.tensors[ctx.op.outputs[0]]
    begin, end, step = (whole_numbers(ctx, 1 + i, word) for i, word in enumerate(("begin", "end", "strides")))
    if {len(begin), len(end), len(step)} != {rank}:
        raise ctx.fail(f"has {len(begin)} begins, {len(end)} ends and {len(step)} strides for {rank} dimensions")
    if any(s == 0 for s in step):
        raise ctx.fail(f"strides {step} contain 0")
    masks = {name: int(ctx.op.options.get(f"{name}_mask", 0)) for name in ("begin", "end", "shrink_axis")}
    for name in ("new_axis_mask", "offset"):
        if ctx.op.options.get(name, 0):
            message = f"{name} = {int(ctx.op.options[name])}, supported: 0, for TFLM ignores it"
            raise ctx.fail(message, "write the slice out in full")
    # TFLM ignores this mask too; where it stands for one dimension that is taken whole anyway, nobody can tell.
    ellipsis = int(ctx.op.options.get("ellipsis_mask", 0))
    for i in range(rank):
        if not ellipsis >> i & 1:
            continue
        first = None if masks["begin"] >> i & 1 else begin[i]
        last = None if masks["end"] >> i & 1 else end[i]
        whole = slice(first, last, step[i]).indices(source.shape[i]) == (0, source.shape[i], 1)
        if masks["shrink_axis"] >> i & 1 or not whole:
            message = f"ellipsis_mask = {ellipsis}, which TFLM ignores: it would cut dimension {i}"
            raise ctx.fail(message, "write the slice out in full")
    sizes, steps, start, kept = [], [], 0, []
    for i, (have, stride) in enumerate(zip(source.shape, row_major(source.shape), strict=True)):
        first = None if masks["begin"] >> i & 1 else begin[i]
        if masks["shrink_axis"] >> i & 1:
            if first is None or not -have <= first < have or step[i] < 0:
                raise ctx.fail(f"takes element {begin[i]} of dimension {i}, which has {have}")
            first %= have
            places = range(first, first + 1)
        else:
            places = range(*slice(first, None if masks["end"] >> i & 1 else end[i], step[i]).indices(have))
            kept.append(len(places))
        if not places:
            raise ctx.fail(f"the slice of dimension {i} is empty")
        sizes.append(len(places))
        steps.append(stride * step[i])
        start += places[0] * stride
    if output.shape != tuple(kept) or output.n_elements != math.prod(sizes):
        raise ctx.fail(f"output '{output.label}' is declared {list(output.shape)}, the operator makes {kept}")
    return strided(ctx, sizes, steps, start, item_bytes(source))


SLICE = OpDef(
    name="SLICE",
    options_table="",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_slice,
    reference=moved,
    types=ANY_TYPE,
)

STRIDED_SLICE = OpDef(
    name="STRIDED_SLICE",
    options_table="StridedSliceOptions",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_strided,
    reference=moved,
    types=ANY_TYPE,
)
