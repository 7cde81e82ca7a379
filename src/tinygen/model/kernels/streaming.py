"""Kernel of the streaming rewrite's window."""

from __future__ import annotations

from tinygen.model.kernels import work
from tinygen.model.kernels.base import KernelDef

STREAM_ROWS_INT8_SHIFT = KernelDef(
    id="stream_rows_int8_shift",
    op="STREAM_ROWS",
    header="stream_rows.h",
    arguments=(),
    why="the window moves up, new rows come in below",
    work=work.shifted_rows,
)
