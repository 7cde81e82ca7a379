"""From a Plan to model.cpp, weights and the TensorFlow Lite Micro C array."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tinygen.core.resources import resource_dir
from tinygen.firmware.environment import render
from tinygen.firmware.model_values import (
    ConstantView,
    EndView,
    InitialView,
    ModelView,
    ObservedView,
    Param,
    Place,
    StepView,
)
from tinygen.model.compile import WEIGHT_CONSTANTS, kernel_of
from tinygen.model.ir import Buffer, Plan, Step
from tinygen.model.layout import starts_unlike_zero
from tinygen.model.sharing import Name, shared_constants

_C_TYPES = {
    "int8": "std::int8_t",
    "uint8": "std::uint8_t",
    "bool": "std::uint8_t",
    "int16": "std::int16_t",
    "uint16": "std::uint16_t",
    "int32": "std::int32_t",
    "int64": "std::int64_t",
    "float32": "float",
}
# How kernels see tensors in the arena: may_alias types, because one place holds values of several types over time.
_VIEWS = {"uint8": "uint8", "bool": "uint8", "int16": "int16", "int32": "int32", "int64": "int64", "float32": "float32"}
_LINE_WIDTH = 118


def compiler_level(plan: Plan) -> str:
    """What the C++ compiler is told to optimize for."""
    return "-Os" if plan.optimize == "size" else "-O2"


def render_model(plan: Plan, tflite: bytes) -> dict[str, bytes]:
    """The generated sources of a model.

    Args:
        plan: what to call and where everything lies.
        tflite: the flatbuffer, for the C array.

    Returns:
        {path: content} of src/model.cpp, src/input_copy.cpp, src/weight_digests.cpp, src/weights.h, src/weights.cpp,
        src/model_data.h, src/model_data.cc.
    """
    view = model_view(plan)
    return {
        "src/model.cpp": render("model/model.cpp.j2", {"m": view}),
        "src/input_copy.cpp": render("model/input_copy.cpp.j2", {"m": view}),
        "src/weight_digests.cpp": render("model/weight_digests.cpp.j2", {"m": view}),
        "src/weights.h": render("model/weights.h.j2", {"m": view}),
        "src/weights.cpp": render("model/weights.cpp.j2", {"m": view}),
        **render_model_data(view.name, tflite),
    }


def render_model_data(name: str, tflite: bytes) -> dict[str, bytes]:
    """{path: content} of src/model_data.h and src/model_data.cc: the file as TFLM's interpreter takes it."""
    values = _wrapped(f"0x{byte:02x}" for byte in tflite)
    facts = {"name": name, "length": len(tflite)}
    return {
        "src/model_data.h": render("model/model_data.h.j2", facts),
        "src/model_data.cc": render("model/model_data.cc.j2", {**facts, "values": values}),
    }


def model_view(plan: Plan) -> ModelView:
    """The typed view behind the templates."""
    graph = plan.graph
    bases = {b.tensor: f"tinygen_arena + {_place_symbol(b)}" for b in plan.buffers if b.tensor >= 0}
    bases |= {b.tensor: f"tinygen_state + {_place_symbol(b)}" for b in plan.state_buffers}
    operands = _constant_operands(plan)
    owners = shared_constants(plan.steps)
    constants = [
        _constant(plan, step, name, array)
        for step in plan.steps
        for name, array in step.constants.items()
        if owners[step.position, name] == (step.position, name)
    ]
    constants += list(operands.values())
    initial, initial_arrays = _initial_state(plan)
    constants += initial_arrays
    headers = sorted({kernel_of(step).header for step in plan.steps} - {""})
    return ModelView(
        name=plain_comment(graph.name),
        digest=graph.digest,
        runtime_version=runtime_version(),
        macs=plan.macs,
        arena_bytes=plan.arena_bytes,
        weights_bytes=plan.weights_bytes,
        weights_in_ram=plan.weights_in_ram,
        dual_issue=plan.dual_issue,
        alignment_bytes=plan.alignment_bytes,
        input_bytes=sum(graph.tensors[i].n_bytes for i in graph.inputs),
        output_bytes=sum(graph.tensors[i].n_bytes for i in graph.outputs),
        inputs=_ends(plan, graph.inputs, bases),
        outputs=_ends(plan, graph.outputs, bases),
        state_bytes=plan.state_bytes,
        started_flag=starts_unlike_zero(graph),
        state_places=tuple(_place(plan, buffer) for buffer in plan.state_buffers),
        initial=initial,
        headers=tuple(headers),
        places=tuple(_place(plan, buffer) for buffer in plan.buffers),
        steps=tuple(_step(plan, number, bases, operands, owners) for number in range(len(plan.steps))),
        constants=tuple(constants),
        observed=tuple(
            ObservedView(
                expression=bases[index],
                size_bytes=graph.tensors[index].n_bytes,
                step=number,
                tensor=index,
                comment=plain_comment(graph.tensors[index].name),
            )
            for number, step in enumerate(plan.steps)
            for index in step.outputs
            if index in plan.observed
        ),
    )


