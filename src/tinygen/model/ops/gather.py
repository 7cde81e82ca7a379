"""GATHER and RESIZE_NEAREST_NEIGHBOR: rows picked by number.

Source: tensorflow/lite/micro/kernels/gather.cc; internal/reference/resize_nearest_neighbor.h.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinygen.model.lowering import BOTH, Array, Lowered, OpContext, OpDef, expect_shape
from tinygen.model.movement import axis_of, item_bytes, movable, whole_numbers


def _lower_gather(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    source, _ = ctx.activation(0, (1, 6))
    output, _ = ctx.output((0, 6))
    movable(ctx, source, output, ("int8",))
    places = ctx.tensor(1)
    if places.dtype != "int32":
        raise ctx.fail(f"indices ('{places.name}') are {places.dtype}, supported: int32")
    if ctx.op.options.get("batch_dims", 0):
        raise ctx.fail(f"batch_dims = {ctx.op.options['batch_dims']}, supported: 0")
    axis = axis_of(ctx, int(ctx.op.options.get("axis", 0)), len(source.shape))
    expect_shape(ctx, output, (*source.shape[:axis], *places.shape, *source.shape[axis + 1 :]))
    run = math.prod(source.shape[axis + 1 :])
    if places.data is not None and any(not 0 <= i < source.shape[axis] for i in whole_numbers(ctx, 1, "indices")):
        raise ctx.fail(f"an index is outside 0..{source.shape[axis] - 1}")
    params = {
        "n_rows": math.prod(source.shape[:axis]),
        "row_size": source.shape[axis],
        "n_picked": places.n_elements,
        "run_bytes": run,
    }
    return Lowered(params=params)


def _gathered(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    rows = inputs[0].reshape(p["n_rows"], p["row_size"], p["run_bytes"])
    # TFLM reads whatever lies outside; here that is the nearest one there is, so that nothing foreign is read.
    picked = np.clip(inputs[1].astype(np.int64).reshape(-1), 0, p["row_size"] - 1)
    return [rows[:, picked].reshape(shapes[0])]


def _nearest(ctx: OpContext, size: int, out: int) -> list[int]:
    """The input position of each output position along one axis, in float32 as TFLM computes it."""
    corners, half = bool(ctx.op.options.get("align_corners")), bool(ctx.op.options.get("half_pixel_centers"))
    scale = np.float32(size - 1) / np.float32(out - 1) if corners and out > 1 else np.float32(size) / np.float32(out)
    found = []
    for i in range(out):
        place = (np.float32(i) + np.float32(0.5 if half else 0.0)) * scale
        near = math.floor(float(place) + 0.5) if corners else math.floor(float(place))
        found.append(max(0, min(near, size - 1)))
    return found


def _lower_nearest(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    source, _ = ctx.activation(0, (4, 4), BOTH)
    output, _ = ctx.output((4, 4), BOTH)
    movable(ctx, source, output, BOTH)
    size = whole_numbers(ctx, 1, "size")
    if len(size) != 2 or min(size) < 1:
        raise ctx.fail(f"size {size} is not a height and a width")
    batch, height, width, channels = source.shape
    expect_shape(ctx, output, (batch, size[0], size[1], channels))
    run = channels * item_bytes(source)
    constants: dict[str, Array] = {
        "rows": np.array(_nearest(ctx, height, size[0]), np.int32) * (width * run),
        "columns": np.array(_nearest(ctx, width, size[1]), np.int32) * run,
    }
    params = {
        "batch": batch,
        "image_bytes": height * width * run,
        "out_h": size[0],
        "out_w": size[1],
        "run_bytes": run,
    }
    return Lowered(params=params, constants=constants)


def _resized(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    images = np.ascontiguousarray(inputs[0]).reshape(-1).view(np.uint8).reshape(p["batch"], p["image_bytes"])
    rows, columns = (lowered.constants[name].astype(np.int64) for name in ("rows", "columns"))
    places = rows[:, None, None] + columns[None, :, None] + np.arange(p["run_bytes"])
    taken = np.ascontiguousarray(images[:, places.reshape(-1)])
    return [taken.reshape(-1).view(inputs[0].dtype).reshape(shapes[0])]


GATHER = OpDef(
    name="GATHER",
    options_table="GatherOptions",
    options_required=False,
    data_inputs=(0, 1),
    lower=_lower_gather,
    reference=_gathered,
)

RESIZE_NEAREST_NEIGHBOR = OpDef(
    name="RESIZE_NEAREST_NEIGHBOR",
    options_table="ResizeNearestNeighborOptions",
    options_required=False,
    data_inputs=(0,),
    lower=_lower_nearest,
    reference=_resized,
    types=BOTH,
)
