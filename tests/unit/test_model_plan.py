"""Kernels are chosen with reasons, memory collides only where a kernel allows it, and rendering is repeatable."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support.random_graphs import random_model
from tinygen.boards.spec import ChipSpec, MemoryRegion
from tinygen.firmware.model_view import render_model
from tinygen.model.budget import peak_text
from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.compile import WEIGHT_CONSTANTS, plan
from tinygen.model.importer import load
from tinygen.model.ir import short_name
from tinygen.model.memory import Request, allocate
from tinygen.model.sharing import shared_constants


def chip(alignment: int = 4) -> ChipSpec:
    return ChipSpec(
        id="test",
        title="test",
        arch="armv7em",
        cpu="cortex-m4",
        isa=("dsp",),
        fpu="",
        regions=(
            MemoryRegion(name="flash", address=0, size_bytes=1 << 20, kind="flash"),
            MemoryRegion(name="ram", address=0, size_bytes=1 << 17, kind="ram"),
        ),
        arena_alignment_bytes=alignment,
        define="",
        port="host",
        family="",
        max_clock_hz=1,
        peripherals={},
        cycle_counter="none",
        sources=(),
    )


def collide(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] < b[0] + b[1] and b[0] < a[0] + a[1]


def test_buffers_alive_together_are_apart() -> None:
    requests = [
        Request(key=i, size_bytes=size, first=first, last=last)
        for i, (size, first, last) in enumerate([(100, -1, 0), (60, 0, 2), (80, 1, 3), (10, 0, 4), (90, 3, 4)])
    ]
    layout = allocate(requests, {}, 8)
    for a, b in itertools.combinations(requests, 2):
        if a.meets(b):
            places = (layout.offsets[a.key], a.size_bytes), (layout.offsets[b.key], b.size_bytes)
            assert not collide(*places)
    assert all(offset % 8 == 0 for offset in layout.offsets.values())
    assert layout.lower_bound_bytes == 180
    assert layout.arena_bytes < 180 + 16
    assert layout == allocate(requests, {}, 8)


def test_search_finds_what_greedy_by_size_misses() -> None:
    # Largest first fragments this one; the bound is reachable.
    sizes = [(4, 0, 1), (6, 1, 2), (5, 2, 3), (7, 3, 4), (3, 0, 4), (4, 2, 4)]
    requests = [Request(key=i, size_bytes=s, first=a, last=b) for i, (s, a, b) in enumerate(sizes)]
    layout = allocate(requests, {}, 1)
    assert layout.arena_bytes == layout.lower_bound_bytes


@pytest.mark.parametrize("distance", [0, 16, 100])
def test_declared_overlap_is_used_and_kept(distance: int) -> None:
    requests = [Request(key=0, size_bytes=1000, first=-1, last=0), Request(key=1, size_bytes=1000, first=0, last=1)]
    layout = allocate(requests, {(1, 0): distance}, 4)
    assert layout.offsets[1] + distance <= layout.offsets[0]
    assert layout.arena_bytes == layout.lower_bound_bytes == 1000 + distance


@pytest.mark.parametrize("seed", range(30))
def test_plans_of_random_models_are_sound(seed: int) -> None:
    data = random_model(seed)
    graph = load(data, f"random-{seed}")
    result = plan(graph, chip(16))
    assert result.arena_bytes >= result.lower_bound_bytes
    assert result.arena_bytes == max(b.offset + b.size_bytes for b in result.buffers)
    assert {b.tensor for b in result.buffers} >= set(graph.inputs) | set(graph.outputs)
    assert result.observed == tuple(i for op in graph.ops for i in op.outputs)
    by_step = {i: n for n, step in enumerate(result.steps) for i in step.outputs}
    for a, b in itertools.combinations(result.buffers, 2):
        together = a.first <= b.last and b.first <= a.last
        if together and collide((a.offset, a.size_bytes), (b.offset, b.size_bytes)):
            # Only a step's output and a dying input, or a reshape's two names for one place, may share bytes.
            later = max(a, b, key=lambda buffer: buffer.first)
            step = result.steps[by_step[later.tensor]]
            other = b if later is a else a
            aliases = {step.outputs[0] for step in result.steps if step.kernel == "reshape_int8_alias"}
            assert other.tensor in step.inputs or {a.tensor, b.tensor} & aliases


def test_kernels_are_explained() -> None:
    result = plan(load(random_model(3), "m"), chip())
    for step in result.steps:
        assert step.why
        assert all(reason for _, reason in step.refused)
    known = sum(a.nbytes for s in result.steps for n, a in s.constants.items() if n in WEIGHT_CONSTANTS)
    assert result.weights_bytes == known


def test_reshape_shares_its_inputs_place() -> None:
    builder = ModelBuilder()
    x = builder.tensor("x", "int8", (1, 2, 2, 1), scales=[1.0])
    shape = builder.tensor("shape", "int32", (2,), data=np.array([1, 4], np.int32))
    y = builder.tensor("y", "int8", (1, 4), scales=[1.0])
    z = builder.tensor("z", "int8", (1, 4), scales=[0.5])
    builder.op("RESHAPE", [x, shape], [y], Record("ReshapeOptions", {}))
    builder.op("RELU", [y], [z])
    result = plan(load(builder.finish([x], [z]), "m"), chip())
    assert result.buffer_of(x).offset == result.buffer_of(y).offset == result.buffer_of(z).offset
    assert result.arena_bytes == 4


def test_rendering_twice_gives_the_same_bytes_and_holds_the_model() -> None:
    data = random_model(5)
    result = plan(load(data, "m.tflite"), chip())
    files = render_model(result, data)
    assert files == render_model(plan(load(data, "m.tflite"), chip()), data)
    assert sorted(files) == [
        "src/input_copy.cpp",
        "src/model.cpp",
        "src/model_data.cc",
        "src/model_data.h",
        "src/weight_digests.cpp",
        "src/weights.cpp",
        "src/weights.h",
    ]
    listed = files["src/model_data.cc"].decode().split("{", 1)[1].split("}", 1)[0]
    assert bytes(int(word, 16) for word in listed.replace(",", " ").split()) == data
    assert f"tinygen_arena[{result.arena_bytes}]" in files["src/model.cpp"].decode()
    for line in files["src/weights.cpp"].decode().splitlines():
        assert " = {" not in line or "const " in line


def test_names_from_the_file_cannot_break_the_generated_code() -> None:
    builder = ModelBuilder()
    x = builder.tensor("evil\n#error \\", "int8", (1, 4), scales=[1.0])
    y = builder.tensor("*/ ??/", "int8", (1, 4), scales=[0.5])
    builder.op("RELU", [x], [y])
    text = render_model(plan(load(builder.finish([x], [y]), "a\nb"), chip()), b"")["src/model.cpp"].decode()
    assert "\n#error" not in text
    assert not any(line.endswith("\\") for line in text.splitlines())
    assert "??/" not in text


@pytest.mark.parametrize(
    ("name", "seconds", "arena_bytes"),
    [
        ("kws_ref_model", 2.0, 9_000),
        ("vww_96_int8", 15.0, 38_000),
        ("pretrainedResnet_quant", 15.0, 37_000),
        ("person_detect", 15.0, 38_000),
        ("ad01_int8", 15.0, 800),
        ("micro_speech_quantized", 15.0, 4_400),
    ],
)
def test_planning_and_rendering_stay_quick_and_small(
    shared_dir: Callable[[str], Path], name: str, seconds: float, arena_bytes: int
) -> None:
    data = shared_dir(f"models/{name}.tflite").read_bytes()
    start = time.process_time()  # not the wall's clock: other programs run here too
    result = plan(load(data, name), chip())
    render_model(result, data)
    assert time.process_time() - start < seconds
    assert result.arena_bytes <= arena_bytes


def test_equal_constants_are_in_flash_once() -> None:
    """Two convolutions with the same weights, and one with others."""
    rng = np.random.default_rng(1)
    builder = ModelBuilder()
    x = builder.tensor("x", "int8", (1, 4, 4, 8), scales=[0.05])
    ours, other = (rng.integers(-127, 128, (8, 1, 1, 8)).astype(np.int8) for _ in range(2))
    outputs = []
    for data in (ours, ours, other):
        w = builder.tensor("w", "int8", data.shape, scales=[0.01], data=data)
        y = builder.tensor("y", "int8", (1, 4, 4, 8), scales=[0.1])
        fields = {"padding": 1, "stride_w": 1, "stride_h": 1, "dilation_w_factor": 1, "dilation_h_factor": 1}
        builder.op("CONV_2D", [x, w], [y], Record("Conv2DOptions", fields))
        outputs.append(y)
    tflite = builder.finish([x], outputs)
    result = plan(load(tflite, "twins"), chip())
    owners = shared_constants(result.steps)
    assert owners[1, "weights"] == owners[0, "weights"] == (0, "weights")
    assert owners[2, "weights"] == (2, "weights")
    files = render_model(result, tflite)
    source, constants = files["src/model.cpp"].decode(), files["src/weights.cpp"].decode()
    assert source.count("weights::conv_2d_0_weights") == 2
    assert "conv_2d_1_weights" not in source + constants
    sizes = [
        sum(array.nbytes for name, array in step.constants.items() if name in WEIGHT_CONSTANTS) for step in result.steps
    ]
    assert sizes[0] < result.weights_bytes <= sizes[0] + sizes[2] < sum(sizes)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("dense/BiasAdd", "dense/BiasAdd"),
        (
            f"functional_1/activation_1/Relu;{'functional_1/batch_normalization_1;' * 5}",
            "functional_1/activation_1/Relu...",
        ),
        ("MobilenetV1/MobilenetV1/Conv2d_1_pointwise/Relu6", ".../MobilenetV1/Conv2d_1_pointwise/Relu6"),
        ("x" * 50, "x" * 37 + "..."),
        ("a/b;" + "c" * 60, "a/b..."),
    ],
)
def test_a_fused_tensor_has_a_name_that_people_can_read(name: str, shown: str) -> None:
    assert short_name(name) == shown
    assert len(shown) <= 40


def test_a_refusal_names_the_writers_of_what_is_live_not_all_that_was_fused(shared_dir: Callable[..., Path]) -> None:
    graph = load(shared_dir("models/kws_ref_model.tflite").read_bytes(), "kws")
    said = peak_text(plan(graph, chip()))
    assert "result of step 1 DEPTHWISE_CONV_2D 'functional_1/activation_1/Relu...'" in said
    assert "FusedBatchNorm" not in said
    assert len(said) < 250
