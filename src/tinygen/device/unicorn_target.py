"""The `unicorn` target: an STM32's core with exactly its flash and RAM, and one interrupt at most.

The program's serial line is its transmit register on the way out. On the way in bytes are put into the port's receive
ring whenever the program reaches `tinygen_port_idle` (see firmware/include/tinygen/ring.h). Where the image has no
ring, because a framework receives, the USART's interrupt is taken there instead, once per byte.
"""

from __future__ import annotations

import bisect
import random
import struct
import time
from typing import Any

from tinygen.boards.spec import BoardSpec, SimulatorSpec
from tinygen.core.errors import TinygenError, bad_input, no_answer, tool_failed
from tinygen.device import cortexm_faults as faults
from tinygen.device.base import OpenOnce
from tinygen.device.cortexm_faults import Trap
from tinygen.device.elfload import load_segments
from tinygen.device.link import Capabilities, Link
from tinygen.device.stm32_flash import FlashController
from tinygen.device.stm32_flash_memory import write_file
from tinygen.device.stm32_registers import Registers
from tinygen.device.stm32_reset import Cause
from tinygen.device.unicorn_counter import InstructionCounter
from tinygen.device.unicorn_exceptions import STACKED, enter, leave
from tinygen.device.unicorn_flash import attach, kept_flash, without
from tinygen.device.values import Image

_PERIPHERALS = ((0x40000000, 0x20000000), (0xE0000000, 0x00100000))
SIMULATED_ID = b"SIMULATED-ID"
_SLICE_S = 0.5
_IDLE_SLEEP_S = 0.01
_COUNTED_SLICE = 4_000_000  # instructions
_COUNTED_LIMIT_US = 60_000_000
_IDLE, _RING = "tinygen_port_idle", "tinygen_rx_ring"
_RING_HEAD_BYTES = 16
_BYTES_PER_VISIT = 256


class UnicornTarget(OpenOnce):
    """Boots the image on a simulated Cortex-M core."""

    def __init__(self, board: BoardSpec, simulator: SimulatorSpec, image: Image) -> None:
        super().__init__(
            Capabilities(
                name="unicorn",
                proves=simulator.proves,
                does_not_prove=simulator.does_not_prove,
                counter="instructions",
                counter_origin="simulated-on-unicorn",
                injects_faults=True,
                time_scale=10.0,
            )
        )
        self._board = board
        self._simulator = simulator
        self._image = image

    def _boot(self) -> Link:
        return UnicornLink(self._board, self._simulator, self._image)


