"""From recordings or a model to an image on a board."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tinygen.cli import outputs
from tinygen.cli.options import BUILD_OPTIONS, INPUT_FORMULA, MODEL_OPTIONS, STREAMING, WAKEWORD, configured
from tinygen.cli.output import people, which
from tinygen.core.errors import AmbiguousError, bad_input
from tinygen.core.values import Report
from tinygen.firmware.component_view import KINDS, Kind
from tinygen.pipeline import ci as continuous
from tinygen.pipeline import compilation, compile_values, component, flashing, verbs
from tinygen.pipeline import streaming as streams
from tinygen.pipeline.context import Context


@click.command()
@configured(*MODEL_OPTIONS)
def train(ctx: Context) -> Report:
    """Train the task's network and judge it on held-out groups (speakers, bearings, persons)."""
    return verbs.train(ctx)


@click.command()
@configured(*MODEL_OPTIONS)
@click.option("-o", "--output", type=outputs.FILE, help="Copy the .tflite file there.")
def convert(ctx: Context, output: Path | None) -> Report:
    """Convert to a full INT8 .tflite, checked and judged in TFLM's own interpreter."""
    return verbs.convert(ctx, output)


@click.command(name="compile")
@click.argument("model", required=False, type=click.Path(path_type=Path))
@configured(*BUILD_OPTIONS, "vectors")
@click.option("--budget", help="Refuse what takes more, for instance ram=32K,flash=128K.")
@STREAMING
@click.option("--time-axis", type=click.IntRange(1, 2), default=1, help="Axis of the input along which rows arrive.")
@click.option("-o", "--output", type=outputs.FOLDER, help="Write the C++ library (or project) there.")
@click.option("--verify", "verify_on", default="", help="Prove it there: host, unicorn, qemu, sim...")
@WAKEWORD
@INPUT_FORMULA
@click.option("--rewrites/--no-rewrites", default=True, help="Rewrite the graph where that changes no byte.")
@click.option("--explain", is_flag=True, help="Say what each rewrite did and why each kernel was taken.")
def compile_(
    ctx: Context,
    *,
    model: Path | None,
    budget: str | None,
    streaming: str,
    time_axis: int,
    output: Path | None,
    verify_on: str,
    explain: bool,
    rewrites: bool,
    wakeword: Path | None,
    input_formula: str,
) -> Report:
    """Compile MODEL (any INT8 .tflite), or this task's own, into a C++ library: exact memory figures, and a proof.

    With --wakeword, a published wake word becomes a whole firmware project: front end, model, decision.
    """
    if wakeword is not None:
        if model is not None:
            raise bad_input("a manifest names its own model", where="--wakeword", hint="leave MODEL out")
        wanted = streams.Request(wakeword=wakeword, formula=input_formula)
        return streams.compile_wakeword(compilation.with_budget(ctx, budget), wanted, output, verify_on)
    request = compile_values.Request(
        model=model,
        output=output,
        verify_on=verify_on,
        streaming=streaming,
        time_axis=time_axis,
        explain=explain,
        rewrites=rewrites,
    )
    return compilation.compile_model(compilation.with_budget(ctx, budget), request)


@click.command()
@configured(*BUILD_OPTIONS, "model")
@click.option("-o", "--output", type=outputs.FOLDER, help="Write the project there instead.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Your own project: a part.")
@click.option("--as", "kind", type=click.Choice(KINDS), help="--into: what builds it.")
@click.option("--ci", type=click.Choice(["github"]), help="Write a workflow that builds, simulates and verifies.")
@click.option("--renode", is_flag=True, help="Add Renode's script and test to the project.")
def generate(
    ctx: Context, *, output: Path | None, into: Path | None, kind: Kind | None, ci: str | None, renode: bool
) -> Report:
    """Write the complete PlatformIO project: model, C array, features, runtime, port.

    With --into, front end, model and decision become a library, component or package of a project you have: no file of
    yours is touched. With --ci, a workflow for your repository is written into this folder instead.
    """
    if sum((into is not None, ci is not None, renode)) > 1:
        raise bad_input("--into, --ci and --renode are three different things", where="command line", hint="one by one")
    if (into is None) != (kind is None):
        raise bad_input("--into and --as belong together", where="command line", hint="--into DIR --as platformio")
    if into is not None and kind is not None:
        return component.into(ctx, into, kind)
    if ci is not None:
        return continuous.github(ctx, Path.cwd())
    if renode:
        continuous.require_renode(ctx.board)
    report = verbs.generate(ctx, output)
    return (
        replace(report, notes=(*report.notes, *continuous.renode(ctx, output or ctx.project_dir))) if renode else report
    )


@click.command()
@configured(*BUILD_OPTIONS, "model")
@click.option("--dry-run", is_flag=True, help="Print the commands instead.")
def build(ctx: Context, dry_run: bool) -> Report:
    """Build the firmware with PlatformIO and read its sizes from the ELF."""
    return verbs.build(ctx, dry_run=dry_run)


@click.command()
@configured(*BUILD_OPTIONS, "model")
@click.option("--port", help="Serial port or name in devices.toml; otherwise found by USB id, or by its answer.")
@click.option(
    "--via",
    default="",
    help="stlink, dfu, serial (boot loader), or a program (st-flash). Default: what is there.",
)
@click.option("--probe", default="", help="Serial number of the ST-LINK or USB boot loader that writes.")
@click.option("--overwrite", is_flag=True, help="Also where the firmware of another board answers.")
@click.option("--dry-run", is_flag=True, help="Print the commands instead.")
def flash(ctx: Context, *, dry_run: bool, **given: Any) -> Report:
    """Build, write the firmware to a connected board, and check that the board answers with this very build."""
    request = flashing.Request(**given)
    while True:
        try:
            return flashing.flash(ctx, request, lambda line: people.print(line, markup=False), dry_run=dry_run)
        except AmbiguousError as error:
            # Somebody at a terminal is asked which one; a script has to name it.
            answer = which(error)
            request = replace(request, port=answer) if error.option == "--port" else replace(request, probe=answer)


@click.command()
@configured(*BUILD_OPTIONS, "model", "on", "vectors")
@click.option("--dry-run", is_flag=True, help="Print the commands instead.")
def run(ctx: Context, dry_run: bool) -> Report:
    """The whole way: train, convert, compile, generate, build, run and verify."""
    return verbs.run(ctx, dry_run=dry_run)


VERBS: tuple[click.Command, ...] = (train, convert, compile_, generate, build, flash, run)
