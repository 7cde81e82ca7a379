"""What is here: configuration, boards, devices, data, tools."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from tinygen.cli import outputs
from tinygen.cli.options import configured
from tinygen.cli.output import emit, results
from tinygen.config import FILE_NAME, load_config, template
from tinygen.core.errors import bad_input
from tinygen.core.files import write_atomic
from tinygen.core.values import Report
from tinygen.pipeline import catalogue, verbs
from tinygen.pipeline import doctor as doctor_verb
from tinygen.pipeline.context import Context


@click.command()
@click.option("--task", default="gesture", show_default=True)
@click.option("--board", default="feather_f405", show_default=True)
@click.option("--force", is_flag=True, help="Replace an existing file.")
def init(task: str, board: str, force: bool) -> None:
    """Write tinygen.toml, with every key explained, into this folder."""
    path = Path.cwd() / FILE_NAME
    if path.exists() and not force:
        raise bad_input("exists already", where=FILE_NAME, hint="edit it, or replace it with --force")
    text = template(task, board)
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / FILE_NAME
        probe.write_text(text)
        config = load_config(probe, {"task": task, "board": board}, Path(folder))
        verbs.check_names(Context(config=config), board=True, on=True, used=False)
    write_atomic(path, text.encode())
    results.print(f"wrote {FILE_NAME}; next: tinygen run", markup=False)


@click.command()
@click.argument("words", nargs=-1, metavar="[NAME | show NAME | new ID --chip CHIP | check [FILE]...]")
@click.option("--chip", help="new: the chip on the board.")
@click.option("-o", "--output", type=outputs.FILE, help="new: Default: boards/ID.toml.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def boards(words: tuple[str, ...], chip: str | None, output: Path | None, as_json: bool) -> None:
    """List the boards, show one with the sources of its facts, begin a new one, or check board files.

    A board on a known chip is one file: boards/ID.toml beside tinygen.toml, or one that TINYGEN_BOARDS names.
    """
    match words:
        case () | (("show",)):
            report = catalogue.show(None)
        case ("new",) | ("new", _):
            report = catalogue.new("".join(words[1:]), chip, output)
        case ("check", *files):
            report = catalogue.check(tuple(map(Path, files)))
        case ("show", name) | (name,):
            report = catalogue.show(name)
        case _:
            raise bad_input(f"'{' '.join(words)}' is not understood", where="boards", hint="tinygen boards --help")
    emit(report, as_json)


@click.command()
@click.option("--ask", is_flag=True, help="Also ask on each free port which firmware is there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def devices(ask: bool, as_json: bool) -> None:
    """List the boards of devices.toml and the serial ports here: what is attached, and which process has it."""
    emit(verbs.devices(ask=ask), as_json)


@click.command()
@configured("board", locks=False)
def doctor(ctx: Context) -> Report:
    """Say what is installed here, what each thing is needed for, and how to get what is missing."""
    return doctor_verb.doctor(ctx)


VERBS: tuple[click.Command, ...] = (init, boards, devices, doctor)