class UnicornLink:
    """A running core. It advances only while somebody reads.

    Args:
        interrupts: bytes come by the USART's interrupt, also where the image has a ring.

    Raises:
        TinygenError: unicorn is not installed, or the image lacks the port's symbols.
    """

    def __init__(self, board: BoardSpec, simulator: SimulatorSpec, image: Image, *, interrupts: bool = False) -> None:
        self._name = f"unicorn ({board.id})"
        self._chip = board.chip
        self._model = simulator.machine
        self._serial = str(simulator.options.get("serial", board.serial.peripheral))
        if _IDLE not in image.symbols:
            raise bad_input(f"the image has no symbol '{_IDLE}'", where=str(image.elf), hint="build it again")
        self._idle_at = image.symbols[_IDLE] & ~1
        self._ring_at = None if interrupts else image.symbols.get(_RING)
        self._symbols = sorted(
            (address & ~1, name) for name, address in image.symbols.items() if not name.startswith("$")
        )
        self._segments = load_segments(image.elf)
        self._power_cycles = 1
        self.flash = kept_flash(image)
        self._flash_file = image.flash
        self._uc: Any = None
        self._boot("power-on")

    def _boot(self, cause: Cause, *, keep_ram: bool = False) -> None:
        try:
            import unicorn
            from unicorn import arm_const
        except ImportError as error:
            raise tool_failed("unicorn is not installed", hint="pip install 'tinygen[sim]'") from error
        self._u, self._arm = unicorn, arm_const
        model = getattr(arm_const, f"UC_CPU_ARM_{self._model.upper().replace('-', '_')}", None)
        if model is None:
            raise bad_input(f"unicorn has no core '{self._model}'", where=self._name)
        kept: list[tuple[int, bytes]] = []
        if keep_ram and self._uc is not None:
            ram = [region for region in self._chip.regions if region.kind != "flash"]
            kept = [(r.address, bytes(self._uc.mem_read(r.address, r.size_bytes))) for r in ram]
        uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        uc.ctl_set_cpu_model(model)
        for region in without(self._chip.regions, self.flash):
            executable = unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC
            rights = executable if region.kind == "flash" else executable | unicorn.UC_PROT_WRITE
            uc.mem_map(region.address, region.size_bytes, rights)
        if unique_id := self._chip.peripherals.get("uid_base", 0):
            uc.mem_map(unique_id & ~0xFFF, 0x1000, unicorn.UC_PROT_READ)
            uc.mem_write(unique_id, SIMULATED_ID)
        for start, content in kept:
            uc.mem_write(start, content)
        self._out = bytearray()
        self._in = bytearray()
        self._error: TinygenError | None = None
        self._idle = False
        self._reset_asked = False
        self._trap: Trap | None = None
        self._handling = False
        self._interrupted: Any = None
        self._visit = 0
        self._suspicious = False
        self._counter = InstructionCounter(uc, unicorn.UC_HOOK_BLOCK)
        self._registers = Registers(
            self._chip,
            self._serial,
            sent=self._out.append,
            reset=self._ask_reset,
            cycles=self._counter.read,
            cause=cause,
            flash=self._attach_flash(uc),
        )
        for base, size in _PERIPHERALS:
            uc.mmio_map(base, size, self._read_register, base, self._write_register, base)
        for address, data in self._segments:
            try:
                uc.mem_write(address, data)
            except unicorn.UcError as error:
                raise bad_input(
                    f"the image puts {len(data)} bytes at {address:#010x}, where {self._chip.title} has no memory",
                    where=self._name,
                ) from error
        bad_access = unicorn.UC_HOOK_MEM_UNMAPPED | unicorn.UC_HOOK_MEM_PROT
        uc.hook_add(bad_access, self._bad_access)
        uc.hook_add(unicorn.UC_HOOK_INTR, self._exception)
        uc.hook_add(unicorn.UC_HOOK_CODE, self._reached_idle, begin=self._idle_at, end=self._idle_at)
        stack, entry = struct.unpack("<II", uc.mem_read(self._chip.flash.address, 8))
        uc.reg_write(arm_const.UC_ARM_REG_SP, stack)
        self._pc = entry | 1
        self._uc = uc

    def _attach_flash(self, uc: Any) -> FlashController | None:
        self._nmi_pending = self._in_nmi = self._returning = False
        if self.flash is None:
            return None
        return attach(
            uc, self._chip, self.flash, fault=self._flash_fault, nmi=self._raise_nmi, power_lost=self._lose_power
        )

    # Hooks: called by the core while it runs.

    def _read_register(self, _uc: Any, offset: int, size: int, base: int) -> int:
        word = self._registers.read(base + (offset & ~3))
        return word >> 8 * (offset & 3) & (1 << 8 * size) - 1

    def _write_register(self, _uc: Any, offset: int, size: int, value: int, base: int) -> None:
        address = base + (offset & ~3)
        if size < 4:
            shift = 8 * (offset & 3)
            mask = (1 << 8 * size) - 1 << shift
            value = self._registers.read(address) & ~mask | value << shift & mask
        self._registers.write(address, value)

    def _flash_fault(self, words: str, address: int | None) -> None:
        # BFHFNMIGN and FAULTMASK: the program reads on, and looks at the controller's flag.
        masked = self._registers.read(faults.CCR) & faults.IGNORE_DATA_FAULTS
        if address is None or not (masked and self._uc.reg_read(self._arm.UC_ARM_REG_FAULTMASK)):
            self._trap = Trap(fault=faults.BUS_FAULT, status=faults.PRECISE_DATA_ERROR, address=address, words=words)
            self._uc.emu_stop()

    def _raise_nmi(self) -> None:
        self._nmi_pending = True
        self._uc.emu_stop()

    def _lose_power(self) -> None:
        self._fail("the power went")
        self._uc.emu_stop()

    def _reached_idle(self, uc: Any, _address: int, _size: int, _data: Any) -> None:
        if not self._in and not self._visit:
            self._idle = True
            uc.emu_stop()
        elif self._ring_at is None:
            self._by_interrupt(uc)
        else:
            head, tail, capacity = struct.unpack("<III", uc.mem_read(self._ring_at, 12))
            room = capacity - (head - tail & 0xFFFFFFFF)
            for byte in self._in[:room]:
                uc.mem_write(self._ring_at + _RING_HEAD_BYTES + head % capacity, bytes([byte]))
                head = head + 1 & 0xFFFFFFFF
            del self._in[:room]
            uc.mem_write(self._ring_at, struct.pack("<I", head))

    def _by_interrupt(self, uc: Any) -> None:
        """The next byte waits in the register, and the core takes the interrupt."""
        if not self._in or self._visit == _BYTES_PER_VISIT:  # let it take out what has come
            self._visit = 0
            return
        self._visit += 1
        if self._registers.line.open:
            self._registers.line.put(self._in.pop(0))
            self._interrupted = uc.context_save()
            self._enter_interrupt(uc)
        else:
            self._fail("the program waits for input and has no interrupt open for it")
            uc.emu_stop()

    def _enter_interrupt(self, uc: Any) -> None:
        """As `_enter_handler`, for what is no fault."""
        arm, number = self._arm, self._registers.line.exception
        table = self._registers.read(faults.VTOR) or self._chip.flash.address
        enter(uc, arm, self._idle_at, number)
        (vector,) = struct.unpack("<I", uc.mem_read(table + 4 * number, 4))
        uc.reg_write(arm.UC_ARM_REG_PC, vector)

    def _bad_access(self, uc: Any, access: int, address: int, size: int, value: int, _data: Any) -> bool:
        u = self._u
        verbs = {
            u.UC_MEM_WRITE_PROT: f"wrote {value & 0xFFFFFFFF:#x} to flash at",
            u.UC_MEM_WRITE_UNMAPPED: "wrote to unmapped memory at",
            u.UC_MEM_READ_UNMAPPED: "read unmapped memory at",
            u.UC_MEM_FETCH_UNMAPPED: "ran into unmapped memory at",
        }
        words = f"{verbs.get(access, 'was denied')} {address:#010x} ({size} bytes)"
        if access == u.UC_MEM_FETCH_UNMAPPED:
            self._trap = Trap(fault=faults.BUS_FAULT, status=faults.INSTRUCTION_BUS_ERROR, address=None, words=words)
        else:
            self._trap = Trap(fault=faults.BUS_FAULT, status=faults.PRECISE_DATA_ERROR, address=address, words=words)
        return False

    def _exception(self, uc: Any, number: int, _data: Any) -> None:
        if number == faults.EXCEPTION_RETURN and self._in_nmi:
            self._returning = True
            uc.emu_stop()
            return
        if number == faults.EXCEPTION_RETURN and self._interrupted is not None:
            uc.context_restore(self._interrupted)
            uc.reg_write(self._arm.UC_ARM_REG_PC, self._idle_at | 1)
            self._interrupted = None
            return
        fault, status = faults.INTERRUPTS.get(number, (faults.HARD_FAULT, 0))
        self._trap = Trap(fault=fault, status=status, address=None, words=f"raised exception {number}")
        uc.emu_stop()

    def _enter_handler(self, trap: Trap) -> None:
        """What the core does by itself: the frame on the stack, the fault registers, the handler of the vector table.

        A fault in a handler, or a vector that leads nowhere, is the end of the program.
        """
        uc, arm, scb = self._uc, self._arm, self._registers
        pc = uc.reg_read(arm.UC_ARM_REG_PC)
        number, forced = faults.entered(trap, scb.read(faults.SHCSR))
        status = trap.status
        if self._handling:
            self._fail(f"the program {trap.words} while it handled a fault, at {self.place(pc)}")
            return
        frame = [uc.reg_read(getattr(arm, f"UC_ARM_REG_{name}")) for name in STACKED]
        frame += [pc & ~1, uc.reg_read(arm.UC_ARM_REG_XPSR)]
        stack = (uc.reg_read(arm.UC_ARM_REG_SP) & ~7) - faults.FRAME_BYTES
        try:
            uc.mem_write(stack, struct.pack("<8I", *frame))
        except self._u.UcError:
            status |= faults.STACKING_ERROR
        try:
            table = scb.read(faults.VTOR) or self._chip.flash.address
            (vector,) = struct.unpack("<I", uc.mem_read(table + 4 * number, 4))
        except self._u.UcError:
            vector = 0
        if not vector & 1:
            self._fail(f"the program {trap.words}, at {self.place(pc)}, and has no handler")
            return
        scb.write(faults.CFSR, scb.read(faults.CFSR) | status)
        scb.write(faults.HFSR, scb.read(faults.HFSR) | forced)
        if trap.address is not None:
            scb.write(faults.BFAR, trap.address)
        uc.reg_write(arm.UC_ARM_REG_SP, stack)
        uc.reg_write(arm.UC_ARM_REG_LR, faults.RETURN_TO_THREAD)
        uc.reg_write(arm.UC_ARM_REG_IPSR, number)
        self._handling = True
        self._pc = vector

    def _change_mode(self) -> None:
        """Into the NMI's handler, or back from it."""
        if self._returning:
            self._pc = leave(self._uc, self._arm)
            self._returning = self._in_nmi = False
            return
        table = self._registers.read(faults.VTOR) or self._chip.flash.address
        (vector,) = struct.unpack("<I", self._uc.mem_read(table + 4 * faults.NMI, 4))
        enter(self._uc, self._arm, self._pc, faults.NMI)
        self._pc = vector
        self._nmi_pending, self._in_nmi = False, True

    def _fail(self, message: str) -> None:
        if self._error is None:
            self._error = no_answer(message, where=self._name, hint="look at this place in the ELF file's listing")

    def _ask_reset(self) -> None:
        self._reset_asked = True
        self._uc.emu_stop()

    # The link.

    def write(self, data: bytes) -> None:
        """Queue bytes for the receive ring."""
        self._running()
        self._in += data

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """Run until the program waits for input, or time is up; return what it sent."""
        deadline = time.monotonic() + timeout_s
        while not self._out and self._error is None and not (self._idle and not self._in):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._run(min(left, _SLICE_S))
        data = bytes(self._out[:max_bytes])
        del self._out[:max_bytes]
        if not data and self._error is not None:
            raise self._error
        if not data:  # it waits for us: nothing can come until we write
            time.sleep(max(0.0, min(deadline - time.monotonic(), _IDLE_SLEEP_S)))
        return data

    def _run(self, seconds: float) -> None:
        """A slice of the program. Whoever did not feed the watchdog in the last slice has its instructions counted."""
        uc, watchdog = self._running(), self._registers.watchdog
        self._idle = False
        feeds = watchdog.feeds
        count = min(_COUNTED_SLICE, watchdog.limit - watchdog.passed) if self._suspicious else 0
        try:
            if count:
                uc.emu_start(self._pc, 0xFFFFFFFE, timeout=_COUNTED_LIMIT_US, count=count)
            else:
                uc.emu_start(self._pc, 0xFFFFFFFE, timeout=max(1, int(seconds * 1e6)))
        except self._u.UcError as error:
            if self._trap is None and error.errno == self._u.UC_ERR_INSN_INVALID:
                thumb = uc.reg_read(self._arm.UC_ARM_REG_XPSR) & 1 << 24
                status = faults.UNDEFINED_INSTRUCTION if thumb else faults.INVALID_STATE
                words = "met an undefined instruction"
                self._trap = Trap(fault=faults.USAGE_FAULT, status=status, address=None, words=words)
            elif self._trap is None:
                at = self.place(uc.reg_read(self._arm.UC_ARM_REG_PC))
                self._fail(f"the program stopped: {error}, at {at}")
        self._pc = uc.reg_read(self._arm.UC_ARM_REG_PC) | 1
        if self._returning or (self._nmi_pending and not self._in_nmi and self._trap is None):
            self._change_mode()
            return
        trap, self._trap = self._trap, None
        if trap is not None:
            self._enter_handler(trap)
        if self._reset_asked:
            self._restart("software")
        elif self._counter.asked:
            self._counter.start()
        elif self._idle:
            self._counter.stop()
            self._suspect(False)
        elif watchdog.running and trap is None:
            fed = watchdog.feeds != feeds
            watchdog.passed = 0 if fed else watchdog.passed + count
            self._suspect(not fed)
            if watchdog.passed >= watchdog.limit:
                self._restart("watchdog")

    def _suspect(self, suspicious: bool) -> None:
        if suspicious != self._suspicious:
            self._suspicious = suspicious
            self._uc.ctl_flush_tb()  # code is translated with or without a count

    def _restart(self, cause: Cause) -> None:
        """The chip resets itself: its RAM stays, what it has sent is on its way."""
        sent = bytes(self._out)
        self._boot(cause, keep_ram=True)
        self._out += sent

    def reset(self) -> None:
        """Power up again, with the image as it was built."""
        self._running()
        self._boot("power-on")

    def power_cycle(self) -> None:
        """Power off and on: flash keeps what it had, RAM comes up with anything in it."""
        self._running()
        self._boot("power-on")
        noise = random.Random(self._power_cycles)
        self._power_cycles += 1
        for region in self._chip.regions:
            if region.kind != "flash":
                self._uc.mem_write(region.address, noise.randbytes(region.size_bytes))

    def close(self) -> None:
        """Forget the core; its flash goes to the file of the session, where there is one."""
        if self._uc is not None and self.flash is not None and self._flash_file is not None:
            write_file(self.flash, self._flash_file)
        self._uc = None

    def _running(self) -> Any:
        if self._uc is None:
            raise no_answer("the simulator is closed", where=self._name)
        return self._uc

    # For tests that plant faults, and for messages.

    def read_memory(self, address: int, size: int) -> bytes:
        """Bytes as the core sees them."""
        return bytes(self._running().mem_read(address, size))

    def write_memory(self, address: int, data: bytes) -> None:
        """Change bytes behind the program's back, flash included; `reset()` undoes it."""
        self._running().mem_write(address, data)

    def place(self, address: int) -> str:
        """An address as "0x08000123 (function+0x1a)"."""
        index = bisect.bisect_right(self._symbols, (address, "\U0010ffff")) - 1
        if index < 0:
            return f"{address:#010x}"
        base, name = self._symbols[index]
        return f"{address:#010x} ({name}+{address - base:#x})"
