"""Every kernel on the instruction set it is for: built as users build it, executed in unicorn, equal to the reference.

Layers are cut out of random graphs and made from random shapes; each kernel gets some of those it accepts. Compiling at
-O2 also guards against what GCC 12 once did: leave out a step whose stores it had lost track of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from support.cases.registry import CASES
from support.random_graphs import random_model
from support.random_rewrites import rewritable_model, streamable_model
from support.single import single
from support.typed_graphs import PAIRS, conversion, lstm_model, svdf_model, wide_lstm_model
from tinygen.core.errors import TinygenError
from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.compile import plan
from tinygen.model.importer import load
from tinygen.model.ir import Graph, Plan
from tinygen.model.kernels.base import KernelDef
from tinygen.model.kernels.registry import KERNELS, candidates
from tinygen.model.reference import initial_state, run
from tinygen.model.rewrite.registry import rewrite
from tinygen.model.selection import Options
from tinygen.pipeline.counting import Subject, core_chip, count, runner_of
from tinygen.verify.inputs import model_inputs, split

pytestmark = [pytest.mark.sim, pytest.mark.slow]

CORES = ("cortex-m4", "cortex-m3", "cortex-m0plus", "cortex-m55", "lx106")
PER_KERNEL = {"fast": 7, "compact": 2}
VECTORS = 3  # random, all highest, all lowest
BATCH = 40
STACK_LIMIT_BYTES = 512
# Copies of bytes to and from a state: only whole models with variables have them (tests/host, tests/sim compile those).
ELSEWHERE = ("read_variable_any_copy", "assign_variable_any_copy")
# Debian's libgcc for the lx106 has no floats (the ESP8266 keeps them in ROM).
WITH_FLOATS = ("quantize_float32_scale", "dequantize_any_scale")
# Those that refuse every core but one.
OWN_CORE = {"conv_2d_int8_unsigned": "lx106"}
_RAM_BYTES = 90_000


def a_window(op: str, rng: np.random.Generator) -> bytes:
    """A convolution, depthwise convolution or pool of a random shape."""
    h, w = (int(rng.integers(1, 12)) for _ in range(2))
    c = int(rng.choice([1, 2, 3, 4, 5, 8, 9, 12, 16, 31, 32]))
    k = (min(h, int(rng.choice([1, 1, 2, 3, 3, 5]))), min(w, int(rng.choice([1, 1, 2, 3, 3, 5]))))
    if rng.random() < 0.35:
        k = (1, 1) if "DEPTHWISE" not in op else (min(3, h), min(3, w))
    stride = (1, 1) if rng.random() < 0.5 else (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    same = bool(rng.random() < 0.6)
    out = [-(-n // s) if same else (n - m) // s + 1 for n, m, s in zip((h, w), k, stride, strict=True)]
    builder = ModelBuilder()
    zero = int(rng.choice([-128, -5, 0, 127]))
    x = builder.tensor("x", "int8", (1, h, w, c), scales=[0.05], zero_points=[zero])
    fields: dict[str, object] = {
        "padding": 0 if same else 1, "stride_h": stride[0], "stride_w": stride[1],
        "fused_activation_function": int(rng.choice([0, 1, 3])),
    }  # fmt: skip
    if "POOL" in op:
        y = builder.tensor("y", "int8", (1, *out, c), scales=[0.05], zero_points=[zero])
        fields |= {"filter_height": k[0], "filter_width": k[1], "fused_activation_function": 0}
        builder.op(op, [x], [y], Record("Pool2DOptions", fields))
        return builder.finish([x], [y])
    depthwise = op == "DEPTHWISE_CONV_2D"
    d = c * int(rng.choice([1, 1, 1, 2, 8])) if depthwise else int(rng.choice([1, 2, 3, 4, 7, 8, 16, 24]))
    data = rng.integers(-127, 128, (1, *k, d) if depthwise else (d, *k, c)).astype(np.int8)
    scales = [float(np.float32(s)) for s in rng.uniform(0.002, 0.03, d)]
    w_ = builder.tensor("w", "int8", data.shape, scales=scales, axis=3 if depthwise else 0, data=data)
    b = builder.tensor("b", "int32", (d,), data=rng.integers(-30000, 30000, d).astype(np.int32))
    scale = float(rng.choice([0.004, 0.05, 0.4]))
    y = builder.tensor("y", "int8", (1, *out, d), scales=[scale], zero_points=[int(rng.integers(-128, 128))])
    if depthwise:
        fields["depth_multiplier"] = d // c
    kind = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
    builder.op(op, [x, w_, b], [y], Record(kind, fields))
    return builder.finish([x], [y])


def models() -> Iterator[bytes]:
    """Where layers come from."""
    for make in CASES.values():
        yield from (case.tflite for case in make())
    for seed in range(120):
        rng = np.random.default_rng([77, seed])
        for op in ("CONV_2D", "DEPTHWISE_CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D"):
            yield a_window(op, rng)
        if seed < 12:
            yield a_window("AVERAGE_POOL_2D", rng)
            yield a_window("MAX_POOL_2D", rng)
    yield from map(random_model, range(60))
    yield from map(rewritable_model, range(10))
    for seed in range(4):
        yield lstm_model(seed)
        yield lstm_model(seed, whole_words=True)
        yield wide_lstm_model(seed)
        yield svdf_model(seed)
    for source, target in PAIRS:
        yield conversion("QUANTIZE", (source, 0.3, 0), (target, 0.7, 0), 50)
    yield conversion("QUANTIZE", ("float32", 0, 0), ("int8", 0.5, -7), 50)
    yield conversion("DEQUANTIZE", ("int8", 0.1, -7), ("float32", 0, 0), 50)
    builder = ModelBuilder()
    x = builder.tensor("x", "int8", (3, 12), scales=[0.05], zero_points=[3])
    y = builder.tensor("y", "int16", (3, 12), scales=[1 / 65536], zero_points=[-32768])
    builder.op("SOFTMAX", [x], [y], Record("SoftmaxOptions", {"beta": 1.0}))
    yield builder.finish([x], [y])


@cache
def layers() -> tuple[Graph, ...]:
    """Operators alone, in an order that mixes their origins."""
    found: list[Graph] = []
    for data in models():
        try:
            graph = load(data, "m")
        except TinygenError:
            continue
        for number in range(len(graph.ops)):
            layer = single(graph, number)
            if layer.inputs and layer.outputs and sum(layer.tensors[i].n_bytes for i in layer.tensors) < 30_000:
                found.append(layer)
    order = np.random.default_rng(3).permutation(len(found))
    return tuple(found[i] for i in order)


def reachable(kernel: KernelDef, core: str) -> bool:
    """Whether it computes anything and the core is to run it: the Cortex-M55 only what no other one can."""
    if (core == "lx106" and kernel.id in WITH_FLOATS) or OWN_CORE.get(kernel.id, core) != core:
        return False
    isa = core_chip(core).isa
    own = "mve" in kernel.needs or core != "cortex-m55"
    return own and not kernel.alias and all(name in isa for name in kernel.needs)


def plans(core: str) -> list[tuple[Graph, Plan]]:
    """Some layers for each kernel that the core can run, and whole streaming programs."""
    chip = core_chip(core)
    wanted = {k.id: PER_KERNEL[k.code] for k in KERNELS}
    chosen: list[tuple[Graph, Plan]] = []
    for layer in layers():
        for kernel in candidates(layer.ops[0].name):
            if not reachable(kernel, core) or wanted[kernel.id] <= 0:
                continue
            try:
                made = plan(layer, chip, Options(kernels={"0": kernel.id}))
            except TinygenError:
                continue
            chosen.append((layer, made))
            wanted[kernel.id] -= 1
    if core == "cortex-m55":
        return chosen
    for seed in range(3):
        graph = rewrite(load(streamable_model(seed), "m"), incremental=True)
        chosen.append((graph, plan(graph, chip)))
    tables = (rewrite(load(rewritable_model(seed), "m")) for seed in range(40))
    graph = next(graph for graph in tables if any(op.name == "TABLE" for op in graph.ops))
    return [*chosen, (graph, plan(graph, chip))]


def batches(chosen: list[tuple[Graph, Plan]]) -> Iterator[list[tuple[Graph, Plan]]]:
    batch: list[tuple[Graph, Plan]] = []
    ram = 0
    for graph, made in chosen:
        need = made.arena_bytes + made.state_bytes
        if batch and (len(batch) == BATCH or ram + need > _RAM_BYTES):
            yield batch
            batch, ram = [], 0
        batch.append((graph, made))
        ram += need
    yield batch


@pytest.mark.parametrize("core", CORES)
def test_every_kernel_gives_the_reference_bytes(
    tmp_path: Path, needs_tool: Callable[..., str], needs_module: Callable[..., None], core: str
) -> None:
    if core == "lx106":
        needs_tool("xtensa-lx106-elf-g++", "gcc-xtensa-lx106")
        needs_tool("qemu-system-xtensa", "qemu-system-misc")
    else:
        needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    if core == "cortex-m55":
        needs_tool("qemu-system-arm", "qemu-system-arm")
    elif core != "lx106":
        needs_module("unicorn", "sim")
    reached: dict[str, int] = {}
    failures: list[str] = []
    stacks: dict[str, int] = {}
    for batch in batches(plans(core)):
        vectors = [model_inputs(graph, VECTORS, 7) for graph, _ in batch]
        subjects = [
            Subject(plan=made, inputs=tuple(v.model_input.tobytes() for v in vs))
            for (_, made), vs in zip(batch, vectors, strict=True)
        ]
        counted = count(subjects, core_chip(core), tmp_path / "work", runner=runner_of(core), watch=False)
        for (graph, made), vs, got in zip(batch, vectors, counted, strict=True):
            state = initial_state(graph)
            kernels = {step.kernel for step in made.steps}
            for vector, output in zip(vs, got.outputs, strict=True):
                tensors = run(graph, split(graph, vector.model_input), state)
                expected = b"".join(np.ascontiguousarray(tensors[i]).tobytes() for i in graph.outputs)
                if output != expected:
                    failures.append(f"{core} {sorted(kernels)} {graph.name} {made.steps[0].params} {vector.name}")
            assert got.stack_bytes is not None, (kernels, "its stack has no bound")
            for kernel in kernels:
                reached[kernel] = reached.get(kernel, 0) + 1
                stacks[kernel] = max(stacks.get(kernel, 0), got.stack_bytes)
    assert not failures, "\n".join(failures)
    assert {name: size for name, size in stacks.items() if size > STACK_LIMIT_BYTES} == {}
    missing = [k.id for k in KERNELS if reachable(k, core) and k.id not in (*reached, *ELSEWHERE)]
    assert not missing, f"no layer reaches {missing} on {core}"
