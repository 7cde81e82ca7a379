"""What 10 ms of audio take on a Cortex-M4, stage by stage: published wake words and the keyword model that ships.

usage: python tests/bench/hops.py [--models FOLDER] [--json FILE] [--readme FILE] [CHAIN...]

Each chain (front end, model, decision, streaming engine) is compiled as the firmware project is (GCC, -O2, Cortex-M4F),
put into an image with twelve seconds of tones, noise, clipping and silence, and run in QEMU (machine netduinoplus2,
-icount shift=0: one instruction is one tick of the machine's 1 GHz timer). Its rows and outputs are compared with
NumPy's front end and TFLM's interpreter. Instructions are not cycles: the share of 84 MHz is what an STM32F401 had left
if each took one. Exit code 1: a byte differs, or a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tinygen.config import load_config
from tinygen.core.canonical import digest_bytes
from tinygen.core.errors import TinygenError
from tinygen.core.files import write_atomic
from tinygen.features.spec import LogMelSpec
from tinygen.pipeline import chain as chains
from tinygen.pipeline import streaming
from tinygen.pipeline.chain import Chain
from tinygen.pipeline.context import Context
from tinygen.pipeline.hop_counting import HopCounts, count_hops
from tinygen.pipeline.real_time import HOP_MS, SMALL_HZ

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- hops: written by tests/bench/hops.py -->\n", "<!-- end of hops -->\n"

HOP_LIMIT = 120_000
MEMORY_LIMIT = 12 * 1024
CUTOFFS = {"alexa": (0.9, 5), "hey_mycroft": (0.95, 5)}
"""Cutoff and window of the manifests; the models lie in ../shared."""
STAGES = ("gather", "window", "fft", "energy, filter bank", "noise reduction", "pcan", "log", "quantize")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A chain as it was counted, per 10 ms.

    Attributes:
        stages: of the front end. model: with the decision. rest: ring, bookkeeping of hops, reading of the clock.
        mean, worst: of 10 ms with everything in it; the model is not due in each.
        memory_bytes: state and scratch of front end and stream.
        share: of a clock of 84 MHz, at one instruction a cycle. share_limit: what is asked.
        wrong: what differs from Python's chain.
    """

    chain: str
    model_digest: str
    stages: dict[str, float]
    front_end: float
    model: float
    rest: float
    mean: float
    worst: int
    memory_bytes: int
    share: float
    share_limit: float
    worst_counts: bool
    rows: int
    inferences: int
    wrong: tuple[str, ...]

    @property
    def missed(self) -> tuple[str, ...]:
        """Limits that are broken."""
        hop = float(self.worst) if self.worst_counts else self.mean
        limits = (
            ("instructions per 10 ms", hop, HOP_LIMIT),
            ("bytes of front end and stream", self.memory_bytes, MEMORY_LIMIT),
            ("share of 84 MHz", self.share, self.share_limit),
        )
        return (
            *self.wrong,
            *(f"{what}: {value:,.4g}, at most {most:,}" for what, value, most in limits if value > most),
        )


def row_of(chain: Chain, counts: HopCounts, wrong: tuple[str, ...], *, share_limit: float, worst_counts: bool) -> Row:
    """The figures of one chain.

    Args:
        chain: what was counted.
        counts: of its signal.
        wrong: what differs from Python's chain.
        share_limit: of 84 MHz.
        worst_counts: the limit per 10 ms holds for each of them; else for their mean.
    """
    n = len(counts.steps)
    return Row(
        chain=chain.name,
        model_digest=digest_bytes(chain.tflite)[:16],
        stages={name: round(count / n, 1) for name, count in counts.stages.items()},
        front_end=round(counts.front_end / n, 1),
        model=round(counts.inference / n, 1),
        rest=round(counts.mean - (counts.front_end + counts.inference) / n, 1),
        mean=round(counts.mean, 1),
        worst=max(counts.steps),
        memory_bytes=counts.front_end_bytes + counts.stream_bytes,
        share=round(counts.mean * 1000 / HOP_MS / SMALL_HZ, 4),
        share_limit=share_limit,
        worst_counts=worst_counts,
        rows=counts.rows,
        inferences=counts.inferences,
        wrong=wrong,
    )


def manifest(models: Path, word: str, folder: Path) -> Path:
    """A microWakeWord manifest beside a copy of the model."""
    (folder / f"{word}.tflite").write_bytes((models / f"{word}.tflite").read_bytes())
    cutoff, window = CUTOFFS[word]
    micro = {"probability_cutoff": cutoff, "sliding_window_size": window, "feature_step_size": HOP_MS}
    facts = {"type": "micro", "wake_word": word, "model": f"{word}.tflite", "version": 2, "micro": micro}
    path = folder / f"{word}.json"
    path.write_text(json.dumps(facts))
    return path


