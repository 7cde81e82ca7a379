"""The ESP32-S3 build's own object files, linked again with a port for QEMU's Xtensa `sim` machine.

Nothing but the port is replaced: each object that goes in is the one the image was built from, by digest.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tinygen.boards.spec import BoardSpec
from tinygen.core.canonical import digest_file
from tinygen.core.errors import ExitCode, TinygenError, bad_input, tool_failed
from tinygen.core.files import building_directory
from tinygen.core.process import run
from tinygen.core.resources import resource_dir
from tinygen.toolchain import elf
from tinygen.toolchain.build import objects_of
from tinygen.toolchain.values import Firmware, Symbol

_PREFIX = "xtensa-lx106-elf-"
_COMPILE = ("-c", "-Os", "-mlongcalls", "-ffunction-sections", "-fdata-sections", "-Wall")
_CXX = ("-std=gnu++17", "-fno-rtti", "-fno-exceptions", "-fno-threadsafe-statics")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relinked:
    """An image for QEMU's `sim` machine.

    Attributes:
        elf: the image.
        symbols: its symbols; addresses differ from the original's.
        shared: {object file: SHA-256} of what both images are made of.
        replaced: objects of the original that the simulator's port stands for.
    """

    elf: Path
    symbols: dict[str, Symbol]
    shared: dict[str, str]
    replaced: tuple[str, ...]


def relink_for_xtensa_sim(
    firmware: Firmware,
    project_dir: Path,
    board: BoardSpec,
    out_dir: Path,
    *,
    port_dir: Path | None = None,
    log: Path | None = None,
) -> Relinked:
    """Link the same objects for QEMU.

    Args:
        firmware: a stand-in build of an ESP32-S3 board.
        project_dir: the generated project it was built from (for the headers the port includes).
        board: the board.
        out_dir: folder that is made anew and then holds the image.
        port_dir: the port's sources and its one linker script; None takes `firmware/port/xtensa_sim`.
        log: gets the linker's command and output.

    Raises:
        TinygenError: not a stand-in build, objects changed since, or the linker failed.
    """
    if board.chip.arch != "xtensa" or not firmware.standin:
        raise bad_input(
            "only an ESP32-S3 image built by the offline stand-in can be linked for QEMU's sim machine",
            where=str(firmware.elf),
            hint="QEMU's lx106 does not run the vendor's windowed LX7 code; set TINYGEN_OFFLINE=1 and build again",
        )
    if shutil.which(_PREFIX + "g++") is None:
        raise tool_failed(f"'{_PREFIX}g++' is not installed", hint="apt-get install gcc-xtensa-lx106")
    port = port_dir or resource_dir("firmware") / "port" / "xtensa_sim"
    folder = firmware.elf.parent
    recorded = objects_of(firmware.elf)
    shared = {name: digest for name, digest in recorded.items() if not _is_port(name)}
    _check_unchanged(folder, shared)
    with building_directory(out_dir) as temporary:
        ours = _compile_port(port, project_dir, temporary)
        script = _linker_script(port)
        words = [_PREFIX + "g++", "-nostartfiles", "-nostdlib", "-static", "-Wl,--gc-sections", f"-T{script}"]
        words += [f"-Wl,-Map,{temporary / 'firmware.map'}", "-o", str(temporary / "firmware.elf")]
        words += [str(path) for path in ours] + [str(folder / name) for name in shared] + ["-lgcc"]
        run(words, timeout_s=120, log=log)
        # -P: the folder of the script holds a warnings.py that is not Python's.
        script = project_dir / "tools" / "digest.py"
        if script.is_file():  # a project of the user's own may do without
            run([sys.executable, "-P", str(script), str(temporary / "firmware.elf")], timeout_s=60)
    _check_unchanged(folder, shared)
    image = out_dir / "firmware.elf"
    return Relinked(
        elf=image,
        symbols=elf.symbols(image),
        shared=shared,
        replaced=tuple(name for name in recorded if _is_port(name)),
    )


def _is_port(name: str) -> bool:
    """True for objects of `lib/tinygen/src/port/...`."""
    return "port" in PurePosixPath(name).parts


def _check_unchanged(folder: Path, objects: dict[str, str]) -> None:
    for name, expected in objects.items():
        path = folder / name
        if not path.is_file() or digest_file(path) != expected:
            raise tool_failed(
                "this object file is not the one the image was built from", where=str(path), hint="build again"
            )


def _compile_port(port: Path, project_dir: Path, out: Path) -> list[Path]:
    """Compile the simulator's port with the project's headers; returns its objects, in order of name."""
    standin = resource_dir("firmware") / "standin" / "xtensa" / "include"
    include = [f"-I{folder}" for folder in (project_dir / "include", project_dir / "lib" / "tinygen" / "include")]
    objects: list[Path] = []
    for source in sorted(port.iterdir()):
        if source.suffix not in (".S", ".c", ".cpp"):
            continue
        target = out / f"port_{source.name}.o"
        dialect = _CXX if source.suffix == ".cpp" else ()
        words = [_PREFIX + ("g++" if source.suffix == ".cpp" else "gcc"), *_COMPILE, *dialect, *include]
        words += ["-isystem", str(standin), "-DTINYGEN_STANDIN", "-DTINYGEN_XTENSA_SIM", str(source), "-o", str(target)]
        run(words, timeout_s=120)
        objects.append(target)
    if not objects:
        raise TinygenError(ExitCode.OUR_BUG, "the simulator's port has no sources", where=str(port))
    return objects


def _linker_script(port: Path) -> Path:
    scripts = sorted(port.rglob("*.ld"))
    if len(scripts) != 1:
        raise TinygenError(ExitCode.OUR_BUG, f"{len(scripts)} linker scripts, one expected", where=str(port))
    return scripts[0]
