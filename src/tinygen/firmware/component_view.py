"""A task's model as a part of somebody's own project: front end, model and decision, as his build tool wants it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tinygen.core.canonical import pretty_json
from tinygen.core.resources import resource_dir
from tinygen.firmware.environment import render
from tinygen.firmware.library_view import SOURCES, runtime_headers

Kind = Literal["platformio", "espidf", "cmake", "arduino"]
KINDS: tuple[Kind, ...] = ("platformio", "espidf", "cmake", "arduino")
_PARTS = (*SOURCES, "src/features.cpp", "src/decision.cpp", "src/input_copy.cpp")
_PLACES: dict[Kind, str] = {"platformio": "lib", "espidf": "components", "cmake": "", "arduino": "libraries"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """What is put where, and what is left for the user to write.

    Attributes:
        folder: below the user's project.
        files: {path in that folder: content}.
        add: lines for the user's own files, each with where it goes.
    """

    folder: str
    files: dict[str, bytes]
    add: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentView:
    """For templates/component/*.j2. `sources`: to compile, relative to the folder."""

    name: str
    task: str
    kind: Kind
    sources: tuple[str, ...]
    level: str
    arena_bytes: int
    weights_bytes: int


def render_component(
    kind: Kind, task: str, rendered: Mapping[str, bytes], *, level: str, arena_bytes: int, weights_bytes: int
) -> Component:
    """The component's files.

    Args:
        kind: whose project it becomes a part of.
        task: names it.
        rendered: what the model's, the front end's and the decision's views made: {path in a project: bytes}.
        level: what the compiler optimizes for.
        arena_bytes, weights_bytes: RAM and flash, for the README.
    """
    name = f"tinygen_{task}"
    sources = {path: rendered[path] for path in _PARTS if path in rendered}
    runtime = resource_dir("firmware") / "features"
    sources |= {f"src/features/{path.name}": path.read_bytes() for path in sorted(runtime.glob("*.cpp"))}
    asked = b'#include "tinygen/model_api.h"\n#include "tinygen/features_api.h"\n#include "tinygen/decision_api.h"\n'
    tree = {**sources, **runtime_headers({**sources, "": asked})}
    if kind == "arduino":  # one folder holds sources and headers
        tree = {f"src/{path.partition('/')[2]}": data for path, data in tree.items()}
    compiled = tuple(sorted(path for path in tree if path.endswith(".cpp")))
    view = ComponentView(
        name=name,
        task=task,
        kind=kind,
        sources=compiled,
        level=level,
        arena_bytes=arena_bytes,
        weights_bytes=weights_bytes,
    )
    place = _PLACES[kind]
    files = tree | _manifest(view) | {"README.md": render("component/README.md.j2", {"v": view})}
    return Component(folder=f"{place}/{name}" if place else name, files=dict(sorted(files.items())), add=_to_add(view))


def _manifest(view: ComponentView) -> dict[str, bytes]:
    """What the build tool reads."""
    header = f"include/{view.name}.h" if view.kind != "arduino" else f"src/{view.name}.h"
    files = {header: render("component/all.h.j2", {"v": view})}
    match view.kind:
        case "platformio":
            build = {"flags": ["-std=gnu++17", view.level], "unflags": ["-std=gnu++11"], "includeDir": "include"}
            manifest = {"name": view.name, "version": "1.0.0", "frameworks": "*", "platforms": "*", "build": build}
            files["library.json"] = pretty_json(manifest).encode()
        case "espidf" | "cmake":
            files["CMakeLists.txt"] = render(f"component/{view.kind}.txt.j2", {"v": view})
        case "arduino":
            files["library.properties"] = render("component/library.properties.j2", {"v": view})
    return files


def _to_add(view: ComponentView) -> tuple[str, ...]:
    include = f'#include "{view.name}.h" where it is used; README.md beside it shows how'
    match view.kind:
        case "platformio":
            return ("platformio.ini: build_flags = -std=gnu++17 (and build_unflags = -std=gnu++11)", include)
        case "espidf":
            return (f"main/CMakeLists.txt: REQUIRES {view.name} in idf_component_register(...)", include)
        case "cmake":
            link = f"target_link_libraries(your_program PRIVATE {view.name})"
            return (f"CMakeLists.txt: add_subdirectory({view.name}) and {link}", include)
        case "arduino":
            return ("nothing: the IDE and arduino-cli find it in the sketchbook's libraries", include)
