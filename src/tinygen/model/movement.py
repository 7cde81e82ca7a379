"""Bytes that only change places: what SLICE, TRANSPOSE, CONCATENATION and their like share.

Such an operator never looks at a value, so its kernel moves bytes and one kernel serves every type.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.model.ir import DType, Tensor
from tinygen.model.lowering import Array, Int64, Lowered, OpContext

LOOPS = 5
INTEGERS: tuple[DType, ...] = ("int8", "int16", "int32")
ANY_TYPE: tuple[DType, ...] = (*INTEGERS, "float32")


def movable(ctx: OpContext, source: Tensor, target: Tensor, types: tuple[DType, ...]) -> None:
    """Require that source and target hold the same kind of numbers, so that moving bytes moves values."""
    if source.dtype not in types:
        raise ctx.fail(f"'{source.label}' is {source.dtype}, supported: {', '.join(types)}")
    if source.dtype != target.dtype:
        raise ctx.fail(f"'{source.label}' is {source.dtype} but '{target.label}' is {target.dtype}")
    ours, theirs = source.quantization, target.quantization
    if source.dtype not in ("int8", "int16") or ours is None or theirs is None:
        return
    if (ours.scales, ours.zero_points) != (theirs.scales, theirs.zero_points):
        raise ctx.fail(
            f"'{source.label}' and '{target.label}' have different quantisation; TFLM copies the bytes as they are",
            "convert again: TFLite's converter gives both the same scale and zero point",
        )


def item_bytes(tensor: Tensor) -> int:
    """Size of one element."""
    return max(1, tensor.n_bytes // max(1, tensor.n_elements))


def axis_of(ctx: OpContext, value: int, rank: int) -> int:
    """A dimension's number, counted from the end when negative."""
    if not -rank <= value < rank:
        raise ctx.fail(f"axis {value} does not exist in a tensor of {rank} dimensions")
    return value % rank


def whole_numbers(ctx: OpContext, slot: int, what: str) -> list[int]:
    """The values of a constant int32 input."""
    tensor = ctx.constant(slot, "int32", what)
    return [] if tensor.data is None else [int(v) for v in np.asarray(tensor.data).reshape(-1)]


def row_major(shape: Sequence[int]) -> list[int]:
    """Strides in elements."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return strides[::-1]


def strided(ctx: OpContext, sizes: Sequence[int], strides: Sequence[int], start: int, item: int) -> Lowered:
    """Loops that read a tensor in an order of their own and write the output from front to back.

    Args:
        sizes: of the output, outermost first.
        strides: how far apart two neighbours along each dimension are in the input, in elements.
        start: the first element read.
        item: bytes of an element.
    """
    loops = [(size, stride) for size, stride in zip(sizes, strides, strict=True) if size != 1]
    merged: list[tuple[int, int]] = []
    for size, stride in loops:
        if merged and merged[-1][1] == size * stride:
            merged[-1] = (merged[-1][0] * size, stride)
        else:
            merged.append((size, stride))
    run = item
    if merged and merged[-1][1] == 1:
        run *= merged.pop()[0]
    if len(merged) > LOOPS:
        raise ctx.fail(f"needs {len(merged)} nested loops, supported: {LOOPS}", "do it in two steps")
    padded = [(1, 0)] * (LOOPS - len(merged)) + [(size, stride * item) for size, stride in merged]
    params = {"start": start * item, "run_bytes": run}
    for i, (size, stride) in enumerate(padded):
        params |= {f"size_{i}": size, f"stride_{i}": stride}
    return Lowered(params=params)


def read_order(lowered: Lowered) -> Int64:
    """Which input byte each output byte is: int64 [output bytes]."""
    p = lowered.params
    order = np.array([p["start"]], np.int64)
    for i in range(LOOPS):
        order = (order[:, None] + np.arange(p[f"size_{i}"], dtype=np.int64) * p[f"stride_{i}"]).reshape(-1)
    return (order[:, None] + np.arange(p["run_bytes"], dtype=np.int64)).reshape(-1)


def moved(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """The reference of every strided copy."""
    source = np.ascontiguousarray(inputs[0])
    flat = source.reshape(-1).view(np.uint8)
    return [flat[read_order(lowered)].view(source.dtype).reshape(shapes[0])]


def overlap_of(order: Int64) -> int:
    """How far below the input the output must start, when byte i is written after `order[i]` was read."""
    later = np.minimum.accumulate(order[::-1])[::-1]
    if len(order) < 2:
        return int(-order[0])
    # After byte i was written, bytes from later[i + 1] on are still to be read.
    return int(max((np.arange(1, len(order)) - later[1:]).max(), -order.min()))
