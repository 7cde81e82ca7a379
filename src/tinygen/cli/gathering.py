"""Recordings come in."""

from __future__ import annotations

from pathlib import Path

import click

from tinygen.cli import outputs
from tinygen.cli.options import configured
from tinygen.cli.output import people
from tinygen.core.values import Report
from tinygen.pipeline import recording
from tinygen.pipeline.context import Context


@click.command()
@configured("task", "board", "data", "on", locks=False)
@click.option("--label", required=True, help="What is recorded: the folder of the class.")
@click.option("--port", help="The same as --on PORT.")
@click.option("--from-wav", "wav", type=click.Path(path_type=Path), help="Take it from a WAV or FLAC file instead.")
@click.option("--count", type=click.IntRange(min=1), default=1, show_default=True, help="Clips wanted.")
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
    count: int,
    seconds: float | None,
    speaker: str,
    output: Path | None,
    keep: bool,
    whole: bool,
) -> Report:
    """Record labelled samples from a device's sensor, or cut them out of a file, into a data set for --data."""
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
