"""The command line: arguments -> pipeline -> print -> exit code. No work is done here."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from tinygen import __version__
from tinygen.config import FILE_NAME, load_config, template
from tinygen.console import ConsoleProgress
from tinygen.core.canonical import pretty_json
from tinygen.core.errors import ExitCode, TinygenError, bad_input
from tinygen.core.files import write_atomic
from tinygen.core.lock import held
from tinygen.core.values import Report
from tinygen.pipeline import catalogue, compilation, learning_verb, profiling, verbs
from tinygen.pipeline import doctor as doctor_verb
from tinygen.pipeline import stream_evaluation as judging
from tinygen.pipeline import streaming as streams
from tinygen.pipeline.context import Context
from tinygen.pipeline.views import commands_of
from tinygen.report import json_view, terminal
from tinygen.report.live import LiveView


class _Results(Console):
    """Standard output; a reader that has gone (`| head`) is for `main` to judge."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


people = Console(stderr=True, highlight=False)  # progress, notes and errors
results = _Results(highlight=False)

Function = Callable[..., Any]

_DISK_ERRORS = {
    getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EACCES", "EPERM", "EROFS") if hasattr(errno, name)
}

_CONFIG_OPTIONS: dict[str, Function] = {
    "task": click.option("--task", help="kws, vibration or gesture."),
    "board": click.option("--board", help="Board id or alias; `tinygen boards` lists them."),
    "data": click.option("--data", help="Your recordings: a folder or file. Default: built-in synthetic data."),
    "seed": click.option("--seed", type=int, help="Seed of splits, augmentation and training."),
    "epochs": click.option("--epochs", type=int, help="Training epochs instead of the task's own number."),
    "engine": click.option("--engine", help="aot: generated C++ without an interpreter."),
    "on": click.option(
        "--on",
        help="sim, host, unicorn, qemu, qemu-xtensa, labwired, board (wherever it is), a serial port, a device's name.",
    ),
    "vectors": click.option("--vectors", type=int, help="How many held-out inputs are compared."),
    "optimize": click.option(
        "--optimize", help="speed (default): fewest instructions; size: least code; balanced: fast where it counts."
    ),
    "kernel": click.option(
        "--kernel", multiple=True, help="OPERATOR=KERNEL or STEP=KERNEL: take this kernel there; may be repeated."
    ),
    "ram": click.option("--ram", help="Refuse to use more RAM than this, for instance 32K."),
    "flash": click.option("--flash", help="Refuse to use more flash than this."),
}
_KEYS = {"ram": "budget.ram", "flash": "budget.flash"}
_WAKEWORD = click.option(
    "--wakeword", type=click.Path(path_type=Path), help="A microWakeWord manifest instead of another model."
)
_STREAMING = click.option(
    "--streaming",
    type=click.Choice(["full", "incremental"]),
    default="full",
    show_default=True,
    help="incremental: compute only what is new of a signal along time.",
)
_INPUT_FORMULA = click.option(
    "--input-formula",
    type=click.Choice(["scale", "micro_speech"]),
    default="scale",
    show_default=True,
    help="How features reach a wake word's input: its own scale, or TFLM's integer formula.",
)
_MODEL_OPTIONS = ("task", "data", "seed", "epochs")
_BUILD_OPTIONS = (*_MODEL_OPTIONS, "board", "engine", "optimize", "kernel", "ram", "flash")


def configured(*names: str, locks: bool = True) -> Callable[[Function], Function]:
    """Give a verb the named options of tinygen.toml, collected into `ctx: Context`, and `as_json`.

    Args:
        names: keys of the options.
        locks: the verb makes something in the build folder, so it must be alone there.
    """

    def decorate(function: Function) -> Function:
        @wraps(function)
        def wrapped(
            config_file: Path | None, build_dir: str | None, offline: bool | None, as_json: bool, **given: Any
        ) -> None:
            kernels = _kernels(given.pop("kernel", ()))
            overrides = {_KEYS.get(name, name): given.pop(name) for name in names if name != "kernel"} | kernels
            config = load_config(config_file, {**overrides, "build_dir": build_dir}, Path.cwd())
            with ConsoleProgress(people) as progress:
                ctx = Context(config=config, progress=progress, offline=offline)
                verbs.check_names(ctx, board="board" in names, on="on" in names)
                with (
                    held(config.build_dir, progress.say)
                    if locks and not given.get("dry_run")
                    else contextlib.nullcontext()
                ):
                    report = function(ctx, **given)
            emit(report, as_json)

        always = (
            click.option("--config", "config_file", type=click.Path(path_type=Path), help=f"Default: ./{FILE_NAME}."),
            click.option("--build-dir", help="Where results are kept. Default: build."),
            click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output."),
            click.option("--offline/--online", default=None, help="Never / always ask PlatformIO's registry."),
        )
        decorated: Function = wrapped
        for option in reversed([*(_CONFIG_OPTIONS[name] for name in names), *always]):
            decorated = option(decorated)
        return decorated

    return decorate


