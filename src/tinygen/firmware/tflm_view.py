"""A model for TFLM's interpreter: resolver, tensors and arena as generated C++, the file itself as a C array."""

from __future__ import annotations

import textwrap
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from tinygen.boards.spec import BoardSpec
from tinygen.core.resources import resource_dir
from tinygen.firmware.environment import render
from tinygen.firmware.model_view import plain_comment, render_model_data, runtime_version
from tinygen.firmware.tflm_operators import Registration, registrations
from tinygen.model.interpreted import FileFacts
from tinygen.model.ir import Graph, Plan

LIBRARY = "lib/tflm"
"""Where TFLM's sources go in a project that brings them along."""

INCLUDES = tuple(
    f"{LIBRARY}/{folder}".removesuffix("/")
    for folder in (
        "", "third_party/flatbuffers/include", "third_party/gemmlowp", "third_party/ruy", "third_party/kissfft",
        "third_party/cmsis", "third_party/cmsis/CMSIS/Core/Include", "third_party/cmsis_nn",
        "third_party/cmsis_nn/Include",
    )
)  # fmt: skip
"""Folders its sources and headers name files from."""

COMPONENT_VERSION = "1.3.8"
"""Of espressif/esp-tflite-micro: our sources were compiled against its headers (and those of 1.4.0) on a host."""

_RUNTIME = ("engine.cpp", "engine.h", "tflm.h")


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorRow:
    """A tensor by its number in the file."""

    tensor: int
    step: int
    size_bytes: int
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TflmView:
    """What templates/model/tflm.cpp.j2 and input_copy.cpp.j2 print; `crc` is the CRC-32 of the file."""

    name: str
    digest: str
    runtime_version: int
    arena_bytes: int
    arena_words: tuple[str, ...]
    alignment_bytes: int
    weights_bytes: int
    input_bytes: int
    output_bytes: int
    state_bytes: int
    variable_count: int
    step_count: int
    registrations: tuple[Registration, ...]
    inputs: tuple[TensorRow, ...]
    outputs: tuple[TensorRow, ...]
    observed: tuple[TensorRow, ...]
    crc: int
    interpreted: bool = True


def render_tflm(plan: Plan, facts: FileFacts, tflite: bytes, board: BoardSpec) -> dict[str, bytes]:
    """The generated and handwritten sources of a model for the interpreter.

    Args:
        plan: from `interpreted_plan`.
        facts: of the same file.
        tflite: the file.
        board: says where the interpreter comes from: on an ESP32-S3, Espressif's component.

    Returns:
        {path: content} of src/model.cpp, src/input_copy.cpp, src/model_data.* and of the handwritten src/engine.* and
        src/tflm.h.
    """
    view = tflm_view(plan, facts, tflite)
    runtime = resource_dir("firmware") / "tflm"
    return {
        "src/model.cpp": render("model/tflm.cpp.j2", {"m": view}),
        "src/input_copy.cpp": render("model/input_copy.cpp.j2", {"m": view}),
        **render_model_data(view.name, tflite),
        **{f"src/{name}": (runtime / name).read_bytes() for name in _RUNTIME},
        **_component(board),
    }


def _component(board: BoardSpec) -> dict[str, bytes]:
    if board.chip.port != "esp32s3":
        return {}
    return {"src/idf_component.yml": render("project/idf_component.yml.j2", {"version": COMPONENT_VERSION})}


def tflm_view(plan: Plan, facts: FileFacts, tflite: bytes) -> TflmView:
    """The typed view behind the templates."""
    graph = plan.graph
    writers = {index: step.position for step in plan.steps for index in step.op.outputs}
    return TflmView(
        name=plain_comment(graph.name),
        digest=graph.digest,
        runtime_version=runtime_version(),
        arena_bytes=plan.arena_bytes,
        arena_words=tuple(textwrap.wrap(plan.arena_origin, 115)),
        alignment_bytes=plan.alignment_bytes,
        weights_bytes=plan.weights_bytes,
        input_bytes=sum(graph.tensors[i].n_bytes for i in graph.inputs),
        output_bytes=sum(graph.tensors[i].n_bytes for i in graph.outputs),
        state_bytes=plan.state_bytes,
        variable_count=facts.variable_count,
        step_count=len(plan.steps),
        registrations=registrations(facts),
        inputs=_rows(graph, graph.inputs, {}),
        outputs=_rows(graph, graph.outputs, writers),
        observed=_rows(graph, plan.observed, writers),
        crc=zlib.crc32(tflite),
    )


def library_files(tree: Mapping[str, bytes]) -> dict[str, bytes]:
    """TFLM's sources as a library of the project: `tree` as the toolchain selected it, and its manifest."""
    manifest = (resource_dir("templates") / "project" / "lib" / "tflm.json").read_bytes()
    return {f"{LIBRARY}/{name}": data for name, data in tree.items()} | {f"{LIBRARY}/library.json": manifest}


def _rows(graph: Graph, indices: tuple[int, ...], writers: Mapping[int, int]) -> tuple[TensorRow, ...]:
    return tuple(
        TensorRow(
            tensor=index,
            step=writers.get(index, 0),
            size_bytes=graph.tensors[index].n_bytes,
            comment=f"{graph.tensors[index].dtype} {list(graph.tensors[index].shape)} "
            f"{plain_comment(graph.tensors[index].name)}",
        )
        for index in indices
    )
