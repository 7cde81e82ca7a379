"""Crashes, hangs and flipped flash bytes, planted in real images: the host is told what, where and why."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tinygen.boards.loader import find_board
from tinygen.core.errors import TinygenError
from tinygen.core.values import CheckStatus
from tinygen.device import instruments
from tinygen.device.client import Client
from tinygen.device.elfload import load_segments
from tinygen.device.faults import DeviceFaultError
from tinygen.device.frames import Type
from tinygen.device.registry import open_target
from tinygen.device.unicorn_target import UnicornLink
from tinygen.device.values import Image
from tinygen.pipeline.integrity import image_check
from tinygen.toolchain.debug_info import named

pytestmark = pytest.mark.sim

Images = Callable[[str, str], Image]
BOARD = "feather_f405"

# Thumb-2 code that takes the place of model::infer: what goes wrong, the fault's name, words of the sentence.
CRIMES = {
    # mov.w r0, #0x08000000; str r0, [r0] is no crime in QEMU, whose flash takes no writes in silence
    "reads where nothing is": (  # movs r0, #0; movt r0, #0x3000; ldr r0, [r0]; bx lr
        b"\x00\x20\xc3\xf2\x00\x00\x00\x68\x70\x47",
        "BusFault",
        r"read or wrote data where nothing answers \(0x30000000\), at .*infer",
    ),
    "runs where nothing is": (  # movs r0, #1; movt r0, #0x3000; bx r0
        b"\x01\x20\xc3\xf2\x00\x00\x00\x47",
        "BusFault",
        "fetched an instruction where nothing answers",
    ),
    "meets an undefined instruction": (b"\x00\xde\x70\x47", "UsageFault", "undefined instruction, at .*infer"),  # udf
    "leaves Thumb state": (  # movs r0, #0; movt r0, #0x0800; bx r0
        b"\x00\x20\xc0\xf6\x00\x00\x00\x47",
        "UsageFault",
        "without the Thumb bit",
    ),
    "overflows the stack": (b"\x00\xb5\xff\xf7\xfd\xff", "BusFault", "stack overflow"),  # push {lr}; bl to itself
}


def infer_of(image: Image) -> int:
    """Address of model::infer."""
    return next(address for name, address in image.symbols.items() if "model5infer" in name) & ~1


def patched(image: Image, address: int, code: bytes, folder: Path) -> Image:
    """The image with other bytes at a load address."""
    data = bytearray(image.elf.read_bytes())
    (table,) = struct.unpack_from("<I", data, 28)
    entry_bytes, count = struct.unpack_from("<HH", data, 42)
    for index in range(count):
        kind, offset, _, physical, size = struct.unpack_from("<5I", data, table + entry_bytes * index)
        if kind == 1 and physical <= address < physical + size:
            data[offset + address - physical : offset + address - physical + len(code)] = code
            out = folder / "patched.elf"
            out.write_bytes(data)
            return replace(image, elf=out)
    raise AssertionError(hex(address))


def greeted(client: Client) -> Client:
    client.hello()
    client.write_input(bytes(40))
    return client


@pytest.mark.parametrize("crime", CRIMES)
@pytest.mark.parametrize("name", ["unicorn", "qemu"])
def test_a_crash_names_what_happened_and_where(
    crime: str, name: str, images: Images, tmp_path: Path, need: Callable[[str], None]
) -> None:
    need({"unicorn": "unicorn", "qemu": "qemu-system-arm"}[name])
    code, title, words = CRIMES[crime]
    image = images(BOARD, name)
    bad = patched(image, infer_of(image), code, tmp_path)
    with open_target(find_board(BOARD), name, bad) as target:
        client = greeted(Client(target.open(), target.capabilities.time_scale, place=partial(named, image.elf)))
        with pytest.raises(DeviceFaultError, match=words) as caught:
            client.infer()
    assert caught.value.fault.name.startswith(title), caught.value
    assert "PC=" in caught.value.hint
    if "infer" in words:
        assert "test_protocol_engine" in str(caught.value) or "engine.cpp:" in str(caught.value)


def started(board_id: str, images: Images) -> UnicornLink:
    board = find_board(board_id)
    model = next(simulator for simulator in board.simulators if simulator.name == "unicorn")
    return UnicornLink(board, model, images(board_id, "unicorn"))


@pytest.fixture
def core(images: Images, needs_module: Callable[..., None]) -> UnicornLink:
    needs_module("unicorn", "sim")
    return started(BOARD, images)


def again(client: Client, limit_s: float = 120.0) -> str:
    """Why the device started again, when it does."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        try:
            if any("ready" in frame.payload.decode(errors="replace") for frame in client.listen(2.0)):
                return client.hello().reset_cause
        except TinygenError:
            continue
    raise AssertionError("it did not start again")


# One board of each family: reset flags lie elsewhere in each, and this is the only test that reads them all.
FAMILIES = {
    find_board(name).chip.family: name
    for name in (
        "bluepill_f103c8",
        "feather_f405",
        "nucleo_f746zg",
        "nucleo_l476rg",
        "nucleo_g474re",
        "nucleo_h743zi",
        "nucleo_h563zi",
    )
}


