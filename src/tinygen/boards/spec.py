"""What is known about a chip and a board."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Arch = Literal["armv7em", "armv7m", "armv6m", "armv8m", "xtensa", "native"]
PortName = Literal["stm32", "esp32s3", "host"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRegion:
    """One memory a linker script can place things in. `address` and `size_bytes` in bytes."""

    name: str
    address: int
    size_bytes: int
    kind: Literal["flash", "ram"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a fact was read: document title and revision, page or section."""

    document: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipSpec:
    """A microcontroller (or the developer's machine).

    Attributes:
        id: "stm32f405rg".
        cpu: GCC's -mcpu name ("cortex-m4"), "lx7", or "native".
        isa: what kernels may use: "dsp", "fpu_sp", "fpu_dp", "mve", "pie".
        fpu: GCC's -mfpu name or "".
        regions: first flash region holds code, first ram region holds data and stack.
        define: the preprocessor macro vendor headers know the chip by ("STM32F405xx").
        port: folder of firmware/port that runs it.
        peripherals: base addresses and interrupt numbers the port needs, by name ("usart3_base", "usart3_irq").
        cycle_counter: "dwt" | "ccount" | "systick" | "none".
    """

    id: str
    title: str
    arch: Arch
    cpu: str
    isa: tuple[str, ...]
    fpu: str
    regions: tuple[MemoryRegion, ...]
    arena_alignment_bytes: int
    define: str
    port: PortName
    family: str
    max_clock_hz: int
    peripherals: dict[str, int]
    cycle_counter: str
    sources: tuple[Source, ...]

    @property
    def flash(self) -> MemoryRegion:
        """The region code goes to."""
        return next(r for r in self.regions if r.kind == "flash")

    @property
    def ram(self) -> MemoryRegion:
        """The region data and stack go to."""
        return next(r for r in self.regions if r.kind == "ram")


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialSpec:
    """The connector that carries the protocol.

    Attributes:
        connector: words for people: "ST-LINK VCP (USB)", "header pins D1 (TX) / D0 (RX)", "USB-UART bridge".
        peripheral: "usart2", "uart0", "stdio".
        tx_pin, rx_pin: "PA2", "GPIO43"; "" where there is none.
        alternate_function: STM32 AF number, 0 elsewhere.
        baud: line rate in baud.
        usb_ids: (vendor, product) pairs the port is found by.
    """

    connector: str
    peripheral: str
    tx_pin: str
    rx_pin: str
    alternate_function: int
    baud: int
    usb_ids: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSpec:
    """A simulator that can run this board's image.

    Attributes:
        name: "host" | "unicorn" | "qemu" | "labwired" | "qemu-xtensa".
        machine: the simulator's own name for the machine or CPU model.
        options: further facts the target needs (for instance which serial number of QEMU is the protocol's).
        proves: what an answer from it proves: "arithmetic", "memory map", "interrupts", "peripherals".
        does_not_prove: what it says nothing about ("cycles", "flash controller").
    """

    name: str
    machine: str
    options: dict[str, int | str]
    proves: tuple[str, ...]
    does_not_prove: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformioSpec:
    """How PlatformIO names this board, with pinned platform and packages."""

    platform: str
    board: str
    framework: str
    packages: tuple[str, ...]
    upload_protocols: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSpec:
    """A board: a chip, a connector, how to build for it, what can run its image.

    Attributes:
        id: "feather_f405"; `aliases` are other names users know it by.
        clock_hz: core clock the firmware sets up.
        simulators: the first one is what `--on sim` picks.
    """

    id: str
    title: str
    vendor: str
    aliases: tuple[str, ...]
    chip: ChipSpec
    clock_hz: int
    serial: SerialSpec
    led_pin: str
    platformio: PlatformioSpec
    simulators: tuple[SimulatorSpec, ...]
    sources: tuple[Source, ...]
