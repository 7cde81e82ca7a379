"""RESIZE_BILINEAR in integers: positions and weights with 10 fractional bits.

Source: ResizeBilinearInteger in tensorflow/lite/kernels/internal/reference/resize_bilinear.h.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.model.lowering import Array, Lowered, OpContext, OpDef, expect_shape
from tinygen.model.movement import movable, whole_numbers

ONE = 1 << 10


def _axis(size: int, out: int, *, corners: bool, half: bool) -> list[tuple[int, int, int]]:
    """(lower position, upper position, weight of the upper one) of each output position."""
    scale = (ONE * size + out // 2) // out
    if corners and out > 1:
        scale = (ONE * (size - 1) + (out - 1) // 2) // (out - 1)
    found = []
    for i in range(out):
        place = i * scale + (scale // 2 - ONE // 2 if half else 0)
        # C divides toward zero.
        lower = max(int(place / ONE), 0)
        upper = min(int((place + ONE - 1) / ONE), size - 1)
        found.append((lower, upper, place - ONE * lower))
    return found


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((2, 2))
    source, _ = ctx.activation(0, (4, 4))
    output, _ = ctx.output((4, 4))
    movable(ctx, source, output, ("int8",))
    size = whole_numbers(ctx, 1, "size")
    if len(size) != 2 or min(size) < 1:
        raise ctx.fail(f"size {size} is not a height and a width")
    batch, height, width, channels = source.shape
    expect_shape(ctx, output, (batch, size[0], size[1], channels))
    corners, half = bool(ctx.op.options.get("align_corners")), bool(ctx.op.options.get("half_pixel_centers"))
    constants: dict[str, Array] = {}
    for name, have, want, step in (("rows", height, size[0], width * channels), ("columns", width, size[1], channels)):
        places = _axis(have, want, corners=corners, half=half)
        if any(not (0 <= low < have and 0 <= high < have) for low, high, _ in places):
            raise ctx.fail(f"resizing {have} to {want} reads outside the input")
        constants[name] = np.array([(low * step, high * step, weight) for low, high, weight in places], np.int32)
    params = {
        "batch": batch,
        "image_bytes": height * width * channels,
        "out_h": size[0],
        "out_w": size[1],
        "channels": channels,
    }
    return Lowered(params=params, constants=constants)


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    p = lowered.params
    images = inputs[0].reshape(p["batch"], p["image_bytes"]).astype(np.int64)
    rows, columns = (lowered.constants[name].astype(np.int64) for name in ("rows", "columns"))
    c = np.arange(p["channels"])
    total = np.zeros((p["batch"], p["out_h"], p["out_w"], p["channels"]), np.int64)
    for y_at, y_weight in ((rows[:, 0], ONE - rows[:, 2]), (rows[:, 1], rows[:, 2])):
        for x_at, x_weight in ((columns[:, 0], ONE - columns[:, 2]), (columns[:, 1], columns[:, 2])):
            places = y_at[:, None, None] + x_at[None, :, None] + c
            values = images[:, places.reshape(-1)].reshape(total.shape)
            total += values * (y_weight[:, None, None] * x_weight[None, :, None])
    half = 1 << 19
    rounded = np.where(total > 0, (total + half) >> 20, -((half - total) >> 20))
    return [rounded.astype(np.int8).reshape(shapes[0])]


RESIZE_BILINEAR = OpDef(
    name="RESIZE_BILINEAR",
    options_table="ResizeBilinearOptions",
    options_required=False,
    data_inputs=(0,),
    lower=_lower,
    reference=_reference,
)
