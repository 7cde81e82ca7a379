"""Single layers: made from shapes or cut out of models, every kernel that can run them counted and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from support.single import single
from tinygen.boards.spec import ChipSpec
from tinygen.core.errors import TinygenError
from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.compile import plan
from tinygen.model.importer import load
from tinygen.model.ir import Graph, Plan
from tinygen.model.kernels.registry import candidates
from tinygen.model.lowering import Lowered, OpContext
from tinygen.model.ops.registry import find_op
from tinygen.model.reference import initial_state
from tinygen.model.reference import run as reference
from tinygen.model.rewrite.registry import rewrite
from tinygen.model.selection import Options
from tinygen.pipeline.counting import Runner, Subject, count
from tinygen.verify.inputs import model_inputs, split

_RAM_BYTES, _FLASH_BYTES = 90_000, 700_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """One kernel on one layer.

    Attributes:
        instructions: the largest of all inferences.
        differing_bytes: of its outputs, from the NumPy reference's.
        stack_bytes: worst case of an inference with it, from the call graph.
    """

    layer: str
    kernel: str
    lowered: Lowered
    instructions: int
    differing_bytes: int
    scratch_bytes: int
    stack_bytes: int | None
    estimate: float | None


def lowered(graph: Graph) -> Lowered:
    """The integers of a graph's only operator."""
    op = graph.ops[0]
    definition = find_op(op.name)
    assert definition is not None
    return definition.lower(OpContext(model=graph.name, op=op, tensors=graph.tensors))


def measure(
    layers: Sequence[tuple[str, Graph]],
    chip: ChipSpec,
    work: Path,
    *,
    kernels: Sequence[str] = (),
    n_vectors: int = 2,
    runner: Runner = "unicorn",
) -> list[Measured]:
    """Run every kernel (or those whose id has one of the given words in it) on every layer it takes."""
    wanted = []
    for name, graph in layers:
        for kernel in candidates(graph.ops[0].name):
            if kernel.alias or (kernels and not any(word in kernel.id for word in kernels)):
                continue
            try:
                wanted.append((name, graph, plan(graph, chip, Options(kernels={"0": kernel.id}))))
            except TinygenError:
                continue
    found: list[Measured] = []
    while wanted:
        batch: list[tuple[str, Graph, Plan]] = []
        ram, flash = 0, 0
        while wanted and len(batch) < 24:
            need = wanted[0][2].arena_bytes + wanted[0][2].state_bytes + 16
            size = wanted[0][2].weights_bytes + 4096 + n_vectors * need
            if batch and (ram + need > _RAM_BYTES or flash + size > _FLASH_BYTES):
                break
            ram, flash = ram + need, flash + size
            batch.append(wanted.pop(0))
        vectors = [model_inputs(graph, n_vectors, 1) for _, graph, _ in batch]
        subjects = [
            Subject(plan=made, inputs=tuple(v.model_input.tobytes() for v in vs))
            for (_, _, made), vs in zip(batch, vectors, strict=True)
        ]
        counts = count(subjects, chip, work, runner=runner)
        for (name, graph, made), vs, counted in zip(batch, vectors, counts, strict=True):
            state = initial_state(graph)
            wrong = 0
            for vector, got in zip(vs, counted.outputs, strict=True):
                tensors = reference(graph, split(graph, vector.model_input), state)
                expected = b"".join(np.ascontiguousarray({**state, **tensors}[i]).tobytes() for i in graph.outputs)
                wrong += sum(a != b for a, b in zip(expected, got, strict=True))
            step = made.steps[0]
            found.append(
                Measured(
                    layer=name,
                    kernel=step.kernel,
                    lowered=lowered(graph),
                    instructions=max(counted.instructions),
                    differing_bytes=wrong,
                    scratch_bytes=step.scratch_bytes,
                    stack_bytes=counted.stack_bytes,
                    estimate=step.instructions,
                )
            )
    return found


def _quantized(builder: ModelBuilder, name: str, shape: Sequence[int], scale: float, zero: int) -> int:
    return builder.tensor(name, "int8", tuple(shape), scales=[scale], zero_points=[zero])


