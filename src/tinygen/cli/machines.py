"""Machines and their vibration."""

from __future__ import annotations

from pathlib import Path

import click

from tinygen.cli import outputs
from tinygen.cli.options import configured
from tinygen.core.bearing import parse_bearing
from tinygen.core.values import Report
from tinygen.pipeline import spectrum_verb
from tinygen.pipeline.context import Context


@click.command()
@configured("data", "seed", locks=False)
@click.option("--label", default="", help="Only recordings with this label.")
@click.option("--machine", default="", help="Only recordings of this machine (bearing, group).")
@click.option("--axis", type=click.IntRange(min=0), default=0, show_default=True, help="Channel, from 0.")
@click.option("--bearing", help="6205, femto, or BALLS,BALL_MM,PITCH_MM[,ANGLE_DEG]: its fault frequencies are marked.")
@click.option("--rpm", type=click.FloatRange(min=0, min_open=True), help="Turns of the shaft per minute.")
@click.option("-o", "--output", type=outputs.FILE, help="The page. Default: build/spectrum.html.")
def spectrum(
    ctx: Context, *, label: str, machine: str, axis: int, bearing: str | None, rpm: float | None, output: Path | None
) -> Report:
    """Draw spectrum and envelope spectrum of vibration recordings, the bearing's fault frequencies marked."""
    request = spectrum_verb.Request(
        label=label,
        group=machine,
        axis=axis,
        bearing=parse_bearing(bearing) if bearing is not None else None,
        shaft_hz=rpm / 60 if rpm is not None else None,
    )
    return spectrum_verb.spectrum(ctx, request, output)


VERBS: tuple[click.Command, ...] = (spectrum,)
