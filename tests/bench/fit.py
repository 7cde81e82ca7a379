"""Fits the cost model: what each kernel's instructions are made of, measured on single layers of many shapes.

usage: PYTHONPATH=tests python tests/bench/fit.py [--core cortex-m4] [--only WORD]... [--check]

Every kernel is run alone, in unicorn (Cortex-M55 and lx106: QEMU), on layers of the shapes below (not those of the
published models), at -O2 on random inputs; then instructions = sum of rate x work is solved for the rates, with
relative errors and without negative rates. The rates go into src/tinygen/model/costs/<core>.json with origin, number
of layers and the error found; what fits with a mean error over 40 % stays out.
--only fits some kernels anew and keeps the others; --check writes nothing and says how well the file fits.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import layers
import numpy as np
import numpy.typing as npt

from support.cases.registry import CASES
from support.random_rewrites import streamable_model
from support.single import single
from tinygen.core.canonical import pretty_json
from tinygen.core.process import run
from tinygen.model.cost import COSTS
from tinygen.model.importer import load
from tinygen.model.ir import Graph
from tinygen.model.kernels.registry import KERNELS, find_kernel
from tinygen.model.rewrite.registry import rewrite
from tinygen.pipeline.counting import CORES, core_chip, runner_of
from tinygen.toolchain.cross import cross_compiler

Floats = npt.NDArray[np.float64]
_LEAST = 4  # layers, fewer fit nothing
_LEAST_BYTES = 40  # of a window; those of less are written out, one instruction a byte
_CALL = 20  # instructions
_ROUGH = 0.4  # mean error of what is not worth keeping


def shapes() -> Iterator[tuple[str, Graph]]:
    """Layers to learn from: none is a published model's."""
    conv, depthwise = "CONV_2D", "DEPTHWISE_CONV_2D"
    for h, w, c, d in (
        (5, 5, 8, 16), (12, 12, 16, 24), (9, 7, 32, 20), (8, 8, 24, 48), (4, 4, 64, 64), (10, 6, 48, 31),
        (3, 3, 96, 80), (1, 1, 64, 48), (1, 1, 100, 96), (20, 20, 6, 12), (7, 7, 17, 9), (16, 4, 40, 40),
        (2, 2, 128, 60),
    ):  # fmt: skip
        yield f"1x1 {h}x{w}x{c} {d}", layers.window(conv, (h, w, c), d, (1, 1))
    for h, w, c, d, kh, kw, s in (
        (10, 10, 8, 12, 3, 3, 1), (12, 12, 16, 16, 3, 3, 1), (9, 9, 24, 20, 3, 3, 2), (6, 6, 40, 32, 3, 3, 1),
        (20, 20, 3, 8, 3, 3, 1), (24, 24, 3, 12, 3, 3, 2), (30, 12, 1, 16, 8, 4, 2), (16, 16, 1, 8, 5, 5, 1),
        (5, 5, 32, 48, 3, 3, 1), (40, 1, 16, 24, 5, 1, 1), (14, 14, 16, 24, 1, 1, 2), (8, 8, 9, 7, 2, 2, 1),
        (1, 60, 10, 16, 1, 7, 1), (9, 1, 30, 20, 9, 1, 9),
    ):  # fmt: skip
        yield f"conv {h}x{w}x{c} {d} {kh}x{kw}/{s}", layers.window(conv, (h, w, c), d, (kh, kw), (s, s))
        if h >= kh and w >= kw:
            name = f"conv valid {h}x{w}x{c} {d} {kh}x{kw}/{s}"
            yield name, layers.window(conv, (h, w, c), d, (kh, kw), (s, s), same=False)
    for h, w, c, kh, kw, s in (
        (10, 10, 8, 3, 3, 1), (16, 16, 16, 3, 3, 1), (20, 20, 12, 3, 3, 2), (7, 7, 40, 3, 3, 1), (5, 5, 96, 3, 3, 1),
        (3, 3, 64, 3, 3, 1), (25, 25, 8, 3, 3, 2), (12, 12, 31, 3, 3, 1), (30, 4, 24, 3, 3, 1), (9, 9, 48, 3, 3, 2),
        (32, 32, 8, 3, 3, 1), (18, 18, 20, 5, 5, 1), (4, 1, 64, 4, 1, 4), (8, 1, 96, 8, 1, 8), (12, 1, 48, 12, 1, 12),
        (40, 1, 32, 5, 1, 1), (16, 16, 9, 2, 2, 2), (40, 40, 4, 3, 3, 1),
    ):  # fmt: skip
        yield f"depthwise {h}x{w}x{c} {kh}x{kw}/{s}", layers.window(depthwise, (h, w, c), c, (kh, kw), (s, s))
        if h >= kh and w >= kw:
            name = f"depthwise valid {h}x{w}x{c} {kh}x{kw}/{s}"
            yield name, layers.window(depthwise, (h, w, c), c, (kh, kw), (s, s), same=False)
    for h, w, c, m, kh, kw, s in (
        (40, 40, 1, 8, 3, 3, 2), (30, 20, 1, 8, 8, 6, 2), (24, 24, 1, 16, 5, 5, 1), (20, 20, 3, 4, 3, 3, 1),
        (49, 20, 1, 6, 10, 8, 2), (16, 16, 2, 8, 3, 3, 1), (12, 30, 1, 4, 4, 4, 2), (30, 30, 1, 16, 3, 3, 1),
        (60, 60, 1, 12, 3, 3, 2), (40, 20, 1, 8, 9, 5, 2), (32, 32, 1, 8, 6, 8, 2), (20, 40, 1, 4, 8, 10, 1),
        (10, 10, 1, 24, 2, 2, 1), (25, 25, 1, 8, 7, 7, 2), (30, 12, 1, 5, 3, 5, 1), (16, 16, 1, 7, 4, 8, 1),
    ):  # fmt: skip
        yield f"multiplied {h}x{w}x{c} {m} {kh}x{kw}/{s}", layers.window(depthwise, (h, w, c), c * m, (kh, kw), (s, s))
    for inputs, outputs in (
        (8, 8), (16, 40), (64, 64), (100, 30), (200, 128), (640, 64), (128, 300), (31, 17), (256, 10), (1000, 8),
        (2, 20), (20, 2), (12, 12), (1, 16), (2000, 4), (96, 1),
    ):  # fmt: skip
        for per_channel in (False, True):
            yield f"dense {inputs} {outputs} {per_channel}", layers.dense(inputs, outputs, per_channel=per_channel)
    for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        for h, w, c, kh, kw, s in (
            (8, 8, 16, 2, 2, 2), (12, 12, 8, 3, 3, 1), (5, 5, 64, 5, 5, 5), (20, 4, 32, 20, 4, 20), (9, 9, 20, 3, 3, 3),
            (6, 6, 100, 6, 6, 6), (16, 16, 7, 2, 2, 2), (3, 3, 200, 3, 3, 3), (10, 10, 12, 4, 4, 2),
        ):  # fmt: skip
            yield f"{op} {h}x{w}x{c} {kh}x{kw}/{s}", layers.window(op, (h, w, c), c, (kh, kw), (s, s), same=False)
    for op in ("ADD", "SOFTMAX", "LOGISTIC", "RELU"):
        for elements in (2, 5, 10, 37, 64, 200, 510):
            yield f"{op} {elements}", layers.pointwise(op, elements)
    for shape in ((4, 4, 8), (7, 7, 16), (10, 3, 40), (1, 12, 64), (20, 20, 6)):
        yield f"mean {shape}", layers.mean(shape)
    for seed in range(8):
        graph = rewrite(load(streamable_model(seed), "stream"), incremental=True)
        for number, step in enumerate(graph.ops):
            if step.name == "STREAM_ROWS" and graph.tensors[step.outputs[0]].n_bytes >= _LEAST_BYTES:
                yield f"stream {seed}/{number}", single(graph, number)
    for rows, channels in ((3, 64), (8, 96), (12, 40), (20, 64), (6, 200), (2, 17), (7, 31), (11, 6), (30, 16)):
        yield f"stream {rows}x{channels}", layers.streaming(rows, channels)
    # Whatever else there is: the small cases of the operators' own tests.
    have = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "SOFTMAX", "MEAN"}
    for make in CASES.values():
        for case in make():
            graph = load(case.tflite, "case")
            if len(graph.ops) == 1 and graph.ops[0].name not in have and graph.inputs:
                yield f"case {graph.ops[0].name}", graph


