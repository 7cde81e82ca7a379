"""RAM of everything around a model in the generated firmware, by part, from its object files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tinygen.boards.spec import ChipSpec
from tinygen.core.files import building_directory, write_tree
from tinygen.toolchain.cross import compile_object, cross_compiler
from tinygen.toolchain.measure import data_symbols

_LIBRARY = "lib/tinygen/src/"
_PARTS = ("protocol", "port")


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What the application that answers the serial protocol needs beside the model.

    Attributes:
        protocol_bytes: frame buffers, session, receive ring and the copy of the model's input.
        symbols: {symbol: bytes} behind it.
    """

    protocol_bytes: int
    symbols: dict[str, int]


def measure_application(files: Mapping[str, bytes], chip: ChipSpec, work: Path) -> Application:
    """Compile the protocol, the port and the input's copy of a rendered project, and add up what is writable.

    Args:
        files: the project's tree.
        chip: what it is for.
        work: folder that is made anew and then holds sources and objects.

    Raises:
        TinygenError: the compiler is missing or failed.
    """
    compiler = cross_compiler(chip)
    found: dict[str, int] = {}
    with building_directory(work) as folder:
        write_tree(folder / "project", files)
        root = folder / "project"
        include = (root / "include", root / "lib" / "tinygen" / "include", root / "src")
        flags = ("-O2", *(("-DTINYGEN_STANDIN",) if chip.arch == "xtensa" else ()))
        for name in sorted(files):
            wanted = name == "src/input_copy.cpp" or name.startswith(tuple(f"{_LIBRARY}{part}/" for part in _PARTS))
            if wanted and name.endswith(".cpp"):
                output = folder / "objects" / (name.replace("/", "_") + ".o")
                written, _ = data_symbols(compile_object(compiler, root / name, output, include=include, flags=flags))
                found |= written
    return Application(protocol_bytes=sum(found.values()), symbols=found)
