"""`make bench-memory`: what the published models take, planned and linked, beside TFLM's arena.

usage: python tests/bench/memory.py [--models FOLDER] [--board ID] [--verify host|unicorn|none] [--json FILE] [MODEL...]

Exit code 1 when a limit is missed, a byte differs, or a model cannot be compiled.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tinygen.config import load_config
from tinygen.core.errors import TinygenError
from tinygen.core.values import Check, Report
from tinygen.pipeline import compilation, compile_values
from tinygen.pipeline.context import Context

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the benchmark.

    Attributes:
        tflm_arena_bytes: TFLM's interpreter, as the notes measured it (tflite-micro 90b983c2, Cortex-M4F).
        limit_bytes: of ours, arena and state together.
        limit_macs, limit_weights: of what is left after rewrites; 0 where nothing is asked. Weights are INT8 values.
    """

    model: str
    tflm_arena_bytes: int
    limit_bytes: int
    streaming: str = "full"
    limit_macs: int = 0
    limit_weights: int = 0


ROWS = (
    Row(model="kws_ref_model", tflm_arena_bytes=22_820, limit_bytes=9_000),
    Row(model="pretrainedResnet_quant", tflm_arena_bytes=54_996, limit_bytes=37_000),
    Row(model="vww_96_int8", tflm_arena_bytes=100_708, limit_bytes=38_000, limit_macs=3_800_000, limit_weights=31_000),
    Row(model="person_detect", tflm_arena_bytes=82_308, limit_bytes=38_000),
    Row(model="ad01_int8", tflm_arena_bytes=2_580, limit_bytes=800),
    Row(model="micro_speech_quantized", tflm_arena_bytes=6_836, limit_bytes=4_400),
    Row(
        model="str_ww_ref_model", tflm_arena_bytes=16_596, limit_bytes=5_000, streaming="incremental", limit_macs=46_100
    ),
)
# Of kws_ref_model: kernels, tables and glue, compiled as each choice wants it (-Os, -O2).
KWS_CODE_LIMIT_BYTES = {"size": 10 * 1024, "speed": 24 * 1024}
STACK_LIMIT_BYTES = 1024
PLAN_LIMIT_S = {"kws_ref_model": 2.0, "vww_96_int8": 15.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Ours; `missed` says in words which limits were not held."""

    model: str
    streaming: str
    tflm_arena_bytes: int
    limit_bytes: int
    arena_bytes: int
    state_bytes: int
    lower_bound_bytes: int
    weights_bytes: int
    weights: int
    code_bytes: int
    size_code_bytes: int
    compact_arena_bytes: int
    stack_bytes: int | None
    macs: int
    plan_seconds: float
    vectors: int | None
    differing_bytes: int | None
    missed: tuple[str, ...]


def measure(ctx: Context, row: Row, models: Path, verify_on: str) -> Result:
    """Compile one model and hold it against its row."""
    request = compile_values.Request(model=models / f"{row.model}.tflite", streaming=row.streaming, verify_on=verify_on)
    made = compilation.planned(ctx, request)
    report = compilation.compile_model(ctx, request)
    value = {m.name: m.value for m in report.measurements}
    small = replace(ctx, config=replace(ctx.config, optimize="size"))
    least = compilation.write_library(small, compilation.planned(small, request), None).own
    size_code = least.flash_bytes - least.linked_weights_bytes
    # As in the rewritten graph: kernels may pad them.
    tensors = made.plan.graph.tensors
    weights = sum(tensors[step.op.inputs[1]].n_elements for step in made.plan.steps if "weights" in step.constants)
    ours = _number(value["arena_bytes"]) + _number(value["state_bytes"])
    missed = [f"{check.name}: {check.reason}" for check in _failed(report)]
    for name, got, limit in (
        ("arena and state", ours, row.limit_bytes),
        ("MACs", made.plan.macs, row.limit_macs),
        ("weights", weights, row.limit_weights),
        ("stack", _number(value["stack_bytes"]), STACK_LIMIT_BYTES),
        *(
            (f"code for {word}", code, KWS_CODE_LIMIT_BYTES[word] if row.model == "kws_ref_model" else 0)
            for word, code in (("speed", _number(value["code_bytes"])), ("size", size_code))
        ),
        ("seconds of planning", made.seconds, PLAN_LIMIT_S.get(row.model, 0)),
    ):
        if limit and got > limit:
            missed.append(f"{name} {got:,} over {limit:,}")
    return Result(
        model=row.model,
        streaming=row.streaming,
        tflm_arena_bytes=row.tflm_arena_bytes,
        limit_bytes=row.limit_bytes,
        arena_bytes=made.plan.arena_bytes,
        state_bytes=_number(value["state_bytes"]),
        lower_bound_bytes=made.plan.lower_bound_bytes,
        weights_bytes=made.plan.weights_bytes,
        weights=weights,
        code_bytes=_number(value["code_bytes"]),
        size_code_bytes=size_code,
        compact_arena_bytes=made.plan.compact_arena_bytes,
        stack_bytes=_number(value["stack_bytes"]),
        macs=made.plan.macs,
        plan_seconds=round(made.seconds, 3),
        vectors=None if value["vectors"] is None else _number(value["vectors"]),
        differing_bytes=None if value["differing_bytes"] is None else _number(value["differing_bytes"]),
        missed=tuple(missed),
    )


def _failed(report: Report) -> list[Check]:
    return [check for check in report.checks if check.status.value in ("failed", "error")]


def _number(value: float | None) -> int:
    return int(value or 0)


HEAD = (
    "model", "TFLM arena", "at most", "arena", "compact", "state", "bound", "weights B",
    "code", "code -Os", "stack", "MACs", "differing",
)  # fmt: skip


def line(result: Result) -> tuple[str, ...]:
    """A row of the printed table."""
    name = result.model if result.streaming == "full" else f"{result.model}, {result.streaming}"
    proof = "not run" if result.vectors is None else f"{result.differing_bytes} in {result.vectors} vectors"
    numbers = (
        result.tflm_arena_bytes, result.limit_bytes, result.arena_bytes, result.compact_arena_bytes,
        result.state_bytes, result.lower_bound_bytes, result.weights_bytes, result.code_bytes, result.size_code_bytes,
        result.stack_bytes or 0, result.macs,
    )  # fmt: skip
    return (name, *(f"{number:,}" for number in numbers), proof)


def main() -> int:
    """Print the table; keep it as JSON where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "models")
    parser.add_argument("--board", default="nucleo_f446re")
    parser.add_argument("--verify", default="host")
    parser.add_argument("--json", type=Path)
    parser.add_argument("only", nargs="*", metavar="MODEL")
    given = parser.parse_args()
    if not given.models.is_dir():
        print(f"there is no folder {given.models}; name one with --models")
        return 2
    overrides = {"board": given.board, "build_dir": str(ROOT / "build" / "bench-memory")}
    ctx = Context(config=load_config(None, overrides, ROOT), offline=True)
    results: list[Result] = []
    broken: list[str] = []
    for row in ROWS:
        if given.only and row.model not in given.only:
            continue
        try:
            result = measure(ctx, row, given.models, "" if given.verify == "none" else given.verify)
        except TinygenError as error:
            broken.append(f"{row.model}: {error}")
            continue
        results.append(result)
        broken += [f"{row.model}: {text}" for text in result.missed]
        print(f"  {row.model}: arena {result.arena_bytes:,} of TFLM's {row.tflm_arena_bytes:,}", file=sys.stderr)
    table = [HEAD, *(line(result) for result in results)]
    widths = [max(len(cells[i]) for cells in table) for i in range(len(HEAD))]
    print(f"memory on {given.board}, bytes (TFLM: interpreter's arena, tflite-micro 90b983c2; ours: planned = linked)")
    print("built with --optimize speed; compact: the arena of the compact kernels; code -Os: with --optimize size")
    for cells in table:
        print(
            "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True)))
        )
    for text in broken:
        print(f"MISSED {text}")
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
