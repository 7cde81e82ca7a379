"""TRANSPOSE, DEPTH_TO_SPACE and SPACE_TO_DEPTH: the same values in another order.

Source: tensorflow/lite/kernels/internal/reference/{transpose,depth_to_space,space_to_depth}.h.
"""

from __future__ import annotations

from tinygen.model.ir import DType, Tensor
from tinygen.model.lowering import Lowered, OpContext, OpDef, expect_shape
from tinygen.model.movement import item_bytes, movable, moved, row_major, strided, whole_numbers

MAX_RANK = 5
_TRANSPOSE_TYPES: tuple[DType, ...] = ("int8", "int16", "float32")
_BLOCK_TYPES: tuple[DType, ...] = ("int8", "float32")


def _lower_transpose(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    source = ctx.tensor(0)
    output = ctx.tensors[ctx.op.outputs[0]]
    movable(ctx, source, output, _TRANSPOSE_TYPES)
    rank = len(source.shape)
    order = whole_numbers(ctx, 1, "permutation")
    if not 1 <= rank <= MAX_RANK:
        raise ctx.fail(f"'{source.label}' has {rank} dimensions, supported: 1 to {MAX_RANK}")
    if any(not -rank <= axis < rank for axis in order) or sorted(axis % rank for axis in order) != list(range(rank)):
        raise ctx.fail(f"{order} is no permutation of {rank} dimensions")
    order = [axis % rank for axis in order]
    sizes = [source.shape[axis] for axis in order]
    expect_shape(ctx, output, tuple(sizes))
    strides = row_major(source.shape)
    return strided(ctx, sizes, [strides[axis] for axis in order], 0, item_bytes(source))


def _blocks(ctx: OpContext) -> tuple[Tensor, Tensor, int]:
    """Input and output of DEPTH_TO_SPACE or SPACE_TO_DEPTH, and the block's size."""
    ctx.arity((1, 1))
    source, output = ctx.tensor(0), ctx.tensors[ctx.op.outputs[0]]
    movable(ctx, source, output, _BLOCK_TYPES)
    if len(source.shape) != 4:
        raise ctx.fail(f"'{source.label}' has shape {list(source.shape)}, expected 4 dimensions")
    return source, output, ctx.whole("block_size", 1)


def _lower_depth_to_space(ctx: OpContext) -> Lowered:
    source, output, block = _blocks(ctx)
    batch, height, width, channels = source.shape
    if channels % (block * block):
        raise ctx.fail(f"{channels} channels do not divide into blocks of {block}x{block}")
    kept = channels // (block * block)
    expect_shape(ctx, output, (batch, height * block, width * block, kept))
    row, pixel = width * channels, channels
    sizes = [batch, height, block, width, block, kept]
    strides = [height * row, row, block * kept, pixel, kept, 1]
    return strided(ctx, sizes, strides, 0, item_bytes(source))


def _lower_space_to_depth(ctx: OpContext) -> Lowered:
    source, output, block = _blocks(ctx)
    batch, height, width, channels = source.shape
    if height % block or width % block:
        raise ctx.fail(f"{height}x{width} does not divide into blocks of {block}x{block}")
    expect_shape(ctx, output, (batch, height // block, width // block, channels * block * block))
    row = width * channels
    sizes = [batch, height // block, width // block, block, block, channels]
    strides = [height * row, block * row, block * channels, row, channels, 1]
    return strided(ctx, sizes, strides, 0, item_bytes(source))


TRANSPOSE = OpDef(
    name="TRANSPOSE",
    options_table="",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_transpose,
    reference=moved,
    types=_TRANSPOSE_TYPES,
)

DEPTH_TO_SPACE = OpDef(
    name="DEPTH_TO_SPACE",
    options_table="DepthToSpaceOptions",
    options_required=True,
    data_inputs=(0,),
    lower=_lower_depth_to_space,
    reference=moved,
    types=_BLOCK_TYPES,
)

SPACE_TO_DEPTH = OpDef(
    name="SPACE_TO_DEPTH",
    options_table="SpaceToDepthOptions",
    options_required=True,
    data_inputs=(0,),
    lower=_lower_space_to_depth,
    reference=moved,
    types=_BLOCK_TYPES,
)
