"""Entering and leaving an exception that is no fault, for a core that executes instructions only."""

from __future__ import annotations

import struct
from typing import Any

from tinygen.device import cortexm_faults as faults

STACKED = ("R0", "R1", "R2", "R3", "R12", "LR")


def enter(uc: Any, arm: Any, pc: int, number: int) -> None:
    """What the core does before a handler: the frame on the stack, the link register. Its own state is not touched.

    Source: ARMv7-M Architecture Reference Manual, B1.5.6.
    """
    frame = [uc.reg_read(getattr(arm, f"UC_ARM_REG_{name}")) for name in STACKED]
    status = uc.reg_read(arm.UC_ARM_REG_XPSR)
    before = uc.reg_read(arm.UC_ARM_REG_SP)
    stack = (before & ~7) - faults.FRAME_BYTES
    moved = 1 << 9 if before & 4 else 0  # the frame is aligned to 8: the way back undoes that
    uc.mem_write(stack, struct.pack("<8I", *frame, pc & ~1, status | moved))
    uc.reg_write(arm.UC_ARM_REG_SP, stack)
    uc.reg_write(arm.UC_ARM_REG_LR, faults.RETURN_TO_THREAD)
    uc.reg_write(arm.UC_ARM_REG_IPSR, number)


def leave(uc: Any, arm: Any) -> int:
    """What it does at the end of one: everything from the frame; returns where to go on."""
    stack = uc.reg_read(arm.UC_ARM_REG_SP)
    *frame, pc, status = struct.unpack("<8I", uc.mem_read(stack, faults.FRAME_BYTES))
    uc.reg_write(arm.UC_ARM_REG_IPSR, 0)
    for name, value in zip(STACKED, frame, strict=True):
        uc.reg_write(getattr(arm, f"UC_ARM_REG_{name}"), value)
    uc.reg_write(arm.UC_ARM_REG_SP, stack + faults.FRAME_BYTES + (4 if status & 1 << 9 else 0))
    uc.reg_write(arm.UC_ARM_REG_APSR, status & 0xF8000000)
    return int(pc) | 1