def _ends(plan: Plan, indices: tuple[int, ...], bases: dict[int, str]) -> tuple[EndView, ...]:
    writers = {index: number for number, step in enumerate(plan.steps) for index in step.outputs}
    found, start = [], 0
    for index in indices:
        tensor = plan.graph.tensors[index]
        found.append(
            EndView(
                expression=bases[index],
                size_bytes=tensor.n_bytes,
                step=writers.get(index, 0),
                tensor=index,
                start=start,
                comment=f"{tensor.dtype} {list(tensor.shape)} {plain_comment(tensor.name)}",
            )
        )
        start += tensor.n_bytes
    return tuple(found)


def _initial_state(plan: Plan) -> tuple[tuple[InitialView, ...], list[ConstantView]]:
    places = {buffer.tensor: buffer for buffer in plan.state_buffers}
    views, arrays = [], []
    for state in plan.graph.states:
        data = np.frombuffer(np.ascontiguousarray(state.initial).tobytes(), np.int8)
        name = plain_comment(plan.graph.tensors[state.tensor].name)
        symbol = "" if data.size == 0 or (data == data[0]).all() else f"state_{state.tensor}_initial"
        if symbol:
            arrays.append(_array(symbol, data, f"state at the start: {name}"))
        views.append(
            InitialView(
                place=_place_symbol(places[state.tensor]),
                size_bytes=data.size,
                fill=int(data[0]) if data.size else 0,
                symbol=symbol,
                comment=name,
            )
        )
    return tuple(views), arrays


def runtime_version() -> int:
    """TINYGEN_RUNTIME_VERSION of the firmware folder this package came with."""
    text = (resource_dir("firmware") / "include" / "tinygen" / "build_info.h").read_text(encoding="utf-8")
    found = re.search(r"^#define TINYGEN_RUNTIME_VERSION (\d+)", text, re.MULTILINE)
    return int(found.group(1)) if found else 0


def plain_comment(text: str) -> str:
    """Text that is safe inside a // comment: printable ASCII, no line splice, not too long."""
    safe = "".join(c if " " <= c <= "~" and c != "\\" else "?" for c in text)
    # "??/" would be a trigraph for a backslash.
    safe = safe.replace("??", "?")
    return safe if len(safe) <= 48 else safe[:45] + "..."


def _place_symbol(buffer: Buffer) -> str:
    return f"kTensor{buffer.tensor}" if buffer.tensor >= 0 else f"kScratch{buffer.first}"


def _place(plan: Plan, buffer: Buffer) -> Place:
    if buffer.tensor >= 0:
        shape = list(plan.graph.tensors[buffer.tensor].shape)
        what = f"{shape} {plain_comment(buffer.name)}"
    else:
        what = f"{buffer.size_bytes} bytes of scratch"
    span = f"steps {max(buffer.first, 0)}..{min(buffer.last, len(plan.steps) - 1)}"
    return Place(symbol=_place_symbol(buffer), offset=buffer.offset, comment=f"{span}: {what}")


def _constant_symbol(step: Step, name: str) -> str:
    return f"{step.op.name.lower()}_{step.position}_{name}"


