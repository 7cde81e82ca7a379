"""The shape of the TOML files under `boards/`. Parsed values become `boards.spec` values at once, in `loader`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tinygen.boards.spec import Arch, Framework, PortName

Name = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RegionFile(_Strict):
    """One memory."""

    name: str = Name
    address: int = Field(ge=0)
    size_bytes: int = Field(gt=0)
    kind: Literal["flash", "ram"]


class SourceFile(_Strict):
    """Where a fact was read."""

    document: str = Field(min_length=1)
    place: str = Field(min_length=1)


class ClockLimitsFile(_Strict):
    """Datasheet limits of a clock tree."""

    pll_input_hz: list[int] = Field(min_length=2, max_length=2)
    pll_vco_hz: list[int] = Field(min_length=2, max_length=2)
    pll_output_hz: list[int] = Field(min_length=2, max_length=2)
    apb1_hz: int = Field(gt=0)
    apb2_hz: int = Field(gt=0)
    internal_hz: int = Field(gt=0)
    flash_wait_hz: list[int] = Field(min_length=1)
    pll_m: list[int] = Field(default=[2, 63], min_length=2, max_length=2)
    pll_n: list[int] = Field(default=[50, 432], min_length=2, max_length=2)
    pll_outputs: list[int] = Field(default=[2, 4, 6, 8], min_length=1)
    ahb_hz: int = Field(default=0, ge=0)
    core_output: Literal["p", "r"] = "p"


class SectorRunFile(_Strict):
    """Neighbouring sectors of one size."""

    count: int = Field(gt=0)
    size_bytes: int = Field(gt=0)
    erase_most_ms: int = Field(gt=0)


class OptionFile(_Strict):
    """Option bytes that say how the flash is divided, where the controller shows them."""

    offset: int = Field(default=0, ge=0)
    mask: int = Field(default=0, ge=0)
    value: int = Field(default=0, ge=0)


class FlashLayoutFile(_Strict):
    """What the chip's flash can be erased by."""

    sectors: list[SectorRunFile] = Field(min_length=1)
    banks: Literal[1, 2] = 1
    word_bytes: Literal[2, 4, 8, 16, 32]
    corrects: bool
    endurance: int = Field(gt=0)
    option: OptionFile = Field(default_factory=OptionFile)


class ChipFile(_Strict):
    """`boards/chips/<id>.toml`."""

    id: str = Name
    title: str = Field(min_length=1)
    arch: Arch
    cpu: str = Field(min_length=1)
    isa: list[Literal["dsp", "fpu_sp", "fpu_dp", "mve", "pie"]]
    fpu: str
    regions: list[RegionFile] = Field(min_length=1)
    arena_alignment_bytes: Literal[4, 8, 16, 32]
    define: str
    port: PortName
    family: str = Name
    max_clock_hz: int = Field(ge=0)
    peripherals: dict[str, int]
    cycle_counter: Literal["dwt", "ccount", "systick", "none"]
    sources: list[SourceFile] = Field(min_length=1)
    interrupt_count: int = Field(ge=0)
    openocd_target: str = ""
    boot_product_id: int = Field(default=0, ge=0, le=0xFFF)
    serial_pins: dict[str, dict[str, int]] = Field(default_factory=dict)
    clock_limits: ClockLimitsFile | None = None
    flash_layout: FlashLayoutFile | None = None

    @model_validator(mode="after")
    def _has_code_and_data(self) -> ChipFile:
        for kind in ("flash", "ram"):
            if not any(region.kind == kind for region in self.regions):
                raise ValueError(f"regions: no region of kind '{kind}'")
        flash = next(region for region in self.regions if region.kind == "flash")
        if self.flash_layout is not None:
            bank = sum(run.count * run.size_bytes for run in self.flash_layout.sectors)
            if bank * self.flash_layout.banks != flash.size_bytes:
                told = f"{bank * self.flash_layout.banks:,} bytes of sectors, the flash has {flash.size_bytes:,}"
                raise ValueError(f"flash_layout: {told}")
        return self


class SerialFile(_Strict):
    """The connector that carries the protocol."""

    connector: str = Field(min_length=1)
    peripheral: str = Name
    tx_pin: str
    rx_pin: str
    alternate_function: int = Field(ge=0, le=15)
    baud: int = Field(gt=0)
    usb_ids: list[list[int]]
    carrier: Literal["uart", "usb"] = "uart"

    @model_validator(mode="after")
    def _ids_are_pairs(self) -> SerialFile:
        if any(len(pair) != 2 for pair in self.usb_ids):
            raise ValueError("usb_ids: each entry is [vendor, product]")
        if any(not 0 <= number <= 0xFFFF for pair in self.usb_ids for number in pair):
            raise ValueError("usb_ids: vendor and product are 0 to 0xFFFF")
        return self


