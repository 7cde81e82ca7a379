"""What a Cortex-M does when an instruction cannot be carried out: registers onto the stack, a vector, a handler.

For simulators that execute instructions but know no exceptions. Source: ARMv7-M Architecture Reference Manual, B1.5.6
(exception entry), B1.5.14 (fault handling and escalation), B3.2.13 (SHCSR), B3.2.15 to B3.2.19 (fault registers).
"""

from __future__ import annotations

from dataclasses import dataclass

VTOR, SHCSR, CFSR, HFSR, MMFAR, BFAR = 0xE000ED08, 0xE000ED24, 0xE000ED28, 0xE000ED2C, 0xE000ED34, 0xE000ED38

CCR = 0xE000ED14
IGNORE_DATA_FAULTS = 1 << 8  # BFHFNMIGN, for code at priority -1 and -2

NMI, HARD_FAULT, MEM_MANAGE, BUS_FAULT, USAGE_FAULT = 2, 3, 4, 5, 6
INSTRUCTION_BUS_ERROR = 1 << 8
PRECISE_DATA_ERROR = 1 << 9 | 1 << 15  # with the address in BFAR
STACKING_ERROR = 1 << 12
UNDEFINED_INSTRUCTION = 1 << 16
INVALID_STATE = 1 << 17
NO_COPROCESSOR = 1 << 19
_FORCED = 1 << 30
_ENABLE_BITS = {MEM_MANAGE: 1 << 16, BUS_FAULT: 1 << 17, USAGE_FAULT: 1 << 18}

FRAME_BYTES = 32
RETURN_TO_THREAD = 0xFFFFFFF9  # EXC_RETURN: thread mode, main stack, no floating-point frame

EXCEPTION_RETURN = 8  # in QEMU's numbers

# QEMU's numbers of exceptions, as unicorn's interrupt hook gives them: (fault, CFSR bits).
INTERRUPTS: dict[int, tuple[int, int]] = {
    1: (USAGE_FAULT, UNDEFINED_INSTRUCTION),
    17: (USAGE_FAULT, NO_COPROCESSOR),
    18: (USAGE_FAULT, INVALID_STATE),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap:
    """An instruction that failed.

    Attributes:
        fault: BUS_FAULT, USAGE_FAULT...
        status: bits for CFSR.
        address: for BFAR, None where there is none.
        words: what happened, for people.
    """

    fault: int
    status: int
    address: int | None
    words: str


def entered(trap: Trap, enabled: int) -> tuple[int, int]:
    """(exception number, bits for HFSR): a fault that is not enabled becomes a HardFault.

    Args:
        enabled: SHCSR.
    """
    if enabled & _ENABLE_BITS.get(trap.fault, 0):
        return trap.fault, 0
    return HARD_FAULT, _FORCED
