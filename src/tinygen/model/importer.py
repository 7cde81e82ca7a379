"""From the bytes of a .tflite file to a checked Graph. Whatever is wrong with the file is said here."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tinygen.core.canonical import digest_bytes
from tinygen.core.errors import TinygenError, bad_input
from tinygen.model.flatbuffer import Table, open_root
from tinygen.model.ir import Graph, Op, Quantization, State, Tensor
from tinygen.model.lowering import OpContext
from tinygen.model.ops.registry import OPS, find_op
from tinygen.model.schema import (
    ACTIVATIONS,
    CUSTOM_CODE,
    DTYPES,
    FILE_IDENTIFIER,
    OPERATOR_NAMES,
    OPTIONS_TYPES,
    PADDINGS,
    SCALAR_BYTES,
    SCHEMA_VERSION,
    TABLES,
    TENSOR_TYPES,
)
from tinygen.model.simplify import FOLDABLE, refuse_float_arithmetic, simplify
from tinygen.model.variables import HANDLE, ONCE, Subgraph, resolve

_QUANTIZE_HINT = (
    "quantise it fully to INT8 when converting: representative_dataset, supported_ops = [TFLITE_BUILTINS_INT8], "
    "inference_input_type = inference_output_type = tf.int8"
)
# No microcontroller holds more; keeps a damaged shape from eating the host's memory.
_MAX_ELEMENTS = 1 << 23
# Whose weights TFLM takes packed to 4 bits.
INT4_TAKERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_SCALE_RANGE = (1e-15, 1e15)
_NUMPY: dict[str, str] = {
    "int8": "<i1",
    "uint8": "<u1",
    "bool": "<u1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "float32": "<f4",
}


def load(tflite: bytes, name: str) -> Graph:
    """Read and check a model.

    Args:
        tflite: the file's bytes.
        name: what errors call it (a file name).

    Returns:
        A graph in which every index is valid, every operator is supported and has been checked.

    Raises:
        TinygenError: exit code 2, naming the tensor or operator and what is supported.
    """
    model = open_root(tflite, name, "Model", FILE_IDENTIFIER)
    if model.number("version") != SCHEMA_VERSION:
        raise bad_input(f"schema version {model.number('version')}, supported: {SCHEMA_VERSION}", where=name)
    subgraphs = model.tables("subgraphs", "subgraph")
    if not subgraphs:
        raise bad_input("0 subgraphs, there must be one", where=name)
    main = subgraphs[0]
    names = _operator_names(model, name)
    n_tensors = len(main.tables("tensors", "tensor"))
    bodies = [_read_subgraph(model, table, names, name) for table in subgraphs]
    _refuse_unsupported(bodies[0].ops, name, FOLDABLE)
    ops, variables, states = resolve(bodies, name)
    if not ops:
        raise bad_input("the model has no operators", where=name)
    inputs, outputs = main.numbers("inputs"), main.numbers("outputs")
    _check_indices(inputs, n_tensors, f"{name}: model inputs")
    _check_indices(outputs, n_tensors, f"{name}: model outputs")
    tensors = _read_tensors(model, main, ops, ends=inputs + outputs, variables=variables, name=name)
    states += _in_place_states(main, ops, tensors, name)
    _check_order(
        ops,
        tensors,
        states=frozenset(state.tensor for state in states),
        inputs=inputs,
        outputs=outputs,
        name=name,
    )
    ops, tensors = simplify(ops, tensors, outputs, name)
    _refuse_unsupported(ops, name)
    _refuse_float(ops, tensors, name)
    refuse_float_arithmetic(ops, tensors, name)
    graph = Graph(
        name=name,
        digest=digest_bytes(tflite),
        tensors=tensors,
        ops=ops,
        inputs=inputs,
        outputs=outputs,
        description=model.text("description"),
        states=tuple(states),
    )
    for op in ops:
        definition = find_op(op.name)
        if definition is not None:
            context = OpContext(model=name, op=op, tensors=tensors)
            for slot, index in enumerate(op.inputs):
                if slot not in definition.slots(op) and index >= 0 and tensors[index].data is None:
                    raise context.fail(f"input {slot} ('{tensors[index].label}') must be a constant in the file")
                if index >= 0 and tensors[index].from_int4 and (op.name not in INT4_TAKERS or slot != 1):
                    takers = ", ".join(INT4_TAKERS)
                    raise context.fail(
                        f"input {slot} ('{tensors[index].label}') is int4, supported: weights of {takers}"
                    )
            definition.lower(context)
    return graph


def _read_subgraph(model: Table, table: Table, names: list[str], name: str) -> Subgraph:
    operators, tensors = table.tables("operators", "operator"), table.tables("tensors", "tensor")
    buffers = model.tables("buffers", "buffer")
    return Subgraph(
        table=table,
        ops=tuple(_read_op(one, position, names, len(tensors), name) for position, one in enumerate(operators)),
        read_tensor=lambda index: _read_tensor(tensors[index], index, buffers, name),
    )


def _in_place_states(main: Table, ops: tuple[Op, ...], tensors: dict[int, Tensor], name: str) -> list[State]:
    """Tensors that operators update in place (SVDF, LSTM); TFLM starts them at their zero point."""
    tables = main.tables("tensors", "tensor")
    users: dict[int, list[str]] = {}
    held: dict[int, Tensor] = {}
    for op in ops:
        definition = find_op(op.name)
        for slot, index in enumerate(op.inputs):
            if not 0 <= index < len(tables) or not tables[index].number("is_variable"):
                continue
            users.setdefault(index, []).append(op.where)
            if definition is None or slot not in definition.state_inputs:
                raise bad_input(
                    f"input {slot} ('{tensors[index].label}') is a variable; the operator does not update it",
                    where=f"{name}: {op.where}",
                )
            held[index] = tensors[index]
        for slot in definition.state_inputs if definition is not None else ():
            index = op.inputs[slot] if slot < len(op.inputs) else -1
            if index not in held:
                raise bad_input(f"input {slot} must be a variable of the model", where=f"{name}: {op.where}")
    found = []
    for index, tensor in held.items():
        if len(users[index]) != 1:
            raise bad_input(f"variable '{tensor.label}' is shared by {' and '.join(users[index])}", where=name)
        if tensor.data is not None or tensor.dtype not in ("int8", "int16"):
            raise bad_input(f"variable '{tensor.label}' of {tensor.dtype} is not supported", where=name)
        start = tensor.quantization.zero_point if tensor.quantization is not None and tensor.dtype == "int8" else 0
        found.append(State(tensor=index, initial=np.full(tensor.shape, start, np.dtype(_NUMPY[tensor.dtype]))))
    return found


def _operator_names(model: Table, name: str) -> list[str]:
    found = []
    for i, code in enumerate(model.tables("operator_codes", "operator code")):
        number = max(code.number("deprecated_builtin_code"), code.number("builtin_code"))
        if number < 0:
            raise bad_input(f"operator code {number} does not exist", where=f"{name}: operator code {i}")
        if number == CUSTOM_CODE:
            found.append(f"CUSTOM '{code.text('custom_code')}'")
        else:
            found.append(OPERATOR_NAMES.get(number, f"operator number {number}"))
    return found


def _read_op(table: Table, position: int, names: list[str], n_tensors: int, model: str) -> Op:
    index = table.number("opcode_index")
    if index >= len(names):
        raise bad_input(f"operator code {index} of {len(names)}", where=f"{model}: op {position}")
    name = names[index]
    where = f"{model}: op {position} {name}"
    inputs, outputs = table.numbers("inputs"), table.numbers("outputs")
    _check_indices(tuple(i for i in inputs if i != -1), n_tensors, where)
    _check_indices(outputs, n_tensors, where)
    intermediates = table.numbers("intermediates")
    _check_indices(intermediates, n_tensors, where)
    return Op(
        position=position,
        name=name,
        inputs=inputs,
        outputs=outputs,
        options=_options(table, name, where),
        intermediates=intermediates,
    )


def _options(table: Table, name: str, where: str) -> dict[str, int | float | bool | str]:
    definition = find_op(name)
    if definition is None or not definition.options_table:
        return {}
    kind = definition.options_table
    stored = table.number("builtin_options_type")
    if stored == 0 or not table.has("builtin_options"):
        if definition.options_required:
            raise bad_input("its options are missing", where=where, hint="the file is damaged; convert it again")
        return {}
    if stored != OPTIONS_TYPES[kind]:
        raise bad_input(f"has options of type {stored}, expected {kind} ({OPTIONS_TYPES[kind]})", where=where)
    options = table.union("builtin_options", kind)
    values: dict[str, int | float | bool | str] = {}
    if options is None:
        return values
    for field_name, field in TABLES[kind].items():
        if field.type == "f32":
            values[field_name] = options.real(field_name)
        elif field.type in SCALAR_BYTES:
            number = options.number(field_name)
            if field_name == "padding":
                values[field_name] = PADDINGS.get(number, str(number))
            elif field_name == "fused_activation_function":
                values[field_name] = ACTIVATIONS.get(number, str(number))
            else:
                values[field_name] = bool(number) if field.type == "bool" else number
    return values


def _check_indices(indices: tuple[int, ...], n_tensors: int, where: str) -> None:
    for index in indices:
        if not 0 <= index < n_tensors:
            raise bad_input(f"names tensor {index}, there are {n_tensors}", where=where, hint="the file is damaged")


def _refuse_unsupported(ops: tuple[Op, ...], name: str, besides: frozenset[str] = frozenset()) -> None:
    known = {*besides, HANDLE, ONCE}
    unknown = [op for op in ops if find_op(op.name) is None and op.name not in known]
    if unknown:
        places = ", ".join(f"{op.name} (op {op.position})" for op in unknown[:8])
        more = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
        raise bad_input(
            f"unsupported operators: {places}{more}",
            where=f"{name}: {unknown[0].where}",
            hint="supported: " + ", ".join(sorted(definition.name for definition in OPS)),
        )


def _refuse_float(ops: tuple[Op, ...], tensors: dict[int, Tensor], name: str) -> None:
    used = {i for op in ops for i in op.inputs + op.outputs if i >= 0 and tensors[i].data is None}
    real = sorted(i for i in used if tensors[i].dtype == "float32")
    if real and len(real) == len(used):
        raise bad_input("a float model: none of its tensors is quantised", where=name, hint=_QUANTIZE_HINT)


def _read_tensors(
    model: Table, main: Table, ops: tuple[Op, ...], *, ends: tuple[int, ...], variables: list[Tensor], name: str
) -> dict[int, Tensor]:
    buffers = model.tables("buffers", "buffer")
    found = {tensor.index: tensor for tensor in variables}
    used = ({i for op in ops for i in op.inputs + op.outputs if i >= 0} | set(ends)) - set(found)
    tables = main.tables("tensors", "tensor")
    found |= {i: _read_tensor(tables[i], i, buffers, name) for i in sorted(used)}
    # Operators' intermediates hold no values, only scales; their shapes may be empty.
    for index in {i for op in ops for i in op.intermediates} - used:
        found[index] = _read_tensor(tables[index], index, buffers, name, may_be_empty=True)
    return found


def _read_tensor(
    table: Table, index: int, buffers: tuple[Table, ...], model: str, *, may_be_empty: bool = False
) -> Tensor:
    label = table.text("name")
    where = f"{model}: tensor {index} '{label}'"
    type_name = TENSOR_TYPES.get(table.number("type"), f"type {table.number('type')}")
    if type_name not in DTYPES:
        raise bad_input(f"has type {type_name}", where=where, hint="supported: " + ", ".join(sorted(DTYPES)))
    dtype = DTYPES[type_name]
    if table.has("sparsity"):
        raise bad_input("is stored sparse, not supported", where=where, hint="convert without sparsity")
    shape = table.numbers("shape")
    if any(size < 0 for size in shape):
        raise bad_input(
            f"has the dynamic shape {list(shape)}", where=where, hint="fix every dimension (batch 1) before converting"
        )
    if any(size == 0 for size in shape) and not may_be_empty:
        raise bad_input(
            f"has no values, its shape is {list(shape)}; TFLM takes it for a tensor of unknown size and refuses it",
            where=where,
            hint="leave out the slice or part that is empty before converting",
        )
    if math.prod(shape) > _MAX_ELEMENTS or len(shape) > 8:
        raise bad_input(f"has the absurd shape {list(shape)}", where=where)
    buffer = table.number("buffer")
    if buffer >= len(buffers):
        raise bad_input(f"names buffer {buffer}, there are {len(buffers)}", where=where, hint="the file is damaged")
    if buffers[buffer].number("offset") > 1:
        raise bad_input("keeps its values outside the flatbuffer (a file over 2 GB), not supported", where=where)
    raw = buffers[buffer].raw("data")
    quantization = _quantization(table, shape, dtype, where)
    data = _values(raw, dtype, shape, where) if raw else None
    if dtype == "int4" and data is not None:
        # TFLM unpacks 4-bit weights before it uses them; here it is done once.
        return Tensor(
            index=index, name=label, dtype="int8", shape=shape, quantization=quantization, data=data, from_int4=True
        )
    return Tensor(index=index, name=label, dtype=dtype, shape=shape, quantization=quantization, data=data)


def _values(raw: bytes, dtype: str, shape: tuple[int, ...], where: str) -> npt.NDArray[np.generic]:
    if dtype == "int4":
        return _unpacked(raw, shape, where)
    if dtype not in _NUMPY:
        raise bad_input(f"is a constant of type {dtype}, not supported", where=where)
    numpy_type = np.dtype(_NUMPY[dtype])
    expected = math.prod(shape) * numpy_type.itemsize
    if len(raw) != expected:
        raise bad_input(
            f"holds {len(raw)} bytes, its shape {list(shape)} of {dtype} needs {expected}",
            where=where,
            hint="the file is damaged",
        )
    return np.frombuffer(raw, dtype=numpy_type).reshape(shape)


def _unpacked(raw: bytes, shape: tuple[int, ...], where: str) -> npt.NDArray[np.generic]:
    """Two signed 4-bit values in a byte, the first one in the lower half: int8 of the tensor's shape."""
    count = math.prod(shape)
    if len(raw) != (count + 1) // 2:
        raise bad_input(
            f"holds {len(raw)} bytes, its shape {list(shape)} of int4 needs {(count + 1) // 2}",
            where=where,
            hint="the file is damaged",
        )
    both = np.frombuffer(raw, np.uint8)
    halves = np.stack([both & 15, both >> 4], axis=-1).reshape(-1)[:count].astype(np.int8)
    return ((halves ^ 8) - 8).astype(np.int8).reshape(shape)


