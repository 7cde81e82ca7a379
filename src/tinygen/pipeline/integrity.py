"""Is the image on the device the one that was built, byte for byte? If not, where?"""

from __future__ import annotations

import re
from pathlib import Path

from tinygen.core.errors import TinygenError
from tinygen.core.values import Check, CheckStatus
from tinygen.device import instruments
from tinygen.device.client import Client
from tinygen.device.damage import Damage, find_damage
from tinygen.device.elfload import load_segments
from tinygen.toolchain.debug_info import place_of
from tinygen.toolchain.elf import symbols
from tinygen.toolchain.values import Symbol

_WEIGHTS = re.compile(r"_ZN7tinygen5model7weights\d+(\w+?)E$")


def image_check(client: Client, elf: Path, weight_names: tuple[str, ...]) -> Check:
    """Let the device look at its image again; what is damaged is named.

    Args:
        client: a greeted device.
        elf: the image's file.
        weight_names: arrays of weights, in the order of the image's digests.
    """
    try:
        found = instruments.integrity(client, again=True)
        if "damaged" not in (found.image, found.weights):
            return _sound(found)
        places = find_damage(client, load_segments(elf)) if found.spans else ()
    except TinygenError as error:
        return Check(name="image", status=CheckStatus.BLOCKED, reason=f"not looked at: {error}")
    words = [_told(place, elf, symbols(elf)) for place in places]
    if found.first_bad_weight is not None and not words:
        index = found.first_bad_weight
        name = weight_names[index] if index < len(weight_names) else f"number {index}"
        words.append(f"weights {name}; {found.bad_weights} of {found.weight_count} arrays are damaged")
    if not places and found.spans:
        words.append("the image's file holds the same bytes: it was changed after it was linked")
    crcs = f"CRC-32 {found.actual_crc:08x}, built with {found.expected_crc:08x}" if found.spans else "weights"
    return Check(name="image", status=CheckStatus.FAILED, reason=f"{crcs}; differs in: {'; '.join(words)}")


def start_note(client: Client) -> tuple[str, ...]:
    """Which chip it is, by its own number, and its last start, where that was no ordinary one."""
    try:
        hello = client.hello()
        own = (f"the chip's own number is {hello.unique_id}",) if hello.unique_id else ()
        if hello.reset_cause not in ("watchdog", "fault", "brown-out"):
            return own
        fault = instruments.last_fault(client)
    except TinygenError:
        return ()
    told = f": {fault.told(client.place)}" if fault is not None else ""
    return (*own, f"the device started last because of a {hello.reset_cause}{told}")


def _sound(found: instruments.Integrity) -> Check:
    if found.image == "intact":
        total = sum(size for _, size in found.spans)
        reason = f"{total:,} bytes on the device have the CRC-32 they were linked with, {found.actual_crc:08x}"
        return Check(name="image", status=CheckStatus.PASSED, reason=reason)
    if found.weights == "intact":
        reason = f"{found.weight_count} arrays of weights have their CRC-32; the image itself carries no digest"
        return Check(name="image", status=CheckStatus.PASSED, reason=reason)
    return Check(name="image", status=CheckStatus.SKIPPED, reason="the image carries no digest")


def _told(place: Damage, elf: Path, named: dict[str, Symbol]) -> str:
    """ "weights conv_2d_0_weights byte 17 (0x08001235: 12 instead of 10)"."""
    offset = next((i for i in range(4) if place.actual and place.actual[i] != place.expected[i]), 0)
    address = place.address + offset
    values = f": {place.actual[offset]:02x} instead of {place.expected[offset]:02x}" if place.actual else ""
    where = f"({address:#010x}{values})"
    for name, symbol in named.items():
        start = symbol.address & ~1 if symbol.section == ".text" else symbol.address
        if symbol.size_bytes and start <= address < start + symbol.size_bytes:
            if match := _WEIGHTS.match(name):
                return f"weights {match[1]} byte {address - start} {where}"
            code = place_of(elf, address)
            return f"{code or name} {where}"
    return f"no named part {where}"
