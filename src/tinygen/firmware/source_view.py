"""The image's own source of samples rendered into src/source.cpp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tinygen.firmware.environment import render

SOURCE = "src/source.cpp"
SourceKind = Literal["adc", "i2s", "pdm", "imu"]


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


def render_source(plan: SourcePlan | None) -> dict[str, bytes]:
    """{"src/source.cpp": its text}: the implementation of source.h; None: samples come over the serial line only."""
    return {SOURCE: render("model/source.cpp.j2", {"s": plan})}
