"""What a board file says against what its chip can: clock tree, peripherals, pins."""

from __future__ import annotations

import re

from tinygen.boards.clock import clock_problems
from tinygen.boards.spec import BoardSpec
from tinygen.boards.state import contradictions_of

_STM32_PIN = re.compile(r"P[A-K](?:1[0-5]|[0-9])")
_STM32_FACTS = (
    *("rcc_base", "flash_base", "pwr_base", "gpio_base"),
    *("rcc_gpio_enable", "rcc_apb1_enable", "rcc_apb2_enable"),
)


def contradictions(board: BoardSpec) -> list[str]:
    """One sentence for each thing that its chip cannot, or that is not known of its chip."""
    found = []
    if board.clock_hz > board.chip.max_clock_hz:
        found.append(f"clock_hz: {board.clock_hz} is above the chip's {board.chip.max_clock_hz}")
    if board.clock is not None:
        if board.chip.clock_limits is None:
            found.append(f"clock: the chip '{board.chip.id}' has no clock_limits to check it against")
        else:
            found += [f"clock: {text}" for text in clock_problems(board.clock, board.chip.clock_limits, board.clock_hz)]
    if board.chip.port == "stm32":
        if board.clock is None:
            found.append("clock: missing; an stm32 board sets up its clock tree")
        found += [
            f"chip: '{board.chip.id}' has no '{key}' in its peripherals"
            for key in _STM32_FACTS
            if key not in board.chip.peripherals
        ]
        for suffix in ("base", "irq", "bus", "enable_bit"):
            key = f"{board.serial.peripheral}_{suffix}"
            if key not in board.chip.peripherals:
                found.append(f"serial.peripheral: the chip '{board.chip.id}' has no '{key}' in its peripherals")
        found += _pin_problems(board) + _sensor_problems(board)
    return found + contradictions_of(board)


def _sensor_problems(board: BoardSpec) -> list[str]:
    """Sensors on peripherals nobody described, on pins that are none, or on the serial line's; they may share pins."""
    found = []
    taken = {board.serial.tx_pin: "serial.tx_pin", board.serial.rx_pin: "serial.rx_pin"}
    for source, sensor in board.sensors.items():
        if f"{sensor.peripheral}_base" not in board.chip.peripherals:
            found.append(f"sensors.{source}.peripheral: the chip '{board.chip.id}' describes no '{sensor.peripheral}'")
        for role, pin in sensor.pins.items():
            if not _STM32_PIN.fullmatch(pin):
                found.append(f"sensors.{source}.pins.{role}: '{pin}' is no STM32 pin such as 'PA2'")
            elif pin in taken:
                found.append(f"sensors.{source}.pins.{role} and {taken[pin]}: '{pin}' has two uses")
    return found


def _pin_problems(board: BoardSpec) -> list[str]:
    """Names that are none, pins with two uses, and pins that do not carry the serial line."""
    pins = {"serial.tx_pin": board.serial.tx_pin, "serial.rx_pin": board.serial.rx_pin, "led_pin": board.led_pin}
    named = {name: pin for name, pin in pins.items() if pin}
    found = [
        f"{name}: '{pin}' is no STM32 pin such as 'PA2' (ports A to K, numbers 0 to 15)"
        for name, pin in named.items()
        if not _STM32_PIN.fullmatch(pin)
    ]
    users: dict[str, list[str]] = {}
    for name, pin in named.items():
        users.setdefault(pin, []).append(name)
    found += [f"{' and '.join(names)}: '{pin}' has two uses" for pin, names in users.items() if len(names) > 1]
    return found or [
        *_signal_problems(board, "serial.tx_pin", board.serial.tx_pin, f"{board.serial.peripheral}_tx"),
        *_signal_problems(board, "serial.rx_pin", board.serial.rx_pin, f"{board.serial.peripheral}_rx"),
    ]


def _signal_problems(board: BoardSpec, name: str, pin: str, signal: str) -> list[str]:
    """Whether the pin carries the signal, and under which alternate function; nothing where the chip is silent."""
    carriers = board.chip.serial_pins.get(signal)
    if carriers is None:
        return []
    if pin not in carriers:
        able = ", ".join(carriers) or "no pin"
        return [f"{name}: {pin} does not carry {signal.upper()} on {board.chip.id}; {able} can"]
    wanted, said = carriers[pin], board.serial.alternate_function
    return [f"serial.alternate_function: {said}; {signal.upper()} on {pin} is {wanted}"] if wanted != said else []
