"""The file `tinygen boards new` writes: a board on a known chip, every field explained."""

from __future__ import annotations

from tinygen.boards.spec import BoardSpec, ChipSpec, ClockSpec, SimulatorSpec


def board_file(identifier: str, chip: ChipSpec, like: BoardSpec) -> str:
    """A valid board file to start from.

    Args:
        identifier: the new board's id; the file must be called `<identifier>.toml`.
        chip: what is on the board.
        like: a board with this chip, whose values are filled in.
    """
    return "\n".join(
        [
            f"# A board with {chip.title}, begun from {like.id}. Change what differs, then: tinygen boards check",
            f'id = "{identifier}"  # the name on the command line and of this file: lower case, digits, - and _',
            f'title = "{identifier}"  # for people',
            'vendor = "unknown"',
            "aliases = []  # other names for --board",
            f'chip = "{chip.id}"  # a file in boards/chips',
            f"clock_hz = {like.clock_hz}  # core clock; what [clock] must give, at most {chip.max_clock_hz}",
            f'led_pin = "{like.led_pin}"  # "" where there is none',
            f'led_drive = "{like.led_drive}"  # high or low: the level that lights it; rgb: an addressed LED',
            f'renode = "{like.renode}"  # Renode\'s description of the board or chip; "" where it has none',
            "",
            "[serial]  # what carries the protocol",
            f'connector = "{like.serial.connector}"  # where a cable goes, in words for people',
            f'peripheral = "{like.serial.peripheral}"  # one of the chip\'s: {", ".join(_serials(chip))}',
            f'tx_pin = "{like.serial.tx_pin}"  # the device sends here',
            f'rx_pin = "{like.serial.rx_pin}"',
            f"alternate_function = {like.serial.alternate_function}  # of both pins (datasheet); 0 on F1 and ESP32",
            f"baud = {like.serial.baud}",
            f"usb_ids = {_ids(like)}  # [vendor, product] the port is found by; [] for an adapter on header pins",
            f'carrier = "{like.serial.carrier}"  # uart, or usb where the chip itself is the port (ESP32-S3)',
            "",
            *(_clock(like.clock, chip) if like.clock else ()),
            "[platformio]",
            f'platform = "{like.platformio.platform}"  # pinned: the same image everywhere',
            f'board = "{like.platformio.board}"  # PlatformIO\'s name (pio boards), or one with the same chip',
            f'framework = "{like.platformio.framework}"  # "" for our own bare-metal start-up',
            f"frameworks = {_words(like.platformio.frameworks)}  # what --framework may ask for",
            f"packages = {_words(like.platformio.packages)}  # toolchain, pinned",
            f"upload_protocols = {_words(like.platformio.upload_protocols)}  # the first one is the default",
            "",
            *(line for simulator in like.simulators if simulator.name != "qemu" for line in _simulator(simulator)),
            "[flash]",
            f"state = {_state(like)}  # keeps what is learned without power: auto, none, or sectors ([6, 7])",
            "",
            *_SENSORS,
            "[[sources]]  # where these facts were read; at least one",
            'document = "schematic of the board"',
            'place = "crystal, serial pins, LED"',
            "",
        ]
    )


_SENSORS = (
    "# [sensors]: where sensors are connected, or can be, one table each; tinygen.toml's [sensor] picks one",
    "# [sensors.imu]  # an inertial sensor on I2C",
    '# peripheral = "i2c1"  # what the chip\'s file describes',
    '# pins = { scl = "PB8", sda = "PB9" }  # i2s: clock, word, data; pdm: clock, data; adc: any names',
    "# alternate_function = 4",
    "# channels = []  # adc: the input of each pin",
    "",
)


def _state(board: BoardSpec) -> str:
    return '"none"' if board.state == "none" else str(list(board.state)) if board.state else '"auto"'


def _serials(chip: ChipSpec) -> list[str]:
    """Serial peripherals a chip's file describes."""
    return sorted(name.removesuffix("_base") for name in chip.peripherals if "art" in name and name.endswith("_base"))


def _words(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def _ids(board: BoardSpec) -> str:
    return "[" + ", ".join(f"[0x{vendor:04X}, 0x{product:04X}]" for vendor, product in board.serial.usb_ids) + "]"


def _clock(clock: ClockSpec, chip: ChipSpec) -> list[str]:
    limits = chip.clock_limits
    outputs = ", ".join(map(str, limits.pll_outputs)) if limits else ""
    return [
        "[clock]  # checked against the limits in the chip's file",
        f'source = "{clock.source}"  # hse: crystal or clock fed in; hsi: internal oscillator (L4, G4)',
        f"external_hz = {clock.external_hz}  # what the PLL starts from",
        f"bypass = {str(clock.bypass).lower()}  # true: a clock is fed in (ST-LINK's MCO), false: a crystal",
        f"pll_m = {clock.pll_m}  # input divider",
        f"pll_n = {clock.pll_n}  # multiplier",
        f"pll_p = {clock.pll_p}  # output dividers; the core runs on {clock.core_output.upper()}, one of {outputs}",
        f"pll_q = {clock.pll_q}",
        f"pll_r = {clock.pll_r}",
        f"flash_wait_states = {clock.flash_wait_states}",
        f"voltage_scale = {clock.voltage_scale}  # the VOS field's value",
        f"over_drive = {str(clock.over_drive).lower()}  # over-drive (F4, F7) or boost (G4), for the highest clocks",
        f"ahb_divider = {clock.ahb_divider}  # core to bus clock",
        f"apb1_divider = {clock.apb1_divider}  # bus to peripheral clock",
        f"apb2_divider = {clock.apb2_divider}",
        "",
    ]


def _simulator(simulator: SimulatorSpec) -> list[str]:
    options = [f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in
               simulator.options.items()]  # fmt: skip
    return [
        "[[simulators]]  # what can run the image here; the first is what --on sim takes",
        f'name = "{simulator.name}"',
        f'machine = "{simulator.machine}"  # core or machine, as the simulator calls it',
        f"proves = {_words(simulator.proves)}",
        f"does_not_prove = {_words(simulator.does_not_prove)}",
        "",
        *(["[simulators.options]", *options, ""] if options else []),
    ]
