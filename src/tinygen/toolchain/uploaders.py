"""The programs that write flash: what they are called with, and what their output says about the board's state."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import bad_input, did_you_mean, tool_failed

FLASH_IMAGES = "flash_images.json"  # what tools/flash_images.py of a generated project leaves in the build folder
ESP_BAUD = 460_800
READ_BACK = "read_back.bin"  # what dfu-util found in the flash
_STM32_BAUD = "115200"
_DEVICE_ID = re.compile(r"Device ID\s*:\s*0x([0-9a-fA-F]+)\s*(\([^)]*\))?")
_WRONG_CHIP = re.compile(r"This chip is [^\n]*|UNEXPECTED idcode[^\n]*|Unexpected chip ID[^\n]*", re.IGNORECASE)
_ABSENT = re.compile(
    r"specify `?upload_port|could not open|No such file or directory: '/dev|Unable to connect|Couldn't find"
    r"|No DFU capable|Failed to connect|Failed to open (?:serial|port)|Failed to init device|init mode failed"
    r"|No debug probe detected|No STM32 target found"
    r"|open failed|No serial data|No device|Couldn't open ST-?Link|Error: libusb_open|port is busy or doesn't exist",
    re.IGNORECASE,
)
_LOCKED = re.compile(
    r"Got NACK from device on command|readout protect|read protect|Failed to erase memory|secure download mode enabled"
    r"|Read Out Protection|flash (?:is )?(?:write )?protected|device is locked",
    re.IGNORECASE,
)
_MISMATCH = re.compile(
    r"Failed to verify[^\n]*|Download verification failed[^\n]*|MD5 of file does not match[^\n]*|contents differ[^\n]*"
    r"|verify failed[^\n]*",
    re.IGNORECASE,
)
_ERASING = re.compile(
    r"Erasing memory|Flash will be erased from|Erasing flash|Wrote \d|Writing at 0x|Wrote and verified"
    r"|Programming Started|Erasing internal memory|Download in Progress|Erase\s*\[|Download\s*\[|Flash page at addr",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?)\s?%")

UNTOUCHED = "the board was not written to: it still has its old firmware"
HALF = (
    "its flash is partly written: it starts nothing until it is flashed again, which its boot loader (in ROM) or its "
    "probe still allows"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploader:
    """A program that writes STM32 flash: its Debian package and PlatformIO's name for its protocol.

    Attributes:
        package: "" for what Debian does not have.
    """

    protocol: str
    program: str
    package: str

    @property
    def source(self) -> str:
        """Where it comes from."""
        return f"Debian package {self.package}" if self.package else "STM32CubeProgrammer, from st.com"


UPLOADERS = (
    Uploader(protocol="stlink", program="openocd", package="openocd"),
    Uploader(protocol="stlink", program="st-flash", package="stlink-tools"),
    Uploader(protocol="stlink", program="STM32_Programmer_CLI", package=""),
    Uploader(protocol="dfu", program="dfu-util", package="dfu-util"),
    Uploader(protocol="serial", program="stm32flash", package="stm32flash"),
)


def usable_uploaders(board: BoardSpec) -> list[Uploader]:
    """The programs that can flash a board, in the board's order of protocols.

    Raises:
        TinygenError: none is known.
    """
    usable = [tool for name in board.platformio.upload_protocols for tool in UPLOADERS if tool.protocol == name]
    if not usable:
        raise tool_failed(
            f"no known way to flash {board.id} offline", hint="flash where PlatformIO's registry is reachable"
        )
    return usable


def protocols(board: BoardSpec, via: str) -> list[Uploader]:
    """The programs behind --via: one of the board's upload protocols, or one program; all where none is named.

    Raises:
        TinygenError: as `usable_uploaders`; the board is not flashed that way.
    """
    usable = usable_uploaders(board)
    fitting = [tool for tool in usable if via in ("", tool.protocol, tool.program)]
    if not fitting:
        known = dict.fromkeys(word for tool in usable for word in (tool.protocol, tool.program))
        raise bad_input(f"{board.id} is not flashed by '{via}'", where="--via", hint=did_you_mean(via, known))
    return fitting


def choose_uploader(board: BoardSpec, port: str | None, via: str = "") -> Uploader:
    """The first program that is installed; where none is, the first that would do.

    Args:
        port: a serial port; without one the serial boot loader is left out.
        via: one of the board's upload protocols, "" for any.

    Raises:
        TinygenError: as `usable_uploaders`; the board is not flashed that way.
    """
    usable = protocols(board, via)
    if via:
        if usable[0].protocol == "serial" and port is None:
            raise bad_input("the serial boot loader needs a port", where=f"--via {via}", hint="name it with --port")
        return next((tool for tool in usable if shutil.which(tool.program)), usable[0])
    fitting = [tool for tool in usable if tool.program != "stm32flash" or port is not None] or usable
    return next((tool for tool in fitting if shutil.which(tool.program)), fitting[0])


def stm32_commands(
    tool: Uploader, folder: Path, board: BoardSpec, port: str | None, probe: str = ""
) -> tuple[tuple[str, ...], ...]:
    """What writes, and verifies, an STM32's flash.

    Args:
        tool: one of `usable_uploaders`.
        folder: PlatformIO's build folder with firmware.elf and firmware.bin.
        port: for the serial boot loader.
        probe: serial number of the ST-LINK or of the boot loader on USB, where several may be attached.

    Raises:
        TinygenError: OpenOCD has no target for the chip.
    """
    image, binary, address = folder / "firmware.elf", folder / "firmware.bin", f"0x{board.chip.flash.address:08X}"
    if tool.program == "openocd":
        if not board.chip.openocd_target:
            raise tool_failed(f"OpenOCD knows no target for {board.chip.id}", hint="flash another way: --via")
        script = f"program {{{image}}} verify reset exit"
        words = ("openocd", "-f", "interface/stlink.cfg", *(("-c", f"adapter serial {probe}") if probe else ()))
        return ((*words, "-f", f"target/{board.chip.openocd_target}.cfg", "-c", script),)
    if tool.program == "st-flash":
        return (("st-flash", "--reset", *(("--serial", probe) if probe else ()), "write", str(binary), address),)
    if tool.program == "STM32_Programmer_CLI":
        to_probe = (f"sn={probe}",) if probe else ()
        return (("STM32_Programmer_CLI", "-c", "port=SWD", *to_probe, "-w", str(binary), address, "-v", "-rst"),)
    if tool.program == "dfu-util":
        words = ("dfu-util", "-d", "0483:df11", *(("-S", probe) if probe else ()), "-a", "0")
        size = binary.stat().st_size if binary.is_file() else "BYTES"
        # It verifies nothing itself: what was written is read back, `read_back_differs` compares, then it starts.
        back = ("-s", f"{address}:{size}:leave", "-U", str(folder / READ_BACK))
        return ((*words, "-s", address, "-D", str(binary)), (*words, *back))
    # The boot loader talks 8E1 (AN3155). First who is there; then, the conversation going on (-c), write and verify.
    line = ("stm32flash", "-b", _STM32_BAUD, "-m", "8e1")
    where = port or "PORT"
    return ((*line, where), (*line, "-c", "-v", "-g", address, "-w", str(binary), where))


def upload_environment(board: BoardSpec, probe: str) -> dict[str, str]:
    """What tells PlatformIO's own upload which probe writes.

    It puts `upload_flags` in front of the uploader's own words, one a line: OpenOCD takes a probe's serial number
    anywhere before `init`, dfu-util anywhere. Source: builder/main.py of PlatformIO Core 6.2, of ststm32 19.6.

    Args:
        board: whose first upload protocol PlatformIO uses.
        probe: serial number, "" for the only one.
    """
    first = board.platformio.upload_protocols[0] if board.platformio.upload_protocols else ""
    words = {"stlink": f"-c\nadapter serial {probe}", "dfu": f"-S\n{probe}"}
    return {"PLATFORMIO_UPLOAD_FLAGS": words[first]} if probe and first in words else {}


def read_back_differs(words: Sequence[str], written: Path) -> str:
    """Where the file a command read back differs from what was written; "" when it does not, or reads nothing back.

    Args:
        words: a command of `stm32_commands` that has ended well.
        written: the image.
    """
    if "-U" not in words:
        return ""
    path = Path(words[words.index("-U") + 1])
    found = path.read_bytes() if path.is_file() else b""
    wanted = written.read_bytes()
    if found == wanted:
        return ""
    at = next((i for i, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b), min(len(found), len(wanted)))
    return f"{len(found):,} of {len(wanted):,} bytes came back, the first difference is at byte {at:,}"


def esp_command(folder: Path, board: BoardSpec, port: str | None) -> tuple[str, ...] | None:
    """What writes, and verifies by MD5, every image of an ESP32 build; None when the build left no list of them.

    Args:
        folder: PlatformIO's build folder.
        port: None lets esptool look for one.

    Raises:
        TinygenError: the list is damaged, or names a file that is gone.
    """
    listed = folder / FLASH_IMAGES
    if not listed.is_file() or importlib.util.find_spec("esptool") is None:
        return None
    try:
        images = [(int(offset, 16), (folder / name).resolve()) for offset, name in json.loads(listed.read_text())]
    except (ValueError, TypeError) as error:
        raise tool_failed("is damaged", where=str(listed), hint="run `tinygen build` again") from error
    gone = [str(path) for _, path in images if not path.is_file()]
    if gone or not images:
        raise tool_failed(f"names no file that is there: {', '.join(gone)}", where=str(listed), hint="build again")
    pairs = [word for offset, path in sorted(images) for word in (f"0x{offset:x}", str(path))]
    to_port = ("--port", port) if port else ()
    words = (sys.executable, "-m", "esptool", "--chip", board.chip.family, *to_port, "--baud", str(ESP_BAUD))
    return (*words, "--before", "default-reset", "--after", "hard-reset", "write-flash", *pairs)


def wrong_chip(board: BoardSpec, output: str) -> str:
    """Which other chip an uploader met, "" when it met the board's or does not say."""
    if found := _WRONG_CHIP.search(output):
        return found.group(0).strip()
    found = _DEVICE_ID.search(output)
    wanted = board.chip.boot_product_id
    if found is None or not wanted or int(found.group(1), 16) == wanted:
        return ""
    name = f" {found.group(2)}" if found.group(2) else ""
    return f"the boot loader says product id 0x{int(found.group(1), 16):03X}{name}, {board.chip.id} has 0x{wanted:03X}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Why an upload failed, and how it left the board.

    Attributes:
        absent: nobody answered, or nobody does any more.
        locked: protection refuses the writing.
        mismatch: what was read back is something else: the uploader's own words.
        state: what the flash holds now, for people.
    """

    absent: bool
    locked: bool
    mismatch: str
    state: str


def judge(output: str, *, port_gone: bool) -> Outcome:
    """Read an uploader's output after it failed.

    Args:
        output: standard output and error.
        port_gone: the serial port is no longer there.
    """
    mismatch = _MISMATCH.search(output)
    touched = bool(_ERASING.search(output))
    refused = bool(_LOCKED.search(output)) and not re.search(r"Wrote |Writing at 0x", output)
    return Outcome(
        absent=port_gone or bool(_ABSENT.search(output)),
        locked=refused,
        mismatch=mismatch.group(0).strip() if mismatch else "",
        state=UNTOUCHED if refused or not touched else HALF,
    )


def percent(line: str) -> float | None:
    """How far a line says that the writing is, None when it says nothing."""
    found = _PERCENT.search(line)
    return min(100.0, float(found.group(1))) if found and re.search(r"Wr(?:ote|iting)|Download", line) else None
