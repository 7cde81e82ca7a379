"""What is plugged into this machine's USB, as far as it matters to boards: probes, boot loaders, serial adapters."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tinygen.core.errors import AmbiguousError

SYSFS = Path("/sys/bus/usb/devices")
_BUS = Path("/dev/bus/usb")

KNOWN: tuple[tuple[tuple[int, int], str], ...] = (
    ((0x0483, 0xDF11), "STM32 boot loader (DFU)"),
    ((0x0483, 0x3748), "ST-Link/V2"),
    ((0x0483, 0x374B), "ST-Link/V2-1"),
    ((0x0483, 0x374D), "STLINK-V3 loader"),
    ((0x0483, 0x374E), "STLINK-V3E"),
    ((0x0483, 0x374F), "STLINK-V3S"),
    ((0x0483, 0x3752), "ST-Link/V2-1 without mass storage"),
    ((0x0483, 0x3753), "STLINK-V3 with two VCPs"),
    ((0x0483, 0x3754), "STLINK-V3 without mass storage"),
    ((0x303A, 0x1001), "Espressif USB-Serial-JTAG"),
    ((0x10C4, 0xEA60), "CP210x serial adapter"),
    ((0x1A86, 0x7523), "CH340 serial adapter"),
    ((0x1A86, 0x55D3), "CH343 serial adapter"),
    ((0x0403, 0x6001), "FT232R serial adapter"),
)
"""Vendor and product ids. Source: usb.ids; OpenOCD's 60-openocd.rules and stlink's 49-stlinkv*.rules; esptool."""

WRITERS = {
    "stlink": frozenset(usb_id for usb_id, title in KNOWN if title.startswith(("ST-Link", "STLINK"))),
    "dfu": frozenset({(0x0483, 0xDF11)}),
}
"""By which USB devices an upload protocol writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbDevice:
    """A known device that is plugged in.

    Attributes:
        allowed: this user may open it (probes and boot loaders are opened as USB devices, not as ports).
        serial_number: "" when it has none.
    """

    usb_id: tuple[int, int]
    title: str
    allowed: bool
    serial_number: str = ""


def plugged_in(sysfs: Path = SYSFS, bus: Path = _BUS) -> list[UsbDevice]:
    """The known devices, in order of their place on the bus; none where the system has no sysfs."""
    known = dict(KNOWN)
    found: list[UsbDevice] = []
    for folder in sorted(sysfs.glob("*")) if sysfs.is_dir() else ():
        try:
            usb_id = (_hex(folder / "idVendor"), _hex(folder / "idProduct"))
            node = bus / f"{int(_text(folder / 'busnum')):03d}" / f"{int(_text(folder / 'devnum')):03d}"
        except (OSError, ValueError):
            continue  # a hub's interface, or a device that has just gone
        if usb_id in known:
            allowed = os.access(node, os.R_OK | os.W_OK)
            serial = _text(folder / "serial") if (folder / "serial").is_file() else ""
            found.append(UsbDevice(usb_id=usb_id, title=known[usb_id], allowed=allowed, serial_number=serial))
    return found


def the_one_to_write(protocol: str, devices: Sequence[UsbDevice]) -> str:
    """Serial number of the probe or boot loader to write with; "" when there is no choice, or none by USB.

    Args:
        protocol: "stlink", "dfu", or another that uses no USB device of its own.
        devices: what is plugged in.

    Raises:
        TinygenError: several are plugged in.
    """
    fitting = [device for device in devices if device.usb_id in WRITERS.get(protocol, ())]
    if len(fitting) < 2:
        return ""
    named = {d.serial_number: d.title for d in fitting if d.serial_number}
    listed = ", ".join(f"{d.title} {d.serial_number or 'without a serial number'}" for d in fitting)
    hint = "name its serial number with --probe, or leave only one plugged in"
    raise AmbiguousError(f"several could write: {listed}", option="--probe", choices=named, hint=hint)


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii", errors="replace").strip()


def _hex(path: Path) -> int:
    return int(_text(path), 16)
