"""Runs an image of toolchain/bare_image.py to its end and counts instructions of whole calls and of functions in them.

QEMU (`-icount shift=0`) counts with a timer that the image reads; unicorn counts basic blocks from the outside, which
also tells which function they belong to. Counts are instructions, never a chip's cycles.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from tinygen.core.errors import no_answer, tool_failed
from tinygen.core.process import run
from tinygen.device.elfload import load_segments
from tinygen.device.thumb import count_instructions

_FLASH, _RAM, _SYSTEM = (0x08000000, 2 << 20), (0x20000000, 1 << 20), (0xE0000000, 1 << 20)
_TIMER = (0x40000000, 1 << 12)
_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class BareRun:
    """What an image said, and what was counted.

    Attributes:
        text: everything it said.
        counts: {watched name: instructions of each call}, from entering the function to its return; unicorn only.
    """

    text: str
    counts: Mapping[str, tuple[int, ...]]


def symbols_of(elf: Path) -> dict[str, int]:
    """{function: address} of an image."""
    with elf.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        return {
            entry.name: entry["st_value"] & ~1
            for entry in (table.iter_symbols() if table else ())
            if entry["st_info"]["type"] == "STT_FUNC"
        }


def run_in_qemu(elf: Path, machine: str = "netduinoplus2", timeout_s: float = _TIMEOUT_S) -> BareRun:
    """Run in QEMU, one instruction per nanosecond of its time.

    Raises:
        TinygenError: QEMU is not installed, the image faulted or did not end.
    """
    xtensa = machine == "sim"
    words = ["qemu-system-xtensa", "-cpu", "lx106"] if xtensa else ["qemu-system-arm"]
    words += ["-M", machine, "-icount", "shift=0", "-display", "none", "-monitor", "none", "-serial", "none"]
    words += ["-semihosting-config", "enable=on,target=native", "-kernel", str(elf)]
    package = "qemu-system-misc" if xtensa else "qemu-system-arm"
    done = run(words, timeout_s=timeout_s, needs=f"QEMU (Debian package {package})")
    text = done.stdout + done.stderr
    return BareRun(text=_whole(text, f"qemu {machine}"), counts={})


def run_in_unicorn(elf: Path, core: str, watched: Mapping[str, int] | None = None) -> BareRun:
    """Run in unicorn.

    Args:
        elf: the image.
        core: "cortex-m4"...
        watched: {name: address of a function}.

    Raises:
        TinygenError: unicorn is not installed or has no such core, or the image faulted.
    """
    return _Unicorn(elf, core, watched or {}).run()


def _whole(text: str, where: str) -> str:
    if "FAULT" in text:
        raise no_answer("the image faulted", where=where)
    return text


class _Unicorn:
    """One run."""

    def __init__(self, elf: Path, core: str, watched: Mapping[str, int]) -> None:
        try:
            import unicorn
            from unicorn import arm_const
        except ImportError as error:
            raise tool_failed("unicorn is not installed", hint="pip install 'tinygen[sim]'") from error
        # unicorn has no M0+; its M0 has the same instructions (ARMv6-M).
        model = getattr(arm_const, f"UC_CPU_ARM_{core.removesuffix('plus').upper().replace('-', '_')}", None)
        if model is None:
            raise tool_failed(f"unicorn has no core '{core}'")
        self._u, self._arm, self._where = unicorn, arm_const, f"unicorn {core}"
        symbols = symbols_of(elf)
        self._say, self._end = symbols["bench_say"], symbols["bench_end"]
        uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        uc.ctl_set_cpu_model(model)
        for start, size in (_FLASH, _RAM, _SYSTEM, _TIMER):
            executable = start == _FLASH[0]
            rights = unicorn.UC_PROT_READ | (unicorn.UC_PROT_EXEC if executable else unicorn.UC_PROT_WRITE)
            uc.mem_map(start, size, rights)
        for address, data in load_segments(elf):
            uc.mem_write(address, data)
        self._names = {address: name for name, address in watched.items()}
        self._counts: dict[str, list[int]] = {name: [] for name in watched}
        self._open: list[tuple[int, list[int]]] = []
        self._lengths: dict[int, int] = {}
        self._text: list[str] = []
        self._ended = False
        if watched:
            uc.hook_add(unicorn.UC_HOOK_BLOCK, self._block)
        for address in (self._say, self._end):
            uc.hook_add(unicorn.UC_HOOK_CODE, self._called, begin=address, end=address)
        stack, entry = struct.unpack("<II", uc.mem_read(_FLASH[0], 8))
        uc.reg_write(arm_const.UC_ARM_REG_SP, stack)
        self._entry = entry | 1
        self._uc = uc

    def _block(self, uc: Any, address: int, size: int, _data: Any) -> None:
        while self._open and self._open[-1][0] == address:
            self._open.pop()
        name = self._names.get(address)
        if name is not None:
            runs = self._counts[name]
            runs.append(0)
            self._open.append((uc.reg_read(self._arm.UC_ARM_REG_LR) & ~1, runs))
        if self._open:
            length = self._lengths.get(address * 0x1000 + size)
            if length is None:
                length = count_instructions(bytes(uc.mem_read(address, size)))
                self._lengths[address * 0x1000 + size] = length
            for _, runs in self._open:
                runs[-1] += length

    def _called(self, uc: Any, address: int, _size: int, _data: Any) -> None:
        if address == self._end:
            self._ended = True
            uc.emu_stop()
            return
        start = uc.reg_read(self._arm.UC_ARM_REG_R0)
        text = bytearray()
        while b"\0" not in text:
            text += uc.mem_read(start + len(text), 16)
        self._text.append(bytes(text).split(b"\0")[0].decode())
        uc.reg_write(self._arm.UC_ARM_REG_PC, uc.reg_read(self._arm.UC_ARM_REG_LR))

    def run(self) -> BareRun:
        """To the end."""
        try:
            self._uc.emu_start(self._entry, 0xFFFFFFFE, timeout=int(_TIMEOUT_S * 1e6))
        except self._u.UcError as error:
            at = self._uc.reg_read(self._arm.UC_ARM_REG_PC)
            raise no_answer(f"the image stopped: {error} at {at:#010x}", where=self._where) from error
        if not self._ended:
            raise no_answer("the image did not end", where=self._where)
        counts = {name: tuple(runs) for name, runs in self._counts.items()}
        return BareRun(text=_whole("".join(self._text), self._where), counts=counts)