def _worked_out(row: layers.Measured) -> bool:
    """Whether the compiler knew the answer (a clamp that leaves one value), so that nothing was computed."""
    work, p = find_kernel(row.kernel).work(row.lowered), row.lowered.params
    if "act_min" in p and p["act_min"] == p["act_max"]:
        return True
    return row.instructions < max(_CALL, work.get("outputs", 0.0), work.get("elements", 0.0))


def solved(work: Floats, counts: Floats) -> Floats:
    """Rates >= 0 that make the squared relative errors least.

    Source: Lawson and Hanson, Solving Least Squares Problems, chapter 23 (NNLS).
    """
    scale = np.maximum(work.max(axis=0), 1e-12)
    a = work / counts[:, None] / scale
    b = np.ones(len(counts))
    x = np.zeros(a.shape[1])
    active = np.zeros(a.shape[1], bool)
    for _ in range(10 * a.shape[1]):
        gradient = np.where(active, -np.inf, a.T @ (b - a @ x))
        if gradient.max() <= 1e-9:
            break
        active[int(gradient.argmax())] = True
        while True:
            trial = np.zeros_like(x)
            trial[active], *_ = np.linalg.lstsq(a[:, active], b, rcond=None)
            if trial[active].min() > 0:
                x = trial
                break
            falling = active & (trial <= 0)
            step = np.min(x[falling] / np.maximum(x[falling] - trial[falling], 1e-30))
            x = x + step * (trial - x)
            active &= x > 1e-12
            x[~active] = 0.0
            if not active.any():
                break
    rates: Floats = x / scale
    return rates


