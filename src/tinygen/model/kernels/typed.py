"""Kernels of variables, recurrent layers and of types other than int8."""

from __future__ import annotations

from tinygen.model.kernels.base import KernelDef


def _variable_kernels(op: str) -> tuple[KernelDef, KernelDef]:
    shared = KernelDef(
        id=f"{op.lower()}_any_shared",
        op=op,
        header="",
        arguments=(),
        why="the value lives in the state itself, nothing to do",
        alias=True,
    )
    copy = KernelDef(
        id=f"{op.lower()}_any_copy", op=op, header="variable.h", arguments=(), why="the value and the state both live on"
    )
    return shared, copy


READ_VARIABLE_ANY_SHARED, READ_VARIABLE_ANY_COPY = _variable_kernels("READ_VARIABLE")
ASSIGN_VARIABLE_ANY_SHARED, ASSIGN_VARIABLE_ANY_COPY = _variable_kernels("ASSIGN_VARIABLE")
