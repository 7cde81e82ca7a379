"""How TFLM's MicroMutableOpResolver is told of an operator: the method, and the kernels for INT8 alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinygen.core.errors import bad_input
from tinygen.model.interpreted import FileFacts, FileOperator

# Where a method's name is not the operator's in CamelCase.
_METHODS = {
    "AVERAGE_POOL_2D": "AddAveragePool2D",
    "CONV_2D": "AddConv2D",
    "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D",
    "MAX_POOL_2D": "AddMaxPool2D",
    "PADV2": "AddPadV2",
    "REVERSE_V2": "AddReverseV2",
    "SELECT_V2": "AddSelectV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
    "GATHER_ND": "AddGatherNd",
}
# Kernels that leave the code of other types out. Elsewhere (ESP-NN) the same names stand for the general kernel.
_INT8_KERNELS = (
    "ADD", "AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D", "MAXIMUM", "MINIMUM",
    "MUL", "SOFTMAX", "SVDF", "TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM",
)  # fmt: skip
_INT8_ONLY = {"int8", "none", "int32"}
_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One line of the resolver. `kernel`: what stands in the parentheses, "" for the method's own default."""

    operator: str
    method: str
    kernel: str

    @property
    def symbol(self) -> str:
        """The function that TFLM's sources must define: "Register_CONV_2D_INT8"."""
        return self.kernel.removeprefix("tflite::").removesuffix("()") or f"Register_{self.operator}"


def registrations(facts: FileFacts) -> tuple[Registration, ...]:
    """Exactly the operators of a model, of all its subgraphs, each once, in alphabetical order."""
    used: dict[str, list[FileOperator]] = {}
    for subgraph in facts.operators:
        for operator in subgraph:
            used.setdefault(operator.name, []).append(operator)
    return tuple(
        Registration(operator=name, method=_method(name), kernel=_kernel(name, used[name])) for name in sorted(used)
    )


def check_runnable(facts: FileFacts, name: str, optimized: str) -> None:
    """Refuse what optimised kernels are known to compute otherwise than TFLM's reference.

    Args:
        facts: the model's.
        name: what the error calls it.
        optimized: "CMSIS-NN" or "ESP-NN".

    Raises:
        TinygenError: an operator whose bytes would differ.
    """
    if optimized == "CMSIS-NN" and any(op.name == _LSTM for op in facts.operators[0]):
        raise bad_input(
            f"{_LSTM} of CMSIS-NN begins every inference from zero state, TFLM's reference keeps it: from the second "
            "inference on the bytes would differ",
            where=name,
            hint="use --engine aot",
        )


def _method(name: str) -> str:
    return _METHODS.get(name) or "Add" + "".join(word.capitalize() for word in name.split("_"))


def _kernel(name: str, users: Sequence[FileOperator]) -> str:
    plain = all(set(op.input_types) | set(op.output_types) <= _INT8_ONLY for op in users)
    int8 = all("int8" in op.output_types for op in users)
    return f"tflite::Register_{name}_INT8()" if name in _INT8_KERNELS and plain and int8 else ""