def main() -> int:
    """Measure, solve, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", choices=tuple(CORES), default="cortex-m4")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    chip = core_chip(given.core)
    path = COSTS / f"{given.core}.json"
    known = json.loads(path.read_text())["kernels"] if path.is_file() else {}
    runner = runner_of(given.core)
    with tempfile.TemporaryDirectory() as folder:
        found = layers.measure(
            list(shapes()), chip, Path(folder) / "work", kernels=given.only, n_vectors=1, runner=runner
        )
    wrong = [f"{row.layer}: {row.kernel}" for row in found if row.differing_bytes]
    fitted: dict[str, dict[str, object]] = {}
    for kernel in KERNELS:
        rows = [row for row in found if row.kernel == kernel.id and not _worked_out(row)]
        if not rows:
            continue
        names = sorted({name for row in rows for name in kernel.work(row.lowered)})
        work = np.array([[kernel.work(row.lowered).get(name, 0.0) for name in names] for row in rows])
        counts = np.array([float(row.instructions) for row in rows])
        if given.check:
            rates = np.array([known.get(kernel.id, {}).get("rates", {}).get(name, 0.0) for name in names])
        elif len(rows) >= _LEAST:
            rates = solved(work, counts)
        else:
            continue
        errors = work @ rates / counts - 1
        worst = int(np.abs(errors).argmax())
        if np.abs(errors).mean() < _ROUGH:
            fitted[kernel.id] = {
                "rates": {n: float(f"{rate:.6g}") for n, rate in zip(names, rates, strict=True) if rate > 0},
                "layers": len(rows),
                "mean_error_percent": round(100 * float(np.abs(errors).mean()), 2),
            }
        print(
            f"{kernel.id:44} {len(rows):3} layers, mean error {100 * np.abs(errors).mean():5.1f} %, "
            f"worst {100 * errors[worst]:+6.1f} % ({rows[worst].layer}: {counts[worst]:,.0f})"
        )
    for text in wrong:
        print(f"BYTES DIFFER {text}")
    if not given.check:
        note = f": {cross_compiler(chip).note}" if cross_compiler(chip).note else ""
        version = run([cross_compiler(chip).cxx, "--version"], timeout_s=20).stdout.splitlines()[0]
        measured = {row.kernel for row in found}
        kept = {k: v for k, v in known.items() if k not in measured and any(k == kernel.id for kernel in KERNELS)}
        values = {
            "core": given.core,
            "origin": f"single layers at -O2, GCC {version.split(') ')[-1]}, counted in {runner} {given.core}{note}",
            "kernels": dict(sorted({**kept, **fitted}.items())),
        }
        COSTS.mkdir(exist_ok=True)
        path.write_text(pretty_json(values))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
