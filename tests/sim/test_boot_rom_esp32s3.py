"""The ESP32-S3's own mask ROM, as labwired carries it, loads our image from flash, checks it and starts it.

What is not shown: flash mapped by the cache (the offline image runs from RAM, the way a second-stage boot loader does)
and Espressif's own second-stage boot loader, which only PlatformIO's registry brings.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinygen.boards.loader import load_boards

pytestmark = pytest.mark.sim

FLASH_BYTES = 1 << 22
APP = range(0x40378000, 0x403E0000)
# The simulator prints what the UART sends; the ROM's reset vector is where it begins.
SCRIPT = """
import sys, labwired
machine = labwired.Machine(sys.argv[1], sys.argv[2])
print("first", hex(machine.get_pc()), file=sys.stderr)
steps, after = 0, int(sys.argv[4])
while steps < int(sys.argv[3]) and after > 0:
    machine.step(20000)
    steps += 20000
    after -= 20000 if 0x40378000 <= machine.get_pc() < 0x403E0000 or after < int(sys.argv[4]) else 0
print("last", hex(machine.get_pc()), file=sys.stderr)
"""


BOARDS = [board.id for board in load_boards().values() if board.chip.port == "esp32s3"]


@pytest.fixture
def elf(images: Callable[[str, str], Any], needs_module: Callable[..., None], request: pytest.FixtureRequest) -> Path:
    """The image of a board: the test's parameter, or the development board's."""
    needs_module("labwired", "sim")
    needs_module("esptool", "offline")
    return Path(images(getattr(request, "param", "esp32s3"), "labwired").elf)


def image_of(elf: Path, folder: Path) -> bytes:
    out = folder / "image.bin"
    words = [sys.executable, "-m", "esptool", "--chip", "esp32s3", "elf2image", "-o", str(out), str(elf)]
    subprocess.run(words, check=True, capture_output=True)
    return out.read_bytes()


def boot(elf: Path, image: bytes, folder: Path, steps: int, after: int = 3_000_000) -> tuple[str, str]:
    """(what the UART said, where the core was first and last), the flash holding the image at 0."""
    import labwired

    flash = folder / "flash.bin"
    flash.write_bytes(image + b"\xff" * (FLASH_BYTES - len(image)))
    chip = Path(labwired.__file__).parent / "configs" / "chips" / "esp32s3.yaml"
    system = folder / "system.yaml"
    system.write_text(f'name: "boot"\nchip: "{chip.as_posix()}"\nexternal_devices: []\n', encoding="utf-8")
    env = {**os.environ, "LABWIRED_ESP32S3_FLASH": str(flash), "LABWIRED_ESP32S3_MMU_XIP": "1"}
    words = [sys.executable, "-c", SCRIPT, str(elf), str(system), str(steps), str(after)]
    done = subprocess.run(words, env=env, capture_output=True, timeout=300, check=True)
    return done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


# The boards share a chip and differ in pins: one of them is enough every day.
@pytest.mark.parametrize(
    "elf",
    [pytest.param(name, marks=() if name == "esp32s3" else pytest.mark.soak) for name in BOARDS],
    indirect=True,
)
def test_the_boot_rom_loads_checks_and_starts_the_image(elf: Path, tmp_path: Path) -> None:
    image = image_of(elf, tmp_path)
    said, seen = boot(elf, image, tmp_path, 8_000_000)
    assert "real boot ROM" in seen
    assert "first 0x40000400" in seen  # the core's reset vector, in ROM
    assert "ESP-ROM:esp32s3" in said
    entry = int.from_bytes(image[4:8], "little")
    assert f"entry 0x{entry:08x}" in said
    assert entry in APP
    assert "tinygen is ready" in said
    assert int(seen.split("last ")[1], 16) in APP


def test_the_boot_rom_refuses_a_damaged_image(elf: Path, tmp_path: Path) -> None:
    image = bytearray(image_of(elf, tmp_path))
    image[len(image) // 2] ^= 1
    said, seen = boot(elf, bytes(image), tmp_path, 1_600_000, after=1)
    assert "entry 0x" not in said
    assert "tinygen is ready" not in said
    assert int(seen.split("last ")[1], 16) not in APP