def measure(name: str, models: Path, folder: Path) -> Row:
    """One chain: "alexa", "hey_mycroft", "kws" (the shipped model) or "kws, plain log-mel" (its rows only).

    Raises:
        TinygenError: as `count_hops`; TFLM's interpreter is missing.
    """
    word = name in CUTOFFS
    given = {"board": "feather_f405", "build_dir": str(folder / "build"), "task": "kws", "model": "ready"}
    ctx = Context(config=load_config(None, given, folder), offline=True)
    if word:
        chain = chains.of_wakeword(ctx, manifest(models, name, folder))
    else:
        chain = chains.of_task(ctx, "incremental")
        assert isinstance(chain.spec, LogMelSpec)
        if name != "kws":
            chain = replace(chain, spec=replace(chain.spec, enable_noise_reduction=False, enable_pcan=False))
        chain = replace(chain, name=name)
    signal = streaming.made_up_signal(chain)
    counts = count_hops(ctx, chain, signal, folder / "image")
    wrong = counts.wrong(chains.expected(chain, signal))
    return row_of(chain, counts, wrong, share_limit=1.0 if word else 0.2, worst_counts=word)


def table(rows: Sequence[Row]) -> list[str]:
    """Markdown: a stage per line, a chain per column."""

    def line(what: str, cells: Sequence[str]) -> str:
        return f"| {' | '.join((what, *cells))} |"

    lines = [line("instructions per 10 ms", [row.chain for row in rows]), f"|{'---|' * (len(rows) + 1)}"]
    for stage in STAGES:
        lines.append(line(stage, [f"{row.stages[stage]:,.0f}" if stage in row.stages else "-" for row in rows]))
    for what, cells in (
        ("front end", [f"{row.front_end:,.0f}" for row in rows]),
        ("model and decision", [f"{row.model:,.0f}" for row in rows]),
        ("ring and hops", [f"{row.rest:,.0f}" for row in rows]),
        ("**in all**, mean", [f"**{row.mean:,.0f}**" for row in rows]),
        ("in all, largest 10 ms", [f"{row.worst:,}" for row in rows]),
        ("of 84 MHz (margin)", [f"{row.share:.1%} ({1 - row.share:.1%})" for row in rows]),
        ("bytes of front end and stream", [f"{row.memory_bytes:,}" for row in rows]),
    ):
        lines.append(line(what, cells))
    return lines


def into_readme(text: str, lines: Sequence[str]) -> str:
    """The page with the table between its marks."""
    head, found, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not found or not end:
        raise SystemExit(f"there are no marks {BEGIN.strip()} ... {END.strip()}")
    return head + BEGIN + "\n".join(lines) + "\n" + END + tail


def main() -> int:
    """Print the table; keep it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "models")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--readme", type=Path)
    parser.add_argument("only", nargs="*", metavar="CHAIN")
    given = parser.parse_args()
    if not given.models.is_dir():
        print(f"there is no folder {given.models}; name one with --models")
        return 2
    rows: list[Row] = []
    broken: list[str] = []
    for name in given.only or (*CUTOFFS, "kws", "kws, plain log-mel"):
        with tempfile.TemporaryDirectory(prefix="tinygen-hops-") as folder:
            try:
                rows.append(measure(name, given.models, Path(folder)))
            except TinygenError as error:
                broken.append(f"{name}: {error}")
                continue
        broken += [f"{name}: {text}" for text in rows[-1].missed]
        print(f"  {name}: {rows[-1].mean:,.0f}", file=sys.stderr)
    print("instructions of 10 ms of audio, Cortex-M4F, GCC -O2, simulated on qemu (netduinoplus2, -icount shift=0)")
    print("\n".join(table(rows)))
    print(f"at most {HOP_LIMIT:,} per 10 ms (kws: in the mean), {MEMORY_LIMIT:,} bytes, kws at most 20 % of 84 MHz")
    print(f"rows and outputs equal to NumPy and TFLM: {sum(not row.wrong for row in rows)} of {len(rows)} chains")
    for text in broken:
        print(f"MISSED {text}")
    if given.json:
        facts = {"origin": "simulated-on-qemu netduinoplus2, GCC -O2", "rows": [asdict(row) for row in rows]}
        write_atomic(given.json, (json.dumps(facts, indent=2) + "\n").encode())
    if given.readme:
        write_atomic(given.readme, into_readme(given.readme.read_text(), table(rows)).encode())
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