def _quantization(table: Table, shape: tuple[int, ...], dtype: str, where: str) -> Quantization | None:
    quantization = table.table("quantization")
    if quantization is None:
        return None
    scales, points = quantization.reals("scale"), quantization.numbers("zero_point")
    # TFLM takes a tensor without zero points for one without quantisation.
    if not scales or not points:
        return None
    if quantization.number("details_type"):
        raise bad_input("has a custom quantisation, not supported", where=where)
    axis = quantization.number("quantized_dimension")
    if len(points) != len(scales):
        raise bad_input(f"has {len(scales)} scales but {len(points)} zero points", where=where)
    # Some converters leave a wrong axis on biases, whose scales nobody reads: only weights are held to it.
    if dtype in ("int8", "int4") and len(scales) > 1 and (not 0 <= axis < len(shape) or shape[axis] != len(scales)):
        raise bad_input(f"has {len(scales)} scales along axis {axis} of shape {list(shape)}", where=where)
    bad = next((s for s in scales if not _SCALE_RANGE[0] <= s <= _SCALE_RANGE[1]), None)
    if bad is not None:
        raise bad_input(f"has the scale {bad:g}, must be a plausible positive number", where=where)
    low, high = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}.get(dtype, (-(2**31), 2**31 - 1))
    if any(not low <= z <= high for z in points):
        raise bad_input(f"has a zero point outside {low}..{high}", where=where)
    return Quantization(scales=scales, zero_points=points, axis=axis)


