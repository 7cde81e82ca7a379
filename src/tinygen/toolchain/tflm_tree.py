"""TensorFlow Lite Micro's sources, from a tree its own project generator made: what of it a model needs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tinygen.core.canonical import digest_tree
from tinygen.core.errors import TinygenError, bad_input, tool_failed

ENVIRONMENT = "TINYGEN_TFLM_TREE"
HOW = (
    "in a checkout of github.com/tensorflow/tflite-micro: python3 "
    "tensorflow/lite/micro/tools/project_generation/create_tflm_tree.py --rename_cc_to_cpp --makefile_options="
    '"TARGET=cortex_m_generic OPTIMIZED_KERNEL_DIR=cmsis_nn TARGET_ARCH=project_generation" FOLDER; then name FOLDER '
    f"with --tflm-tree, tflm.tree in tinygen.toml or {ENVIRONMENT}"
)
_MICRO = "tensorflow/lite/micro"
_KERNELS = f"{_MICRO}/kernels"
_CMSIS = f"{_KERNELS}/cmsis_nn"
_NEEDED = (
    f"{_MICRO}/micro_interpreter.h",
    f"{_MICRO}/micro_mutable_op_resolver.h",
    f"{_CMSIS}/conv.cpp",
    "third_party/flatbuffers/include/flatbuffers/flatbuffers.h",
    "third_party/cmsis_nn/Include/arm_nnfunctions.h",
    "third_party/cmsis/CMSIS/Core/Include/cmsis_gcc.h",
)
_SOURCES = (".cpp", ".cc", ".c")
_HEADERS = (".h", ".hpp", ".inc")
_LICENCES = ("LICENSE", "LICENSE.txt", "COPYING")
# Helpers of TFLM's own tests, and floating point that a model of integers never reaches.
_LEFT_OUT = re.compile(
    r"(^|/)(test_helper\w*|mock_\w+|fake_\w+|recording_\w+|hexdump)\.(cpp|cc)$|_f(16|32)\.c$|_flt\.c$"
)
_FOLDERS = ("tensorflow", "signal", "third_party")
_INCLUDE = re.compile(rb'^\s*#\s*include\s+"(tensorflow/[^"]+|[^"/]+)\.h"', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TflmTree:
    """A tree on disk.

    Attributes:
        digest: SHA-256 of all its sources, 12 hex digits: TFLM's trees say no version.
    """

    path: Path
    digest: str


def find_tree(named: Path | None) -> TflmTree:
    """The tree the user named, or the environment.

    Raises:
        TinygenError: none is named; it is no tree of TFLM's project generator; it has no CMSIS-NN.
    """
    path = named or (Path(os.environ[ENVIRONMENT]).expanduser() if os.environ.get(ENVIRONMENT) else None)
    if path is None:
        why = "--engine tflm on an STM32 needs TensorFlow Lite Micro's sources"
        raise tool_failed(why, where="tflm.tree", hint=HOW)
    if not path.is_dir():
        raise bad_input("is no folder", where=str(path), hint=HOW)
    missing = [name for name in _NEEDED if not (path / name).is_file()]
    if missing:
        raise _no_tree(path, missing)
    roots = [path / folder for folder in _FOLDERS if (path / folder).is_dir()]
    return TflmTree(path=path.resolve(), digest=digest_tree(roots, suffixes=(*_SOURCES, *_HEADERS))[:12])


def _no_tree(path: Path, missing: list[str]) -> TinygenError:
    plain = (path / _CMSIS / "conv.cc").is_file()
    why = "its files end in .cc" if plain else f"it has no {missing[0]}"
    return bad_input(f"is no tree that PlatformIO can build with CMSIS-NN: {why}", where=str(path), hint=HOW)


def select(tree: TflmTree, symbols: Iterable[str]) -> dict[str, bytes]:
    """The files a model needs: headers, the interpreter, the kernels of these operators with what they include.

    Args:
        tree: where from.
        symbols: functions that give an operator's kernel: "Register_CONV_2D_INT8".

    Returns:
        {path in the tree: content}.

    Raises:
        TinygenError: an operator that the tree does not know.
    """
    files = {}
    for folder in _FOLDERS:
        for path in sorted((tree.path / folder).rglob("*")):
            name = path.relative_to(tree.path).as_posix()
            wanted = path.suffix in (*_SOURCES, *_HEADERS) or path.name in _LICENCES
            if wanted and path.is_file() and not _LEFT_OUT.search(name):
                files[name] = path.read_bytes()
    kernels = {name for name in files if name.startswith(f"{_KERNELS}/") and name.endswith(_SOURCES)}
    chosen = _with_included(files, kernels, _defining(files, kernels, symbols, tree))
    kept = {name: data for name, data in files.items() if not _unused(name, kernels, chosen)}
    licence = tree.path / "LICENSE"
    return {**({"LICENSE": licence.read_bytes()} if licence.is_file() else {}), **kept}


def _unused(name: str, kernels: set[str], chosen: set[str]) -> bool:
    return name in kernels - chosen or (name.startswith("signal/") and name.endswith(_SOURCES))


def _defining(files: dict[str, bytes], kernels: set[str], symbols: Iterable[str], tree: TflmTree) -> set[str]:
    """The kernels' files that define the functions; one the tree only declares inline stands for a general one."""
    found = {f"{_KERNELS}/kernel_util.cpp"} & kernels
    for symbol in symbols:
        general = re.sub(r"_INT8$", "", symbol)
        for name in (symbol, general):
            pattern = re.compile(rf"^\s*TFLMRegistration\s+(?:\w+::)*{name}\s*\(\s*\)\s*\{{".encode(), re.MULTILINE)
            defined = {path for path in kernels if pattern.search(files[path])}
            found |= defined
            if defined:
                break
        else:
            raise bad_input(f"has no kernel {symbol}", where=str(tree.path), hint="take a newer TFLM, or --engine aot")
    return found


def _with_included(files: dict[str, bytes], kernels: set[str], start: set[str]) -> set[str]:
    """Also the sources behind every kernel header that is included: conv.h stands for conv.cpp and conv_common.cpp."""
    chosen: set[str] = set()
    waiting = list(start)
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in kernels:
            chosen.add(name)
        for match in _INCLUDE.finditer(files[name]):
            header = match[1].decode()
            if not header.startswith(f"{_KERNELS}/"):
                continue
            stem = header.rsplit("/", 1)[-1]
            beside = (f"{_KERNELS}/{stem}.cpp", f"{_KERNELS}/{stem}_common.cpp", f"{_CMSIS}/{stem}.cpp", f"{header}.h")
            waiting += [path for path in beside if path in files]
    return chosen
