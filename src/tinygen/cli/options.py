"""The options that verbs share: keys of tinygen.toml as options of the command line."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from tinygen.cli.output import emit, people
from tinygen.config import FILE_NAME, load_config
from tinygen.console import ConsoleProgress
from tinygen.core.errors import bad_input
from tinygen.core.lock import held
from tinygen.pipeline import verbs
from tinygen.pipeline.context import Context

Function = Callable[..., Any]

_CONFIG_OPTIONS: dict[str, Function] = {
    "task": click.option("--task", help="kws, vibration or gesture."),
    "board": click.option("--board", help="Board id or alias; `tinygen boards` lists them."),
    "data": click.option("--data", help="Your recordings: a folder or file. Default: built-in synthetic data."),
    "seed": click.option("--seed", type=int, help="Seed of splits, augmentation and training."),
    "epochs": click.option("--epochs", type=int, help="Training epochs instead of the task's own number."),
    "model": click.option(
        "--model", help="ready: the shipped model; train: your own. Default: ready until you trained or give --data."
    ),
    "engine": click.option(
        "--engine", help="aot (default): generated C++; tflm: TensorFlow Lite Micro's interpreter, for comparison."
    ),
    "tflm_tree": click.option(
        "--tflm-tree", help="Sources for --engine tflm on an STM32; otherwise $TINYGEN_TFLM_TREE."
    ),
    "framework": click.option("--framework", help="none, arduino, stm32cube or espidf, where the board has it."),
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
    "event_threshold": click.option(
        "--event-threshold", type=int, help="A sum of outputs above it is an event; evaluate-stream finds one."
    ),
    "ram": click.option("--ram", help="Refuse to use more RAM than this, for instance 32K."),
    "flash": click.option("--flash", help="Refuse to use more flash than this."),
}
_KEYS = {"event_threshold": "stream.threshold", "ram": "budget.ram", "flash": "budget.flash", "tflm_tree": "tflm.tree"}
WAKEWORD = click.option(
    "--wakeword", type=click.Path(path_type=Path), help="A microWakeWord manifest instead of another model."
)
STREAMING = click.option(
    "--streaming",
    type=click.Choice(["full", "incremental"]),
    default="full",
    show_default=True,
    help="incremental: compute only what is new of a signal along time.",
)
INPUT_FORMULA = click.option(
    "--input-formula",
    type=click.Choice(["scale", "micro_speech"]),
    default="scale",
    show_default=True,
    help="How features reach a wake word's input: its own scale, or TFLM's integer formula.",
)
MODEL_OPTIONS = ("task", "data", "seed", "epochs")
BUILD_OPTIONS = (
    *(*MODEL_OPTIONS, "board", "engine", "tflm_tree", "framework", "optimize", "kernel", "ram", "flash"),
    "event_threshold",
)


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
                verbs.check_names(ctx, board="board" in names, on="on" in names, used=not given.get("dry_run"))
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
