"""A private PlatformIO core directory in which `pio run` finds everything without its registry.

The content is a pure function of the boards, this package and the compilers on PATH; the directory's name is its
digest. Each file is written atomically and a second process would write the same bytes, so any number may do it at
once, and one that was interrupted is repaired by the next.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tinygen.boards.spec import BoardSpec
from tinygen.core.canonical import digest, pretty_json
from tinygen.core.errors import tool_failed
from tinygen.core.files import write_if_changed, writing
from tinygen.toolchain.standin import piopm, platform_files
from tinygen.toolchain.versions import PackageRef, parse_ref, platformio_number, satisfies, version_within

_FORMAT = 1
_SCONS_SHIM = """# SCons from PyPI under the name PlatformIO starts it by.
import sys

try:
    import SCons.Script
except ImportError:
    sys.path.insert(0, {root!r})
    import SCons.Script

if __name__ == "__main__":
    SCons.Script.main()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a core directory holds: {relative path: content} and {relative path: link target}."""

    files: dict[str, bytes]
    links: dict[str, str]

    @property
    def key(self) -> str:
        """16 hex digits over everything in it."""
        return digest({"format": _FORMAT, "files": self.files, "links": self.links})[:16]


def cache_dir() -> Path:
    """Where this user's tinygen keeps what can be made again: TINYGEN_CACHE, or the system's cache folder."""
    if chosen := os.environ.get("TINYGEN_CACHE"):
        return Path(chosen).expanduser().absolute()
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir())) / "tinygen"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tinygen"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tinygen"


def scons_version() -> str:
    """Version of the SCons in this Python; "" when it is not installed."""
    try:
        return importlib.metadata.version("scons")
    except importlib.metadata.PackageNotFoundError:
        return ""


def scons_requirement() -> str:
    """What the installed PlatformIO asks of `tool-scons`, in its numbering ("~4.41101.0")."""
    from platformio.dependencies import get_core_dependencies

    return str(get_core_dependencies()["tool-scons"])


def scons_pin() -> str:
    """The PyPI version of SCons that the installed PlatformIO was made for ("4.11.1")."""
    digits = scons_requirement().lstrip("~^>=").split(".")[1]
    return f"{digits[:-4]}.{int(digits[-4:-2])}.{int(digits[-2:])}"


def scons_fits() -> bool:
    """True when this Python's SCons is the one the installed PlatformIO was made for."""
    version = scons_version()
    return bool(version) and satisfies(_scons_tool_version(version), scons_requirement())


def layout(boards: Sequence[BoardSpec]) -> Layout:
    """Everything the core directory holds for these boards.

    Raises:
        TinygenError: SCons is missing, or a board needs a platform there is no stand-in for.
    """
    version = scons_version()
    found = find_spec("SCons")
    if not version or found is None or not found.submodule_search_locations:
        raise tool_failed("SCons is not installed", hint=f"pip install scons=={scons_pin()}")
    root = str(Path(next(iter(found.submodule_search_locations))).parent)
    files = platform_files(boards)
    files |= _package(
        PackageRef(owner="platformio", name="tool-scons", requirement=""),
        _scons_tool_version(version),
        "SCons from PyPI",
    )
    files["packages/tool-scons/scons.py"] = _SCONS_SHIM.format(root=root).encode()
    links: dict[str, str] = {}
    for ref in sorted({parse_ref(text) for board in boards for text in board.platformio.packages}, key=str):
        prefix, real = _wrapped_compiler(ref)
        version = version_within((ref.requirement,), preferred=real or "1.0.0")
        files |= _package(ref, version, "the operating system's compiler" if real else "nothing: not needed offline")
        links |= {f"packages/{ref.name}/bin/{path.name}": str(path) for path in _programs(prefix)}
    return Layout(files=files, links=links)


def prepare(boards: Sequence[BoardSpec], *, cache: Path | None = None) -> Path:
    """Make (or repair) the core directory for these boards and return it.

    Args:
        boards: those whose platforms and manifests it must hold.
        cache: folder it is made in; None takes `cache_dir()`.

    Raises:
        TinygenError: it cannot be written; SCons is missing; no stand-in for a board.
    """
    wanted = layout(boards)
    core = _core_dir(wanted, cache)
    for name, content in wanted.files.items():
        write_if_changed(core / name, content)
    for name, target in wanted.links.items():
        _link(core / name, target)
    return core


def core_dir(boards: Sequence[BoardSpec], *, cache: Path | None = None) -> Path:
    """Where `prepare` puts (or has put) the core directory for these boards."""
    return _core_dir(layout(boards), cache)


def _core_dir(wanted: Layout, cache: Path | None) -> Path:
    return (cache or cache_dir()) / f"pio-core-{wanted.key}"


def _package(ref: PackageRef, version: str, description: str) -> dict[str, bytes]:
    root = f"packages/{ref.name}"
    manifest = {"name": ref.name, "version": version, "system": "*", "description": f"{description} [offline stand-in]"}
    return {
        f"{root}/package.json": pretty_json(manifest).encode(),
        f"{root}/.piopm": piopm("tool", ref.name, version, ref.owner),
        f"{root}/.piokeep": b"",  # `pio system prune` leaves it alone
    }


def _scons_tool_version(version: str) -> str:
    return f"{version.partition('.')[0]}.{platformio_number(version)}.0"


def _wrapped_compiler(ref: PackageRef) -> tuple[str, str]:
    """Prefix of the system's compiler behind a package and its version in PlatformIO's numbering; "" if none."""
    if ref.name != "toolchain-gccarmnoneeabi":
        return "", ""
    compiler = shutil.which("arm-none-eabi-gcc")
    if compiler is None:
        return "", ""
    answer = subprocess.run([compiler, "-dumpfullversion"], capture_output=True, text=True, timeout=20, check=False)
    return "arm-none-eabi-", f"1.{platformio_number(answer.stdout.strip() or '0')}.0"


def _programs(prefix: str) -> list[Path]:
    compiler = shutil.which(prefix + "gcc") if prefix else None
    return sorted(Path(compiler).parent.glob(prefix + "*")) if compiler else []


def _link(path: Path, target: str) -> None:
    if path.is_symlink() and str(path.readlink()) == target:
        return
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        temporary.replace(path)
