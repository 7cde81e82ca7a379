"""The image's own source of samples rendered into src/source.cpp."""

from __future__ import annotations

from tinygen.firmware.environment import render
from tinygen.firmware.sensors.values import SourcePlan

SOURCE = "src/source.cpp"


def render_source(plan: SourcePlan | None) -> dict[str, bytes]:
    """{"src/source.cpp": its text}: the implementation of source.h; None: samples come over the serial line only."""
    return {SOURCE: render("model/source.cpp.j2", {"s": plan})}
