"""One function per verb. Each does the missing earlier steps first and ends in a Report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from tinygen.boards.loader import find_board
from tinygen.core.errors import bad_input
from tinygen.core.files import write_atomic
from tinygen.core.process import shown
from tinygen.core.values import Report
from tinygen.device.live import LiveStream
from tinygen.device.registry import choose, is_port
from tinygen.device.serialport import require_port
from tinygen.device.watch import Seen
from tinygen.pipeline import (
    firmware_steps,
    image_views,
    judgement,
    model_views,
    proof,
    rack,
    runs,
    saved,
    steps,
    streaming,
    views,
)
from tinygen.pipeline.context import Context


def check_names(ctx: Context, *, board: bool, on: bool, used: bool = True) -> None:
    """Refuse an unknown board or target, and a port that is not there, before anything else is done.

    Args:
        ctx: names them.
        board, on: which of them the verb uses.
        used: the target is not only named: it must be there.

    Raises:
        TinygenError: with what was probably meant.
    """
    if board:
        found = find_board(ctx.config.board)
        if on and is_port(choose(found, ctx.config.on)) and used:
            require_port(ctx.config.on)


def train(ctx: Context) -> Report:
    """Train the task's network.

    Raises:
        TinygenError: unusable recordings, TensorFlow missing.
    """
    return saved.keep(ctx, model_views.training(steps.trained(ctx)))


def convert(ctx: Context, output: Path | None) -> Report:
    """Convert to INT8 and judge in TFLM's interpreter.

    Raises:
        TinygenError: as `train`; the conversion failed.
    """
    made = steps.converted(replace(ctx, trains=True))
    if output is not None:
        write_atomic(output, made.model.tflite)
    return saved.keep(
        ctx, model_views.conversion(made, output or made.path / "model.tflite", shortened=ctx.config.epochs is not None)
    )


def generate(ctx: Context, output: Path | None) -> Report:
    """Write the PlatformIO project.

    Raises:
        TinygenError: as `convert`; it does not fit; the folder holds something else, or cannot be written.
    """
    if output is not None and output.exists() and not output.is_dir():
        raise bad_input("is no folder", where=str(output), hint="name a new folder")
    if output is not None and output.exists() and any(output.iterdir()) and not (output / "platformio.ini").is_file():
        raise bad_input("is not empty and no generated project", where=str(output), hint="name a new folder")
    made = firmware_steps.generated(ctx, output)
    return saved.keep(ctx, image_views.generation(made, output or ctx.project_dir))


def build(ctx: Context, *, dry_run: bool) -> Report:
    """Build the firmware.

    Raises:
        TinygenError: as `generate`; a tool is missing or failed, or the image is over the budget.
    """
    if dry_run:
        return views.dry_run([*map(shown, firmware_steps.build_commands(ctx))])
    return saved.keep(ctx, image_views.building(firmware_steps.built(ctx)))


def verify(
    ctx: Context, *, mode: str, export: Path | None = None, vectors_file: Path | None = None, dry_run: bool = False
) -> Report:
    """Compare every byte with TFLM's interpreter.

    Args:
        ctx: names the board, where to run, and how many vectors.
        mode: "raw" (signal in), "tensor" (model input in) or "both".
        export: also write the vectors and the oracle's bytes there.
        vectors_file: exported vectors to work from: nothing is trained and the oracle is not asked.
        dry_run: only say the commands.

    Raises:
        TinygenError: as `build`; the target is missing or silent, the oracle is missing.
    """
    if vectors_file is not None:
        task = steps.from_kit(vectors_file).task.name
        ctx = replace(ctx, kit=vectors_file, config=replace(ctx.config, task=task))
    if dry_run:
        files = {"--export-vectors": export, "--vectors-file": vectors_file}
        more = [word for option, path in files.items() if path is not None for word in (option, str(path))]
        return views.dry_run(proof.commands(ctx, *(() if mode == "both" else ("--mode", mode)), *more))
    return saved.keep(ctx, proof.verify(ctx, mode=mode, export=export))


def run(ctx: Context, *, dry_run: bool) -> Report:
    """Everything, from recordings to the proof.

    Raises:
        TinygenError: as `verify`.
    """
    if dry_run:
        # What `run` does by itself, the other verbs must be told: to train.
        given = {"--model": (ctx.config.model if ctx.config.model != "auto" else "train",), **ctx.config.given}
        return views.dry_run(proof.commands(replace(ctx, config=replace(ctx.config, given=given))))
    started = time.monotonic()
    ctx = replace(ctx, trains=True)
    made = steps.converted(ctx)
    saved.keep(ctx, model_views.conversion(made, made.path / "model.tflite", shortened=ctx.config.epochs is not None))
    image = firmware_steps.built(ctx)
    saved.keep(ctx, model_views.compilation(image.generated.planned.plan, ctx.board))
    saved.keep(ctx, image_views.building(image))
    report = saved.keep(ctx, proof.verify(ctx, mode="both", made=image))
    page = ctx.page
    if not made.note:  # a ready model brings no recordings to be judged on
        saved.keep(ctx, judgement.view(made, judgement.judge(ctx, made)))
    kept = write_report(ctx, page)
    whole = views.whole_run(
        report, made, image, page=page, seconds=time.monotonic() - started, shortened=ctx.config.epochs is not None
    )
    return replace(whole, subject={**whole.subject, "run": kept.subject["run"]})


def write_report(ctx: Context, output: Path | None) -> Report:
    """The kept reports of this task and board as one HTML page, kept as a run too.

    Raises:
        TinygenError: there is none yet, or the file cannot be written.
    """
    kept = saved.load(ctx)
    if not kept:
        raise bad_input(
            f"nothing was done yet for task '{ctx.config.task}' on board '{ctx.board.id}'",
            where=str(ctx.reports_dir),
            hint="tinygen run makes a report",
        )
    path = output or ctx.page
    plain = [runs.portable(report, ctx) for report in kept]
    page = runs.page_of(plain)
    write_atomic(path, page)
    run_folder = runs.keep(ctx, plain, page)
    return Report(
        kind="report",
        subject={"page": str(path), "run": run_folder.name, "parts": ", ".join(report.kind for report in kept)},
        notes=(f"written: {path}", f"kept as run {run_folder.name}; tinygen report --list shows all"),
    )


def devices(*, ask: bool) -> Report:
    """The boards of the hardware map and the serial ports of this machine: what is attached, and who has it.

    Args:
        ask: also ask on each free port who is there.

    Raises:
        TinygenError: the hardware map is wrong.
    """
    return rack.devices(ask=ask)


def monitor(
    ctx: Context,
    port: str | None,
    seconds: float | None,
    show: Callable[[Seen], None],
    *,
    program: Path | None = None,
    listens: bool = False,
    wav: Path | None = None,
) -> Report:
    """Show what the device says until Ctrl-C, its end, or a time limit.

    Args:
        program: the ELF of a real board.
        listens: start a stream from the device's own source, and look at its scores.
        wav: start one of these samples instead, sent at the pace they were recorded at; ends with them.

    Raises:
        TinygenError: no such port, no built image for a simulator, nobody answers, or the image cannot listen.
    """
    live = LiveStream() if listens else None
    if wav is not None:
        if not wav.is_file():
            raise bad_input("no such file", where=str(wav), hint="name a WAV or FLAC file")
        live = LiveStream(partial(streaming.audio_at, wav))
    return proof.monitor(ctx, port, seconds, show, program=program, live=live)