def _kernels(given: tuple[str, ...]) -> dict[str, str]:
    """--kernel CONV_2D=generic as keys of the configuration."""
    found: dict[str, str] = {}
    for text in given:
        key, equals, kernel = text.partition("=")
        if not (key and equals and kernel) or "." in key:
            raise bad_input(f"'{text}' is no choice of a kernel", where="--kernel", hint="write: CONV_2D=generic")
        found[f"kernels.{key}"] = kernel
    return found


def emit(report: Report, as_json: bool) -> None:
    """Show a report to people or to machines; a failed check becomes the exit code."""
    if as_json:
        click.echo(pretty_json(json_view.document(report)), nl=False)
    elif report.kind == "dry-run":
        for command in commands_of(report):
            click.echo(command)
    else:
        terminal.show(report, results)
    if not report.ok:
        code = report.details.get("exit_code")
        sys.exit(code if isinstance(code, int) and code else ExitCode.CHECK_FAILED)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tinygen")
def cli() -> None:
    """From a recorded signal to byte-verified INT8 firmware for microcontrollers.

    Every verb does the missing earlier steps first: train, convert, compile, generate, build, flash, verify.

    Exit codes: 0 done, 1 a check said no, 2 your input, 3 a tool failed or is missing, 4 the device did not answer,
    70 our bug, 130 interrupted.
    """


@cli.command()
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
        verbs.check_names(Context(config=config), board=True, on=True)
    write_atomic(path, text.encode())
    results.print(f"wrote {FILE_NAME}; next: tinygen run", markup=False)


