"""What is known about a chip and a board."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Arch = Literal["armv7em", "armv7m", "armv6m", "armv8m", "xtensa", "native"]
PortName = Literal["stm32", "esp32s3", "host"]
Framework = Literal["", "arduino", "espidf", "stm32cube"]


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
class ClockLimits:
    """What the chip's datasheet allows its clock tree, inclusive.

    Attributes:
        pll_input_hz, pll_vco_hz, pll_output_hz: (lowest, highest) of the main PLL's input (after M), VCO and output
            (after P).
        apb1_hz, apb2_hz: highest peripheral bus clocks.
        internal_hz: the oscillator the chip starts on ("HSI").
        flash_wait_hz: highest bus clock with 0, 1, 2... wait states at the board's supply voltage (2.7 V to 3.6 V) and
            the highest voltage scale.
        pll_m, pll_n: (lowest, highest) divisor and multiplier the registers hold.
        pll_outputs: divisors the PLL's output to the core can have.
        ahb_hz: highest clock of the bus matrix; 0 = the core's.
        core_output: which output of the PLL drives the core, "p" or "r".
    """

    pll_input_hz: tuple[int, int]
    pll_vco_hz: tuple[int, int]
    pll_output_hz: tuple[int, int]
    apb1_hz: int
    apb2_hz: int
    internal_hz: int
    flash_wait_hz: tuple[int, ...]
    pll_m: tuple[int, int] = (2, 63)
    pll_n: tuple[int, int] = (50, 432)
    pll_outputs: tuple[int, ...] = (2, 4, 6, 8)
    ahb_hz: int = 0
    core_output: Literal["p", "r"] = "p"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSpec:
    """The clock tree a board's firmware sets up: source -> PLL -> core and buses.

    Attributes:
        external_hz: crystal, or the clock fed in when `bypass`; the internal oscillator's when `source` is "hsi".
        pll_m, pll_n, pll_p, pll_q, pll_r: PLL divisors and multiplier; 0 for one the chip lacks.
        voltage_scale: value of the regulator's VOS field.
        over_drive: the regulator's over-drive (F4, F7) or boost mode (G4) is switched on.
        source: what the PLL runs on: "hse" | "hsi".
        ahb_divider: core clock to bus clock; the APB dividers divide the bus clock.
        core_output: which output of the PLL drives the core, from the chip.
    """

    external_hz: int
    bypass: bool
    pll_m: int
    pll_n: int
    pll_p: int
    pll_q: int
    pll_r: int
    flash_wait_states: int
    voltage_scale: int
    over_drive: bool
    apb1_divider: int
    apb2_divider: int
    source: Literal["hse", "hsi"] = "hse"
    ahb_divider: int = 1
    core_output: Literal["p", "r"] = "p"

    @property
    def core_divisor(self) -> int:
        """What the PLL's VCO is divided by for the core."""
        return self.pll_p if self.core_output == "p" else self.pll_r

    @property
    def core_hz(self) -> int:
        """Core clock in Hz that this tree gives."""
        return self.external_hz // self.pll_m * self.pll_n // max(self.core_divisor, 1)

    @property
    def bus_hz(self) -> int:
        """Clock of the bus matrix, in Hz."""
        return self.core_hz // self.ahb_divider


@dataclass(frozen=True, slots=True, kw_only=True)
class SectorRun:
    """Neighbouring sectors of one size. `erase_most_ms`: the longest one takes to be erased, in milliseconds."""

    count: int
    size_bytes: int
    erase_most_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlashLayout:
    """What the chip's flash can be erased by.

    Attributes:
        sectors: of a bank, in order of addresses; sectors or pages, as the chip calls them.
        banks: so many of the same layout, one behind the other; code runs from one while another is written.
        word_bytes: what is programmed at once; with error correction it is programmed once between two erasures.
        corrects: reading a word that was not programmed to its end is an error of its own.
        endurance: erases a sector is good for.
        option: (offset in the controller, mask, value) of option bytes that say it is divided so; mask 0: always.
    """

    sectors: tuple[SectorRun, ...]
    banks: int
    word_bytes: int
    corrects: bool
    endurance: int
    option: tuple[int, int, int] = (0, 0, 0)


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
        interrupt_count: device interrupts in the vector table (Cortex-M), 0 elsewhere.
        openocd_target: OpenOCD's target/<name>.cfg, "" where it knows none.
        boot_product_id: what the chip's serial boot loader says to Get ID, 0 where it has none.
        serial_pins: {"usart2_tx": {"PA2": 7}}: what carries a signal, with the alternate function (0 on F1).
        clock_limits: None where no clock tree is set up by our own code.
        flash_layout: None where nothing is known about its sectors.
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
    interrupt_count: int = 0
    openocd_target: str = ""
    boot_product_id: int = 0
    serial_pins: dict[str, dict[str, int]] = field(default_factory=dict)
    clock_limits: ClockLimits | None = None
    flash_layout: FlashLayout | None = None

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
        carrier: "usb" where the chip itself is the serial port (ESP32-S3's USB-Serial-JTAG), else "uart".
    """

    connector: str
    peripheral: str
    tx_pin: str
    rx_pin: str
    alternate_function: int
    baud: int
    usb_ids: tuple[tuple[int, int], ...]
    carrier: Literal["uart", "usb"] = "uart"


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
    """How PlatformIO names this board, with pinned platform and packages.

    Attributes:
        framework: what projects are generated for, "" for our own bare-metal start-up.
        frameworks: all that a project can be generated for.
    """

    platform: str
    board: str
    framework: Framework
    packages: tuple[str, ...]
    upload_protocols: tuple[str, ...]
    frameworks: tuple[Framework, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSpec:
    """Where a sensor is connected, or can be.

    Attributes:
        peripheral: "i2c1", "adc1", "spi2".
        pins: pin by role: scl and sda; clock, word and data; or any names of an ADC's inputs.
        alternate_function: STM32 AF number, 0 elsewhere.
        channels: an ADC's channel of each pin, in the order of `pins`.
    """

    peripheral: str
    pins: dict[str, str]
    alternate_function: int = 0
    channels: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSpec:
    """A board: a chip, a connector, how to build for it, what can run its image.

    Attributes:
        id: "feather_f405"; `aliases` are other names users know it by.
        clock_hz: core clock the firmware sets up.
        led_drive: the level that lights it; "rgb": addressed by a protocol, which only Arduino's core speaks.
        simulators: the first one is what `--on sim` picks.
        clock: None where no clock tree is set up by our own code.
        sensors: by source: "imu", "adc", "i2s", "pdm".
        renode: Renode's description of the board or its chip, "" where it has none.
        state: flash kept for what is learned: sectors counted from the start of the flash, () for the last that are
            large enough, "none" for none.
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
    clock: ClockSpec | None = None
    sensors: dict[str, SensorSpec] = field(default_factory=dict)
    led_drive: Literal["high", "low", "rgb"] = "high"
    renode: str = ""
    state: tuple[int, ...] | Literal["none"] = ()
