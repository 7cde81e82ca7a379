"""Cases of operators that move bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from support.cases.base import Case, T, number, numbers, single
from tinygen.model.builder import Record
from tinygen.model.ir import DType
from tinygen.model.movement import INTEGERS


def _concatenation() -> list[Case]:
    found = []
    shapes: list[tuple[list[tuple[int, ...]], int]] = [
        ([(1, 2, 1, 5), (1, 3, 1, 5)], 1),
        ([(2, 3), (2, 1), (2, 4)], -1),
        ([(3,), (1,)], 0),
        ([(1, 1, 1, 1)] * 10, 3),
        ([(2, 2, 2, 1, 3), (2, 2, 2, 2, 3)], 3),
        ([(4, 4)], 1),
    ]
    for number_, (parts, axis) in enumerate(shapes):
        for dtype in INTEGERS if number_ < 2 else ("int8",):
            size = sum(p[axis] for p in parts)
            place = axis % len(parts[0])
            out = (*parts[0][:place], size, *parts[0][place + 1 :])
            options = Record("ConcatenationOptions", {"axis": axis})
            tensors = [T(shape=p, dtype=dtype) for p in parts]
            found.append(
                single(
                    f"concatenation-{number_}-{dtype}", "CONCATENATION", tensors, [T(shape=out, dtype=dtype)], options
                )
            )
    constant = T(shape=(1, 2), data=np.array([[7, -9]], np.int8))
    joined = T(shape=(1, 5))
    options = Record("ConcatenationOptions", {"axis": 1})
    found.append(single("concatenation-constant", "CONCATENATION", [constant, T(shape=(1, 3))], [joined], options))
    return found


def _strided(
    shape: tuple[int, ...],
    bounds: tuple[Sequence[int], Sequence[int], Sequence[int]],
    out: tuple[int, ...],
    dtype: DType = "int8",
    **masks: int,
) -> Case:
    begin, end, step = bounds
    options = Record("StridedSliceOptions", dict(masks))
    name = f"strided_slice-{dtype}-{list(shape)}-{list(begin)}-{list(step)}"
    inputs = [T(shape=shape, dtype=dtype), numbers(*begin), numbers(*end), numbers(*step)]
    return single(name, "STRIDED_SLICE", inputs, [T(shape=out, dtype=dtype)], options)


def _slices() -> list[Case]:
    found = [
        _strided((1, 5, 1, 4), ((0, -2, 0, 0), (0, 0, 0, 4), (1, 1, 1, 1)), (1, 2, 1, 4), begin_mask=13, end_mask=15),
        _strided((7,), ((6,), (0,), (-2,)), (3,)),
        _strided((7,), ((0,), (0,), (-1,)), (7,), begin_mask=1, end_mask=1),
        _strided((4, 5), ((1, 0), (2, 5), (1, 2)), (3,), shrink_axis_mask=1),
        _strided((4, 5), ((-1, -2), (0, 9), (1, 1)), (2,), shrink_axis_mask=1),
        _strided((3, 4, 5), ((0, 1, 1), (3, 99, -1), (2, 2, 2)), (2, 2, 2)),
        _strided((3, 2, 3, 2), ((2, 0, 0, 1), (-4, 2, 3, 2), (-1, 1, 2, 1)), (3, 2, 2, 1)),
        _strided((1, 1), ((0, 0), (1, 1), (1, 1)), (1, 1)),
        _strided((6,), ((2,), (3,), (1,)), (), shrink_axis_mask=1),
        _strided((3, 4, 5), ((1, 0, 0), (3, 4, 5), (1, 1, 2)), (2, 4, 3), ellipsis_mask=2),
        _strided((3, 4, 5), ((1, 2, 0), (3, 3, 5), (1, 1, 1)), (2, 4, 5), ellipsis_mask=2, begin_mask=2, end_mask=2),
    ]
    found += [_strided((3, 4), ((1, 0), (3, 4), (1, 3)), (2, 2), dtype) for dtype in INTEGERS]
    for dtype in INTEGERS:
        for shape, begin, size, out in (
            ((3, 4), (1, 1), (2, -1), (2, 3)),
            ((1, 4, 3, 2), (0, 3, 0, 1), (1, 1, 3, 1), (1, 1, 3, 1)),
            ((5,), (0,), (5,), (5,)),
            ((2, 2, 2, 2, 3), (0, 1, 0, 1, 1), (-1, -1, -1, -1, -1), (2, 1, 2, 1, 2)),
        ):
            inputs = [T(shape=shape, dtype=dtype), numbers(*begin), numbers(*size)]
            name = f"slice-{dtype}-{list(shape)}-{list(begin)}"
            found.append(single(name, "SLICE", inputs, [T(shape=out, dtype=dtype)]))
    return found


def _splits() -> list[Case]:
    found = []
    for dtype in INTEGERS:
        outs = [T(shape=(2, 2, 3), dtype=dtype)] * 3
        inputs = [number(-2), T(shape=(2, 6, 3), dtype=dtype)]
        found.append(single(f"split-{dtype}", "SPLIT", inputs, outs, Record("SplitOptions", {"num_splits": 3})))
        outs = [T(shape=(2, n), dtype=dtype) for n in (1, 4, 2)]
        inputs = [T(shape=(2, 7), dtype=dtype), numbers(1, -1, 2), number(1)]
        found.append(single(f"split_v-{dtype}", "SPLIT_V", inputs, outs, Record("SplitVOptions", {"num_splits": 3})))
    outs = [T(shape=(1, 1, 1, 1))] * 4
    options = Record("SplitOptions", {"num_splits": 4})
    found.append(single("split-ones", "SPLIT", [number(3), T(shape=(1, 1, 1, 4))], outs, options))
    for dtype in INTEGERS:
        for axis, shape, out in ((1, (2, 3, 4), (2, 4)), (-1, (2, 3), (2,)), (0, (3, 2), (2,))):
            n = shape[axis]
            options = Record("UnpackOptions", {"num": n, "axis": axis})
            whole, part = T(shape=shape, dtype=dtype), T(shape=out, dtype=dtype)
            found.append(single(f"unpack-{dtype}-{axis}", "UNPACK", [whole], [part] * n, options))
            options = Record("PackOptions", {"values_count": n, "axis": axis})
            found.append(single(f"pack-{dtype}-{axis}", "PACK", [part] * n, [whole], options))
    return found


def cases() -> list[Case]:
    """CONCATENATION, SLICE, STRIDED_SLICE, SPLIT, SPLIT_V, PACK, UNPACK."""
    return [*_concatenation(), *_slices(), *_splits()]
