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
_REGIMES = ("usual", "usual", "usual", "none", "left", "far")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """A layer, a kernel to run it, inputs."""

    kernel: str
    tflite: bytes
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
    shape: tuple[int, ...]
    out: tuple[int, ...]
    weights: tuple[int, ...]
    if kernel.startswith("fully"):
        in_c, out_c = int(rng.integers(1, 40)), int(rng.integers(1, 15))
        shape = (int(rng.integers(1, 4)), in_c)
        per_channel = kernel.endswith("per_channel")
        weights = (out_c, in_c)
        options = Record("FullyConnectedOptions", {"fused_activation_function": int(rng.choice([0, 0, 1, 2, 3]))})
        out = (shape[0], out_c)
    else:
        in_c, out_c = int(rng.choice([1, 2, 3, 4, 5, 7, 8, 12])), int(rng.integers(1, 10))
        k = (int(rng.integers(1, 5)), int(rng.integers(1, 4)))
        if rng.random() < 0.35:
            k = (1, 1)
        per_channel = True
        weights = (out_c, *k, in_c)
        stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        dilation_h = int(rng.integers(1, 3)) if stride[0] == 1 else 1
        same = bool(rng.random() < 0.6)
        size = (int(rng.integers(1, 8)) + (k[0] - 1) * dilation_h, int(rng.integers(1, 8)) + k[1] - 1)
        batch = int(rng.choice([1, 1, 2]))
        if kernel.endswith("window"):
            k = size = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
            weights, same, dilation_h, batch, stride = (out_c, *k, in_c), False, 1, 1, (1, 1)
        elif size[0] * size[1] == 1 or (not same and size == (1 + (k[0] - 1) * dilation_h, k[1])):
            batch = 2
        reach = ((k[0] - 1) * dilation_h + 1, k[1])
        tall, wide = (-(-size[i] // stride[i]) if same else (size[i] - reach[i]) // stride[i] + 1 for i in (0, 1))
        if batch * tall * wide == 1 and not kernel.endswith("window"):
            batch = 3
        shape, out = (batch, *size, in_c), (batch, tall, wide, out_c)
        options = Record(
            "Conv2DOptions",
            {
                "padding": 0 if same else 1, "stride_h": stride[0], "stride_w": stride[1],
                "dilation_h_factor": dilation_h, "dilation_w_factor": 1,
                "fused_activation_function": int(rng.choice([0, 0, 1, 2, 3])),
            },
        )  # fmt: skip
    data = rng.integers(-127, 128, weights).astype(np.int8)
    if rng.random() < 0.2:
        data = np.where(rng.random(weights) < 0.5, -127, 127).astype(np.int8)
    taps = data[0].size
    regime = str(rng.choice(_REGIMES))
    wanted = {"usual": taps**0.5 * 60, "none": 1.4, "left": 0.05, "far": 40000.0}[regime]
    zero_in, zero_out = (int(z) for z in rng.choice([-128, -127, -5, 0, 3, 126, 127], 2))
    builder = ModelBuilder()
    x = builder.tensor("x", "int8", shape, scales=[0.05], zero_points=[zero_in])
    scales = [float(np.float32(0.01 * (1 + 0.1 * (i % 3) * per_channel))) for i in range(out_c)]
    w = builder.tensor("w", "int8", weights, scales=scales if per_channel else scales[:1], axis=0, data=data)
    large = {"usual": 6000, "none": 90, "left": 4, "far": 1 << 24}[regime]
    b = builder.tensor("b", "int32", (out_c,), data=rng.integers(-large, large + 1, out_c).astype(np.int32))
    y = builder.tensor("y", "int8", out, scales=[0.05 * 0.01 * wanted], zero_points=[zero_out])
    builder.op("FULLY_CONNECTED" if kernel.startswith("fully") else "CONV_2D", [x, w, b], [y], options)
    tflite = builder.finish([x], [y])
    ends = (np.full(shape, -128, np.int8), np.full(shape, 127, np.int8))
    some = tuple(rng.integers(-128, 128, shape).astype(np.int8) for _ in range(3))
    return Layer(kernel=kernel, tflite=tflite, graph=load(tflite, f"{kernel} {seed}"), inputs=(*some, *ends))