def window(
    op: str, shape: tuple[int, int, int], channels: int, k: tuple[int, int], stride: tuple[int, int] = (1, 1), *,
    same: bool = True, seed: int = 5,
) -> Graph:  # fmt: skip
    """A convolution, depthwise convolution or pool of one image [h, w, c]."""
    rng = np.random.default_rng(seed)
    builder = ModelBuilder()
    out = [
        -(-size // step) if same else (size - window) // step + 1
        for size, window, step in zip(shape[:2], k, stride, strict=True)
    ]
    x = _quantized(builder, "x", (1, *shape), 0.05, 3)
    fields: dict[str, object] = {
        "padding": 0 if same else 1, "stride_h": stride[0], "stride_w": stride[1], "fused_activation_function": 0,
    }  # fmt: skip
    if "POOL" in op:
        y = _quantized(builder, "y", (1, *out, shape[2]), 0.05, 3)
        builder.op(op, [x], [y], Record("Pool2DOptions", {**fields, "filter_height": k[0], "filter_width": k[1]}))
        return load(builder.finish([x], [y]), f"{op} {shape} {k}")
    depthwise = op == "DEPTHWISE_CONV_2D"
    w_shape = (1, *k, channels) if depthwise else (channels, *k, shape[2])
    scales = [float(np.float32(0.01 * (1 + 0.1 * (i % 3)))) for i in range(channels)]
    data = rng.integers(-127, 128, w_shape).astype(np.int8)
    w = builder.tensor("w", "int8", w_shape, scales=scales, axis=3 if depthwise else 0, data=data)
    b = builder.tensor("b", "int32", (channels,), data=rng.integers(-4000, 4000, channels).astype(np.int32))
    taps = k[0] * k[1] * (1 if depthwise else shape[2])
    y = _quantized(builder, "y", (1, *out, channels), 0.05 * 0.011 * 75 * taps**0.5, -4)
    kind = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
    if depthwise:
        fields["depth_multiplier"] = channels // shape[2]
    builder.op(op, [x, w, b], [y], Record(kind, fields))
    return load(builder.finish([x], [y]), f"{op} {shape} {k}")


def dense(inputs: int, outputs: int, *, per_channel: bool = False, seed: int = 5) -> Graph:
    """A fully connected layer."""
    rng = np.random.default_rng(seed)
    builder = ModelBuilder()
    x = _quantized(builder, "x", (1, inputs), 0.05, 3)
    scales = [float(np.float32(0.01 * (1 + 0.1 * (i % 3) * per_channel))) for i in range(outputs)]
    data = rng.integers(-127, 128, (outputs, inputs)).astype(np.int8)
    w = builder.tensor("w", "int8", data.shape, scales=scales if per_channel else scales[:1], data=data)
    b = builder.tensor("b", "int32", (outputs,), data=rng.integers(-4000, 4000, outputs).astype(np.int32))
    y = _quantized(builder, "y", (1, outputs), 0.05 * 0.01 * 75 * inputs**0.5, -4)
    builder.op("FULLY_CONNECTED", [x, w, b], [y], Record("FullyConnectedOptions", {}))
    return load(builder.finish([x], [y]), f"FULLY_CONNECTED {inputs} {outputs}")


def pointwise(op: str, elements: int) -> Graph:
    """ADD, SOFTMAX, LOGISTIC or RELU of so many values."""
    builder = ModelBuilder()
    x = _quantized(builder, "x", (1, elements), 0.05, 3)
    if op == "ADD":
        other = _quantized(builder, "z", (1, elements), 0.07, -9)
        y = _quantized(builder, "y", (1, elements), 0.1, 1)
        builder.op("ADD", [x, other], [y], Record("AddOptions", {"fused_activation_function": 0}))
        return load(builder.finish([x, other], [y]), f"ADD {elements}")
    scale, zero = (1 / 256, -128) if op in ("SOFTMAX", "LOGISTIC") else (0.04, 0)
    y = _quantized(builder, "y", (1, elements), scale, zero)
    builder.op(op, [x], [y], Record("SoftmaxOptions", {"beta": 1.0}) if op == "SOFTMAX" else None)
    return load(builder.finish([x], [y]), f"{op} {elements}")


def mean(shape: tuple[int, int, int]) -> Graph:
    """MEAN over the height and width of one image."""
    builder = ModelBuilder()
    x = _quantized(builder, "x", (1, *shape), 0.05, 3)
    axes = builder.tensor("axes", "int32", (2,), data=np.array([1, 2], np.int32))
    y = _quantized(builder, "y", (1, shape[2]), 0.03, -4)
    builder.op("MEAN", [x, axes], [y], Record("ReducerOptions", {"keep_dims": False}))
    return load(builder.finish([x], [y]), f"MEAN {shape}")


def streaming(kept_rows: int, channels: int) -> Graph:
    """The window of a depthwise convolution over time that gets one new row."""
    rng = np.random.default_rng(5)
    builder = ModelBuilder()
    rows = kept_rows + 3
    x = _quantized(builder, "x", (1, rows, 1, channels), 0.05, 3)
    fields = {"padding": 1, "stride_h": 1, "stride_w": 1, "fused_activation_function": 0}
    shape = (1, kept_rows + 1, 1, channels)
    w = builder.tensor(
        "w", "int8", shape, scales=[0.01] * channels, axis=3, data=rng.integers(-127, 128, shape).astype(np.int8)
    )
    y = _quantized(builder, "y", (1, 3, 1, channels), 0.5, -4)
    builder.op("DEPTHWISE_CONV_2D", [x, w], [y], Record("DepthwiseConv2DOptions", {**fields, "depth_multiplier": 1}))
    z = _quantized(builder, "z", (1, channels), 0.5, -4)
    axes = builder.tensor("axes", "int32", (2,), data=np.array([1, 2], np.int32))
    builder.op("MEAN", [y, axes], [z], Record("ReducerOptions", {"keep_dims": False}))
    graph = rewrite(load(builder.finish([x], [z]), "stream"), incremental=True)
    number = next(n for n, op in enumerate(graph.ops) if op.name == "STREAM_ROWS")
    return single(graph, number)
