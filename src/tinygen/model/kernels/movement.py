"""Kernels that move bytes: slices, transpositions, joins and splits."""

from __future__ import annotations

import numpy as np

from tinygen.model.kernels.base import KernelDef, Packed, without
from tinygen.model.lowering import Lowered
from tinygen.model.movement import overlap_of, read_order


def _strided_overlap(lowered: Lowered) -> dict[int, int]:
    return {0: overlap_of(read_order(lowered))}


def _strided_kernel(op: str) -> KernelDef:
    return KernelDef(
        id=f"{op.lower()}_any_strided",
        op=op,
        header="movement.h",
        arguments=(),
        why="bytes in the order the output wants them",
        overlap=_strided_overlap,
    )


SLICE_ANY_STRIDED = _strided_kernel("SLICE")
STRIDED_SLICE_ANY_STRIDED = _strided_kernel("STRIDED_SLICE")


def _join_overlap(lowered: Lowered) -> dict[int, int]:
    """The output grows row by row, input by input; every input is read from front to back."""
    p = lowered.params
    n = p["n_inputs"]
    rows = np.array([p.get(f"row_bytes_{i}", p.get("row_bytes", 0)) for i in range(n)], np.int64)
    total, before = int(rows.sum()), np.cumsum(rows) - rows
    distances = {}
    for i in range(n):
        # Just before input i's row r is read, r·total + before[i] bytes are written and r·rows[i] are read; while it
        # is read both grow alike.
        r = np.array([0, p["n_rows"] - 1], np.int64)
        distances[i] = int((r * total + before[i] - r * rows[i]).max())
    return distances


CONCATENATION_ANY_ROWS = KernelDef(
    id="concatenation_any_rows",
    op="CONCATENATION",
    header="join.h",
    arguments=(),
    why="row by row, input by input; the sizes are constants in the code",
    pack=lambda lowered: Packed(params=without(lowered.params, "n_inputs"), constants={}),
    overlap=_join_overlap,
)

PACK_ANY_ROWS = KernelDef(
    id="pack_any_rows",
    op="PACK",
    header="join.h",
    arguments=(),
    why="row by row, input by input",
    pack=lambda lowered: Packed(params=without(lowered.params, "n_inputs"), constants={}),
    overlap=_join_overlap,
)


def _split_kernel(op: str) -> KernelDef:
    return KernelDef(
        id=f"{op.lower()}_any_rows",
        op=op,
        header="join.h",
        arguments=(),
        why="row by row, output by output",
        pack=lambda lowered: Packed(params=without(lowered.params, "n_outputs"), constants={}),
    )


SPLIT_ANY_ROWS = _split_kernel("SPLIT")
SPLIT_V_ANY_ROWS = _split_kernel("SPLIT_V")
UNPACK_ANY_ROWS = _split_kernel("UNPACK")
TRANSPOSE_ANY_STRIDED = _strided_kernel("TRANSPOSE")
DEPTH_TO_SPACE_ANY_STRIDED = _strided_kernel("DEPTH_TO_SPACE")
SPACE_TO_DEPTH_ANY_STRIDED = _strided_kernel("SPACE_TO_DEPTH")