class SimulatorFile(_Strict):
    """A simulator that can run the board's image."""

    name: Literal["host", "unicorn", "qemu", "labwired", "qemu-xtensa"]
    machine: str = Field(min_length=1)
    options: dict[str, int | str] = Field(default_factory=dict)
    proves: list[str] = Field(min_length=1)
    does_not_prove: list[str] = Field(min_length=1)


class PlatformioFile(_Strict):
    """How PlatformIO names the board."""

    platform: str = Field(pattern=r"^[a-z0-9]+ @ [~^=]?\d+\.\d+\.\d+$")
    board: str
    framework: Framework
    frameworks: list[Framework] = Field(default_factory=list)
    packages: list[str]
    upload_protocols: list[str]


class ClockFile(_Strict):
    """The clock tree the firmware sets up."""

    external_hz: int = Field(gt=0)
    bypass: bool
    pll_m: int = Field(ge=1, le=63)
    pll_n: int = Field(ge=1, le=512)
    pll_p: int = Field(ge=0, le=128)
    pll_q: int = Field(ge=0, le=128)
    pll_r: int = Field(ge=0, le=128)
    flash_wait_states: int = Field(ge=0, le=15)
    voltage_scale: int = Field(ge=0, le=3)
    over_drive: bool
    apb1_divider: Literal[1, 2, 4, 8, 16]
    apb2_divider: Literal[1, 2, 4, 8, 16]
    source: Literal["hse", "hsi"] = "hse"
    ahb_divider: Literal[1, 2, 4, 8, 16] = 1


SENSOR_ROLES = {"imu": {"scl", "sda"}, "i2s": {"clock", "word", "data"}, "pdm": {"clock", "data"}}


class SensorFile(_Strict):
    """One table [sensors.<source>]: where a sensor is connected, or can be."""

    peripheral: str = Name
    pins: dict[str, str] = Field(min_length=1)
    alternate_function: int = Field(default=0, ge=0, le=15)
    channels: list[int] = Field(default_factory=list)


class SensorsFile(_Strict):
    """The sources of samples beside the serial line."""

    imu: SensorFile | None = None
    adc: SensorFile | None = None
    i2s: SensorFile | None = None
    pdm: SensorFile | None = None

    @model_validator(mode="after")
    def _pins_have_roles(self) -> SensorsFile:
        for source, roles in SENSOR_ROLES.items():
            sensor: SensorFile | None = getattr(self, source)
            if sensor is not None and set(sensor.pins) != roles:
                raise ValueError(f"{source}.pins: needs {', '.join(sorted(roles))}, names {', '.join(sensor.pins)}")
        if self.adc is not None and len(self.adc.channels) != len(self.adc.pins):
            raise ValueError("adc.channels: one channel per pin, in the same order")
        return self


class FlashFile(_Strict):
    """Table [flash]: which sectors keep what is learned over a loss of power."""

    state: Literal["auto", "none"] | list[int] = "auto"

    @model_validator(mode="after")
    def _names_sectors(self) -> FlashFile:
        if isinstance(self.state, list) and (len(self.state) < 2 or min(self.state) < 0):
            raise ValueError('state: "auto", "none", or two or more sectors by number')
        return self


class BoardFile(_Strict):
    """`boards/<vendor>/<id>.toml`."""

    id: str = Name
    title: str = Field(min_length=1)
    vendor: str = Field(min_length=1)
    aliases: list[str]
    chip: str
    clock_hz: int = Field(ge=0)
    led_pin: str
    led_drive: Literal["high", "low", "rgb"] = "high"
    serial: SerialFile
    platformio: PlatformioFile
    simulators: list[SimulatorFile] = Field(min_length=1)
    sources: list[SourceFile] = Field(min_length=1)
    clock: ClockFile | None = None
    sensors: SensorsFile = Field(default_factory=SensorsFile)
    flash: FlashFile = Field(default_factory=FlashFile)
    renode: str = Field(default="", pattern=r"^(platforms/(boards|cpus)/[a-z0-9_-]+\.repl)?$")
