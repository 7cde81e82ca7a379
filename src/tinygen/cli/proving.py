"""What is proved and counted, and the page that shows it."""

from __future__ import annotations

from pathlib import Path

import click

from tinygen.cli import outputs
from tinygen.cli.options import BUILD_OPTIONS, configured
from tinygen.core.values import Report
from tinygen.pipeline import compare_engines as comparing
from tinygen.pipeline import profiling, runs, verbs
from tinygen.pipeline.context import Context


@click.command()
@configured(*BUILD_OPTIONS, "model", "on", "vectors")
@click.option("--mode", type=click.Choice(["both", "raw", "tensor"]), default="both", show_default=True)
@click.option("--export-vectors", type=outputs.FILE, help="Also write vectors and expected bytes there.")
@click.option("--vectors-file", type=click.Path(path_type=Path), help="Use exported vectors instead of the oracle.")
@click.option("--dry-run", is_flag=True, help="Print the commands instead.")
def verify(ctx: Context, mode: str, export_vectors: Path | None, vectors_file: Path | None, dry_run: bool) -> Report:
    """Compare every output byte and every layer with TFLM's own interpreter, on a simulator or a board."""
    return verbs.verify(ctx, mode=mode, export=export_vectors, vectors_file=vectors_file, dry_run=dry_run)


@click.command()
@configured(*BUILD_OPTIONS, "model", "on")
@click.option("--runs", type=int, help="Counted runs. Default: 101, in simulators (which always count the same) 3.")
@click.option("--warmups", type=int, help="Runs before them that do not count. Default: 8, in simulators 1.")
@click.option("--compare", type=click.Path(path_type=Path), help="An earlier --json document to compare with.")
@click.option(
    "--threshold", type=float, default=5.0, show_default=True, help="Percent slower than there that fail (exit code 1)."
)
@click.option("-o", "--output", type=outputs.FILE, help="The picture. Default: in the build folder.")
def profile(
    ctx: Context,
    *,
    runs: int | None,
    warmups: int | None,
    compare: Path | None,
    threshold: float,
    output: Path | None,
) -> Report:
    """Count what every layer and every stage of the front end takes, on a simulator or a board."""
    request = profiling.Request(runs=runs, warmups=warmups, compare=compare, threshold_percent=threshold, output=output)
    return profiling.profile(ctx, request)


@click.command()
@configured("task", "board", locks=False)
@click.option("-o", "--output", type=outputs.FILE, help="Default: report-TASK-BOARD.html in the build folder.")
@click.option("--compare", nargs=2, metavar="A B", help="Put two kept runs side by side instead.")
@click.option("--list", "list_runs", is_flag=True, help="List the kept runs instead.")
def report(ctx: Context, output: Path | None, compare: tuple[str, str] | None, list_runs: bool) -> Report:
    """Put the last results of this task and board into one self-contained HTML file."""
    if compare:
        return runs.compared(ctx, *compare, output)
    return runs.listed(ctx) if list_runs else verbs.write_report(ctx, output)


@click.command(name="compare-engines")
@click.argument("model", required=False, type=click.Path(path_type=Path))
@configured(*(name for name in BUILD_OPTIONS if name != "engine"), "on", "vectors")
def compare_engines(ctx: Context, model: Path | None) -> Report:
    """Build and prove MODEL (or the task's own) with both engines: RAM, flash, instructions and bytes side by side."""
    return comparing.compare_engines(ctx, model, ctx.config.on)


VERBS: tuple[click.Command, ...] = (verify, profile, compare_engines, report)
