"""How many instructions 10 ms of a signal take: a whole chain in a bare image in QEMU, stage by stage.

Nothing but the chain runs there: no interrupt, no protocol. What comes out is kept, to be compared.
"""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input, tool_failed
from tinygen.core.files import building_directory, write_tree
from tinygen.core.resources import resource_dir
from tinygen.core.values import Measurement, Table
from tinygen.device import bare
from tinygen.device.qemu_target import PROGRAM
from tinygen.features.spec import LogMelSpec, feature_shape
from tinygen.features.stages import stage_names, stages_in_use
from tinygen.firmware.features_view import render_features
from tinygen.firmware.model_view import compiler_level
from tinygen.pipeline import chain as chains
from tinygen.pipeline.chain import Chain
from tinygen.pipeline.context import Context
from tinygen.pipeline.real_time import HOP_MS, per_hop_table, shares
from tinygen.toolchain.bare_image import NETDUINO, Source, build_bare
from tinygen.verify.stream import Expected

_SOURCES = ("src/model.cpp", "src/input_copy.cpp", "src/weights.cpp", "src/decision.cpp", "src/stream.cpp")
_CORE = "cortex-m4"
_STAGE_SLOTS = 8
_FLASH_FOR_SIGNAL = 512 << 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HopCounts:
    """Instructions of a signal, and what came out of it.

    Attributes:
        steps: of each 10 ms, with everything in it: ring, front end, and the model and decision where they are due.
        stages: {stage of the front end: of the whole signal}, what reading the clock costs taken off.
        front_end: the same undisturbed, all stages and what lies between them.
        features, inference: as the engine counts itself over the whole signal.
        front_end_bytes, stream_bytes: RAM, as the image says.
        rows, inferences, overruns, row_digest, output_digest, events: see `verify.stream`.
    """

    steps: tuple[int, ...]
    stages: dict[str, int]
    front_end: int
    features: int
    inference: int
    front_end_bytes: int
    stream_bytes: int
    rows: int
    inferences: int
    overruns: int
    row_digest: int
    output_digest: int
    events: tuple[tuple[int, int, int, int], ...]

    @property
    def mean(self) -> float:
        """Of 10 ms, over the whole signal."""
        return sum(self.steps) / len(self.steps)

    def wrong(self, expected: Expected) -> tuple[str, ...]:
        """What differs from Python's chain with TFLM's interpreter; empty when every byte and event is equal."""
        rows, outputs = expected.made.rows, expected.outputs
        ours = tuple((e.number, e.label, e.score, e.instant) for e in expected.events)
        pairs = (
            ("rows", (self.rows, self.row_digest), (len(rows), zlib.crc32(rows.tobytes()))),
            ("outputs", (self.inferences, self.output_digest), (len(outputs), zlib.crc32(outputs.tobytes()))),
            ("events", self.events, ours),
            ("overruns", self.overruns, 0),
        )
        return tuple(f"{name}: {got}, not {wanted}" for name, got, wanted in pairs if got != wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts for people: parts of a report."""

    measurements: tuple[Measurement, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()


def figures(ctx: Context, chain: Chain, signal: npt.NDArray[np.int16]) -> Figures:
    """What 10 ms of a signal take, where QEMU can count it; otherwise how to learn it.

    Raises:
        TinygenError: as `count_hops`.
    """
    if chain.board.chip.cpu != _CORE or shutil.which(PROGRAM) is None:
        return Figures(notes=("instructions per 10 ms: --verify unicorn counts them, in this very image",))
    found = count_hops(ctx, chain, signal, ctx.config.build_dir / "hops" / ctx.place)
    n, unit, origin = len(found.steps), "instructions", "simulated-on-qemu"
    parts = {name: count / n for name, count in found.stages.items()}
    parts["model and decision"] = found.inference / n
    parts["ring and hops"] = found.mean - sum(parts.values())
    return Figures(
        measurements=(
            Measurement(
                name="all_per_hop",
                value=round(found.mean),
                unit=unit,
                origin=origin,
                note=f"per {HOP_MS} ms; largest {max(found.steps):,}",
            ),
            *shares(chain.board, found.mean, unit, origin),
        ),
        tables=(per_hop_table(parts, unit, origin),),
    )


def count_hops(ctx: Context, chain: Chain, signal: npt.NDArray[np.int16], work: Path) -> HopCounts:
    """Build the chain into a bare image for its board's Cortex-M4 and run it in QEMU.

    Args:
        ctx: as the chain was made with.
        chain: of audio, from int16 samples.
        signal: int16 [instants, 1]; the last part that is no whole 10 ms is left out.
        work: folder that is made anew.

    Raises:
        TinygenError: another core or front end; the signal is too long; a tool is missing or failed.
    """
    spec, chip = chain.spec, chain.board.chip
    if not isinstance(spec, LogMelSpec):
        raise bad_input("only audio chains are counted per 10 ms", where=chain.name)
    if chip.cpu != _CORE:
        raise bad_input(f"QEMU counts on a Cortex-M4, {chain.board.id} has {chip.cpu}", where=chain.board.id)
    step = spec.rate_hz * HOP_MS // 1000
    count = len(signal) // step * step
    if not spec.window_samples <= count <= _FLASH_FOR_SIGNAL // 2:
        raise bad_input(
            f"{count} samples, counted are {spec.window_samples} to {_FLASH_FOR_SIGNAL // 2}", where=chain.name
        )
    rows = 1 + (count - spec.window_samples) // spec.hop_samples
    values = feature_shape(spec)[1]
    with building_directory(work) as folder:
        files = dict(chains.rendered(ctx, chain).files)
        # The front end's own loop makes all rows of the signal; what the engine takes of it does not depend on that.
        files |= render_features(replace(spec, n_frames=rows), chain.quantization)
        own = folder / "chain"
        write_tree(own, files)
        (own / "signal.bin").write_bytes(signal[:count].astype("<i2").tobytes())
        (own / "signal.cpp").write_text(_SIGNAL.format(path=own / "signal.bin"))
        firmware = resource_dir("firmware")
        paths = [
            *(own / name for name in (*_SOURCES, "src/features.cpp", "signal.cpp")),
            *sorted((firmware / "features").glob("*.cpp")),
            firmware / "protocol" / "crc32.cpp",
            firmware / "bench" / "hop_main.cpp",
        ]
        sizes = (f"-DBENCH_INSTANTS={count}", f"-DBENCH_STEP={step}", f"-DBENCH_ROW_BYTES={rows * values}")
        flags = (compiler_level(chain.plan), f"-I{own / 'src'}", f"-I{own / 'include'}", *sizes)
        sources = [Source(path=path, name=path.stem, flags=flags) for path in paths]
        elf = build_bare(sources, chip, folder, machine=NETDUINO)
        said = bare.run_in_qemu(elf, NETDUINO.name).text
    return _read(said, spec)


_SIGNAL = """extern "C" const short bench_signal[];
asm(".section .rodata.signal,\\"a\\"\\n.balign 4\\n.global bench_signal\\nbench_signal:\\n"
    ".incbin \\"{path}\\"\\n.previous\\n");
"""


def _read(text: str, spec: LogMelSpec) -> HopCounts:
    told: dict[str, list[bytes]] = {}
    for line in text.splitlines():
        kind, _, hexadecimal = line.partition(" ")
        told.setdefault(kind, []).append(bytes.fromhex(hexadecimal))

    def words(kind: str, form: str) -> tuple[int, ...]:
        if len(told.get(kind, ())) != 1:
            raise tool_failed(f"the image said {len(told.get(kind, ()))} lines '{kind}'", where="qemu")
        return tuple(struct.unpack(form, told[kind][0]))

    rows, inferences, overruns, row_digest, output_digest = words("R", "<5I")
    features, inference = words("P", "<2Q")
    (front_end,) = words("F", "<I")
    (overhead,) = words("O", "<I")
    counts = words("S", f"<{2 * _STAGE_SLOTS}I")
    used = stages_in_use(spec)
    return HopCounts(
        steps=tuple(struct.unpack("<I", one)[0] for one in told.get("T", ())),
        stages=_stages(spec, used, counts[::2], counts[1::2], overhead),
        front_end=front_end,
        features=features,
        inference=inference,
        front_end_bytes=words("M", "<2I")[0],
        stream_bytes=words("M", "<2I")[1],
        rows=rows,
        inferences=inferences,
        overruns=overruns,
        row_digest=row_digest,
        output_digest=output_digest,
        events=tuple(struct.unpack("<4Q", one) for one in told.get("E", ())),
    )


def _stages(
    spec: LogMelSpec, used: Sequence[str], ticks: Sequence[int], marks: Sequence[int], overhead: int
) -> dict[str, int]:
    names = stage_names(spec)
    every = zip(names, ticks, marks, strict=False)
    return {name: max(0, count - overhead * n) for name, count, n in every if name in used}
