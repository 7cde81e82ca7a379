"""What a kernel declares to the planner and the generator."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tinygen.boards.spec import ChipSpec
from tinygen.model.ir import DType
from tinygen.model.lowering import Array, Lowered


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Packed:
    """What a kernel gets: compile-time scalars and arrays, in its own layout."""

    params: Mapping[str, int]
    constants: Mapping[str, Array]


def without(params: Mapping[str, int], *names: str) -> dict[str, int]:
    """The parameters but those a kernel does not use (compilers warn of unused constants)."""
    return {name: value for name, value in params.items() if name not in names}


def never_refuses(lowered: Lowered, chip: ChipSpec) -> str | None:
    """Accepts every shape on every chip."""
    del lowered, chip
    return None


def as_lowered(lowered: Lowered) -> Packed:
    """Takes parameters and constants as they are."""
    return Packed(params=lowered.params, constants=lowered.constants)


def not_estimated(lowered: Lowered, chip: ChipSpec) -> float | None:
    """Nothing is known beside the fitted cost model."""
    del lowered, chip
    return None


def plain_work(lowered: Lowered) -> dict[str, float]:
    """What most kernels' instructions are proportional to: {"call": 1, "outputs": ..., "macs": ..., ...}.

    Windows also give "rows" (output rows), "pixels" (output positions) and "taps" (window positions of all pixels);
    other operators "elements" for the values they look at.
    """
    p = lowered.params
    if "out_c" in p:
        pixels = p.get("batch", 1) * p.get("out_h", 1) * p.get("out_w", 1)
        found = {"call": 1.0, "outputs": float(pixels * p["out_c"]), "macs": float(lowered.macs)}
        if "out_h" in p:
            found["pixels"] = float(pixels)
            found["rows"] = float(p["batch"] * p["out_h"])
        if "k_h" in p:
            found["taps"] = float(pixels * p["k_h"] * p["k_w"])
            if not lowered.macs:
                found["macs"] = found["taps"] * p["out_c"]
        return found
    elements = p.get("n_elements", p.get("n_bytes", 0))
    if "size_0" in p:
        sizes = {name: size for name, size in p.items() if name.startswith("size_")}
        elements = math.prod(sizes.values()) * p.get("run_bytes", 1)
        kept = math.prod(size for name, size in sizes.items() if not p.get(f"reduced_{name[5:]}"))
        return {"call": 1.0, "elements": float(elements), "outputs": float(kept)}
    if "depth" in p:
        return {"call": 1.0, "rows": float(p["rows"]), "elements": float(p["rows"] * p["depth"])}
    if "row_bytes_0" in p:
        row = sum(size for name, size in p.items() if name.startswith("row_bytes_"))
        return {"call": 1.0, "rows": float(p["n_rows"]), "elements": float(p["n_rows"] * row)}
    elements += p.get("n_blocks", 1) * (p.get("kept_bytes", 0) + p.get("new_bytes", 0))
    return {"call": 1.0, "elements": float(elements), "macs": float(lowered.macs)}


def no_scratch(lowered: Lowered) -> int:
    """Needs no working memory."""
    del lowered
    return 0


def no_overlap(lowered: Lowered) -> dict[int, int]:
    """The output must not touch any input."""
    del lowered
    return {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelDef:
    """One way to run an operator.

    Attributes:
        id: `<op>_<dtype>_<variant>`, also the C++ function template in `tinygen::kernels`.
        op: TFLite's operator name.
        header: file below tinygen/kernels/, "" when the step needs no code.
        arguments: names of constants in the order of the call, after inputs and output.
        why: why one would take it.
        accepts: None, or the reason it cannot run this step on this chip.
        pack: parameters and constants in the kernel's layout.
        scratch_bytes: working memory, passed as the last argument when not 0.
        overlap: {data input number: distance}. The output may start at or below `input offset - distance` and still
            share memory with that input, provided nobody reads the input later. It follows from the order in which
            the kernel reads and writes; 0 means element by element, in place.
        alias: output and input 0 are the same bytes; nothing runs.
        in_place: the output may lie exactly where input 0 does, or apart from it; nothing in between. Without an
            estimate it is preferred only where the memory search finds that it makes the arena smaller.
        needs: features of the instruction set it cannot do without, as ChipSpec.isa names them ("dsp", "mve").
        code: "compact" kernels are what `--optimize size` takes; "fast" ones unroll, tile or keep several loops.
        work: what its instructions are counted from: {"macs": ..., "outputs": ..., "rows": ...}. A coefficient for
            each, fitted to measurements, lies in model/costs/ (see tests/bench/fit.py).
        dtype: of the values it computes with, as `Lowered.dtype` says it.
        instructions: an estimate in place of the fitted one, for a kernel the fit does not know. None: not known.
    """

    id: str
    op: str
    header: str
    arguments: tuple[str, ...]
    why: str
    accepts: Callable[[Lowered, ChipSpec], str | None] = never_refuses
    pack: Callable[[Lowered], Packed] = as_lowered
    scratch_bytes: Callable[[Lowered], int] = no_scratch
    overlap: Callable[[Lowered], dict[int, int]] = no_overlap
    alias: bool = False
    in_place: bool = False
    dtype: DType = "int8"
    needs: tuple[str, ...] = ()
    code: Literal["compact", "fast"] = "compact"
    work: Callable[[Lowered], Mapping[str, float]] = plain_work
    instructions: Callable[[Lowered, ChipSpec], float | None] = not_estimated


def first_tap(first: int, taps: int, dilation: int, size: int) -> int | None:
    """The first position >= 0 of a window along one axis, None when the window misses the input."""
    for k in range(taps):
        position = first + k * dilation
        if 0 <= position < size:
            return position
    return None


def elementwise_overlap(lowered: Lowered) -> dict[int, int]:
    """Element i is written after element i was read and never read again."""
    del lowered
    return {0: 0}


def fold_input_zero_point(lowered: Lowered, axes: tuple[int, ...]) -> Packed:
    """Take the input's zero point out of the inner loop: bias' = bias - zero_point · sum of weights.

    Exact in int32: `OpContext.accumulator_fits` has bounded the sum.

    Args:
        axes: the axes of the weights that belong to one output channel.
    """
    weights = lowered.constants["weights"]
    total = weights.astype(np.int64).sum(axis=axes)
    bias = lowered.constants["bias"].astype(np.int64) - lowered.params["input_zero_point"] * total
    return Packed(params=lowered.params, constants={**lowered.constants, "bias": bias.astype(np.int32)})