@pytest.mark.parametrize("family", FAMILIES)
def test_why_it_started_is_said_after_power_on_a_reset_and_a_hang(
    family: str, images: Images, needs_module: Callable[..., None]
) -> None:
    needs_module("unicorn", "sim")
    core = started(FAMILIES[family], images)
    client = greeted(Client(core, 1.0, retries=0))
    hello = client.hello()
    assert (hello.reset_cause, hello.watchdog_ms) == ("power-on", 8000)
    assert instruments.last_fault(client) is None
    client.reset()
    assert client.hello().reset_cause == "software"
    client.write_input(bytes(40))
    core.write_memory(infer_of(images(FAMILIES[family], "unicorn")), b"\xfe\xe7")  # b .
    with pytest.raises(TinygenError, match="no answer to INFER"):
        client.request(Type.INFER, bytes(4), timeout_s=0.5)
    assert again(client) == "watchdog"
    assert instruments.last_fault(client) is None


def test_a_crash_is_remembered_across_the_watchdogs_reset(core: UnicornLink, images: Images) -> None:
    client = greeted(Client(core, 10.0))
    core.write_memory(infer_of(images(BOARD, "unicorn")), CRIMES["reads where nothing is"][0])
    with pytest.raises(DeviceFaultError) as caught:
        client.infer()
    assert again(client) == "fault"
    assert instruments.last_fault(client) == caught.value.fault
    client.reset()
    assert client.hello().reset_cause == "software"  # told once
    assert instruments.last_fault(client) is None


def test_a_long_inference_does_not_trip_it(core: UnicornLink, images: Images) -> None:
    """Far more instructions than the watchdog's period, in steps that each stay below it."""
    client = greeted(Client(core, 10.0))
    started = client.hello().reset_cause
    for count in (False, True):
        client.write_input(bytes([127, 255]) + bytes(38))
        client.infer(count=count)
    assert client.hello().reset_cause == started


def test_flipped_bytes_of_code_and_weights_are_found(core: UnicornLink, images: Images) -> None:
    image = images(BOARD, "unicorn")
    client = Client(core, 10.0)
    hello = client.hello()
    assert (hello.image, hello.weights) == ("intact", "intact")
    found = instruments.integrity(client, again=True)
    assert found.expected_crc == found.actual_crc
    places = [infer_of(image) + 2, image.symbols["_ZN7tinygen10kBuildInfoE"]]
    if image.symbols["_data_end"] > image.symbols["_data_start"]:
        places.append(image.symbols["_data_load"])
    for address in places:
        before = core.read_memory(address, 1)
        core.write_memory(address, bytes([before[0] ^ 0x10]))
        assert instruments.integrity(client, again=True).image == "damaged", hex(address)
        core.write_memory(address, before)
        assert instruments.integrity(client, again=True).image == "intact"


def test_what_is_damaged_is_named(core: UnicornLink, images: Images) -> None:
    image = images(BOARD, "unicorn")
    client = Client(core, 10.0)
    assert image_check(client, image.elf, ()).status is CheckStatus.PASSED
    info = image.symbols["_ZN7tinygen10kBuildInfoE"] + 5
    code = infer_of(image) + 6
    weight = next(address for name, address in image.symbols.items() if "kWeightsE" in name) + 2
    for address, words in (
        (info, rf"kBuildInfo.* \({info:#010x}: [0-9a-f]{{2}} instead of"),
        (code, rf"infer at .*engine.cpp:\d+ \({code:#010x}: "),
        (weight, rf"kWeights.*\({weight:#010x}: 23 instead of 33\)"),
    ):
        (before,) = core.read_memory(address, 1)
        core.write_memory(address, bytes([before ^ 0x10]))
        found = image_check(client, image.elf, ())
        core.write_memory(address, bytes([before]))
        assert found.status is CheckStatus.FAILED
        assert re.search(words, found.reason), found.reason
        assert found.reason.count("instead of") == 1


def test_at_start_a_damaged_weight_is_found_too(
    images: Images, tmp_path: Path, needs_module: Callable[..., None]
) -> None:
    """In the image's file: its digest no longer fits, and the weight's own digest names the array."""
    needs_module("unicorn", "sim")
    image = images(BOARD, "unicorn")
    weight = next(address for name, address in image.symbols.items() if "kWeightsE" in name)
    bad = patched(image, weight, b"X", tmp_path)
    with open_target(find_board(BOARD), "unicorn", bad) as target:
        client = Client(target.open(), 10.0)
        hello = client.hello()
        assert (hello.image, hello.weights) == ("damaged", "damaged")
        found = image_check(client, bad.elf, ("first", "second"))
    assert "weights first; 2 of 2 arrays are damaged" in found.reason
    assert "changed after it was linked" in found.reason


def test_every_byte_of_the_stored_image_is_covered(images: Images, needs_module: Callable[..., None]) -> None:
    """But for the digest itself and the gap before the data."""
    needs_module("unicorn", "sim")
    image = images(BOARD, "unicorn")
    with open_target(find_board(BOARD), "unicorn", image) as target:
        spans = instruments.integrity(Client(target.open(), 10.0), again=False).spans
    loaded = sum(len(data) for _, data in load_segments(image.elf))
    assert loaded - 16 - 16 <= sum(size for _, size in spans) <= loaded - 16


@pytest.mark.parametrize(("name", "tool"), [("qemu-xtensa", "qemu-system-xtensa"), ("labwired", "labwired")])
def test_a_crash_of_the_xtensa_image(
    name: str, tool: str, images: Images, tmp_path: Path, need: Callable[[str], None]
) -> None:
    """movi a2, 0; ill: an illegal instruction."""
    need(tool)
    image = images("esp32s3", name)
    bad = patched(image, infer_of(image), b"\x0c\x02\x00\x00\x00", tmp_path)
    with open_target(find_board("esp32s3"), name, bad) as target:
        client = greeted(Client(target.open(), target.capabilities.time_scale, place=partial(named, image.elf)))
        with pytest.raises(DeviceFaultError, match=r"illegal instruction, at .*infer"):
            client.infer()
