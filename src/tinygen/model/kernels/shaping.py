"""Kernels that pick, resize and reduce, and transposed convolution."""

from __future__ import annotations

from tinygen.model.kernels.base import KernelDef, Packed


def _plain(op: str, variant: str, *, header: str, why: str, arguments: tuple[str, ...] = ()) -> KernelDef:
    return KernelDef(id=f"{op.lower()}_int8_{variant}", op=op, header=header, arguments=arguments, why=why)


GATHER_INT8_ROWS = _plain("GATHER", "rows", header="pick.h", why="rows picked by number, constant or computed")
RESIZE_NEAREST_NEIGHBOR_ANY_TABLES = KernelDef(
    id="resize_nearest_neighbor_any_tables",
    op="RESIZE_NEAREST_NEIGHBOR",
    header="pick.h",
    arguments=("rows", "columns"),
    why="the place of every row and column comes from flash",
)
RESIZE_BILINEAR_INT8_TABLES = _plain(
    "RESIZE_BILINEAR",
    "tables",
    header="resize_bilinear.h",
    why="places and weights of every row and column come from flash",
    arguments=("rows", "columns"),
)
SUM_INT8_GENERIC = _plain("SUM", "generic", header="reduce.h", why="any axes")
REDUCE_MAX_INT8_GENERIC = _plain("REDUCE_MAX", "generic", header="reduce.h", why="any axes")
REDUCE_MIN_INT8_GENERIC = _plain("REDUCE_MIN", "generic", header="reduce.h", why="any axes")
ARG_MAX_INT8_GENERIC = _plain("ARG_MAX", "generic", header="reduce.h", why="any axis")
TRANSPOSE_CONV_INT8_GENERIC = _plain(
    "TRANSPOSE_CONV",
    "generic",
    header="transpose_conv.h",
    why="gathers what reaches an output pixel, so that no accumulators need memory",
    arguments=("weights", "bias", "multiplier", "shift"),
)
CAST_ANY_INTEGER = KernelDef(
    id="cast_any_integer",
    op="CAST",
    header="cast.h",
    arguments=(),
    why="value by value",
    pack=lambda lowered: Packed(params={"n_elements": lowered.params["n_elements"]}, constants={}),
)
