"""Cases of operators that reorder, pick, pad, resize and reduce."""

from __future__ import annotations

import random

import numpy as np

from support.cases.base import Case, T, number, numbers, single
from tinygen.model.builder import Record
from tinygen.model.ir import DType


def _orders() -> list[Case]:
    found = []
    for shape, order in (
        ((3, 5), (1, 0)),
        ((2, 3, 4), (2, 0, 1)),
        ((1, 4, 3, 5), (0, 2, 1, 3)),
        ((2, 3, 4, 5), (3, 1, 0, 2)),
        ((1, 4, 3, 5), (0, 3, 1, 2)),
        ((2, 2, 3, 2, 2), (4, 2, 3, 0, 1)),
        ((4,), (0,)),
    ):
        out = tuple(shape[axis] for axis in order)
        for dtype in ("int8", "int16"):
            name = f"transpose-{dtype}-{list(shape)}-{list(order)}"
            pair = T(shape=shape, dtype=dtype), T(shape=out, dtype=dtype)
            found.append(single(name, "TRANSPOSE", [pair[0], numbers(*order)], [pair[1]]))
    for block, deep, flat in (
        (2, (1, 2, 3, 8), (1, 4, 6, 2)),
        (3, (2, 1, 1, 9), (2, 3, 3, 1)),
        (1, (1, 2, 2, 3), (1, 2, 2, 3)),
    ):
        pair = T(shape=deep), T(shape=flat)
        options = Record("DepthToSpaceOptions", {"block_size": block})
        found.append(single(f"depth_to_space-{block}", "DEPTH_TO_SPACE", pair[:1], pair[1:], options))
        options = Record("SpaceToDepthOptions", {"block_size": block})
        found.append(single(f"space_to_depth-{block}", "SPACE_TO_DEPTH", pair[1:], pair[:1], options))
    return found


def _ones_and_pads() -> list[Case]:
    found = [
        single("squeeze-a", "SQUEEZE", [T(shape=(1, 3, 1, 2))], [T(shape=(3, 2))], Record("SqueezeOptions", {})),
        single(
            "squeeze-b",
            "SQUEEZE",
            [T(shape=(1, 3, 1, 2))],
            [T(shape=(1, 3, 2))],
            Record("SqueezeOptions", {"squeeze_dims": [2]}),
        ),
        single("expand_dims-a", "EXPAND_DIMS", [T(shape=(3, 2)), number(1)], [T(shape=(3, 1, 2))]),
        single("expand_dims-b", "EXPAND_DIMS", [T(shape=(3, 2)), number(-1)], [T(shape=(3, 2, 1))]),
    ]
    for i, (shape, pairs) in enumerate((((1, 2, 3, 2), ((0, 0), (1, 2), (0, 1), (3, 0))), ((4, 1), ((2, 0), (0, 1))))):
        paddings = T(shape=(len(pairs), 2), dtype="int32", scale=0, data=np.array(pairs, np.int32))
        out = tuple(n + a + b for n, (a, b) in zip(shape, pairs, strict=True))
        value = T(shape=(1,), zero_point=5, data=np.array([-17 * i - 1], np.int8))
        source, result = T(shape=shape, zero_point=5), T(shape=out, zero_point=5)
        found.append(single(f"padv2-{i}", "PADV2", [source, paddings, value], [result]))
    for i, (shape, axis, picked) in enumerate((((5, 3), 0, (4, 0, 0, 2)), ((2, 5, 3), 1, (1,)), ((2, 3), -1, (2, 1)))):
        place = axis % len(shape)
        out = (*shape[:place], len(picked), *shape[place + 1 :])
        options = Record("GatherOptions", {"axis": axis})
        found.append(single(f"gather-{i}", "GATHER", [T(shape=shape), numbers(*picked)], [T(shape=out)], options))
    options = Record("GatherOptions", {"axis": 1})
    found.append(single("gather-scalar", "GATHER", [T(shape=(2, 3)), number(1)], [T(shape=(2,))], options))
    return found


def gather_at_run_time(axis: int) -> Case:
    """GATHER from [3, 4, 5] along an axis, with [2, 3] indices that are an input of the model."""
    shape = (3, 4, 5)
    out = (*shape[:axis], 2, 3, *shape[axis + 1 :])
    inputs = [T(shape=shape), T(shape=(2, 3), dtype="int32", scale=0)]
    return single(f"gather-run-time-{axis}", "GATHER", inputs, [T(shape=out)], Record("GatherOptions", {"axis": axis}))


def _resizes() -> list[Case]:
    found = []
    for op, table in (
        ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions"),
        ("RESIZE_BILINEAR", "ResizeBilinearOptions"),
    ):
        for corners, half in ((0, 0), (1, 0), (0, 1)):
            for shape, size in (
                ((1, 3, 4, 2), (6, 8)),
                ((1, 5, 7, 1), (3, 2)),
                ((2, 1, 1, 3), (4, 3)),
                ((1, 4, 3, 1), (1, 1)),
                ((1, 2, 3, 5), (7, 11)),
                ((1, 9, 9, 1), (9, 4)),
            ):
                options = Record(table, {"align_corners": corners, "half_pixel_centers": half})
                out = T(shape=(shape[0], *size, shape[3]))
                name = f"{op.lower()}-{corners}{half}-{list(shape)}-{list(size)}"
                found.append(single(name, op, [T(shape=shape), numbers(*size)], [out], options))
    return found


