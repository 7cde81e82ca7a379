"""The compiler's values: a Graph as imported, Steps with integer parameters, and the Plan that is rendered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

DType = Literal["int8", "int16", "int32", "int64", "float32", "bool", "uint8", "int4", "resource"]

# How NumPy calls the types (int4 and resource have no counterpart).
NUMPY_TYPES: dict[str, str] = {
    "int8": "<i1",
    "uint8": "<u1",
    "bool": "<u1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "float32": "<f4",
    "int4": "<i1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """Affine quantisation, real = scale * (q - zero_point); one entry, or one per index of `axis`."""

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int = 0

    @property
    def scale(self) -> float:
        """The per-tensor scale."""
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The per-tensor zero point."""
        return self.zero_points[0]


_NAME_CHARACTERS = 40


def short_name(name: str) -> str:
    """A tensor's name as people can read it: converters join the names of everything they fused with ";".

    Args:
        name: "functional_1/activation_1/Relu;functional_1/batch_normalization_1/FusedBatchNormV3;...".

    Returns:
        The name itself when it is short, else the end of its first part: ".../Conv2d_1_pointwise/Relu6".
    """
    if len(name) <= _NAME_CHARACTERS:
        return name
    words = name.partition(";")[0].split("/")
    kept = words.pop()
    while words and len(".../") + len(words[-1]) + 1 + len(kept) <= _NAME_CHARACTERS:
        kept = f"{words.pop()}/{kept}"
    return f".../{kept}" if words and len(kept) <= _NAME_CHARACTERS else f"{kept[: _NAME_CHARACTERS - 3]}..."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tensor:
    """A tensor of the model. `index` is its number in the flatbuffer (the oracle's number too).

    `from_int4`: the file holds two values in a byte; they were unpacked, `dtype` is int8. `made`: the file has no such
    tensor; the compiler put it in.
    """

    index: int
    name: str
    dtype: DType
    shape: tuple[int, ...]
    quantization: Quantization | None
    data: npt.NDArray[np.generic] | None = None
    from_int4: bool = False
    made: bool = False

    @property
    def label(self) -> str:
        """Its name for people, shortened."""
        return short_name(self.name)

    @property
    def is_constant(self) -> bool:
        """True when the flatbuffer holds its values."""
        return self.data is not None

    @property
    def n_elements(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def n_bytes(self) -> int:
        """Bytes in the arena."""
        return self.n_elements * {
            "int8": 1,
            "uint8": 1,
            "bool": 1,
            "int16": 2,
            "int32": 4,
            "float32": 4,
            "int64": 8,
        }.get(self.dtype, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """An operator as the flatbuffer has it: TFLite's name, tensor indices (-1 = absent), decoded options."""

    position: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, int | float | bool | str] = field(default_factory=dict)
    intermediates: tuple[int, ...] = ()

    @property
    def where(self) -> str:
        """How errors name this op."""
        return f"op {self.position} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State:
    """Memory that outlives an inference: a variable of the model, or what a rewrite carries from run to run.

    Attributes:
        tensor: index in `Graph.tensors` (a variable without a tensor in the main subgraph gets a new index). Operators
            name it among their inputs (read, or read and updated in place) or outputs (ASSIGN_VARIABLE).
        initial: its values before the first inference and after a reset, of the tensor's dtype and shape.
    """

    tensor: int
    initial: npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassLog:
    """What one rewrite did, for `--explain`.

    Attributes:
        obligation: what must hold for the rewrite to change no byte; the pass checked it wherever it acted.
        changes: one line each; `refusals` say where it could have acted and did not, and why.
    """

    name: str
    obligation: str
    changes: tuple[str, ...]
    refusals: tuple[str, ...]
    macs_before: int
    macs_after: int
    weights_before: int
    weights_after: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rewritten:
    """What became of the imported graph.

    Attributes:
        source: the graph as imported.
        passes: in the order they ran.
        slices: {tensor index: flat positions in the imported graph's tensor that this graph's tensor stands for}; a
            tensor that is not named stands for all of its own.
        window_rows, hop_rows: of the input, where the graph runs incrementally; 0 otherwise.
        time_axis: of the input, along which those rows lie.
        stands_for: {tensor that the rewrites made: the imported graph's tensor that `slices` cuts it from}.
    """

    source: Graph
    passes: tuple[PassLog, ...] = ()
    slices: dict[int, npt.NDArray[np.int64]] = field(default_factory=dict)
    window_rows: int = 0
    hop_rows: int = 0
    stands_for: dict[int, int] = field(default_factory=dict)
    time_axis: int = 1

    def absent(self, present: frozenset[int]) -> tuple[int, ...]:
        """Tensors the imported graph's operators write and this one does not have among `present`."""
        return tuple(i for op in self.source.ops for i in op.outputs if i not in present)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Graph:
    """A checked model: every index valid, ops in an order in which every input exists.

    `states` is empty for a model whose answer depends on nothing but its inputs. VAR_HANDLE and CALL_ONCE are gone:
    READ_VARIABLE is (state) -> (tensor), ASSIGN_VARIABLE is (tensor) -> (state).
    """

    name: str
    digest: str
    tensors: dict[int, Tensor]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    description: str = ""
    states: tuple[State, ...] = ()
    rewritten: Rewritten | None = None

    @property
    def state_tensors(self) -> frozenset[int]:
        """Indices of the tensors that outlive an inference."""
        return frozenset(state.tensor for state in self.states)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """One call of the generated program: an op with integer parameters only, and the kernel chosen for it.

    Attributes:
        position: its number in the program (`op.position` is the operator's number in the file).
        params: scalars the kernel gets as compile-time constants, by the names the C++ template struct uses.
        constants: arrays rendered into weights.cpp, by the names the kernel template's call uses.
        kernel: id of the KernelDef, `<op>_<dtype>_<variant>`.
        refused: other candidates as (kernel id, reason).
        scratch_bytes: working memory the kernel asked for.
        macs: multiply-accumulates of this step.
        instructions: estimate of one run on the chip's core, None where nobody has measured the kernel there.
    """

    position: int
    op: Op
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    params: dict[str, int]
    constants: dict[str, npt.NDArray[np.generic]]
    kernel: str
    why: str
    refused: tuple[tuple[str, str], ...]
    scratch_bytes: int
    macs: int
    instructions: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """A place in the arena. Lifetimes are step positions, both inclusive; -1 = before the first step."""

    name: str
    tensor: int
    offset: int
    size_bytes: int
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """Order, kernels, memory: all the generator needs. `arena_bytes` exists only here.

    Attributes:
        buffers: by tensor index; a step's scratch has tensor -1 and is named "scratch@<position>".
        lower_bound_bytes: the largest sum of simultaneously live buffers: no allocation can be smaller.
        observed: tensor indices in the order the program writes them; a digest on the wire is an index into this.
        state_bytes: size of the static array beside the arena that outlives an inference; 0 for a model without state.
        state_buffers: places in that array, of the graph's states and of tensors that live in one (offsets are into
            the state array, not the arena).
        optimize: what the kernels were chosen for: "speed", "size" or "balanced".
        compact_arena_bytes: what the compact kernels' arena would take.
        arena_origin: where the arena's size comes from when an interpreter lays it out; "" when the buffers do.
        costs_origin: of the steps' estimated instructions; "" where there are none.
        dual_issue: the core issues a load beside a multiplication; kernels order their instructions for it.
        weights_in_ram: the image's loader copies the weights to RAM, where reading them waits for no cache.
    """

    graph: Graph
    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]
    arena_bytes: int
    lower_bound_bytes: int
    alignment_bytes: int
    weights_bytes: int
    macs: int
    observed: tuple[int, ...]
    state_bytes: int = 0
    state_buffers: tuple[Buffer, ...] = ()
    optimize: str = "speed"
    compact_arena_bytes: int = 0
    costs_origin: str = ""
    arena_origin: str = ""
    dual_issue: bool = False
    weights_in_ram: bool = False

    @property
    def ram_weights_bytes(self) -> int:
        """What the weights take of RAM; they take as much of flash either way."""
        return self.weights_bytes if self.weights_in_ram else 0

    @property
    def instructions(self) -> float | None:
        """Estimate of one inference; None where a step has none."""
        known = [step.instructions for step in self.steps if step.instructions is not None]
        return sum(known) if len(known) == len(self.steps) else None

    def buffer_of(self, tensor: int) -> Buffer:
        """The arena place of a tensor.

        Raises:
            KeyError: the tensor has none (it is constant, or lives in the state).
        """
        for buffer in self.buffers:
            if buffer.tensor == tensor:
                return buffer
        raise KeyError(tensor)