@cli.command()
@click.argument("words", nargs=-1, metavar="[NAME | show NAME | new ID --chip CHIP | check [FILE]...]")
@click.option("--chip", help="new: the chip on the board.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="new: Default: boards/ID.toml.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def boards(words: tuple[str, ...], chip: str | None, output: Path | None, as_json: bool) -> None:
    """List the boards, show one with the sources of its facts, begin a new one, or check board files.

    A board on a known chip is one file: boards/ID.toml beside tinygen.toml, or one that TINYGEN_BOARDS names.
    """
    match words:
        case () | (("show",)):
            report = catalogue.show(None)
        case ("new", identifier):
            if chip is None:
                raise bad_input("which chip is on it?", where="--chip", hint="tinygen boards lists chips")
            report = catalogue.new(identifier, chip, output)
        case ("check", *files):
            report = catalogue.check(tuple(map(Path, files)))
        case ("show", name) | (name,):
            report = catalogue.show(name)
        case _:
            raise bad_input(f"'{' '.join(words)}' is not understood", where="boards", hint="tinygen boards --help")
    emit(report, as_json)


@cli.command()
@click.option("--ask", is_flag=True, help="Also ask on each free port which firmware is there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def devices(ask: bool, as_json: bool) -> None:
    """List the boards of devices.toml and the serial ports here: what is attached, and which process has it."""
    emit(verbs.devices(ask=ask), as_json)


@cli.command()
@click.argument("action", type=click.Choice(["list", "show"]), default="list")
@configured("task", "data", "seed", locks=False)
def datasets(ctx: Context, action: str) -> Report:
    """List the built-in data sets; `show` tells what the task's (or --data's) holds and how it is split."""
    return verbs.datasets(ctx, everything=action == "list")


@cli.command()
@configured(*_MODEL_OPTIONS)
def train(ctx: Context) -> Report:
    """Train the task's network and judge it on held-out groups (speakers, bearings, persons)."""
    return verbs.train(ctx)


@cli.command()
@configured(*_MODEL_OPTIONS)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Copy the .tflite file there.")
def convert(ctx: Context, output: Path | None) -> Report:
    """Convert to a full INT8 .tflite, checked and judged in TFLM's own interpreter."""
    return verbs.convert(ctx, output)


@cli.command(name="compile")
@click.argument("model", required=False, type=click.Path(path_type=Path))
@configured(*_BUILD_OPTIONS, "vectors")
@click.option("--budget", help="Refuse what takes more, for instance ram=32K,flash=128K.")
@_STREAMING
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the C++ library (or project) there.")
@click.option("--verify", "verify_on", default="", help="Prove it there: host, unicorn, qemu, sim...")
@_WAKEWORD
@_INPUT_FORMULA
@click.option("--rewrites/--no-rewrites", default=True, help="Rewrite the graph where that changes no byte.")
@click.option("--explain", is_flag=True, help="Say what each rewrite did and why each kernel was taken.")
def compile_(
    ctx: Context,
    *,
    model: Path | None,
    budget: str | None,
    streaming: str,
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
    request = compilation.Request(
        model=model, output=output, verify_on=verify_on, streaming=streaming, explain=explain, rewrites=rewrites
    )
    return compilation.compile_model(compilation.with_budget(ctx, budget), request)


@cli.command()
@configured(*_BUILD_OPTIONS)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the project there instead.")
def generate(ctx: Context, output: Path | None) -> Report:
    """Write the complete PlatformIO project: model, C array, features, runtime, port."""
    return verbs.generate(ctx, output)


@cli.command()
@configured(*_BUILD_OPTIONS)
@click.option("--dry-run", is_flag=True, help="Print the commands instead.")
def build(ctx: Context, dry_run: bool) -> Report:
    """Build the firmware with PlatformIO and read its sizes from the ELF."""
    return verbs.build(ctx, dry_run=dry_run)


@cli.command()
@configured(*_BUILD_OPTIONS)
@click.option("--port", help="Serial port or name in devices.toml; otherwise found by USB id, or by its answer.")
@click.option("--via", default="", help="stlink, dfu or serial (STM32's boot loader); otherwise what is there.")
@click.option("--dry-run", is_flag=True, help="Print the commands instead.")
def flash(ctx: Context, port: str | None, via: str, dry_run: bool) -> Report:
    """Build, write the firmware to a connected board, and check that the board answers with this very build."""
    return verbs.flash(ctx, port, via=via, dry_run=dry_run)


@cli.command()
@configured(*_BUILD_OPTIONS, "on")
@click.option("--runs", type=int, help="Counted runs. Default: 101, in simulators (which always count the same) 3.")
@click.option("--warmups", type=int, help="Runs before them that do not count. Default: 8, in simulators 1.")
@click.option("--compare", type=click.Path(path_type=Path), help="An earlier --json document to compare with.")
@click.option(
    "--threshold", type=float, default=5.0, show_default=True, help="Percent slower than there that fail (exit code 1)."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The picture. Default: in the build folder.")
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


@cli.command()
@configured(*_BUILD_OPTIONS, "on", "vectors")
@click.option("--mode", type=click.Choice(["both", "raw", "tensor"]), default="both", show_default=True)
@click.option("--export-vectors", type=click.Path(path_type=Path), help="Also write vectors and expected bytes there.")
@click.option("--vectors-file", type=click.Path(path_type=Path), help="Use exported vectors instead of the oracle.")
@click.option("--dry-run", is_flag=True, help="Print the commands instead.")
def verify(ctx: Context, mode: str, export_vectors: Path | None, vectors_file: Path | None, dry_run: bool) -> Report:
    """Compare every output byte and every layer with TFLM's own interpreter, on a simulator or a board."""
    return verbs.verify(ctx, mode=mode, export=export_vectors, vectors_file=vectors_file, dry_run=dry_run)


@cli.command()
@configured(*_BUILD_OPTIONS, "on")
@click.option("--wav", type=click.Path(path_type=Path), help="A WAV or FLAC file. Default: held-out recordings.")
@_WAKEWORD
@_STREAMING
@_INPUT_FORMULA
@click.option("--seconds", type=click.FloatRange(min=0.1), help="At most so much of the signal.")
def stream(
    ctx: Context,
    *,
    wav: Path | None,
    wakeword: Path | None,
    streaming: str,
    input_formula: str,
    seconds: float | None,
) -> Report:
    """Stream a signal through the device: decisions live; every row, output and event is compared with Python's."""
    request = streams.Request(wav=wav, wakeword=wakeword, streaming=streaming, formula=input_formula, seconds=seconds)
    return streams.stream(ctx, request, lambda line: people.print(line, markup=False))


@cli.command(name="evaluate-stream")
@configured(*_BUILD_OPTIONS)
@click.option(
    "--wav", type=click.Path(path_type=Path), help="Judge on this. Default: test recordings in noise and babble."
)
@click.option("--labels", type=click.Path(path_type=Path), help="CSV for --wav: start_s, end_s, label.")
@_WAKEWORD
@_STREAMING
@_INPUT_FORMULA
@click.option("--target-false-accepts-per-hour", "target", type=click.FloatRange(min=0), help="Find its threshold.")
@click.option("--snr-db", type=float, default=10.0, show_default=True, help="Speech over noise and babble.")
@click.option("--seconds", type=click.FloatRange(min=1), help="Length of the audio. Default: 300, or all of --wav.")
@click.option("--compare-on", default="", help="Also stream it through a device there, and compare its events.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The page with the DET curve.")
def evaluate_stream(
    ctx: Context,
    *,
    labels: Path | None,
    target: float | None,
    snr_db: float,
    compare_on: str,
    output: Path | None,
    **chain: Any,
) -> Report:
    """False accepts per hour, misses and delay over long audio; the DET curve; a threshold for a target."""
    request = judging.Request(
        chain=streams.Request(formula=chain.pop("input_formula"), **chain),
        labels=labels,
        target_per_hour=target,
        snr_db=snr_db,
        compare_on=compare_on,
        page=output,
    )
    return judging.evaluate(ctx, request)


@cli.command()
@click.argument("action", type=click.Choice(learning_verb.ACTIONS))
@configured("board", "on", locks=False)
@click.option("--threshold", type=click.IntRange(min=0), help="For freeze: a score above it is an alarm.")
@click.option("--file", type=click.Path(path_type=Path), help="For save and load: the learned state.")
def learn(ctx: Context, action: str, threshold: int | None, file: Path | None) -> Report:
    """What a vibration device has learned of its machine: ask, gather, freeze, forget, save, load (on a port)."""
    return learning_verb.learn(ctx, action, ctx.config.on, threshold, file)


@cli.command()
@configured("task", "board", "on", locks=False)
@click.option("--port", help="The same as --on PORT.")
@click.option("--seconds", type=float, help="Stop after this long. Default: until Ctrl-C.")
@click.option("--log", type=click.Path(path_type=Path), help="Also append every line to this file.")
@click.option("--elf", type=click.Path(path_type=Path, exists=True), help="The board's image: names places of faults.")
def monitor(ctx: Context, port: str | None, seconds: float | None, log: Path | None, elf: Path | None) -> Report:
    """Show what the device says, with times: log, events, frames; waits for it after a reset or an unplugged cable."""
    with LiveView(people, log) as view:
        return verbs.monitor(ctx, port, seconds, view.show, elf)


@cli.command()
@configured(*_BUILD_OPTIONS, "on", "vectors")
@click.option("--dry-run", is_flag=True, help="Print the commands instead.")
def run(ctx: Context, dry_run: bool) -> Report:
    """The whole way: train, convert, compile, generate, build, run and verify."""
    return verbs.run(ctx, dry_run=dry_run)


@cli.command()
@configured("task", "board", locks=False)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Default: report-TASK-BOARD.html in the build folder."
)
def report(ctx: Context, output: Path | None) -> Report:
    """Put the last results of this task and board into one self-contained HTML file."""
    return verbs.write_report(ctx, output)


@cli.command()
@configured("board", locks=False)
def doctor(ctx: Context) -> Report:
    """Say what is installed here, what each thing is needed for, and how to get what is missing."""
    return doctor_verb.doctor(ctx)


def _fail(error: TinygenError) -> int:
    people.print("error:", error, style="bold red", markup=False, soft_wrap=True)
    if error.hint:
        people.print("  hint:", error.hint, markup=False, soft_wrap=True)
    if "--json" in sys.argv[1:]:
        facts = {"code": int(error.code), "message": error.message, "where": error.where, "hint": error.hint}
        # Standard output may be the very thing that failed; the exit code still tells.
        with contextlib.suppress(OSError):
            click.echo(json.dumps({"error": facts}))
    return int(error.code)


def _interrupted() -> int:
    return _fail(TinygenError(ExitCode.INTERRUPTED, "interrupted; finished steps are kept, nothing is half-written"))


def _our_bug(error: BaseException) -> int:
    with tempfile.NamedTemporaryFile("w", prefix="tinygen-", suffix=".log", delete=False) as file:
        file.write("".join(traceback.format_exception(error)))
    bug = TinygenError(
        ExitCode.OUR_BUG,
        f"{type(error).__name__}: {error}",
        where="inside tinygen",
        hint=f"this is a bug of ours; please report it with {file.name}",
    )
    return _fail(bug)


def main() -> None:
    """Entry point: every end is an exit code and at most one clear error."""
    try:
        code = cli.main(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else ExitCode.DONE)
    except (click.exceptions.Abort, KeyboardInterrupt):
        sys.exit(_interrupted())
    except click.ClickException as error:
        hint = "tinygen --help lists the verbs, tinygen VERB --help its options"
        sys.exit(_fail(bad_input(error.format_message(), where="command line", hint=hint)))
    except TinygenError as error:
        sys.exit(_fail(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.TOOL_FAILED)
    except OSError as error:
        if error.errno in _DISK_ERRORS:
            where = str(error.filename or "")
            hint = "finished steps are kept; free some space or check the permissions, then run the same command again"
            sys.exit(_fail(TinygenError(ExitCode.TOOL_FAILED, str(error.strerror), where=where, hint=hint)))
        sys.exit(_our_bug(error))
    except Exception as error:
        sys.exit(_our_bug(error))


if __name__ == "__main__":
    main()
