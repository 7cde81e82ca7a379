"""From a Plan to model.cpp, weights and the TensorFlow Lite Micro C array."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.core.resources import resource_dir
from tinygen.firmware.environment import render
from tinygen.model.compile import kernel_of
from tinygen.model.ir import Buffer, Plan, Step

_C_TYPES = {"int8": "std::int8_t", "int16": "std::int16_t", "int32": "std::int32_t"}
_LINE_WIDTH = 118


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """A compile-time constant of a step."""

    name: str
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A named offset into the arena."""

    symbol: str
    offset: int
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """A step function; `call` is "" when the step needs no code."""

    number: int
    function: str
    struct: str
    comment: str
    choice: str
    params: tuple[Param, ...]
    call: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantView:
    """An array in weights.cpp."""

    symbol: str
    type: str
    count: int
    alignment_bytes: int
    comment: str
    values: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedView:
    """A tensor the protocol can ask for."""

    expression: str
    size_bytes: int
    step: int
    tensor: int
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelView:
    """All that the templates print."""

    name: str
    digest: str
    runtime_version: int
    macs: int
    arena_bytes: int
    weights_bytes: int
    alignment_bytes: int
    input_bytes: int
    output_bytes: int
    input_symbol: str
    output_symbol: str
    headers: tuple[str, ...]
    places: tuple[Place, ...]
    steps: tuple[StepView, ...]
    constants: tuple[ConstantView, ...]
    observed: tuple[ObservedView, ...]


def render_model(plan: Plan, tflite: bytes) -> dict[str, bytes]:
    """The generated sources of a model.

    Args:
        plan: what to call and where everything lies.
        tflite: the flatbuffer, for the C array.

    Returns:
        {path: content} of src/model.cpp, src/input_copy.cpp, src/weights.h, src/weights.cpp, src/model_data.h,
        src/model_data.cc.

    Raises:
        TinygenError: the model has more inputs or outputs than the firmware's interface carries.
    """
    view = model_view(plan)
    data = np.frombuffer(tflite, np.uint8)
    return {
        "src/model.cpp": render("model/model.cpp.j2", {"m": view}),
        "src/input_copy.cpp": render("model/input_copy.cpp.j2", {"m": view}),
        "src/weights.h": render("model/weights.h.j2", {"m": view}),
        "src/weights.cpp": render("model/weights.cpp.j2", {"m": view}),
        "src/model_data.h": render("model/model_data.h.j2", {"m": view}),
        "src/model_data.cc": render(
            "model/model_data.cc.j2",
            {"m": view, "values": _wrapped(f"0x{byte:02x}" for byte in data.tolist()), "length": len(tflite)},
        ),
    }


def model_view(plan: Plan) -> ModelView:
    """The typed view behind the templates."""
    graph = plan.graph
    for what, indices in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        if len(indices) != 1:
            raise bad_input(f"{len(indices)} {what}; the generated firmware carries one", where=graph.name)
    symbols = {buffer.tensor: _place_symbol(buffer) for buffer in plan.buffers if buffer.tensor >= 0}
    operands = _constant_operands(plan)
    constants = [_constant(step, name, array) for step in plan.steps for name, array in step.constants.items()]
    constants += list(operands.values())
    headers = sorted({kernel_of(step).header for step in plan.steps} - {""})
    return ModelView(
        name=_plain(graph.name),
        digest=graph.digest,
        runtime_version=runtime_version(),
        macs=plan.macs,
        arena_bytes=plan.arena_bytes,
        weights_bytes=plan.weights_bytes,
        alignment_bytes=plan.alignment_bytes,
        input_bytes=graph.tensors[graph.inputs[0]].n_bytes,
        output_bytes=graph.tensors[graph.outputs[0]].n_bytes,
        input_symbol=symbols[graph.inputs[0]],
        output_symbol=symbols[graph.outputs[0]],
        headers=tuple(headers),
        places=tuple(_place(plan, buffer) for buffer in plan.buffers),
        steps=tuple(_step(plan, number, symbols, operands) for number in range(len(plan.steps))),
        constants=tuple(constants),
        observed=tuple(
            ObservedView(
                expression=f"tinygen_arena + {symbols[index]}",
                size_bytes=graph.tensors[index].n_bytes,
                step=number,
                tensor=index,
                comment=_plain(graph.tensors[index].name),
            )
            for number, step in enumerate(plan.steps)
            for index in step.outputs
        ),
    )


def runtime_version() -> int:
    """TINYGEN_RUNTIME_VERSION of the firmware folder this package came with."""
    text = (resource_dir("firmware") / "include" / "tinygen" / "build_info.h").read_text(encoding="utf-8")
    found = re.search(r"^#define TINYGEN_RUNTIME_VERSION (\d+)", text, re.MULTILINE)
    return int(found.group(1)) if found else 0


def _plain(text: str) -> str:
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
        what = f"{shape} {_plain(buffer.name)}"
    else:
        what = f"{buffer.size_bytes} bytes of scratch"
    span = f"steps {max(buffer.first, 0)}..{min(buffer.last, len(plan.steps) - 1)}"
    return Place(symbol=_place_symbol(buffer), offset=buffer.offset, comment=f"{span}: {what}")


def _constant_symbol(step: Step, name: str) -> str:
    return f"{step.op.name.lower()}_{step.position}_{name}"


def _constant(step: Step, name: str, array: npt.NDArray[np.generic]) -> ConstantView:
    shape = "x".join(str(size) for size in array.shape)
    return _array(_constant_symbol(step, name), array, f"step {step.position} {step.kernel}: {name} {shape}")


def _constant_operands(plan: Plan) -> dict[int, ConstantView]:
    """Constant tensors that steps read as data (a bias added by ADD, for instance)."""
    found: dict[int, ConstantView] = {}
    for step in plan.steps:
        for index in step.inputs:
            data = plan.graph.tensors[index].data
            if data is not None:
                found[index] = _array(f"tensor_{index}", data, _plain(plan.graph.tensors[index].name))
    return found


def _array(symbol: str, array: npt.NDArray[np.generic], comment: str) -> ConstantView:
    return ConstantView(
        symbol=symbol,
        type=_C_TYPES[array.dtype.newbyteorder("=").name],
        count=array.size,
        alignment_bytes=4,
        comment=comment,
        values=_wrapped(_literal(int(value)) for value in array.reshape(-1).tolist()),
    )


def _literal(value: int) -> str:
    # -2147483648 is a long long minus sign away from int in C++.
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)


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


def _step(plan: Plan, number: int, symbols: dict[int, str], operands: dict[int, ConstantView]) -> StepView:
    step = plan.steps[number]
    kernel = kernel_of(step)
    tensors = plan.graph.tensors
    shapes = [" + ".join(str(list(tensors[i].shape)) for i in side) for side in (step.inputs, step.outputs)]
    work = f", {step.macs} MACs" if step.macs else ""
    struct = f"Step{number}"
    call = ""
    if kernel.header:
        arguments = [
            f"weights::{operands[i].symbol}" if i in operands else f"tinygen_arena + {symbols[i]}" for i in step.inputs
        ]
        arguments += [f"tinygen_arena + {symbols[i]}" for i in step.outputs]
        arguments += [f"weights::{_constant_symbol(step, name)}" for name in kernel.arguments]
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
