"""`make bench`: instructions per inference of the published models on a Cortex-M4F, beside other ways to run them.

usage: python tests/bench/instructions.py [--models FOLDER] [--vectors N] [--no-rivals] [--per-layer]
           [--json FILE] [--svg FILE] [--compare OLD.json [--threshold PERCENT]] [MODEL...]

Each model is planned with --optimize speed, its generated code compiled as the firmware project is (GCC, -O2,
Cortex-M4F), put into an image with the inputs, and run in QEMU (machine netduinoplus2, -icount shift=0: one instruction
is one tick of the machine's 1 GHz timer). Every output byte is compared with TFLM's interpreter (the PyPI wheel). It is
counted from entering infer() to its return, in that very image, without any per-step hook; the largest of all inputs is
printed. In the same run: our compact portable kernels (same compiler, same level), and bakeNN from PyPI with both its
back ends. The figures of TFLM with CMSIS-NN are quoted, not measured here. Exit code 1: a byte differs, a limit is
missed, or something became slower than --compare allows.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import chart
import rivals

from tinygen.boards.loader import find_board
from tinygen.core.errors import TinygenError
from tinygen.core.files import write_tree
from tinygen.firmware.library_view import render_library
from tinygen.firmware.model_view import compiler_level
from tinygen.model import importer
from tinygen.model.compile import plan
from tinygen.model.ir import Graph, Plan
from tinygen.model.rewrite.registry import rewrite
from tinygen.model.selection import Options
from tinygen.pipeline.counting import Counted, Subject, count
from tinygen.toolchain.measure import measure_library
from tinygen.verify.inputs import model_inputs
from tinygen.verify.oracle_child import expect_in_child
from tinygen.verify.rewritten import windows

ROOT = Path(__file__).resolve().parents[2]
QUOTED = "TFLM + CMSIS-NN, quoted: tflite-micro 90b983c2, CMSIS-NN 4ab83cc3, GCC 12.2 -O2, QEMU -icount shift=0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A model, what others are known to take, and what is asked of ours.

    Attributes:
        tflm, tflm_inline: quoted instructions; the second with CMSIS-NN's inline assembly requantisation.
        limit, aim: of ours. arena_limit: arena and state, the limits of tests/bench/memory.py; 0 = none.
    """

    model: str
    tflm: int
    tflm_inline: int
    tflm_arena: int
    tflm_flash: int
    limit: int
    aim: int
    arena_limit: int = 0
    streaming: str = "full"


