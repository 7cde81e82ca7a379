"""Models that once gave other bytes than TFLM: found by hand, unlike anything the generators of random ones drew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.compile import plan
from tinygen.model.importer import load
from tinygen.model.reference import initial_state, run
from tinygen.model.rewrite.registry import rewrite
from tinygen.model.selection import Options
from tinygen.pipeline.counting import Subject, core_chip, count
from tinygen.verify.oracle import Oracle
from tinygen.verify.values import Vector

pytestmark = pytest.mark.sim
Shape = tuple[int, int, int, int]


def convolution(
    builder: ModelBuilder, x: int, source: Shape, filters: Shape, output: Shape, *, dilation: int = 1, **options: int
) -> int:
    """A CONV_2D with random weights: x -> the new tensor."""
    rng = np.random.default_rng(filters[1] * 31 + source[1])
    name = f"{x}_{'x'.join(map(str, filters))}"
    many = [0.01] * filters[0]
    data = rng.integers(-127, 128, filters).astype(np.int8)
    w = builder.tensor(f"w{name}", "int8", filters, scales=many, data=data)
    bias = rng.integers(-900, 900, filters[0]).astype(np.int32)
    b = builder.tensor(f"b{name}", "int32", (filters[0],), scales=[0.0005] * filters[0], data=bias)
    y = builder.tensor(f"y{name}", "int8", output, scales=[0.1], zero_points=[-4])
    apart = {"dilation_h_factor": dilation, "dilation_w_factor": dilation}
    builder.op("CONV_2D", [x, w, b], [y], Record("Conv2DOptions", {**apart, "fused_activation_function": 0, **options}))
    return y


def padded(before: int, after: int, source: Shape, filters: Shape, *, dilation: int = 1) -> bytes:
    """PAD along both axes, then a VALID convolution of stride 1."""
    builder = ModelBuilder()
    x = builder.tensor("x", "int8", source, scales=[0.05], zero_points=[3])
    amounts = np.array([(0, 0), (before, after), (before, after), (0, 0)], np.int32)
    paddings = builder.tensor("pads", "int32", (4, 2), data=amounts)
    large: Shape = (1, source[1] + before + after, source[2] + before + after, source[3])
    wide = builder.tensor("wide", "int8", large, scales=[0.05], zero_points=[3])
    builder.op("PAD", [x, paddings], [wide], Record("PadOptions", {}))
    reach = (filters[1] - 1) * dilation
    output: Shape = (1, large[1] - reach, large[2] - reach, filters[0])
    options = {"padding": 1, "stride_h": 1, "stride_w": 1}
    y = convolution(builder, wide, large, filters, output, dilation=dilation, **options)
    return builder.finish([x], [y])


def dilated_window() -> bytes:
    """One output pixel whose taps lie apart, some of them behind the input."""
    builder = ModelBuilder()
    x = builder.tensor("x", "int8", (1, 2, 2, 8), scales=[0.05], zero_points=[3])
    options = {"padding": 0, "stride_h": 2, "stride_w": 2}
    y = convolution(builder, x, (1, 2, 2, 8), (8, 2, 2, 8), (1, 1, 1, 8), dilation=2, **options)
    return builder.finish([x], [y])


MODELS = {
    "PAD before 1x1": padded(1, 1, (1, 4, 4, 6), (5, 1, 1, 6)),
    "dilation in one window": dilated_window(),
    "PAD behind a dilated window": padded(0, 1, (1, 2, 2, 8), (8, 2, 2, 8), dilation=2),
}


@pytest.mark.parametrize("optimize", ["speed", "size"])
@pytest.mark.parametrize("name", MODELS)
def test_the_pinned_tflm_and_a_cortex_m4_agree(
    name: str,
    optimize: Literal["speed", "size"],
    tmp_path: Path,
    needs_tool: Callable[..., str],
    needs_module: Callable[..., None],
) -> None:
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    needs_module("unicorn", "sim")
    needs_module("tflite_micro", "verify")
    tflite, chip = MODELS[name], core_chip("cortex-m4")
    graph = load(tflite, name)
    rng = np.random.default_rng(1)
    source = graph.tensors[graph.inputs[0]]
    inputs = [rng.integers(-128, 128, source.n_elements).astype(np.int8) for _ in range(4)]
    oracle = Oracle(tflite, graph)
    wanted = [oracle.expect(Vector(name="", raw=None, model_input=x, label="")).output for x in inputs]
    subject = Subject(plan=plan(rewrite(graph), chip, Options(optimize=optimize)), inputs=tuple(map(bytes, inputs)))
    (counted,) = count([subject], chip, tmp_path / "work")
    assert [bytes(output) for output in counted.outputs] == wanted


def test_branches_whose_strides_do_not_divide_each_other_advance_together() -> None:
    """Strides 2 and 3 along time: a hop is 6 rows, or one branch would miss some."""
    builder = ModelBuilder()
    x = builder.tensor("x", "int8", (1, 24, 1, 6), scales=[0.05], zero_points=[3])
    tops: list[int] = []
    for stride in (2, 3):
        rows = 24 // stride
        options = {"padding": 1, "stride_h": stride, "stride_w": 1}
        y = convolution(builder, x, (1, 24, 1, 6), (5, stride, 1, 6), (1, rows, 1, 5), **options)
        top = builder.tensor(f"top{stride}", "int8", (1, 1, 1, 5), scales=[0.1], zero_points=[-4])
        pool = {"padding": 1, "stride_h": 1, "stride_w": 1, "filter_height": rows, "filter_width": 1}
        builder.op("MAX_POOL_2D", [y], [top], Record("Pool2DOptions", {**pool, "fused_activation_function": 0}))
        tops.append(top)
    total = builder.tensor("sum", "int8", (1, 1, 1, 5), scales=[0.2], zero_points=[0])
    builder.op("ADD", tops, [total], Record("AddOptions", {}))
    full = load(builder.finish([x], [total]), "branches")
    graph = rewrite(full, incremental=True)
    assert graph.rewritten is not None
    hop = graph.rewritten.hop_rows
    assert hop == 6
    fresh = np.random.default_rng(3).integers(-128, 128, (1, 10 * hop, 1, 6)).astype(np.int8)
    signal: npt.NDArray[np.int8] = np.concatenate([np.full((1, 24, 1, 6), 3, np.int8), fresh], axis=1)
    state = initial_state(graph)
    for end in range(24 + hop, signal.shape[1] + 1, hop):
        ours = run(graph, [np.ascontiguousarray(signal[:, end - hop : end])], state)[total]
        whole = run(full, [np.ascontiguousarray(signal[:, end - 24 : end])])[total]
        assert np.array_equal(ours, whole), end
