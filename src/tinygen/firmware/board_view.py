"""What a port needs to know of its board at compile and link time: board_config.h and the linker script."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tinygen.boards.spec import BoardSpec, ClockSpec, MemoryRegion
from tinygen.boards.state import StateAreas, state_areas
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.firmware.environment import render
from tinygen.firmware.sensors.values import SourcePlan

CORTEX_M_SYSTEM_VECTORS = 16
"""Words before the first device interrupt: initial stack pointer and 15 system exceptions. Source: ARMv7-M, B1.5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordGroup:
    """Constants that belong together; values are C++ literals."""

    comment: str
    words: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigView:
    """For templates/project/include/board_config.h.j2."""

    title: str
    chip_title: str
    macros: tuple[tuple[str, str], ...]
    framework: str
    groups: tuple[WordGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionView:
    """A memory with its numbers as hexadecimal literals."""

    name: str
    address: str
    size_bytes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryView:
    """For templates/project/ld/*.j2. `copies`: the memory that holds the application's copies, "" for the first one."""

    chip_title: str
    flash: RegionView
    ram: RegionView
    iram: RegionView
    others: tuple[RegionView, ...]
    stack_bytes: int
    vector_bytes: int
    copies: str
    state_address: str
    state_bytes: str


def render_board(
    board: BoardSpec,
    stack_bytes: int,
    *,
    copies_apart: bool = False,
    source: SourcePlan | None = None,
    state_bytes: int = 0,
) -> dict[str, bytes]:
    """include/board_config.h and, where our own script places the image, ld/<chip>.ld.

    Args:
        stack_bytes: reserved for the stack, a multiple of 16.
        source: the sensor whose driver needs facts of its own.
        copies_apart: the application's copies of input and state go into the chip's second RAM, where it has one.
        state_bytes: of what is kept over a loss of power, where the board can.
    """
    areas = kept_areas(board, state_bytes)
    config = _config(board, source, areas, state_bytes)
    files = {"include/board_config.h": render("project/include/board_config.h.j2", {"c": config})}
    script = ldscript_path(board)
    if script:
        files[script] = render(
            f"project/ld/{board.chip.port}.ld.j2", {"m": _memory(board, stack_bytes, copies_apart, areas)}
        )
    return files


def kept_areas(board: BoardSpec, state_bytes: int) -> StateAreas | None:
    """Flash of our own linker script's image that is kept free for a state; None where there is none."""
    if not state_bytes or board.chip.port != "stm32" or board.platformio.framework:
        return None
    areas = state_areas(board, state_bytes)
    return areas if isinstance(areas, StateAreas) else None


def ldscript_path(board: BoardSpec) -> str:
    """Path of the linker script in the project, "" when the machine's own is used."""
    return "" if board.chip.port == "host" else f"ld/{board.chip.id}.ld"


def vector_table_bytes(board: BoardSpec) -> int:
    """Size of a Cortex-M vector table in bytes."""
    return 4 * (CORTEX_M_SYSTEM_VECTORS + board.chip.interrupt_count)


def _config(board: BoardSpec, source: SourcePlan | None, areas: StateAreas | None, state_bytes: int) -> ConfigView:
    macros: list[tuple[str, str]] = [(f"TINYGEN_CHIP_{board.chip.family.upper()}", "1")]
    macros.append(("TINYGEN_STATE", _keeper(board, areas, state_bytes)))
    groups: list[WordGroup] = []
    match board.chip.port:
        case "stm32":
            macros.append(("TINYGEN_INTERRUPT_COUNT", str(board.chip.interrupt_count)))
            macros.append(("TINYGEN_SERIAL_IRQ", str(board.chip.peripherals[f"{board.serial.peripheral}_irq"])))
            if not board.platformio.framework:
                macros.append(("TINYGEN_BARE_METAL", "1"))
            elif board.platformio.framework == "stm32cube":
                macros += _stm32cube_names(board)
            groups = [
                *_stm32_clock(board),
                _stm32_serial(board),
                _stm32_bases(board),
                _stm32_enables(board),
                _led(board),
            ]
        case "esp32s3":
            macros.append(("TINYGEN_SERIAL_USB", str(int(board.serial.carrier == "usb"))))
            groups = [
                WordGroup(
                    comment=f"Protocol: {board.serial.connector}",
                    words=(
                        ("kSerialBaud", str(board.serial.baud)),
                        ("kSerialBase", _hex(board.chip.peripherals[f"{board.serial.peripheral}_base"])),
                        ("kRtcControlBase", _hex(board.chip.peripherals["rtc_cntl_base"])),
                        ("kTxPin", str(_gpio(board.serial.tx_pin))),
                        ("kRxPin", str(_gpio(board.serial.rx_pin))),
                        ("kCoreHz", str(board.clock_hz)),
                    ),
                ),
                _led(board),
            ]
        case "host":
            groups = [WordGroup(comment=f"Protocol: {board.serial.connector}", words=())]
    if areas is not None:
        groups.append(_state(board, areas))
    elif state_bytes and board.chip.port == "esp32s3":
        groups.append(WordGroup(comment="What is learned", words=(("kStateBytes", str(state_bytes)),)))
    if source is not None:
        macros += source.macros
        groups.append(WordGroup(comment=f"Sensor: {source.name}", words=source.config))
    return ConfigView(
        title=board.title,
        chip_title=board.chip.title,
        macros=tuple(macros),
        framework=board.platformio.framework if board.chip.port == "stm32" else "",
        groups=tuple(groups),
    )


def _keeper(board: BoardSpec, areas: StateAreas | None, state_bytes: int) -> str:
    """What keeps a state over a loss of power, as store/keeper.h numbers it."""
    if not state_bytes or board.state == "none":
        return "0"
    if board.chip.port in ("host", "esp32s3"):
        return "3" if board.chip.port == "host" else "2"
    return "1" if areas is not None else "0"


def _state(board: BoardSpec, areas: StateAreas) -> WordGroup:
    first, layout = areas.sectors[0], board.chip.flash_layout
    option = layout.option if layout else (0, 0, 0)
    words = (
        ("kStateAddress", _hex(areas.address)),
        ("kStateAreaBytes", hex(areas.area_bytes)),
        ("kStateBank", str(first.bank)),
        ("kStateSector", str(first.number)),
        ("kStateSectorBytes", hex(first.size_bytes)),
        ("kStateWordBytes", str(max(layout.word_bytes, 4) if layout else 4)),
        ("kStateEndurance", str(areas.endurance)),
        ("kStateEraseMs", str(areas.erase_ms)),
        ("kStateStallMs", str(areas.stall_ms)),
        ("kStateOption", f"0x{option[0]:02X}"),  # of the controller: option bytes that say it is divided so
        ("kStateOptionMask", _hex(option[1])),
        ("kStateOptionValue", _hex(option[2])),
    )
    return WordGroup(comment="Flash that keeps what is learned: two areas of whole sectors, used in turn", words=words)


def _stm32cube_names(board: BoardSpec) -> list[tuple[str, str]]:
    """What STM32Cube calls the board's serial line and its pins."""
    serial = board.serial
    name = serial.peripheral.upper()
    words = [
        ("TINYGEN_HAL_HEADER", f'"{board.chip.family}xx_hal.h"'),
        ("TINYGEN_SERIAL_INSTANCE", name),
        ("TINYGEN_SERIAL_HANDLER", f"{name}_IRQHandler"),
        ("TINYGEN_SERIAL_IRQN", f"{name}_IRQn"),
        ("TINYGEN_SERIAL_CLOCK_ENABLE", f"__HAL_RCC_{name}_CLK_ENABLE"),
    ]
    for direction, pin in (("TX", serial.tx_pin), ("RX", serial.rx_pin)):
        words.append((f"TINYGEN_{direction}_GPIO", f"GPIO{pin[1]}"))
        words.append((f"TINYGEN_{direction}_CLOCK_ENABLE", f"__HAL_RCC_GPIO{pin[1]}_CLK_ENABLE"))
    return words


def _led(board: BoardSpec) -> WordGroup:
    """The LED a pin drives; pin 255 where there is none, or where it takes more than a level."""
    level = ("kLedActiveHigh", str(int(board.led_drive != "low")))
    plain = board.led_pin if board.led_drive != "rgb" else ""
    if board.chip.port == "stm32":
        port, pin = _pin(plain) if plain else (0, 255)
        where = [("kLedPort", str(port)), ("kLedPin", str(pin))]
    else:
        where = [("kLedPin", str(_gpio(plain)))]
    words = (*where, level)
    return WordGroup(comment=f"LED: {board.led_pin or 'none'}", words=words)


def _stm32_clock(board: BoardSpec) -> list[WordGroup]:
    clock, limits = board.clock, board.chip.clock_limits
    if clock is None or limits is None:
        raise TinygenError(ExitCode.OUR_BUG, f"board '{board.id}' has no clock tree")
    return [
        WordGroup(
            comment=f"Clock tree: {_clock_sentence(clock)}",
            words=(
                ("kInternalHz", str(limits.internal_hz)),
                ("kExternalHz", str(clock.external_hz)),
                ("kExternalBypass", str(int(clock.bypass))),
                ("kPllFromInternal", str(int(clock.source == "hsi"))),
                ("kPllM", str(clock.pll_m)),
                ("kPllN", str(clock.pll_n)),
                ("kPllP", str(clock.pll_p)),
                ("kPllQ", str(clock.pll_q)),
                ("kPllR", str(clock.pll_r)),
                ("kFlashWaitStates", str(clock.flash_wait_states)),
                ("kVoltageScale", str(clock.voltage_scale)),
                ("kOverDrive", str(int(clock.over_drive))),
                ("kAhbDivider", str(clock.ahb_divider)),
                ("kApb1Divider", str(clock.apb1_divider)),
                ("kApb2Divider", str(clock.apb2_divider)),
                ("kCoreHz", str(clock.core_hz)),
            ),
        )
    ]


def _clock_sentence(clock: ClockSpec) -> str:
    mega = 1_000_000
    source = "internal oscillator" if clock.source == "hsi" else "clock fed in" if clock.bypass else "crystal"
    return (
        f"{clock.external_hz / mega:g} MHz {source} / {clock.pll_m} * {clock.pll_n} / {clock.core_divisor} = "
        f"{clock.core_hz / mega:g} MHz, APB1 {clock.bus_hz / clock.apb1_divider / mega:g} MHz, "
        f"APB2 {clock.bus_hz / clock.apb2_divider / mega:g} MHz"
    )


def _stm32_serial(board: BoardSpec) -> WordGroup:
    serial, facts = board.serial, board.chip.peripherals
    return WordGroup(
        comment=f"Protocol: {serial.peripheral.upper()}, {serial.connector}",
        words=(
            ("kSerialBase", _hex(facts[f"{serial.peripheral}_base"])),
            ("kSerialBus", str(facts[f"{serial.peripheral}_bus"])),
            ("kSerialEnableBit", str(facts[f"{serial.peripheral}_enable_bit"])),
            ("kSerialBaud", str(serial.baud)),
            ("kSerialAlternate", str(serial.alternate_function)),
            ("kTxPort", str(_pin(serial.tx_pin)[0])),
            ("kTxPin", str(_pin(serial.tx_pin)[1])),
            ("kRxPort", str(_pin(serial.rx_pin)[0])),
            ("kRxPin", str(_pin(serial.rx_pin)[1])),
        ),
    )


def _stm32_bases(board: BoardSpec) -> WordGroup:
    facts = board.chip.peripherals
    names = (("kRccBase", "rcc"), ("kFlashBase", "flash"), ("kPowerBase", "pwr"), ("kGpioBase", "gpio"))
    words = [(name, _hex(facts[f"{key}_base"])) for name, key in names]
    words.append(("kWatchdogBase", _hex(facts.get("iwdg_base", 0))))  # 0: not described yet, so it stays off
    words.append(("kUniqueIdBase", _hex(facts.get("uid_base", 0))))
    return WordGroup(comment="", words=tuple(words))


def _stm32_enables(board: BoardSpec) -> WordGroup:
    """Where in RCC clocks are switched on: families differ in nothing else there."""
    facts = board.chip.peripherals
    names = (
        ("kRccGpioEnable", "rcc_gpio_enable"),
        ("kRccApb1Enable", "rcc_apb1_enable"),
        ("kRccApb2Enable", "rcc_apb2_enable"),
    )
    words = [(name, f"0x{facts[key]:02X}") for name, key in names]
    if "icache_base" in facts:
        words.append(("kCacheBase", _hex(facts["icache_base"])))
    return WordGroup(comment="Offsets of RCC's enable registers", words=tuple(words))


def _gpio(name: str) -> int:
    """ "GPIO43" -> 43, "" -> 255."""
    return int(name.removeprefix("GPIO")) if name else 255


def _pin(name: str) -> tuple[int, int]:
    """ "PB10" -> (1, 10). The loader has checked the form."""
    return ord(name[1]) - ord("A"), int(name[2:])


def _memory(board: BoardSpec, stack_bytes: int, copies_apart: bool, areas: StateAreas | None) -> MemoryView:
    chip = board.chip
    reserved = areas.reserved_bytes if areas else 0
    flash = replace(chip.flash, size_bytes=chip.flash.size_bytes - reserved)
    rest = tuple(region for region in chip.regions if region not in (chip.flash, chip.ram))
    named = {region.name: region for region in chip.regions}
    return MemoryView(
        chip_title=chip.title,
        flash=_region(flash),
        ram=_region(chip.ram),
        iram=_region(named.get("iram", chip.ram)),
        others=tuple(_region(region) for region in rest),
        stack_bytes=stack_bytes,
        vector_bytes=vector_table_bytes(board),
        copies=next((region.name.upper() for region in rest if region.kind == "ram" and copies_apart), ""),
        state_address=_hex(areas.address) if areas else "",
        state_bytes=hex(2 * areas.area_bytes) if areas else "",
    )


def _region(region: MemoryRegion) -> RegionView:
    return RegionView(name=region.name, address=_hex(region.address), size_bytes=hex(region.size_bytes))


def _hex(value: int) -> str:
    return f"0x{value:08X}"