ROWS = (
    Row(model="kws_ref_model", tflm=7_697_700, tflm_inline=7_226_350, tflm_arena=22_820, tflm_flash=52_784,
        limit=4_200_000, aim=3_500_000, arena_limit=9_000),
    Row(model="pretrainedResnet_quant", tflm=29_863_920, tflm_inline=28_505_640, tflm_arena=54_996, tflm_flash=50_592,
        limit=17_500_000, aim=14_500_000, arena_limit=37_000),
    Row(model="vww_96_int8", tflm=24_101_520, tflm_inline=22_608_980, tflm_arena=100_708, tflm_flash=52_784,
        limit=8_500_000, aim=6_500_000, arena_limit=38_000),
    Row(model="person_detect", tflm=22_928_040, tflm_inline=21_431_860, tflm_arena=82_308, tflm_flash=43_040,
        limit=12_000_000, aim=9_500_000, arena_limit=38_000),
    Row(model="ad01_int8", tflm=582_890, tflm_inline=573_203, tflm_arena=2_580, tflm_flash=27_440,
        limit=400_000, aim=330_000, arena_limit=800),
    Row(model="micro_speech_quantized", tflm=1_495_350, tflm_inline=1_451_350, tflm_arena=6_836, tflm_flash=43_552,
        limit=700_000, aim=500_000, arena_limit=4_400),
    Row(model="str_ww_ref_model", tflm=2_226_935, tflm_inline=2_116_125, tflm_arena=16_596, tflm_flash=50_240,
        limit=120_000, aim=80_000, arena_limit=5_000, streaming="incremental"),
    Row(model="hello_world_int8", tflm=3_492, tflm_inline=3_295, tflm_arena=772, tflm_flash=27_408,
        limit=1_000, aim=700),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A step, counted in unicorn on the first input."""

    step: int
    op: str
    shapes: str
    kernel: str
    macs: int
    instructions: int
    estimated: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """Our generated code, planned one way."""

    instructions: int
    macs: int
    arena_bytes: int
    state_bytes: int
    flash_bytes: int
    weights_bytes: int
    stack_bytes: int | None
    vectors: int
    compared_bytes: int
    differing_bytes: int
    estimated: float | None
    layers: tuple[Layer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A line of the benchmark."""

    row: Row
    speed: Ours
    compact: Ours
    rivals: tuple[rivals.Rival, ...]
    missed: tuple[str, ...] = field(default=())


def _run(graph: Graph, tflite: bytes, row: Row, options: Options, given: argparse.Namespace, work: Path) -> Ours:
    chip = find_board(given.board).chip
    made = plan(rewrite(graph, incremental=row.streaming == "incremental"), chip, options)
    rewritten = made.graph.rewritten
    hops = -(-rewritten.window_rows // rewritten.hop_rows) if rewritten is not None and rewritten.hop_rows else 0
    vectors = model_inputs(made.graph, hops + given.vectors, 1)
    answers = expect_in_child(tflite, graph, windows(made, vectors)).expected
    subject = Subject(plan=made, inputs=tuple(v.model_input.tobytes() for v in vectors))
    (got,) = count([subject], chip, work / "image", runner="qemu", level="-O2")
    expected = [bytes(answer.output) for answer in answers]
    wrong = sum(a != b for out, want in zip(got.outputs, expected, strict=True) for a, b in zip(out, want, strict=True))
    write_tree(work / "library", render_library(made, tflite, row.model, chip))
    sizes = measure_library(work / "library", chip, work / "sizes", optimize="-O2")
    layers: tuple[Layer, ...] = ()
    if given.per_layer:
        first = Subject(plan=made, inputs=subject.inputs[: hops + 1])
        (steps,) = count([first], chip, work / "image", runner="unicorn", level=compiler_level(made))
        layers = _layers(made, steps)
    return Ours(
        instructions=max(got.instructions),
        macs=made.macs,
        arena_bytes=made.arena_bytes,
        state_bytes=made.state_bytes,
        flash_bytes=sizes.flash_bytes,
        weights_bytes=made.weights_bytes,
        stack_bytes=sizes.stack.total_bytes if sizes.stack is not None else None,
        vectors=len(vectors),
        compared_bytes=sum(map(len, expected)),
        differing_bytes=wrong,
        estimated=made.instructions,
        layers=layers,
    )


def _layers(made: Plan, counted: Counted) -> tuple[Layer, ...]:
    tensors = made.graph.tensors
    return tuple(
        Layer(
            step=step.position,
            op=step.op.name,
            shapes=" -> ".join(
                " + ".join("x".join(map(str, tensors[i].shape)) for i in side) for side in (step.inputs, step.outputs)
            ),
            kernel=step.kernel,
            macs=step.macs,
            instructions=counted.steps[step.position][-1] if step.position in counted.steps else 0,
            estimated=step.instructions,
        )
        for step in made.steps
    )


def measure(row: Row, given: argparse.Namespace, work: Path) -> Result:
    """Everything about one model."""
    tflite = (given.models / f"{row.model}.tflite").read_bytes()
    graph = importer.load(tflite, f"{row.model}.tflite")
    speed = _run(graph, tflite, row, Options(), given, work)
    compact = _run(graph, tflite, row, Options(optimize="size"), given, work)
    others: list[rivals.Rival] = []
    if given.rivals:
        vectors = model_inputs(graph, given.vectors, 1)
        answers = expect_in_child(tflite, graph, vectors).expected
        tensors = [{k: bytes(t) for k, t in answer.tensors.items()} for answer in answers]
        inputs = [v.model_input.tobytes() for v in vectors]
        others = rivals.run(graph, inputs, tensors, find_board(given.board).chip, work / "rivals")
    missed = [
        f"{what} {value:,} over {limit:,}"
        for what, value, limit in (
            ("differing bytes", speed.differing_bytes + compact.differing_bytes, 0),
            ("instructions", speed.instructions, row.limit),
            ("arena and state", speed.arena_bytes + speed.state_bytes, row.arena_limit or 1 << 30),
        )
        if value > limit
    ]
    return Result(row=row, speed=speed, compact=compact, rivals=tuple(others), missed=tuple(missed))


HEAD = (
    "model", "TFLM+CMSIS-NN (quoted)", "bakeNN", "bakeNN+CMSIS-NN", "compact", "tinygen", "at most", "per MAC",
    "estimate", "arena", "flash", "differing bytes",
)  # fmt: skip


def line(result: Result) -> tuple[str, ...]:
    """A row of the printed table."""
    row, speed = result.row, result.speed
    by_name = {rival.backend: rival for rival in result.rivals}

    def rival(name: str) -> str:
        found = by_name.get(name)
        if found is None or found.refused:
            return "-" if found is None else "refused"
        return f"{found.instructions:,}" + (f" ({found.differing_bytes} differ)" if found.differing_bytes else "")

    error = "-" if speed.estimated is None else f"{100 * (speed.estimated / speed.instructions - 1):+.1f} %"
    return (
        row.model if row.streaming == "full" else f"{row.model}, per hop",
        f"{row.tflm:,}",
        rival("portable"),
        rival("cmsis-nn"),
        f"{result.compact.instructions:,}",
        f"{speed.instructions:,}",
        f"{row.limit:,}",
        f"{speed.instructions / speed.macs:.2f}",
        error,
        f"{speed.arena_bytes + speed.state_bytes:,}",
        f"{speed.flash_bytes:,}",
        f"{speed.differing_bytes} of {speed.compared_bytes}",
    )


def _print(results: Sequence[Result], given: argparse.Namespace) -> None:
    table = [HEAD, *(line(result) for result in results)]
    widths = [max(len(cells[i]) for cells in table) for i in range(len(HEAD))]
    print("instructions per inference, Cortex-M4F, GCC -O2")
    print("measured in QEMU (netduinoplus2, -icount shift=0) but where quoted; largest of the inputs")
    for cells in table:
        print(
            "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True)))
        )
    print(f"  {QUOTED}")
    print("  compact: our portable kernels of --optimize size, at -O2. per MAC: of the rewritten model.")
    print("  arena: with state, bytes, planned = linked. flash: weights, kernels, tables, glue, bytes, linked.")
    print("  estimate: error of the cost model.")
    print("  str_ww: bakeNN and TFLM compute the whole window at each hop; ours computes what is new.")
    for result in results:
        for rival in result.rivals:
            if rival.refused:
                print(f"  bakeNN {rival.backend}, {result.row.model}: {rival.refused}")
        changed = sorted({text for rival in result.rivals for text in rival.changed})
        if changed:
            print(f"  bakeNN got {result.row.model} {'; '.join(changed)}")
    if given.per_layer:
        for result in results:
            print(f"\n{result.row.model}: instructions of each step, counted in unicorn (basic blocks) on one input")
            for layer in result.speed.layers:
                guess = "" if layer.estimated is None else f"{layer.estimated:12,.0f} estimated"
                per = f"{layer.instructions / layer.macs:7.2f}/MAC" if layer.macs else " " * 11
                print(f"  {layer.step:3} {layer.instructions:12,} {per} {guess:24} {layer.kernel:40} {layer.shapes}")


def _slower(results: Sequence[Result], old: Path, threshold: float) -> list[str]:
    before = {entry["row"]["model"]: entry for entry in json.loads(old.read_text())["results"]}
    found = []
    for result in results:
        was = before.get(result.row.model, {}).get("speed", {}).get("instructions")
        now = result.speed.instructions
        if was is not None and now > was * (1 + threshold / 100):
            found.append(
                f"{result.row.model}: {now:,} instructions, {100 * (now / was - 1):+.1f} % over {was:,} before"
            )
    return found


def main() -> int:
    """Print the table; keep JSON and chart where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "models")
    parser.add_argument("--board", default="feather_f405")
    parser.add_argument("--vectors", type=int, default=4)
    parser.add_argument("--no-rivals", dest="rivals", action="store_false")
    parser.add_argument("--per-layer", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--compare", type=Path)
    parser.add_argument("--threshold", type=float, default=2.0)
    parser.add_argument("only", nargs="*", metavar="MODEL")
    given = parser.parse_args()
    if not given.models.is_dir():
        print(f"there is no folder {given.models}; name one with --models")
        return 2
    results: list[Result] = []
    broken: list[str] = []
    with tempfile.TemporaryDirectory(prefix="tinygen-bench-") as name:
        for row in ROWS:
            if given.only and row.model not in given.only:
                continue
            try:
                result = measure(row, given, Path(name))
            except TinygenError as error:
                broken.append(f"{row.model}: {error}")
                continue
            results.append(result)
            broken += [f"{row.model}: {text}" for text in result.missed]
            print(f"  {row.model}: {result.speed.instructions:,}", file=sys.stderr)
    _print(results, given)
    if given.compare:
        broken += _slower(results, given.compare, given.threshold)
    for text in broken:
        print(f"MISSED {text}")
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        values = {"origin": {"ours": "simulated-on-qemu netduinoplus2", "tflm": QUOTED, "bakenn": rivals.WHEEL}}
        given.json.write_text(json.dumps({**values, "results": [asdict(r) for r in results]}, indent=2) + "\n")
    if given.svg:
        given.svg.parent.mkdir(parents=True, exist_ok=True)
        given.svg.write_text(chart.bars([(r.row.model, _bars(r)) for r in results]))
    return 1 if broken else 0


def _bars(result: Result) -> dict[str, int]:
    found = {"TFLM + CMSIS-NN (quoted)": result.row.tflm}
    for rival in result.rivals:
        if not rival.refused and rival.backend == "cmsis-nn":
            found["bakeNN + CMSIS-NN"] = rival.instructions
    return {**found, "tinygen, compact kernels": result.compact.instructions, "tinygen": result.speed.instructions}


if __name__ == "__main__":
    sys.exit(main())
