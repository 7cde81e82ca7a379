"""What a device's counter counts: the target says what it should be, the device which counter it really reads."""

from __future__ import annotations

from dataclasses import dataclass

from tinygen.device.link import Capabilities
from tinygen.device.values import Hello

# Which of the firmware's counters a simulator's numbers are meant for.
_EXPECTED = {"unicorn": ("dwt",), "qemu": ("systick",), "labwired": ("ccount",), "qemu-xtensa": ("ccount",)}
_CYCLES = ("dwt", "systick", "ccount")  # SysTick is clocked by the core


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """The meaning of one count.

    Attributes:
        unit: "cycles", "instructions", "ns", or "none" where a count means nothing.
        origin: as in Measurement.
        scale: from the device's counts to `unit`.
        deterministic: the same run gives the same count.
    """

    unit: str
    origin: str
    scale: float
    deterministic: bool

    @property
    def words(self) -> str:
        """For people: "instructions simulated on qemu", "cycles measured on nucleo_f446re"."""
        verb, _, place = self.origin.partition("-on-")
        return f"{self.unit} {verb} on {place}" if place else self.unit


_NOTHING = Counting(unit="none", origin="not-measured", scale=1.0, deterministic=True)


def counting(target: Capabilities, hello: Hello) -> Counting:
    """Bring both together; a counter that is not the one expected means nothing."""
    kind = hello.counter_kind
    if target.name == "host":
        if kind != "host_ns":
            return _NOTHING
        return Counting(unit="ns", origin="measured-on-host", scale=1.0, deterministic=False)
    if target.name == "serial":
        if kind not in _CYCLES:
            return _NOTHING
        return Counting(unit="cycles", origin=f"measured-on-{hello.board}", scale=1.0, deterministic=False)
    if kind not in _EXPECTED.get(target.name, ()):
        return _NOTHING
    return Counting(unit=target.counter, origin=target.counter_origin, scale=target.counter_scale, deterministic=True)
