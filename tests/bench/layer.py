"""Every kernel that can run a layer, counted and compared with the NumPy reference: a kernel writer's bench.

usage, with PYTHONPATH=tests:
    python tests/bench/layer.py --model kws_ref_model [--step N]        the layers of a model (rewritten)
    python tests/bench/layer.py --conv 25x5x64 --out 64 --kernel 1x1    a layer made from a shape; also --depthwise,
                                [--stride 2x2] [--valid]                --dense 640 --out 128, --add 16384, --pool
    [--core cortex-m4|cortex-m3|cortex-m0plus|cortex-m55|lx106] [--only WORD] [--json FILE]

Exit code 1 when a byte differs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import layers

from support.single import single
from tinygen.model.importer import load
from tinygen.model.ir import Graph
from tinygen.model.rewrite.registry import rewrite
from tinygen.pipeline.counting import CORES, core_chip, runner_of

MODELS = Path(__file__).resolve().parents[2].parent / "shared" / "models"


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("x"))


def _of_model(given: argparse.Namespace) -> list[tuple[str, Graph]]:
    path = Path(given.model) if given.model.endswith(".tflite") else given.models / f"{given.model}.tflite"
    graph = rewrite(load(path.read_bytes(), path.stem), incremental=given.streaming == "incremental")
    found: dict[str, tuple[str, Graph]] = {}
    for number, op in enumerate(graph.ops):
        if given.step is not None and number != given.step:
            continue
        alone = single(graph, number)
        shapes = [graph.tensors[i].shape for i in (*alone.inputs, *op.inputs[1:2], *alone.outputs)]
        if alone.inputs and alone.outputs:
            found.setdefault(f"{op.name} {shapes} {op.options}", (f"{number} {op.name} {shapes}", alone))
    return list(found.values())


def _of_shape(given: argparse.Namespace) -> list[tuple[str, Graph]]:
    kernel, stride = _numbers(given.kernel), _numbers(given.stride)
    k, s = (kernel[0], kernel[-1]), (stride[0], stride[-1])
    found: list[tuple[str, Graph]] = []
    for op, text in (
        ("CONV_2D", given.conv),
        ("DEPTHWISE_CONV_2D", given.depthwise),
        ("AVERAGE_POOL_2D", given.pool),
    ):
        if text:
            shape = _numbers(text)
            channels = given.out if op == "CONV_2D" else given.out or shape[2]
            image = (shape[0], shape[1], shape[2])
            found.append((f"{op} {text}", layers.window(op, image, channels or shape[2], k, s, same=not given.valid)))
    if given.dense:
        found.append((f"FULLY_CONNECTED {given.dense}", layers.dense(given.dense, given.out or given.dense)))
    if given.add:
        found.append((f"ADD {given.add}", layers.pointwise("ADD", given.add)))
    return found


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--model")
    parser.add_argument("--step", type=int)
    parser.add_argument("--streaming", default="full")
    for option in ("--conv", "--depthwise", "--pool"):
        parser.add_argument(option, metavar="HxWxC")
    parser.add_argument("--dense", type=int)
    parser.add_argument("--add", type=int)
    parser.add_argument("--out", type=int, default=0)
    parser.add_argument("--kernel", default="3x3")
    parser.add_argument("--stride", default="1x1")
    parser.add_argument("--valid", action="store_true")
    parser.add_argument("--core", choices=tuple(CORES), default="cortex-m4")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    wanted = _of_model(given) if given.model else _of_shape(given)
    runner = runner_of(given.core)
    with tempfile.TemporaryDirectory() as folder:
        found = layers.measure(wanted, core_chip(given.core), Path(folder) / "work", kernels=given.only, runner=runner)
    print(f"instructions of one inference, {given.core}, -O2, counted in {runner} (entering infer() to its return)")
    shown = ""
    for row in found:
        if row.layer != shown:
            shown = row.layer
            print(f"\n{shown}   {row.lowered.macs:,} MACs")
        per = f"{row.instructions / row.lowered.macs:7.3f}/MAC" if row.lowered.macs else " " * 11
        guess = "" if row.estimate is None else f"  estimated {row.estimate:,.0f}"
        scratch = f"  scratch {row.scratch_bytes:,}" if row.scratch_bytes else ""
        wrong = f"  {row.differing_bytes} BYTES DIFFER" if row.differing_bytes else ""
        print(f"  {row.kernel:44} {row.instructions:>12,} {per}  stack {row.stack_bytes}{scratch}{guess}{wrong}")
    if given.json:
        rows = [{"layer": r.layer, "kernel": r.kernel, "macs": r.lowered.macs, "instructions": r.instructions,
                 "differing_bytes": r.differing_bytes} for r in found]  # fmt: skip
        given.json.write_text(json.dumps(rows, indent=2) + "\n")
    return 1 if any(row.differing_bytes for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
