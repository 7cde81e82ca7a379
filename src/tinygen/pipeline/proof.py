"""verify and monitor: an image, something that runs it, and the oracle's answers brought together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from tinygen.core.canonical import digest_bytes
from tinygen.core.process import shown
from tinygen.core.values import Check, Report
from tinygen.device import instruments
from tinygen.device.client import Client
from tinygen.device.link import Target
from tinygen.device.live import LiveStream
from tinygen.device.registry import Image, PortOptions, choose, is_simulator, open_target
from tinygen.device.watch import Seen, Watch
from tinygen.features import quantize
from tinygen.model import reference
from tinygen.model.ir import Plan
from tinygen.pipeline import engines, firmware_steps, image_views, integrity, vectors, views
from tinygen.pipeline.context import Context
from tinygen.pipeline.firmware_steps import Built
from tinygen.toolchain import elf
from tinygen.toolchain.debug_info import named
from tinygen.toolchain.relink import relink_for_xtensa_sim
from tinygen.toolchain.values import Firmware
from tinygen.verify import compare
from tinygen.verify.facts import MODES, Mode, Setup
from tinygen.verify.rewritten import imported
from tinygen.verify.values import Vector

DEFAULT_VECTORS = 50
_SLOW_VECTORS = 5
_SLOW_MACS = 1_000_000  # labwired executes some 0.4 M instructions a second


def default_vectors(target: str, macs: int) -> int:
    """How many vectors are compared when nobody says: 50, on labwired 1 to 5 by the size of the model."""
    if target != "labwired":
        return DEFAULT_VECTORS
    return max(1, min(_SLOW_VECTORS, _SLOW_MACS // max(macs, 1)))


class Linked(Protocol):
    """Whatever brings a linked image."""

    @property
    def firmware(self) -> Firmware: ...


def _relinked(ctx: Context, made: Linked) -> Path:
    return ctx.config.build_dir / "relinked" / ctx.place


def image_for(ctx: Context, made: Linked, target: str) -> Image:
    """The program a target runs: the linked image, or its objects relinked for QEMU's Xtensa machine.

    Raises:
        TinygenError: relinking is not possible.
    """
    firmware = made.firmware
    elf, symbols = firmware.elf, firmware.symbols
    if target == "qemu-xtensa":
        out = _relinked(ctx, made)
        relinked = relink_for_xtensa_sim(firmware, ctx.project_dir, ctx.board, out, log=ctx.log("relink"))
        elf, symbols = relinked.elf, relinked.symbols
    return Image(elf=elf, symbols={name: s.address for name, s in symbols.items()}, build_id=firmware.build_id)


@contextmanager
def connected(ctx: Context, made: Linked, on: str, *, claimed: bool = False) -> Iterator[tuple[Target, Client]]:
    """A running target and a client that accepts only this build.

    Args:
        on: a word for --on.
        claimed: the caller holds the lock of that port.

    Raises:
        TinygenError: the target is missing, or nobody answers.
    """
    board = ctx.board
    chosen = choose(board, on)
    image = image_for(ctx, made, chosen)
    place = partial(named, image.elf)
    with open_target(board, chosen, image, PortOptions(claimed=claimed)) as target:
        link = target.open()
        try:
            name = chosen if not is_simulator(chosen) else f"{board.id} on {chosen}"
            able, build_id = target.capabilities, made.firmware.build_id
            yield target, Client(link, able.time_scale, name=name, build_id=build_id, window=able.window, place=place)
        finally:
            link.close()


def image_check(ctx: Context, client: Client, made: Linked, on: str, plan: Plan) -> Check:
    """Whether the image that just answered is the one that was linked, byte for byte."""
    elf_file = _relinked(ctx, made) / "firmware.elf" if on == "qemu-xtensa" else made.firmware.elf
    return integrity.image_check(client, elf_file, engines.weight_names(ctx, plan))


def weights_now(client: Client) -> str:
    """What the device finds of its weights when it looks again: "intact", "damaged" or "unknown"."""
    return instruments.integrity(client, again=True).weights


def commands(ctx: Context, *more: str) -> list[str]:
    """What `run` and `verify` start, for --dry-run.

    Args:
        ctx: the invocation.
        more: options of `verify` alone.

    Raises:
        TinygenError: unknown target; SCons is missing.
    """
    chosen = choose(ctx.board, ctx.config.on)
    last = ("tinygen", "verify", *ctx.config.words("--on"), "--on", chosen, *ctx.reach, *more)
    return [shown(command) for command in (*firmware_steps.build_commands(ctx), last)]


def verify(ctx: Context, *, mode: str, export: Path | None = None, made: Built | None = None) -> Report:
    """Build if needed, boot, compare every byte, report.

    Raises:
        TinygenError: as `firmware_steps.built`; the target is missing or silent; the oracle is missing.
    """
    chosen = choose(ctx.board, ctx.config.on)
    made = made or firmware_steps.built(ctx)
    planned = made.generated.planned
    plan, converted = planned.plan, planned.converted
    count = ctx.config.vectors or default_vectors(chosen, plan.macs)
    asked = vectors.asked(ctx, converted, plan, planned.input_quantization, count=count)
    if export is not None:
        vectors.export(export, converted, asked, ctx.config.seed)
    modes: tuple[Mode, ...] = MODES if mode == "both" else ("raw",) if mode == "raw" else ("tensor",)

    def numpy_reference(vector: Vector) -> dict[int, np.ndarray]:
        shape = planned.input_tensor.shape
        return reference.run(imported(plan.graph), [vector.model_input.reshape(shape)])

    with connected(ctx, made, chosen) as (target, client):
        setup = Setup(
            board=ctx.board.id,
            task=converted.task.name,
            engine=ctx.config.engine,
            build_id=made.firmware.build_id,
            target=target.capabilities,
            plan=plan,
            rule=converted.model.decision,
            oracle=asked.source,
            flash_bytes=made.firmware.flash_bytes,
            ram_bytes=made.firmware.ram_bytes,
            synthetic=converted.model.synthetic,
            measurements=(*elf.measurements(made.firmware, ctx.board.chip), *image_views.capacities(ctx.board)),
            subject={"model": digest_bytes(converted.model.tflite)[:16], "toolchain": made.firmware.toolchain},
        )
        report = compare.verify(
            client,
            setup,
            asked.vectors,
            asked.expected,
            modes,
            reference=numpy_reference,
            weights=partial(weights_now, client),
            progress=ctx.progress,
        )
        image = image_check(ctx, client, made, chosen, plan)
        said = (converted.note, "vectors are made-up signals") if converted.note else ()
        notes = (*report.notes, *said, quantize.note(planned.input_quantization), *integrity.start_note(client))
        report = replace(report, notes=notes)
    return views.with_checks(report, (image_views.arena_check(made), image))


def monitor(
    ctx: Context,
    port: str | None,
    seconds: float | None,
    show: Callable[[Seen], None],
    *,
    program: Path | None = None,
    live: LiveStream | None = None,
) -> Report:
    """Say hello, then show everything the device says, until Ctrl-C or the time is over.

    Args:
        live: a stream to keep going meanwhile.
        program: the ELF that runs on a real board, to name the places of faults; a simulator's is known.

    Raises:
        TinygenError: no port, or nobody answers.
    """
    board, on = ctx.board, port or ctx.config.on
    chosen = choose(board, on)
    image = Image(elf=Path(), symbols={}, build_id="")
    if is_simulator(chosen):
        image = image_for(ctx, firmware_steps.built(ctx), chosen)
        program = image.elf
    place = None if program is None else partial(named, program)
    with open_target(board, on, image) as target:
        watch = Watch(target, f"{board.id} on {chosen}" if is_simulator(chosen) else on, show, live=live, place=place)
        try:
            watch.run(seconds)
        except KeyboardInterrupt:
            if watch.found.hello is None:  # not the end of a session: there was none
                raise
    return image_views.monitoring(watch.found)