def _constant(plan: Plan, step: Step, name: str, array: npt.NDArray[np.generic]) -> ConstantView:
    shape = "x".join(str(size) for size in array.shape)
    view = _array(_constant_symbol(step, name), array, f"step {step.position} {step.kernel}: {name} {shape}")
    # As vector loads would want the rows that meet tensors so aligned.
    alignment = max(view.alignment_bytes, plan.alignment_bytes if name == "weights" else 0)
    return replace(view, alignment_bytes=alignment, in_ram=plan.weights_in_ram and name in WEIGHT_CONSTANTS)


def _constant_operands(plan: Plan) -> dict[int, ConstantView]:
    """Constant tensors that steps read as data (a bias added by ADD, for instance)."""
    found: dict[int, ConstantView] = {}
    for step in plan.steps:
        for index in step.inputs:
            data = plan.graph.tensors[index].data
            if data is not None:
                found[index] = _array(f"tensor_{index}", data, plain_comment(plan.graph.tensors[index].name))
    return found


def _array(symbol: str, array: npt.NDArray[np.generic], comment: str) -> ConstantView:
    return ConstantView(
        symbol=symbol,
        type=_C_TYPES[array.dtype.newbyteorder("=").name],
        count=array.size,
        alignment_bytes=max(4, array.dtype.itemsize),
        comment=comment,
        values=_wrapped(_literal(value) for value in array.reshape(-1).tolist()),
        crc=zlib.crc32(array.astype(array.dtype.newbyteorder("<")).tobytes()),
    )


def _literal(value: float) -> str:
    if isinstance(value, float):
        return f"{value.hex()}F"
    # -2147483648 is a long long minus sign away from int in C++, and -2^63 from long long.
    if value == -(2**31):
        return "(-2147483647 - 1)"
    return "(-9223372036854775807 - 1)" if value == -(2**63) else str(int(value))


def _view(expression: str, dtype: str) -> str:
    """The pointer a kernel gets: the arena is bytes, other types are views of it."""
    return f"view_{_VIEWS[dtype]}({expression})" if dtype in _VIEWS else expression


def _wrapped(words: Iterable[str]) -> str:
    lines: list[str] = []
    line = "   "
    for word in words:
        if len(line) + len(word) + 2 > _LINE_WIDTH:
            lines.append(line)
            line = "   "
        line += f" {word},"
    lines.append(line)
    return "\n".join(lines)


def _step(
    plan: Plan,
    number: int,
    bases: dict[int, str],
    operands: dict[int, ConstantView],
    owners: Mapping[Name, Name],
) -> StepView:
    step = plan.steps[number]
    kernel = kernel_of(step)
    tensors = plan.graph.tensors
    shapes = [" + ".join(str(list(tensors[i].shape)) for i in side) for side in (step.inputs, step.outputs)]
    work = f", {step.macs} MACs" if step.macs else ""
    struct = f"Step{number}"
    call = ""
    if kernel.header:
        arguments = [
            f"weights::{operands[i].symbol}" if i in operands else _view(bases[i], tensors[i].dtype)
            for i in step.inputs
        ]
        arguments += [_view(bases[i], tensors[i].dtype) for i in step.outputs]
        owned = (owners[step.position, name] for name in kernel.arguments)
        arguments += [f"weights::{_constant_symbol(plan.steps[at], name)}" for at, name in owned]
        if step.scratch_bytes:
            arguments.append(f"tinygen_arena + kScratch{number}")
        head = f"kernels::{kernel.id}<{struct}>("
        joiner = ",\n" + " " * (len(head) + 2)
        flat = head + ", ".join(arguments) + ");"
        call = flat if len(flat) <= _LINE_WIDTH else head + joiner.join(arguments) + ");"
    return StepView(
        number=number,
        function=f"step_{number}_{step.op.name.lower()}",
        struct=struct,
        comment=f"{step.op.name} {shapes[0]} -> {shapes[1]}{work}.",
        choice=f"{step.kernel}: {step.why}.",
        params=tuple(Param(name=name, value=value) for name, value in step.params.items()) if call else (),
        call=call,
    )
