"""Random single layers of the matrix-product family, meant to hit the corners of their kernels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.boards.spec import ChipSpec
from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.compile import plan
from tinygen.model.importer import load
from tinygen.model.ir import Graph, Plan
from tinygen.model.reference import run
from tinygen.model.selection import Options

# How far the sums lie above the outputs: shifts of 0, to the left, to the right by a few and by many bits.
_REGIMES = ("usual", "usual", "none", "left", "far", "beyond")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """A layer, a kernel to run it, inputs."""

    kernel: str
    graph: Graph
    inputs: tuple[npt.NDArray[np.int8], ...]

    def plan(self, chip: ChipSpec) -> Plan:
        """With this kernel and no other."""
        made = plan(self.graph, chip, Options(kernels={"0": self.kernel}))
        assert made.steps[0].kernel == self.kernel
        return made

    @property
    def expected(self) -> tuple[bytes, ...]:
        """The reference's outputs."""
        return tuple(run(self.graph, [x])[self.graph.outputs[0]].tobytes() for x in self.inputs)


def random_layer(kernel: str, seed: int) -> Layer:
    """A layer that a kernel takes.

    Args:
        kernel: id of a DSP kernel of CONV_2D or FULLY_CONNECTED.
    """
    rng = np.random.default_rng([seed, *kernel.encode()])
    activation = int(rng.choice([0, 0, 1, 2, 2, 3]))
    if kernel.startswith("fully"):
        rows, taps, out_c = (int(rng.integers(1, high)) for high in (4, 40, 15))
        if seed % 5 == 3:
            # More than can be summed at once.
            taps, out_c = int(rng.integers(900, 1300)), 4 * int(rng.integers(1, 3))
        shapes = _Shapes(source=(rows, taps), weights=(out_c, taps), output=(rows, out_c))
        options = Record("FullyConnectedOptions", {"fused_activation_function": activation})
    else:
        shapes, fields = _one_window(rng) if kernel.endswith("window") else _convolution(rng)
        options = Record("Conv2DOptions", {**fields, "fused_activation_function": activation})
    out_c = shapes.weights[0]
    data = rng.integers(-127, 128, shapes.weights).astype(np.int8)
    if rng.random() < 0.2 or data[0].size > 800:
        data = np.where(rng.random(shapes.weights) < 0.5, -127, 127).astype(np.int8)
    regime = str(rng.choice(_REGIMES))
    wanted = {"usual": data[0].size ** 0.5 * 60, "none": 1.4, "left": 0.05, "far": 40000.0, "beyond": 4e7}[regime]
    large = {"usual": 6000, "none": 90, "left": 4, "far": 1 << 24, "beyond": 1 << 29}[regime]
    zero_in, zero_out = (int(z) for z in rng.choice([-128, -127, -5, 0, 3, 126, 127], 2))
    per_channel = not kernel.endswith("per_tensor")
    scales = [float(np.float32(0.01 * (1 + 0.1 * (i % 3) * per_channel))) for i in range(out_c)]
    builder = ModelBuilder()
    x = builder.tensor("x", "int8", shapes.source, scales=[0.05], zero_points=[zero_in])
    w = builder.tensor("w", "int8", shapes.weights, scales=scales if per_channel else scales[:1], axis=0, data=data)
    bias = rng.integers(-large, large + 1, out_c).astype(np.int32)
    bias_scales = [0.05 * scale for scale in (scales if per_channel else scales[:1])]
    b = builder.tensor("b", "int32", (out_c,), scales=bias_scales, zero_points=[0] * len(bias_scales), data=bias)
    y = builder.tensor("y", "int8", shapes.output, scales=[0.05 * 0.01 * wanted], zero_points=[zero_out])
    builder.op("FULLY_CONNECTED" if kernel.startswith("fully") else "CONV_2D", [x, w, b], [y], options)
    graph = load(builder.finish([x], [y]), f"{kernel} {seed}")
    ends = (np.full(shapes.source, -128, np.int8), np.full(shapes.source, 127, np.int8))
    some = tuple(rng.integers(-128, 128, shapes.source).astype(np.int8) for _ in range(3))
    return Layer(kernel=kernel, graph=graph, inputs=(*some, *ends))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shapes:
    source: tuple[int, ...]
    weights: tuple[int, ...]
    output: tuple[int, ...]


def _one_window(rng: np.random.Generator) -> tuple[_Shapes, dict[str, object]]:
    k_h, k_w, in_c, out_c = (int(rng.integers(1, high)) for high in (4, 4, 13, 12))
    shapes = _Shapes(source=(1, k_h, k_w, in_c), weights=(out_c, k_h, k_w, in_c), output=(1, 1, 1, out_c))
    return shapes, {"padding": 1, "stride_h": 1, "stride_w": 1}


def _convolution(rng: np.random.Generator) -> tuple[_Shapes, dict[str, object]]:
    """Any number of pixels but one."""
    in_c, out_c = int(rng.choice([1, 2, 3, 4, 5, 7, 8, 12])), int(rng.integers(1, 10))
    k = (1, 1) if rng.random() < 0.35 else (int(rng.integers(1, 5)), int(rng.integers(1, 4)))
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    dilation_h = int(rng.integers(1, 3)) if stride[0] == 1 else 1
    reach = ((k[0] - 1) * dilation_h + 1, k[1])
    size = (int(rng.integers(0, 7)) + reach[0], int(rng.integers(0, 7)) + reach[1])
    same = bool(rng.random() < 0.6)
    out = [-(-size[i] // stride[i]) if same else (size[i] - reach[i]) // stride[i] + 1 for i in (0, 1)]
    batch = int(rng.choice([1, 1, 2])) if out != [1, 1] else 3
    shapes = _Shapes(source=(batch, *size, in_c), weights=(out_c, *k, in_c), output=(batch, *out, out_c))
    fields: dict[str, object] = {"padding": 0 if same else 1, "stride_h": stride[0], "stride_w": stride[1]}
    return shapes, {**fields, "dilation_h_factor": dilation_h, "dilation_w_factor": 1}
