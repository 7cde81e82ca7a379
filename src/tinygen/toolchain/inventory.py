"""The programs and Python packages that verbs need: what for, how to get each, and which version is here."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

_ANSWER_S = 2.0
_VERSION = re.compile(r"\bv?(\d+\.\d+[\w.+-]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something to have.

    Attributes:
        name: a program, or a distribution of PyPI.
        purpose: the verbs and boards that need it.
        linux, macos, windows: how to get it there, "" where there is no way.
        asks: words that make a program say its version; none for a Python package, which is looked up.
    """

    name: str
    purpose: str
    linux: str
    macos: str
    windows: str
    asks: tuple[str, ...] = ()

    @property
    def here(self) -> str:
        """How to get it on this machine."""
        way = {"darwin": self.macos, "win32": self.windows}.get(sys.platform, self.linux)
        return way or "not to be had on this system"


def _python(name: str, purpose: str, extra: str = "") -> Need:
    how = f"pip install 'tinygen[{extra}]'" if extra else "pip install tinygen"
    quoted = how.replace("'", '"')
    return Need(name=name, purpose=purpose, linux=how, macos=how, windows=quoted)


_WSL = "in WSL, as on Linux"
_CUBE = "STM32CubeProgrammer, from st.com"

PACKAGES = (
    _python("tensorflow", "train, convert", "train"),
    _python("tflite-micro", "verify: the oracle", "verify"),
    _python("platformio", "build, flash"),
    _python("scons", "build without PlatformIO's registry", "offline"),
    _python("esptool", "flash an ESP32-S3 without PlatformIO's own upload", "offline"),
    _python("unicorn", "verify --on unicorn (STM32)", "sim"),
    _python("labwired", "verify --on labwired (ESP32-S3)", "sim"),
)

PROGRAMS = (
    Need(
        name="g++", purpose="board 'host': build, verify --on host", asks=("-dumpfullversion",),
        linux="Debian: apt-get install g++", macos="xcode-select --install",
        windows="MSYS2: pacman -S mingw-w64-x86_64-gcc",
    ),
    Need(
        name="arm-none-eabi-g++", purpose="STM32: compile's exact sizes, and builds without PlatformIO's registry",
        asks=("-dumpfullversion",),
        linux="Debian: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib",
        macos="brew install --cask gcc-arm-embedded", windows="winget install Arm.GnuArmEmbeddedToolchain",
    ),
    Need(
        name="xtensa-lx106-elf-g++", purpose="ESP32-S3 in simulators without PlatformIO's registry",
        asks=("-dumpfullversion",), linux="Debian: apt-get install gcc-xtensa-lx106", macos="", windows=_WSL,
    ),
    Need(
        name="qemu-system-arm", purpose="verify --on qemu (feather_f405)", asks=("--version",),
        linux="Debian: apt-get install qemu-system-arm", macos="brew install qemu",
        windows="winget install SoftwareFreedomConservancy.QEMU",
    ),
    Need(
        name="qemu-system-xtensa", purpose="verify --on qemu-xtensa (ESP32-S3)", asks=("--version",),
        linux="Debian: apt-get install qemu-system-misc", macos="brew install qemu",
        windows="winget install SoftwareFreedomConservancy.QEMU",
    ),
    Need(
        name="espeak-ng", purpose="built-in speech for kws", asks=("--version",),
        linux="Debian: apt-get install espeak-ng", macos="brew install espeak-ng",
        windows="winget install eSpeak-NG.eSpeak-NG",
    ),
    Need(
        name="flite", purpose="built-in speech for kws", asks=("--version",), linux="Debian: apt-get install flite",
        macos="brew install flite", windows=_WSL,
    ),
)  # fmt: skip

WRITERS = (
    Need(
        name="openocd", purpose="flash an STM32 by ST-LINK", asks=("--version",),
        linux="Debian: apt-get install openocd", macos="brew install open-ocd",
        windows="MSYS2: pacman -S mingw-w64-x86_64-openocd",
    ),
    Need(
        name="st-flash", purpose="flash an STM32 by ST-LINK", asks=("--version",),
        linux="Debian: apt-get install stlink-tools", macos="brew install stlink", windows=_CUBE,
    ),
    Need(
        name="STM32_Programmer_CLI", purpose="flash an STM32 by ST-LINK, the newest chips too (STM32H5)",
        linux=_CUBE, macos=_CUBE, windows=_CUBE, asks=("--version",),
    ),
    Need(
        name="dfu-util", purpose="flash an STM32 by USB (DFU)", asks=("--version",),
        linux="Debian: apt-get install dfu-util", macos="brew install dfu-util", windows="dfu-util.sourceforge.net",
    ),
    Need(
        name="stm32flash", purpose="flash an STM32 by its serial boot loader", asks=(),
        linux="Debian: apt-get install stm32flash", macos="brew install stm32flash", windows=_CUBE,
    ),
)  # fmt: skip
"""Any one of a board's is enough; PlatformIO brings its own where its registry is reachable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Whether a need is met. `version` is "" when it is not, "?" when the version is not told."""

    need: Need
    version: str

    @property
    def there(self) -> bool:
        """True when it can be used."""
        return bool(self.version)


def look(packages: Sequence[Need] = PACKAGES, programs: Sequence[Need] = (*PROGRAMS, *WRITERS)) -> list[Found]:
    """Look for everything: packages are not imported, programs are asked at once and answer within seconds."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        told = list(pool.map(_program, programs))
    return [*map(_package, packages), *told]


def _package(need: Need) -> Found:
    try:
        return Found(need=need, version=version(need.name))
    except PackageNotFoundError:
        return Found(need=need, version="")


def _program(need: Need) -> Found:
    path = shutil.which(need.name)
    if path is None:
        return Found(need=need, version="")
    if not need.asks:
        return Found(need=need, version="?")
    try:
        done = subprocess.run(
            [path, *need.asks], capture_output=True, text=True, errors="replace", timeout=_ANSWER_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return Found(need=need, version="?")
    match = _VERSION.search(done.stdout + done.stderr)
    return Found(need=need, version=match[1] if match else "?")
