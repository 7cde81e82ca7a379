"""What was asked for, and what a driver gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SourceKind = Literal["adc", "i2s", "pdm", "imu"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorChoice:
    """The table [sensor] of tinygen.toml.

    Attributes:
        source: which of the board's connections.
        device: the part, for "imu": "mpu6050", "lsm6ds3", ...
        address: of it on the bus; 0 takes the part's usual one.
        range_g: full scale of an accelerometer.
        ring_s: so much of the signal waits in the device at least, for recording over a slow line.
    """

    source: SourceKind
    device: str = "mpu6050"
    address: int = 0
    range_g: int = 8
    ring_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """A sensor and what its driver needs to know.

    Attributes:
        kind: which template of the driver.
        name: for people, told by the device.
        channels: values per sample instant.
        rate_millihertz: sample instants per 1000 seconds, as the hardware makes them.
        words: constants of src/source.cpp: (name, value), values are C++ literals.
        config: constants of include/board_config.h, for the port's part of the driver.
        macros: of include/board_config.h.
    """

    kind: SourceKind
    name: str
    channels: int
    rate_millihertz: int
    words: tuple[tuple[str, str], ...] = ()
    config: tuple[tuple[str, str], ...] = ()
    macros: tuple[tuple[str, str], ...] = ()
