"""Ready models: list, show, make."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tinygen.cli import outputs
from tinygen.cli.options import MODEL_OPTIONS, configured
from tinygen.core.process import shown
from tinygen.core.values import Report
from tinygen.pipeline import ready_verb
from tinygen.pipeline.context import Context


@click.group(invoke_without_command=True)
@click.pass_context
def ready(context: click.Context) -> None:
    """The models that ship: trained here from licence-clear data, used where you have trained none of your own."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@ready.command(name="list")
@configured(locks=False)
def list_(ctx: Context) -> Report:
    """List the ready models."""
    return ready_verb.listed()


@ready.command()
@click.argument("name")
@configured(locks=False)
def show(ctx: Context, name: str) -> Report:
    """Show the card of a task's ready model: use, data, attribution, figures, limits."""
    return ready_verb.show(name)


@ready.command()
@click.option("-o", "--output", type=outputs.FOLDER, required=True, help="The new folder.")
@click.option("--title", required=True, help="One line: what it is.")
@click.option("--use", required=True, help="One line: what must be delivered to it.")
@click.option("--licence", default="MIT", show_default=True, help="Of the model.")
@click.option("--data-licence", default="", help="Of the recordings, where their folder does not say it.")
@click.option("--attribution", multiple=True, help="What the data's licence wants said; may be repeated.")
@click.option("--limit", "limits", multiple=True, help="What it cannot be expected to do; may be repeated.")
@configured(*MODEL_OPTIONS)
def make(
    ctx: Context,
    *,
    output: Path,
    title: str,
    use: str,
    licence: str,
    data_licence: str,
    attribution: tuple[str, ...],
    limits: tuple[str, ...],
) -> Report:
    """Train a model and put it with its card into a folder, in the form that ships."""
    plain = [word for word in sys.argv[1:] if word]
    words = ready_verb.Words(
        title=title, use=use, licence=licence, data_licence=data_licence, attribution=attribution, limits=limits,
        command=shown(("tinygen", *_essential(plain))),
    )  # fmt: skip
    return ready_verb.make(ctx, output, words)


def _essential(words: list[str]) -> list[str]:
    """The command without the texts that the card holds anyway, and without this machine's folders."""
    dropped = ("--title", "--use", "--attribution", "--limit", "-o", "--output", "--build-dir", "--data-licence")
    kept: list[str] = []
    skip = False
    for word in words:
        if skip or word in dropped:
            skip = not skip
            continue
        kept.append(Path(word).name if Path(word).is_absolute() else word)
    return kept


VERBS: tuple[click.Command, ...] = (ready,)
