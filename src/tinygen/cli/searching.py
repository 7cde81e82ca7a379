"""Networks under a budget."""

from __future__ import annotations

import re

import click

from tinygen.cli.options import BUILD_OPTIONS, configured
from tinygen.core.errors import bad_input
from tinygen.core.values import Report
from tinygen.pipeline import search as searching
from tinygen.pipeline.context import Context

_FACTORS = {"": 1, "K": 1_000, "M": 1_000_000, "G": 1_000_000_000}


def _count(text: str | None) -> int | None:
    """4000000, "4000K" or "4M" (powers of 1000: instructions are no bytes)."""
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kKmMgG]?)\s*", text)
    if match is None or float(match[1]) <= 0:
        raise bad_input(f"'{text}' is no number of instructions", where="--instructions", hint="write: 4M or 500K")
    return int(float(match[1]) * _FACTORS[match[2].upper()])


@click.command()
@configured(*BUILD_OPTIONS)
@click.option("--instructions", help="Most estimated instructions of one inference, for instance 4M.")
@click.option("--trials", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Candidates to train.")
@click.option("--storage", default="", help="Where the study is kept: any Optuna URL. Default: SQLite, build folder.")
def search(ctx: Context, instructions: str | None, trials: int, storage: str) -> Report:
    """Search networks under a budget; each is compiled and costed before it is trained. Goes on where it was ended."""
    wanted = searching.Request(trials=trials, storage=storage, instructions=_count(instructions))
    return searching.search(ctx, wanted)


VERBS: tuple[click.Command, ...] = (search,)