def _reductions() -> list[Case]:
    dice = random.Random(8)
    found = []
    for i, (shape, axes) in enumerate(
        (
            ((1, 5, 4, 3), (1, 2)),
            ((1, 5, 4, 3), (3,)),
            ((2, 3, 4, 5), (0, 2)),
            ((2, 3, 4, 5), (-1, 1)),
            ((4, 7), (0, 1)),
            ((9,), (0,)),
            ((1, 1, 1, 6), (1, 2)),
        )
    ):
        keep = i % 2
        plain = {axis % len(shape) for axis in axes}
        out = tuple(1 if j in plain else n for j, n in enumerate(shape) if keep or j not in plain)
        options = Record("ReducerOptions", {"keep_dims": keep})
        zero = dice.choice([-128, 127, 3])
        for op in ("REDUCE_MAX", "REDUCE_MIN"):
            pair = T(shape=shape, zero_point=zero), T(shape=out, zero_point=zero)
            found.append(single(f"{op.lower()}-{i}", op, [pair[0], numbers(*axes)], [pair[1]], options))
        for scale in (0.05, 0.02, 0.4, 3.0):
            pair = T(shape=shape, zero_point=zero), T(shape=out, scale=scale, zero_point=dice.randint(-128, 127))
            found.append(single(f"sum-{i}-{scale}", "SUM", [pair[0], numbers(*axes)], [pair[1]], options))
    for shape, axis in (((1, 10), 1), ((2, 3, 4), 1), ((1, 3, 3, 5), -1), ((4, 2), 0)):
        place = axis % len(shape)
        result = T(shape=(*shape[:place], *shape[place + 1 :]), dtype="int32", scale=0)
        options = Record("ArgMaxOptions", {"output_type": 2})
        found.append(
            single(f"arg_max-{list(shape)}-{axis}", "ARG_MAX", [T(shape=shape), number(axis)], [result], options)
        )
    return found


def _transposed_convolutions() -> list[Case]:
    dice, rng = random.Random(5), np.random.default_rng(5)
    found = []
    for i in range(16):
        in_h, in_w, in_c, out_c = (dice.randint(1, 5) for _ in range(4))
        (k_h, s_h), (k_w, s_w) = ((dice.randint(1, 4), dice.randint(1, 3)) for _ in range(2))
        same = i % 2 == 0
        sizes = [
            n * s - (dice.randint(0, s - 1) if n > 1 else 0) if same else (n - 1) * s + k
            for n, s, k in ((in_h, s_h, k_h), (in_w, s_w, k_w))
        ]
        scales = tuple(float(np.float32(0.002 + 0.01 * dice.random())) for _ in range(out_c if i % 3 else 1))
        data = rng.integers(-127, 128, (out_c, k_h, k_w, in_c)).astype(np.int8)
        weights = T(shape=data.shape, scales=scales, data=data)
        bias = T(shape=(out_c,), dtype="int32", scale=0, data=rng.integers(-4000, 4000, out_c).astype(np.int32))
        source = T(shape=(1, in_h, in_w, in_c), zero_point=dice.choice([-128, 127, 0, 9]))
        result = T(shape=(1, *sizes, out_c), scale=0.1 * dice.random() + 0.02, zero_point=dice.choice([-128, 127, 4]))
        inputs = [numbers(1, *sizes, out_c), weights, source]
        if i % 4:
            inputs.append(bias)
        fields = {"padding": 0 if same else 1, "stride_w": s_w, "stride_h": s_h}
        fields["fused_activation_function"] = dice.choice([0, 0, 1, 3])
        options = Record("TransposeConvOptions", fields)
        found.append(single(f"transpose_conv-{i}", "TRANSPOSE_CONV", inputs, [result], options))
    return found


def _casts() -> list[Case]:
    kinds: tuple[DType, ...] = ("int8", "int16", "int32")
    found = []
    for source in kinds:
        for target in kinds:
            pair = T(shape=(2, 150), dtype=source), T(shape=(2, 150), dtype=target)
            found.append(single(f"cast-{source}-{target}", "CAST", pair[:1], pair[1:], Record("CastOptions", {})))
        for op, shape, out, axis in (
            ("SQUEEZE", (1, 3, 1, 2), (3, 2), ()),
            ("EXPAND_DIMS", (3, 2), (3, 1, 2), (number(1),)),
        ):
            # TFLM has no EXPAND_DIMS of int32.
            if op == "EXPAND_DIMS" and source == "int32":
                continue
            tensors = T(shape=shape, dtype=source), T(shape=out, dtype=source)
            found.append(single(f"{op.lower()}-{source}", op, [tensors[0], *axis], [tensors[1]]))
    return found


def cases() -> list[Case]:
    """Orders, SQUEEZE, EXPAND_DIMS, PADV2, GATHER, resizes, reductions, ARG_MAX, TRANSPOSE_CONV, CAST."""
    return [*_orders(), *_ones_and_pads(), *_resizes(), *_reductions(), *_transposed_convolutions(), *_casts()]
