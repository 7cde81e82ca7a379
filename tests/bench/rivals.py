"""bakeNN from PyPI on the same models, in the same simulator: what it generates, counted as ours is.

Its importer takes none of the published files as they are (batch left open, operator versions, RESHAPE without options,
SOFTMAX). So each is written anew with the same tensors, weights and scales in the form it accepts, and without a final
SOFTMAX: its answer is then compared with the oracle's tensor in front of the SOFTMAX. What was changed is told.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinygen.boards.spec import ChipSpec
from tinygen.core.errors import TinygenError
from tinygen.device.bare import run_in_qemu
from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.ir import Graph
from tinygen.model.ops.registry import find_op
from tinygen.model.schema import ACTIVATIONS, PADDINGS
from tinygen.toolchain.bare_image import NETDUINO, Source, build_bare

WHEEL = "bakenn[tflite]==1.0.0"
_VERSIONS = {
    "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4, "ADD": 2, "AVERAGE_POOL_2D": 2, "MAX_POOL_2D": 2,
}  # fmt: skip
_WORDS = {
    "padding": {word: number for number, word in PADDINGS.items()},
    "fused_activation_function": {word: number for number, word in ACTIVATIONS.items()},
}
_MAIN = """#include "bench.h"
#include "bknn_m.h"
extern "C" {
extern const signed char bench_vectors[];
[[gnu::noinline]] void bench_nothing(std::uint8_t*, const std::int8_t*, std::int8_t*) { asm volatile("" ::: "memory"); }
}
alignas(16) static std::uint8_t arena[BKNN_M_ARENA_SIZE + 16];
static std::int8_t input[BKNN_M_INPUT_BYTES], output[BKNN_M_OUTPUT_BYTES];
void bench_main() {
  std::uint8_t* place = BKNN_M_ARENA_SIZE != 0 ? arena : nullptr;
  const std::uint32_t before = bench_now();
  bench_nothing(place, input, output);
  const std::uint32_t around = bench_now() - before;
  const signed char* from = bench_vectors;
  for (int number = 0; number < BENCH_VECTORS; ++number) {
    for (std::size_t i = 0; i < sizeof input; ++i) input[i] = *from++;
    const std::uint32_t start = bench_now();
    bknn_m_infer(place, input, output);
    const std::uint32_t taken = bench_now() - start - around + 1;
    bench_say("T ");
    bench_say_hex(&taken, sizeof taken);
    bench_say("\\nO ");
    bench_say_hex(output, sizeof output);
    bench_say("\\n");
  }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """What bakeNN's code did.

    Attributes:
        backend: "portable" or "cmsis-nn".
        refused: why there are no figures, "" when there are.
        instructions: the largest of all inferences.
        differing_bytes: from the oracle, of compared_bytes.
        arena_bytes: its own figure, which has no place for input and output in it.
        changed: what was done to the model for its importer.
    """

    backend: str
    refused: str = ""
    instructions: int = 0
    differing_bytes: int = 0
    compared_bytes: int = 0
    arena_bytes: int = 0
    with_ends_bytes: int = 0
    flash_bytes: int = 0
    kernels: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def rewritten(graph: Graph) -> tuple[bytes, int, list[str]]:
    """The model as bakeNN's importer wants it, the tensor it ends with, and what was changed."""
    builder = ModelBuilder()
    numbers: dict[int, int] = {}
    changed = ["static batch, operator versions, RESHAPE options written out"]

    def number(index: int) -> int:
        if index not in numbers:
            t = graph.tensors[index]
            scales = t.quantization.scales if t.quantization else ()
            points = t.quantization.zero_points if t.quantization else ()
            axis = t.quantization.axis if t.quantization and t.dtype != "int32" else 0
            numbers[index] = builder.tensor(
                f"t{index}", t.dtype, t.shape, scales=scales, zero_points=points, axis=axis, data=t.data
            )
        return numbers[index]

    end = graph.outputs[0]
    for op in graph.ops:
        if op.name == "SOFTMAX" and op.outputs[0] == end:
            end = op.inputs[0]
            changed.append("without the final SOFTMAX")
            continue
        definition = find_op(op.name)
        kind = definition.options_table if definition else ""
        inputs = [number(i) for i in op.inputs if i >= 0]
        fields: dict[str, object] = {}
        for name, value in op.options.items():
            words = _WORDS.get(name)
            fields[name] = words[str(value)] if words else value
        if op.name == "RESHAPE":
            shape = np.array(graph.tensors[op.outputs[0]].shape, np.int32)
            inputs = [inputs[0], builder.tensor(f"shape{op.position}", "int32", shape.shape, data=shape)]
            fields = {"new_shape": [int(n) for n in shape]}
            kind = "ReshapeOptions"
        source = graph.tensors[op.inputs[0]]
        if op.name == "FULLY_CONNECTED" and len(source.shape) != 2:
            shape2 = [1, source.n_elements]
            flat = np.array(shape2, np.int32)
            q = source.quantization
            assert q is not None
            between = builder.tensor(f"flat{op.position}", "int8", shape2, scales=q.scales, zero_points=q.zero_points)
            new_shape = builder.tensor(f"shape{op.position}", "int32", (2,), data=flat)
            builder.op("RESHAPE", [inputs[0], new_shape], [between], Record("ReshapeOptions", {"new_shape": shape2}))
            inputs[0] = between
            changed.append("a RESHAPE before FULLY_CONNECTED")
        builder.op(op.name, inputs, [number(i) for i in op.outputs], Record(kind, fields) if kind else None)
    for name, place in builder._code_index.items():
        code = builder._codes[place]
        builder._codes[place] = Record("OperatorCode", {**code.fields, "version": _VERSIONS.get(name, 1)})
    return builder.finish([numbers[i] for i in graph.inputs], [numbers[end]]), end, changed


def run(
    graph: Graph, inputs: Sequence[bytes], expected: Sequence[dict[int, bytes]], chip: ChipSpec, work: Path
) -> list[Rival]:
    """Both back ends; a refusal is a result too.

    Args:
        graph: as imported.
        inputs: the bytes of each inference's input.
        expected: the oracle's tensors of each inference.
        chip: decides the compiler's flags.
        work: folder for everything.
    """
    if importlib.util.find_spec("bakenn") is None or importlib.util.find_spec("tflite") is None:
        return [Rival(backend=name, refused=f"not installed: pip install '{WHEEL}'") for name in BACKENDS]
    return [_run(name, graph, inputs, expected, chip=chip, work=work / name) for name in BACKENDS]


BACKENDS = ("portable", "cmsis-nn")


def _run(
    backend: str, graph: Graph, inputs: Sequence[bytes], expected: Sequence[dict[int, bytes]], *,
    chip: ChipSpec, work: Path,
) -> Rival:  # fmt: skip
    bakenn: Any = importlib.import_module("bakenn")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    cmsis = backend == "cmsis-nn"
    policy = bakenn.KernelPolicy.STATIC_PRIORITY if cmsis else bakenn.KernelPolicy.PORTABLE
    options = bakenn.CBackendOptions(target=bakenn.CORTEX_M4, enable_cmsis_nn=cmsis, kernel_policy=policy)
    try:
        tflite, end, changed = rewritten(graph)
        made = bakenn.compile_tflite(tflite, str(work / "made"), name="m", backend_options=options)
        del made
        listing = (work / "made" / "bakenn_sources.cmake").read_text()
        paths = [work / "made" / found for found in re.findall(r"CMAKE_CURRENT_LIST_DIR\}/([^\"]+\.c)\"", listing)]
        folders = re.search(r"INCLUDE_DIRS(.*?)\)", listing, re.S)
        include = [work / "made" / part for part in re.findall(r"LIST_DIR\}/([^\"]*)\"", folders[1] if folders else "")]
        defines = re.search(r"COMPILE_DEFINITIONS(.*?)\)", listing, re.S)
        flags = tuple(f"-D{word.strip(chr(34))}" for word in (defines[1].split() if defines else ()))
        (work / "main.cpp").write_text(_MAIN)
        (work / "vectors.bin").write_bytes(b"".join(inputs))
        (work / "vectors.cpp").write_text(
            'asm(".section .rodata.vectors,\\"a\\"\\n.balign 4\\n.global bench_vectors\\nbench_vectors:\\n'
            f'.incbin \\"{work / "vectors.bin"}\\"\\n.previous\\n");\n'
        )
        count = (f"-DBENCH_VECTORS={len(inputs)}",)
        sources = [Source(path=path, name=path.stem, flags=flags) for path in paths]
        sources += [Source(path=work / "main.cpp", name="main", flags=(*flags, *count))]
        sources += [Source(path=work / "vectors.cpp", name="vectors")]
        elf = build_bare(sources, chip, work, include=tuple(include), machine=NETDUINO)
        text = run_in_qemu(elf).text
    except TinygenError as error:
        return Rival(backend=backend, refused=f"its code did not build or run: {str(error)[:300]}")
    except Exception as error:
        if not type(error).__module__.startswith("bakenn"):
            raise
        return Rival(backend=backend, refused=f"{type(error).__name__}: {str(error)[:200]}")
    lines = text.split("\n")
    ticks = [int.from_bytes(bytes.fromhex(line[2:]), "little") for line in lines if line.startswith("T ")]
    outputs = [bytes.fromhex(line[2:]) for line in lines if line.startswith("O ")]
    wanted = [tensors[end] for tensors in expected]
    header = (work / "made" / "bknn_m.h").read_text()
    size = {key: int(value) for key, value in re.findall(r"#define BKNN_M_(\w+) (\d+)u", header)}
    report = (work / "made" / "bknn_m_memory.txt").read_text()
    kernels = sorted(set(re.findall(r"\] \S+: (\S+) \(", report)))
    return Rival(
        backend=backend,
        instructions=max(ticks),
        differing_bytes=sum(
            a != b for got, want in zip(outputs, wanted, strict=True) for a, b in zip(got, want, strict=True)
        ),
        compared_bytes=sum(map(len, wanted)),
        arena_bytes=size["ARENA_SIZE"],
        with_ends_bytes=size["ARENA_SIZE"] + size["INPUT_BYTES"] + size["OUTPUT_BYTES"],
        flash_bytes=_flash(work, paths),
        kernels=tuple(kernels),
        changed=tuple(changed),
    )


def _flash(work: Path, paths: Sequence[Path]) -> int:
    """Code and constants of its own objects that were linked are not told apart here: all of them."""
    from elftools.elf.elffile import ELFFile

    total = 0
    for path in paths:
        with (work / f"{path.stem}.o").open("rb") as file:
            for section in ELFFile(file).iter_sections():
                if section.name.startswith((".text", ".rodata", ".data")):
                    total += section["sh_size"]
    return total
