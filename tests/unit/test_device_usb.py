"""Probes and boot loaders, found in what Linux shows of its USB."""

from __future__ import annotations

from pathlib import Path

from tinygen.device.usb import plugged_in


def plug(root: Path, name: str, vendor: str, product: str, device: str) -> None:
    folder = root / name
    folder.mkdir(parents=True)
    for key, value in (("idVendor", vendor), ("idProduct", product), ("busnum", "1"), ("devnum", device)):
        (folder / key).write_text(value + "\n")


def test_known_devices_are_named_and_permissions_are_looked_at(tmp_path: Path) -> None:
    sysfs, bus = tmp_path / "sys", tmp_path / "bus"
    plug(sysfs, "1-1", "0483", "374b", "5")
    plug(sysfs, "1-2", "0483", "df11", "6")
    plug(sysfs, "1-3", "1d6b", "0002", "1")
    (sysfs / "1-1:1.0").mkdir()
    (bus / "001").mkdir(parents=True)
    (bus / "001" / "005").touch()
    found = plugged_in(sysfs, bus)
    assert [(d.usb_id, d.allowed) for d in found] == [((0x0483, 0x374B), True), ((0x0483, 0xDF11), False)]
    assert "ST-Link" in found[0].title
    assert plugged_in(tmp_path / "nothing", bus) == []
