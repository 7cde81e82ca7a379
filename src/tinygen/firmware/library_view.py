"""A compiled model as a C++ library of its own: generated sources, the runtime headers they use, build manifests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tinygen.boards.spec import ChipSpec
from tinygen.core.canonical import pretty_json
from tinygen.core.resources import resource_dir
from tinygen.firmware.environment import render
from tinygen.firmware.model_view import compiler_level, render_model
from tinygen.model.ir import Plan, Tensor

SOURCES = ("src/model.cpp", "src/weights.cpp", "src/weights.h")
"""What of the rendered model belongs to the library; the application's input copy and the TFLite array do not."""

_INCLUDE = re.compile(rb'^\s*#\s*include\s+"(tinygen/[^"]+)"', re.MULTILINE)
_C_TYPES = {
    "int8": "std::int8_t", "uint8": "std::uint8_t", "bool": "bool", "int16": "std::int16_t", "int32": "std::int32_t",
    "int64": "std::int64_t", "float32": "float",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PortView:
    """An input or output of the model, as the library's own header describes it."""

    symbol: str
    comment: str
    c_type: str
    number: int
    count: int
    size_bytes: int
    scale: str
    zero_point: int
    has_scale: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryView:
    """For the templates of templates/library. `plain`: one int8 input and one int8 output."""

    name: str
    identifier: str
    version: str
    model: str
    digest: str
    chip: str
    macs: int
    arena_bytes: int
    state_bytes: int
    weights_bytes: int
    input_bytes: int
    output_bytes: int
    inputs: tuple[PortView, ...]
    outputs: tuple[PortView, ...]
    plain: bool
    optimize: str
    level: str


def identifier(name: str) -> str:
    """A C++ name made of a file's: letters, digits and '_', not starting with a digit."""
    words = re.sub(r"[^0-9A-Za-z]+", "_", name).strip("_").lower() or "model"
    return f"model_{words}" if words[0].isdigit() else words


def render_library(plan: Plan, tflite: bytes, name: str, chip: ChipSpec) -> dict[str, bytes]:
    """All files of the library. The same input gives the same bytes on every machine.

    Args:
        plan: what to render.
        tflite: the flatbuffer it was made of.
        name: the model's name; the library's C++ name is made of it.
        chip: what it was planned for.

    Returns:
        {path in the library: content}.

    Raises:
        TinygenError: the model does not suit the generated interface.
    """
    view = library_view(plan, name, chip)
    rendered = render_model(plan, tflite)
    sources = {path: rendered[path] for path in SOURCES}
    files = {
        **sources,
        **runtime_headers({**sources, "": b'#include "tinygen/model_api.h"\n'}),
        f"include/{view.identifier}.h": render("library/model.h.j2", {"v": view}),
        "CMakeLists.txt": render("library/CMakeLists.txt.j2", {"v": view}),
        "README.md": render("library/README.md.j2", {"v": view}),
        "examples/minimal/main.cpp": render("library/main.cpp.j2", {"v": view}),
        "library.json": pretty_json(_manifest(view)).encode(),
    }
    return dict(sorted(files.items()))


def runtime_headers(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The handwritten headers that these sources include, and those that these include."""
    root = resource_dir("firmware") / "include"
    found: dict[str, bytes] = {}
    waiting = list(sources.values())
    while waiting:
        for match in _INCLUDE.findall(waiting.pop()):
            path = f"include/{match.decode()}"
            if path not in found:
                found[path] = (root / match.decode()).read_bytes()
                waiting.append(found[path])
    return found


def library_view(plan: Plan, name: str, chip: ChipSpec) -> LibraryView:
    """The typed view behind the templates."""
    graph = plan.graph
    inputs = [graph.tensors[index] for index in graph.inputs]
    outputs = [graph.tensors[index] for index in graph.outputs]
    return LibraryView(
        name=identifier(name).replace("_", "-"),
        identifier=identifier(name),
        version="1.0.0",
        model=_line(name),
        digest=graph.digest,
        chip=chip.id,
        macs=plan.macs,
        arena_bytes=plan.arena_bytes,
        state_bytes=plan.state_bytes,
        weights_bytes=plan.weights_bytes,
        input_bytes=sum(tensor.n_bytes for tensor in inputs),
        output_bytes=sum(tensor.n_bytes for tensor in outputs),
        inputs=_ports(inputs, "Input"),
        outputs=_ports(outputs, "Output"),
        plain=[tensor.dtype for tensor in (*inputs, *outputs)] == ["int8", "int8"],
        optimize=plan.optimize,
        level=compiler_level(plan),
    )


def _ports(tensors: list[Tensor], word: str) -> tuple[PortView, ...]:
    ports: list[PortView] = []
    for number, tensor in enumerate(tensors):
        quantization = tensor.quantization
        scaled = quantization is not None and tensor.dtype != "float32" and bool(quantization.scales)
        shape = "x".join(map(str, tensor.shape)) or "scalar"
        ports.append(
            PortView(
                symbol=f"k{word}" if len(tensors) == 1 else f"k{word}{number}",
                comment=f"{_line(tensor.name)}: {tensor.dtype} {shape}",
                c_type=_C_TYPES.get(tensor.dtype, "std::uint8_t"),
                count=tensor.n_elements,
                number=number,
                size_bytes=tensor.n_bytes,
                scale=float.hex(quantization.scale) + "F" if scaled and quantization is not None else "1.0F",
                zero_point=quantization.zero_point if scaled and quantization is not None else 0,
                has_scale=scaled,
            )
        )
    return tuple(ports)


def _line(text: str) -> str:
    """Safe in a // comment and in Markdown: printable ASCII without line splices, not too long."""
    safe = "".join(c if " " <= c <= "~" and c not in "\\`" else "?" for c in text).replace("??", "?")
    return safe if len(safe) <= 60 else safe[:57] + "..."


def _manifest(view: LibraryView) -> dict[str, object]:
    return {
        "name": view.name,
        "version": view.version,
        "description": f"{view.model} as C++, generated by tinygen: {view.arena_bytes} bytes of RAM, no heap",
        "frameworks": "*",
        "platforms": "*",
        "headers": f"{view.identifier}.h",
        "build": {"flags": [view.level, "-Wall", "-Wextra"], "includeDir": "include", "srcDir": "src"},
        "export": {"include": ["include", "src", "examples", "library.json", "README.md"]},
    }
