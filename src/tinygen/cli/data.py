"""Data sets: list, show, fetch, import, synth, check, preview."""

from __future__ import annotations

from pathlib import Path

import click

from tinygen.cli import outputs
from tinygen.cli.options import configured
from tinygen.core.errors import bad_input
from tinygen.core.values import Report
from tinygen.datasets.importing.request import KINDS, Rules
from tinygen.datasets.layout import Facts
from tinygen.datasets.synth import spoken
from tinygen.datasets.synth.kws import FILLERS
from tinygen.pipeline import data_verbs
from tinygen.pipeline import preview as previewing
from tinygen.pipeline.context import Context


@click.group(invoke_without_command=True)
@click.pass_context
def datasets(context: click.Context) -> None:
    """List, show, fetch, import, synthesise, check and preview data sets."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@datasets.command(name="list")
@configured(locks=False)
def list_(ctx: Context) -> Report:
    """List the data sets known by name: made here, or fetched."""
    return data_verbs.listed()


@datasets.command()
@click.argument("name", required=False)
@configured("task", "data", "seed", locks=False)
def show(ctx: Context, name: str | None) -> Report:
    """Show a data set's licence, source, checksums and split; without NAME what the task's (or --data's) holds."""
    return data_verbs.show(ctx, name)


@datasets.command()
@configured("task", "data", "seed", locks=False)
def check(ctx: Context) -> Report:
    """Look through a data set; a split that leaks fails. Balance, levels, clipping and copies are shown."""
    return data_verbs.check(ctx)


@datasets.command()
@click.argument("name")
@click.option("-o", "--output", type=outputs.FOLDER, help="The new folder. Default: data/NAME.")
@configured()
def fetch(ctx: Context, name: str, output: Path | None) -> Report:
    """Download a published data set, verify it, and write it for --data. Goes on where it broke off."""
    return data_verbs.fetch(ctx, name, output)


@datasets.command(name="import")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=outputs.FOLDER, required=True, help="The new folder for --data.")
@click.option("--kind", type=click.Choice(KINDS), default="auto", show_default=True, help="What SOURCE is.")
@click.option("--pattern", default="", help="Regular expression on names: (?P<label>..) (?P<bearing>..) (?P<side>..).")
@click.option("--label", "labels", multiple=True, help="OLD=NEW: rename a label; may be repeated.")
@click.option("--only-named", is_flag=True, help="Leave out labels that no --label names.")
@click.option("--words", default="", help="For speech: these words are classes, all others _unknown_.")
@click.option(
    "--unknown-share", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="Of the others kept."
)
@click.option("--rate", "rate_hz", type=click.IntRange(min=1), default=None, help="Hz, where the files do not say.")
@click.option("--variable", "variables", multiple=True, help="MAT: an array to take, or the end of its name.")
@click.option("--column", "columns", multiple=True, type=click.IntRange(min=0), help="MAT: a column to take, from 0.")
@click.option("--seconds", type=click.FloatRange(min=0), default=0.0, help="Cut longer recordings into such pieces.")
@click.option("--licence", default="not stated", help="SPDX id, for dataset.toml.")
@click.option("--attribution", default="", help="What the licence wants said.")
@click.option("--title", default="", help="One line about the data.")
@configured("task")
def import_(
    ctx: Context,
    *,
    source: Path,
    output: Path,
    kind: str,
    pattern: str,
    labels: tuple[str, ...],
    only_named: bool,
    words: str,
    unknown_share: float,
    rate_hz: int | None,
    variables: tuple[str, ...],
    columns: tuple[int, ...],
    seconds: float,
    licence: str,
    attribution: str,
    title: str,
) -> Report:
    """Write SOURCE (WAV/FLAC folders, Speech Commands, CSV, NPZ, MAT, UCI HAR, magic wand) as a folder for --data."""
    rules = Rules(
        kind=kind,
        pattern=pattern,
        labels=_renamed(labels),
        only=only_named,
        words=tuple(word.strip() for word in words.split(",") if word.strip()),
        unknown_share=unknown_share,
        rate_hz=rate_hz or 0,
        variables=variables,
        columns=columns,
        seconds=seconds,
    )
    facts = Facts(
        name=output.name, title=title, task=ctx.config.task, licence=licence, attribution=attribution,
        source=source.name,
    )  # fmt: skip
    return data_verbs.import_(ctx, source, output, facts, rules)


@datasets.command()
@click.option("-o", "--output", type=outputs.FOLDER, required=True, help="The new folder for --data.")
@click.option("--words", required=True, help="Comma list: each becomes a class.")
@click.option("--others", default="", help="Comma list: spoken too, as _unknown_. Default: usual English words.")
@click.option("--languages", default="en", show_default=True, help="Comma list of espeak-ng's codes: en,de,pt-br.")
@click.option("--engines", default="", help="Comma list of espeak-ng, flite, hibari, kokoro. Default: those installed.")
@click.option("--speakers", type=click.IntRange(min=3, max=5000), default=24, show_default=True, help="Ways to speak.")
@click.option("--takes", type=click.IntRange(min=1, max=100), default=2, show_default=True, help="Of each word.")
@configured("seed")
def synth(
    ctx: Context, *, output: Path, words: str, others: str, languages: str, engines: str, speakers: int, takes: int
) -> Report:
    """Speak any word list in several languages with the engines that are installed."""

    def listed(text: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())

    wanted = spoken.WordList(
        words=listed(words),
        others=listed(others) or tuple(word for word in FILLERS if word not in listed(words)),
        languages=listed(languages),
        engines=listed(engines) or spoken.available(),
        speakers=speakers,
        takes=takes,
        seed=ctx.config.seed,
    )
    return data_verbs.synth(ctx, output, wanted)


@datasets.command()
@click.option("--recipe", help="A preset, or a TOML file with your own. Default: the task's usual one.")
@click.option("--recipes", "list_recipes", is_flag=True, help="List presets and steps instead.")
@click.option("--per-class", type=click.IntRange(min=1, max=50), default=1, show_default=True, help="Recordings.")
@click.option("--variations", type=click.IntRange(min=0, max=50), default=3, show_default=True, help="Of each.")
@click.option("--alone", is_flag=True, help="Also each step of the recipe by itself.")
@click.option("-o", "--output", type=outputs.FOLDER, help="Default: preview-TASK in the build folder.")
@configured("task", "data", "seed")
def preview(
    ctx: Context,
    *,
    recipe: str | None,
    list_recipes: bool,
    per_class: int,
    variations: int,
    alone: bool,
    output: Path | None,
) -> Report:
    """Hear and see what augmentation does: writes audio and a page; the seed decides what is drawn."""
    if list_recipes:
        return previewing.recipes()
    return previewing.preview(ctx, recipe, output, per_class=per_class, variations=variations, alone=alone)


def _renamed(given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given:
        old, equals, new = text.partition("=")
        if not (equals and new):
            raise bad_input(f"'{text}' renames nothing", where="--label", hint="write: --label H=healthy")
        found[old] = new
    return found


VERBS: tuple[click.Command, ...] = (datasets,)