def _check_order(
    ops: tuple[Op, ...],
    tensors: dict[int, Tensor],
    *,
    states: frozenset[int],
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    name: str,
) -> None:
    """Every tensor exists before it is read and is written once; the model has inputs and outputs of its own."""
    if not inputs or not outputs:
        raise bad_input(f"has {len(inputs)} inputs and {len(outputs)} outputs, needs at least one of each", where=name)

    def wrong(op: Op, index: int, what: str) -> TinygenError:
        return bad_input(f"{what} tensor {index} '{tensors[index].label}'", where=f"{name}: {op.where}")

    for index in inputs:
        if tensors[index].is_constant:
            raise bad_input(f"input tensor {index} '{tensors[index].label}' is a constant", where=name)
    if len(set(inputs)) != len(inputs) or len(set(outputs)) != len(outputs):
        raise bad_input("an input or output is listed twice", where=name)
    if states & set(inputs + outputs):
        raise bad_input("a variable is a model input or output, not supported", where=name)
    ready = set(inputs) | states | {i for i, tensor in tensors.items() if tensor.is_constant}
    for op in ops:
        for index in op.inputs:
            if index >= 0 and index not in ready:
                raise wrong(op, index, "reads before anything has written")
        for index in op.outputs:
            if index in ready and index not in states:
                raise wrong(op, index, "writes a second time (or over a constant or model input)")
            ready.add(index)
    for index in outputs:
        if index not in ready or tensors[index].is_constant or index in inputs:
            raise bad_input(
                f"output tensor {index} '{tensors[index].label}' is not computed by any operator", where=name
            )
