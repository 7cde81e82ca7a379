"""The machine's own C++ compilers, for tests that run kernels on the host."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tinygen.core.errors import tool_failed
from tinygen.core.process import run

WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
DIALECT = ("-std=gnu++17", "-fno-exceptions", "-fno-rtti")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """A C++ compiler of this machine. `name` is "gcc", "clang" or what CXX says."""

    name: str
    cxx: str


_KNOWN = (("gcc", "g++", "g++"), ("clang", "clang++", "clang"))


def host_compilers() -> tuple[Compiler, ...]:
    """Those that are installed: CXX first if set, then gcc, then clang."""
    found: list[Compiler] = []
    chosen = os.environ.get("CXX")
    if chosen and shutil.which(chosen):
        found.append(Compiler(name=Path(chosen).name, cxx=chosen))
    found += [
        Compiler(name=name, cxx=str(shutil.which(program))) for name, program, _ in _KNOWN if shutil.which(program)
    ]
    return tuple(found)


def host_compiler(name: str = "") -> Compiler:
    """One compiler: "gcc", "clang", or "" for the first there is.

    Raises:
        TinygenError: exit code 3 with the Debian package that brings it.
    """
    for compiler in host_compilers():
        if name in ("", compiler.name):
            return compiler
    package = next((package for known, _, package in _KNOWN if known == name), "g++")
    raise tool_failed(f"there is no C++ compiler '{name or 'g++'}'", hint=f"apt-get install {package}")


def compile_program(
    compiler: Compiler,
    sources: Sequence[Path],
    output: Path,
    *,
    include: Sequence[Path] = (),
    flags: Sequence[str] = (),
    sanitize: bool = False,
    werror: bool = True,
) -> Path:
    """Compile and link a program of this machine in the firmware's C++ dialect; returns `output`.

    Raises:
        TinygenError: the compiler's own words.
    """
    words = [compiler.cxx, *DIALECT, "-O1", "-g", *WARNINGS, *(("-Werror",) if werror else ())]
    words += [*(SANITIZERS if sanitize else ()), *flags, *(f"-I{folder}" for folder in include)]
    output.parent.mkdir(parents=True, exist_ok=True)
    run([*words, *map(str, sources), "-o", str(output)], timeout_s=300)
    return output
