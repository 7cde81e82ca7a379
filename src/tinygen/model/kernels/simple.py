"""Kernels of pools, MEAN, ADD, PAD, RESHAPE, SOFTMAX and the table operators."""

from __future__ import annotations

from tinygen.boards.spec import ChipSpec
from tinygen.model.kernels.base import KernelDef, Packed, elementwise_overlap, without
from tinygen.model.kernels.binary import broadcast_overlap
from tinygen.model.kernels.order import own_channel, sliding_window
from tinygen.model.lowering import Lowered


def _pack_pool(lowered: Lowered) -> Packed:
    return Packed(params=without(lowered.params, "dilation_h", "dilation_w"), constants={})


AVERAGE_POOL_2D_INT8_GENERIC = KernelDef(
    id="average_pool_2d_int8_generic",
    op="AVERAGE_POOL_2D",
    header="pool_2d.h",
    arguments=(),
    why="any window",
    pack=_pack_pool,
    overlap=sliding_window(own_channel),
)

MAX_POOL_2D_INT8_GENERIC = KernelDef(
    id="max_pool_2d_int8_generic",
    op="MAX_POOL_2D",
    header="pool_2d.h",
    arguments=(),
    why="any window",
    pack=_pack_pool,
    overlap=sliding_window(own_channel),
)

MEAN_INT8_GENERIC = KernelDef(id="mean_int8_generic", op="MEAN", header="mean.h", arguments=(), why="any axes")

_ADD_SHARED = (
    "zero_point_1",
    "zero_point_2",
    "multiplier_1",
    "shift_1",
    "multiplier_2",
    "shift_2",
    "multiplier",
    "shift",
    "output_zero_point",
    "act_min",
    "act_max",
)


def _accepts_same(lowered: Lowered, chip: ChipSpec) -> str | None:
    del chip
    return None if lowered.params["same_shape"] else "the inputs have different shapes"


def _pack_same(lowered: Lowered) -> Packed:
    names = ("n_elements", *_ADD_SHARED)
    return Packed(params={name: lowered.params[name] for name in names}, constants={})


def _pack_broadcast(lowered: Lowered) -> Packed:
    names = [f"{word}_{i}" for word in ("size", "stride_1", "stride_2") for i in range(4)]
    return Packed(params={name: lowered.params[name] for name in (*names, *_ADD_SHARED)}, constants={})


ADD_INT8_SAME_SHAPE = KernelDef(
    id="add_int8_same_shape",
    op="ADD",
    header="add.h",
    arguments=(),
    why="element by element, in place",
    accepts=_accepts_same,
    pack=_pack_same,
    overlap=lambda lowered: {0: 0, 1: 0},
)

ADD_INT8_BROADCAST = KernelDef(
    id="add_int8_broadcast",
    op="ADD",
    header="add.h",
    arguments=(),
    why="repeats an input along its dimensions of size 1",
    pack=_pack_broadcast,
    overlap=broadcast_overlap,
)

PAD_INT8_GENERIC = KernelDef(id="pad_int8_generic", op="PAD", header="pad.h", arguments=(), why="up to 4 dimensions")

RESHAPE_INT8_ALIAS = KernelDef(
    id="reshape_int8_alias", op="RESHAPE", header="", arguments=(), why="the same bytes, nothing to do", alias=True
)

PADV2_INT8_GENERIC = KernelDef(
    id="padv2_int8_generic", op="PADV2", header="pad.h", arguments=(), why="up to 4 dimensions"
)


def _alias_kernel(op: str) -> KernelDef:
    return KernelDef(
        id=f"{op.lower()}_int8_alias",
        op=op,
        header="",
        arguments=(),
        why="the same bytes, nothing to do",
        alias=True,
    )


SQUEEZE_INT8_ALIAS = _alias_kernel("SQUEEZE")
EXPAND_DIMS_INT8_ALIAS = _alias_kernel("EXPAND_DIMS")


def _table_kernel(op: str) -> KernelDef:
    return KernelDef(
        id=f"{op.lower()}_int8_table",
        op=op,
        header="elementwise.h",
        arguments=("table",),
        why="256 results from flash",
        overlap=elementwise_overlap,
    )


ABS_INT8_TABLE = _table_kernel("ABS")
ELU_INT8_TABLE = _table_kernel("ELU")
HARD_SWISH_INT8_TABLE = _table_kernel("HARD_SWISH")
LEAKY_RELU_INT8_TABLE = _table_kernel("LEAKY_RELU")
TANH_INT8_TABLE = _table_kernel("TANH")
LOGISTIC_INT8_TABLE = _table_kernel("LOGISTIC")
RELU_INT8_TABLE = _table_kernel("RELU")
RELU6_INT8_TABLE = _table_kernel("RELU6")
TABLE_INT8_TABLE = _table_kernel("TABLE")
