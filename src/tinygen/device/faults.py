"""What a crashed program says of itself, in words.

Source: ARMv7-M Architecture Reference Manual, B3.2.15 (CFSR), B3.2.16 (HFSR); Xtensa ISA Reference Manual, table 4-64
(exception causes).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from tinygen.core.errors import ExitCode, TinygenError

_LAYOUT = struct.Struct("<BxH7I")
_MMFAR_VALID, _BFAR_VALID = 1 << 7, 1 << 15
_EXCEPTIONS = {2: "NMI", 3: "HardFault", 4: "MemManage fault", 5: "BusFault", 6: "UsageFault"}
_CFSR = {
    0: "fetched an instruction where it may not",
    1: "read or wrote data where it may not",
    3: "could not restore registers on return from an exception",
    4: "could not save registers on the stack (stack overflow?)",
    5: "could not save floating-point registers",
    8: "fetched an instruction where nothing answers",
    9: "read or wrote data where nothing answers",
    10: "wrote where nothing answers, some instructions earlier",
    11: "could not restore registers on return from an exception",
    12: "could not save registers on the stack (stack overflow?)",
    13: "could not save floating-point registers",
    16: "met an undefined instruction",
    17: "jumped to an address without the Thumb bit",
    18: "returned from an exception in an impossible way",
    19: "used a coprocessor that is off (FPU?)",
    24: "read or wrote an unaligned address",
    25: "divided by zero",
}
_EXCCAUSE = {
    0: "met an illegal instruction",
    1: "made a system call nobody serves",
    2: "fetched an instruction where nothing answers",
    3: "read or wrote where nothing answers",
    6: "divided by zero",
    9: "read or wrote an unaligned address",
    12: "got an error while it fetched an instruction",
    13: "got an error while it read or wrote data",
    14: "fetched an instruction from an address that does not exist",
    15: "read or wrote an address that does not exist",
    20: "fetched an instruction where it may not",
    28: "read where it may not",
    29: "wrote where it may not",
}
_ABOUT_AN_ADDRESS = (2, 3, 9, 12, 13, 14, 15, 20, 28, 29)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The record of an exception.

    Attributes:
        architecture: "cortex-m" or "xtensa".
        number: the exception's number (Cortex-M) or EXCCAUSE.
        pc, lr, sp: registers when it happened; pc and lr are 0 where the stack was gone.
        status: CFSR, HFSR, MMFAR, BFAR; or EXCVADDR, PS, DEPC, 0.
    """

    architecture: str
    number: int
    pc: int
    lr: int
    sp: int
    status: tuple[int, int, int, int]

    @property
    def name(self) -> str:
        """What the manual calls it."""
        if self.architecture == "cortex-m":
            return _EXCEPTIONS.get(self.number, f"interrupt {self.number - 16} without handler")
        return f"exception {self.number}"

    @property
    def address(self) -> int | None:
        """The data address it is about, where the processor knows."""
        if self.architecture == "xtensa":
            return self.status[0] if self.number in _ABOUT_AN_ADDRESS else None
        cfsr, _, memory, bus = self.status
        return memory if cfsr & _MMFAR_VALID else bus if cfsr & _BFAR_VALID else None

    @property
    def reasons(self) -> tuple[str, ...]:
        """What the program did, as the fault registers tell it."""
        if self.architecture == "xtensa":
            return (_EXCCAUSE[self.number],) if self.number in _EXCCAUSE else ()
        found = [words for bit, words in _CFSR.items() if self.status[0] >> bit & 1]
        if self.status[1] & 2:
            found.append("could not read its vector table")
        return tuple(found)

    @property
    def _call(self) -> int:
        """An address inside the call that lr returns from: the instruction before it."""
        return self.lr - 3 if self.architecture == "xtensa" else (self.lr & ~1) - 2

    def registers(self) -> dict[str, int]:
        """Names and values of all of them."""
        names = ("CFSR", "HFSR", "MMFAR", "BFAR") if self.architecture == "cortex-m" else ("EXCVADDR", "PS", "DEPC")
        return {"PC": self.pc, "LR": self.lr, "SP": self.sp, **dict(zip(names, self.status, strict=False))}

    def told(self, place: Callable[[int], str] | None = None) -> str:
        """One sentence.

        Args:
            place: turns a code address into "function at file:line".
        """
        what = ", ".join(self.reasons) or "stopped"
        at = f" ({self.address:#010x})" if self.address is not None and self.reasons else ""
        where = ""
        if self.pc:
            where = f", at {_place(self.pc, place)}"
            where += f", called from {_place(self._call, place)}" if _is_code(self.lr) else ""
        return f"{self.name}: the program {what}{at}{where}"


class DeviceFaultError(TinygenError):
    """The device said that its program crashed (exit code 4).

    Attributes:
        fault: what it said.
    """

    def __init__(self, fault: Fault, *, where: str, place: Callable[[int], str] | None = None) -> None:
        registers = " ".join(f"{name}={value:08x}" for name, value in fault.registers().items())
        super().__init__(ExitCode.NO_ANSWER, fault.told(place), where=where, hint=f"registers: {registers}")
        self.fault = fault


def parse_fault(payload: bytes) -> Fault | None:
    """The payload of FAULT or of LAST_FAULT's answer; None when it is not one."""
    if len(payload) != _LAYOUT.size:
        return None
    architecture, number, pc, lr, sp, a, b, c, d = _LAYOUT.unpack(payload)
    return Fault(
        architecture="xtensa" if architecture else "cortex-m", number=number, pc=pc, lr=lr, sp=sp, status=(a, b, c, d)
    )


def fault_payload(fault: Fault) -> bytes:
    """The other way round, for simulators that speak in a stopped program's place."""
    return _LAYOUT.pack(fault.architecture == "xtensa", fault.number, fault.pc, fault.lr, fault.sp, *fault.status)


def _is_code(address: int) -> bool:
    """Not 0, and not the special value that stands for a return from an exception (EXC_RETURN)."""
    return 0 < address < 0xF0000000


def _place(address: int, place: Callable[[int], str] | None) -> str:
    return f"{address:#010x}" if place is None else place(address)
