"""Recordings come in."""

from __future__ import annotations

from pathlib import Path

import click

from tinygen.cli import outputs
from tinygen.cli.options import configured
from tinygen.cli.output import people
from tinygen.core.errors import bad_input
from tinygen.core.values import Report
from tinygen.pipeline import recording
from tinygen.pipeline.context import Context


@click.command()
@configured("task", "board", "data", "on", locks=False)
@click.option("--label", required=True, help="What is recorded: the folder of the class.")
@click.option("--port", help="The same as --on PORT.")
@click.option("--from-wav", "wav", type=click.Path(path_type=Path), help="Take it from a WAV or FLAC file instead.")
@click.option("--count", type=click.IntRange(min=1), help="Clips wanted. Default: 1, or all that the file has.")
@click.option("--seconds", type=click.FloatRange(min=0.02, max=3600), help="Of a clip. Default: what the model sees.")
@click.option("--speaker", default="", help="Who says it (or which machine): kept together when the data is split.")
@click.option("-o", "--output", type=outputs.FOLDER, help="The data set. Default: --data, or ./recordings.")
@click.option("--keep", is_flag=True, help="Store what the level check refuses, too.")
@click.option("--whole", is_flag=True, help="With --from-wav: the file is one clip; do not cut it.")
def record(
    ctx: Context,
    *,
    label: str,
    port: str | None,
    wav: Path | None,
    count: int | None,
    seconds: float | None,
    speaker: str,
    output: Path | None,
    keep: bool,
    whole: bool,
) -> Report:
    """Record labelled samples from a device's sensor, or cut them out of a file, into a data set for --data."""
    if wav is not None and port is not None:
        raise bad_input("--port records from a device, --from-wav from a file", where="command line", hint="give one")
    if port is not None and "--on" in ctx.config.given:
        raise bad_input("--port and --on say the same thing", where="command line", hint="name the port once")
    if whole and (wav is None or seconds is not None):
        raise bad_input("--whole takes a file of --from-wav as it is", where="--whole", hint="leave --whole out")
    request = recording.Request(
        label=label,
        on=port or ctx.config.on,
        wav=wav,
        count=count,
        seconds=seconds,
        speaker=speaker,
        folder=output,
        keep=keep,
        whole=whole,
    )
    return recording.record(ctx, request, lambda line: people.print(line, markup=False))


VERBS: tuple[click.Command, ...] = (record,)
