"""What a proof must know of the image: its plan, its layers, where it runs, what the linker said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from tinygen.core.values import Measurement
from tinygen.device.link import Capabilities
from tinygen.device.values import Hello, InferResult, MemoryResult, RawResult, SelfTestResult
from tinygen.model.ir import DType, Plan
from tinygen.tasks.spec import DecisionRule

Mode = Literal["raw", "tensor"]
MODES: tuple[Mode, ...] = ("raw", "tensor")

NUMPY_DTYPE: dict[DType, str] = {
    "int8": "int8", "uint8": "uint8", "bool": "uint8", "int16": "<i2", "int32": "<i4", "int64": "<i8",
    "float32": "<f4", "int4": "int8", "resource": "uint8",
}  # fmt: skip


class DeviceClient(Protocol):
    """What verify asks of a device; `device.client.Client` is one."""

    def hello(self) -> Hello: ...
    def write_input(self, data: bytes) -> None: ...
    def infer(self, digests: bool = False, stop_after: int | None = None, count: bool = False) -> InferResult: ...
    def digests(self) -> list[int]: ...
    def read_tensor(self, index: int, n_bytes: int) -> bytes: ...
    def run_raw(self, samples: npt.NDArray[np.int16]) -> RawResult: ...
    def selftest(self) -> SelfTestResult: ...
    def memory(self) -> MemoryResult: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """An observed tensor: what one digest on the wire stands for.

    Attributes:
        number: its place in the device's list of observed tensors.
        tensor: its index in the .tflite (the oracle's number).
        step: position of the step that writes it; `op` is that step's operator, `kernel` its kernel.
        inputs: tensor indices the step reads (constants left out).
    """

    number: int
    tensor: int
    name: str
    dtype: DType
    shape: tuple[int, ...]
    n_bytes: int
    step: int
    op: str
    kernel: str
    inputs: tuple[int, ...]

    @property
    def title(self) -> str:
        """How people see it: step, operator, tensor."""
        return f"step {self.step} {self.op} (tensor {self.tensor} '{self.name}')"


def layers_of(plan: Plan) -> tuple[Layer, ...]:
    """The plan's observed tensors with the steps that write them, in the device's order."""
    writers = {tensor: step for step in plan.steps for tensor in step.outputs}
    layers: list[Layer] = []
    for number, index in enumerate(plan.observed):
        tensor, step = plan.graph.tensors[index], writers[index]
        inputs = tuple(i for i in step.inputs if i in plan.graph.tensors and not plan.graph.tensors[i].is_constant)
        layers.append(
            Layer(
                number=number,
                tensor=index,
                name=tensor.name,
                dtype=tensor.dtype,
                shape=tensor.shape,
                n_bytes=tensor.n_bytes,
                step=step.position,
                op=step.op.name,
                kernel=step.kernel,
                inputs=inputs,
            )
        )
    return tuple(layers)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setup:
    """What is verified, where.

    Attributes:
        build_id: 32 hex digits the device must say; "" accepts any (and the report says so).
        target: what runs the image, and what an answer from it means.
        plan: what the image was generated from.
        rule: the task's decision rule, None for a bare model.
        oracle: where expected bytes come from, in words (`Expectations.source`, `VectorSet.source`).
        flash_bytes, ram_bytes: read from the linked image; None when there is none to read.
        synthetic: the recordings were made by a generator.
        measurements: further figures to carry into the report.
        subject: further facts that identify what was looked at (model digest, toolchain).
    """

    board: str
    task: str
    engine: str
    build_id: str
    target: Capabilities
    plan: Plan
    rule: DecisionRule | None
    oracle: str
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    synthetic: bool = False
    measurements: tuple[Measurement, ...] = ()
    subject: dict[str, str] = field(default_factory=dict)

    @property
    def run_origin(self) -> str:
        """Origin of what this run found: simulators are never called measurements."""
        if self.target.name in ("host", "serial"):
            return f"measured-on-{self.board}"
        return f"simulated-on-{self.target.name}"
