"""A model as TFLM's interpreter runs it: every operator of the file, in the file's order, nothing rewritten."""

from __future__ import annotations

from dataclasses import dataclass

from tinygen.core.errors import bad_input
from tinygen.model.flatbuffer import Table, open_root
from tinygen.model.ir import Buffer, Graph, Op, Plan, Step
from tinygen.model.lowering import OpContext
from tinygen.model.ops.registry import find_op
from tinygen.model.schema import CUSTOM_CODE, FILE_IDENTIFIER, OPERATOR_NAMES, TENSOR_TYPES

KERNEL = "tflm"
ARENA_ALIGNMENT_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOperator:
    """An operator of the file with the types of what it takes and gives ("none" for an absent input)."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    input_types: tuple[str, ...]
    output_types: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What an interpreter meets in a file.

    Attributes:
        operators: of every subgraph, the main one first.
        tensor_count: of the main subgraph.
        variable_count: resource variables, by their names.
    """

    operators: tuple[tuple[FileOperator, ...], ...]
    tensor_count: int
    variable_count: int


def file_facts(tflite: bytes, name: str) -> FileFacts:
    """Read the operators of all subgraphs.

    Args:
        tflite: a file that `importer.load` has taken: its indices are valid.
        name: what errors call it.

    Raises:
        TinygenError: the file is damaged, or has an operator that TFLM does not know by name.
    """
    model = open_root(tflite, name, "Model", FILE_IDENTIFIER)
    names = [_operator_name(code, name) for code in model.tables("operator_codes", "operator code")]
    subgraphs = model.tables("subgraphs", "subgraph")
    variables: set[tuple[str, str]] = set()
    found = []
    for subgraph in subgraphs:
        types = [TENSOR_TYPES.get(t.number("type"), "?") for t in subgraph.tables("tensors", "tensor")]
        operators = []
        for table in subgraph.tables("operators", "operator"):
            operator = _operator(table, names, types)
            if operator.name == "VAR_HANDLE":
                options = table.union("builtin_options", "VarHandleOptions")
                variables.add((options.text("container"), options.text("shared_name")) if options else ("", ""))
            operators.append(operator)
        found.append(tuple(operators))
    main = subgraphs[0].tables("tensors", "tensor")
    return FileFacts(operators=tuple(found), tensor_count=len(main), variable_count=len(variables))


def _operator_name(code: Table, name: str) -> str:
    number = max(code.number("deprecated_builtin_code"), code.number("builtin_code"))
    if number == CUSTOM_CODE or number not in OPERATOR_NAMES:
        what = code.text("custom_code") or f"number {number}"
        raise bad_input(f"operator '{what}' is none of TFLM's built-in ones", where=name)
    return OPERATOR_NAMES[number]


def _operator(table: Table, names: list[str], types: list[str]) -> FileOperator:
    inputs, outputs = table.numbers("inputs"), table.numbers("outputs")
    return FileOperator(
        name=names[table.number("opcode_index")],
        inputs=inputs,
        outputs=outputs,
        input_types=tuple(types[i] if i >= 0 else "none" for i in inputs),
        output_types=tuple(types[i] for i in outputs),
    )


def interpreted_plan(graph: Graph, facts: FileFacts, *, arena_bytes: int, arena_origin: str, model_bytes: int) -> Plan:
    """What verify, profile and the reports need to know of an interpreter's image.

    Args:
        graph: as imported, not rewritten.
        facts: of the same file.
        arena_bytes: of the interpreter; it lays tensors out itself, when it starts.
        arena_origin: where that size comes from, in words.
        model_bytes: length of the file, which lies in flash as it is.
    """
    known = {op.position: op for op in graph.ops}
    readable = {index for op in graph.ops for index in op.outputs if _can_be_read(graph, index)}
    steps: list[Step] = []
    observed: list[int] = []
    for position, operator in enumerate(facts.operators[0]):
        written = tuple(index for index in operator.outputs if index in readable)
        observed += written
        steps.append(
            Step(
                position=position,
                op=Op(position=position, name=operator.name, inputs=operator.inputs, outputs=operator.outputs),
                inputs=tuple(i for i in operator.inputs if i >= 0),
                outputs=written,
                params={},
                constants={},
                kernel=KERNEL,
                why="run by the interpreter",
                refused=(),
                scratch_bytes=0,
                macs=_macs(graph, known.get(position), operator.name),
            )
        )
    arena = Buffer(
        name="TFLM's arena", tensor=-1, offset=0, size_bytes=arena_bytes, first=-1, last=max(len(steps) - 1, 0)
    )
    return Plan(
        graph=graph,
        steps=tuple(steps),
        buffers=(arena,),
        arena_bytes=arena_bytes,
        lower_bound_bytes=arena_bytes,
        alignment_bytes=ARENA_ALIGNMENT_BYTES,
        weights_bytes=model_bytes,
        macs=sum(step.macs for step in steps),
        observed=tuple(observed),
        arena_origin=arena_origin,
        state_bytes=sum(graph.tensors[state.tensor].n_bytes for state in graph.states),
    )


def _macs(graph: Graph, op: Op | None, name: str) -> int:
    definition = find_op(name)
    if op is None or definition is None or op.name != name:
        return 0
    return definition.lower(OpContext(model=graph.name, op=op, tensors=graph.tensors)).macs


def _can_be_read(graph: Graph, index: int) -> bool:
    tensor = graph.tensors.get(index)
    usable = tensor is not None and not tensor.is_constant and tensor.dtype != "resource"
    return usable and index not in graph.state_tensors
