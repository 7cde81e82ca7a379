"""A device that lives: streams, decisions, learning, its log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinygen.cli import outputs
from tinygen.cli.options import BUILD_OPTIONS, INPUT_FORMULA, STREAMING, WAKEWORD, configured
from tinygen.cli.output import people
from tinygen.core.errors import bad_input
from tinygen.core.values import Report
from tinygen.pipeline import learning_verb, verbs
from tinygen.pipeline import live as listening
from tinygen.pipeline import stream_evaluation as judging
from tinygen.pipeline import streaming as streams
from tinygen.pipeline.context import Context
from tinygen.report.live import LiveView


@click.command()
@configured(*BUILD_OPTIONS, "model", "on")
@click.option("--wav", type=click.Path(path_type=Path), help="A WAV or FLAC file. Default: held-out recordings.")
@WAKEWORD
@STREAMING
@INPUT_FORMULA
@click.option("--seconds", type=click.FloatRange(min=0.1), help="At most so much of the signal.")
@click.option("--live", is_flag=True, help="Listen to the device's own sensor ([sensor]) instead; nothing is compared.")
def stream(
    ctx: Context,
    *,
    wav: Path | None,
    wakeword: Path | None,
    streaming: str,
    input_formula: str,
    seconds: float | None,
    live: bool,
) -> Report:
    """Stream a signal through the device: decisions live; every row, output and event is compared with Python's."""
    if live:
        if wav is not None or wakeword is not None:
            raise bad_input(
                "a live device takes its own samples", where="--live", hint="leave --wav and --wakeword out"
            )
        return listening.listen(ctx, seconds, lambda line: people.print(line, markup=False))
    request = streams.Request(wav=wav, wakeword=wakeword, streaming=streaming, formula=input_formula, seconds=seconds)
    return streams.stream(ctx, request, lambda line: people.print(line, markup=False))


@click.command(name="evaluate-stream")
@configured(*BUILD_OPTIONS)
@click.option(
    "--wav", type=click.Path(path_type=Path), help="Judge on this. Default: test recordings in noise and babble."
)
@click.option("--labels", type=click.Path(path_type=Path), help="CSV for --wav: start_s, end_s, label.")
@WAKEWORD
@STREAMING
@INPUT_FORMULA
@click.option("--target-false-accepts-per-hour", "target", type=click.FloatRange(min=0), help="Find its threshold.")
@click.option("--snr-db", type=float, default=10.0, show_default=True, help="Speech over noise and babble.")
@click.option("--seconds", type=click.FloatRange(min=1), help="Length of the audio. Default: 300, or all of --wav.")
@click.option("--compare-on", default="", help="Also stream it through a device there, and compare its events.")
@click.option("--keep", is_flag=True, help="Write the threshold into tinygen.toml: images built then have it.")
@click.option("-o", "--output", type=outputs.FILE, help="The page with the DET curve.")
def evaluate_stream(
    ctx: Context,
    *,
    labels: Path | None,
    target: float | None,
    snr_db: float,
    compare_on: str,
    keep: bool,
    output: Path | None,
    **chain: Any,
) -> Report:
    """False accepts per hour, misses and delay over long audio; the DET curve; a threshold for a target."""
    if keep and chain["wakeword"] is not None:
        raise bad_input("tinygen.toml is the task's", where="--keep", hint="compile --wakeword ... --event-threshold N")
    request = judging.Request(
        chain=streams.Request(formula=chain.pop("input_formula"), **chain),
        labels=labels,
        target_per_hour=target,
        snr_db=snr_db,
        compare_on=compare_on,
        page=output,
        keep=keep,
    )
    return judging.evaluate(ctx, request)


@click.command()
@click.argument("action", type=click.Choice(learning_verb.ACTIONS))
@configured("board", "on", locks=False)
@click.option("--threshold", type=click.IntRange(min=0), help="For freeze: a score above it is an alarm.")
@click.option(
    "--false-alarms",
    type=click.FloatRange(min=1e-6, max=0.5),
    help="For freeze: the device sets the threshold itself, for this share of healthy rows above it (0.005).",
)
@click.option("--file", type=click.Path(path_type=Path), help="For save and load: the learned state.")
@click.option(
    "--elf", type=click.Path(path_type=Path), help="On a simulator: the image; it keeps what it learned beside it."
)
def learn(
    ctx: Context,
    *,
    action: str,
    threshold: int | None,
    false_alarms: float | None,
    file: Path | None,
    elf: Path | None,
) -> Report:
    """What a vibration device has learned of its machine: ask, gather, freeze, keep, forget, save, load."""
    return learning_verb.learn(
        ctx, action, ctx.config.on, threshold=threshold, false_alarms=false_alarms, file=file, program=elf
    )


@click.command()
@configured("task", "board", "on", locks=False)
@click.option("--port", help="The same as --on PORT.")
@click.option("--seconds", type=float, help="Stop after this long. Default: until Ctrl-C.")
@click.option("--log", type=outputs.FILE, help="Also append every line to this file.")
@click.option("--elf", type=click.Path(path_type=Path, exists=True), help="The board's image: names places of faults.")
@click.option("--live", "listens", is_flag=True, help="Let it listen to its own sensor, and show its scores.")
@click.option(
    "--wav", type=click.Path(path_type=Path), help="Send this recording at its own pace, and show the scores."
)
def monitor(
    ctx: Context,
    *,
    port: str | None,
    seconds: float | None,
    log: Path | None,
    elf: Path | None,
    listens: bool,
    wav: Path | None,
) -> Report:
    """Show what the device says, with times: log, events, frames; waits for it after a reset or an unplugged cable."""
    if port is not None and "--on" in ctx.config.given:
        raise bad_input("--port and --on say the same thing", where="command line", hint="name the port once")
    if listens and wav is not None:
        raise bad_input("--live listens to the sensor, --wav to a file", where="command line", hint="give one of them")
    with LiveView(people, log) as view:
        return verbs.monitor(ctx, port, seconds, view.show, program=elf, listens=listens, wav=wav)


VERBS: tuple[click.Command, ...] = (stream, evaluate_stream, learn, monitor)
