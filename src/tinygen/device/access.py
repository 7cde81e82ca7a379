"""Whether this user may open serial ports and probes, told before one is plugged in; what to do where he may not."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

_GROUPS = ("dialout", "uucp")  # Debian, Fedora, SUSE; Arch
_RULES = (Path("/etc/udev/rules.d"), Path("/lib/udev/rules.d"), Path("/usr/lib/udev/rules.d"))
_RULE_NAMES = ("*stlink*.rules", "*openocd*.rules", "*platformio*.rules")
_DRIVERS = "drivers of ST-LINK (st.com), CP210x and CH34x come from their makers"


def serial_access(system: str = sys.platform) -> tuple[bool, str]:
    """(may, why) for serial ports: on Linux membership of the group that owns them.

    Args:
        system: as `sys.platform`.
    """
    if system == "win32":
        return True, f"Windows asks for none; {_DRIVERS}"
    if not system.startswith("linux"):
        return True, "macOS asks for none; use /dev/cu.*, which does not wait for a carrier"
    if os.geteuid() == 0:
        return True, "root may open every port"
    group, members = _serial_group()
    if group and members:
        return True, f"you are in the group {group}"
    how = f"sudo usermod -aG {group or _GROUPS[0]} $USER, then log in again"
    return False, f"you are not in the group {group or _GROUPS[0]}; needed for: serial ports; how: {how}"


def _serial_group() -> tuple[str, bool]:
    """The group of this system's serial ports, and whether this user is in it now."""
    import grp

    for name in _GROUPS:
        try:
            number = grp.getgrnam(name).gr_gid
        except KeyError:
            continue
        return name, number in {os.getegid(), *os.getgroups()}
    return "", False


def usb_access(system: str = sys.platform, rules: Sequence[Path] = _RULES) -> tuple[bool, str]:
    """(may, why) for probes and boot loaders, which are opened as USB devices: on Linux by udev's rules.

    Args:
        system: as `sys.platform`.
        rules: folders of udev's rules.
    """
    purpose = "needed for: flash by ST-LINK or DFU"
    if system == "win32":
        return True, f"Windows needs a driver for each: ST-LINK's from st.com, WinUSB for DFU (Zadig); {purpose}"
    if not system.startswith("linux"):
        return True, "macOS asks for none"
    found = sorted({path.name for folder in rules for name in _RULE_NAMES for path in folder.glob(name)})
    if found:
        return True, f"udev rules: {', '.join(found)}"
    if os.geteuid() == 0:
        return True, "root may open every device"
    how = "Debian: apt-get install openocd (brings 60-openocd.rules), or PlatformIO's 99-platformio-udev.rules"
    return False, f"no udev rules for probes; {purpose}; how: {how}"
