"""The command line: arguments -> pipeline -> print -> exit code. No work is done here."""

from __future__ import annotations

import errno
import os
import signal
import sys
from types import FrameType

import click

from tinygen import __version__
from tinygen.cli import data, gathering, listening, looking, machines, making, output, proving, searching, shipping
from tinygen.core.errors import ExitCode, TinygenError, bad_input

_NO_SPACE = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT") if hasattr(errno, name)}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tinygen")
@click.pass_context
def cli(context: click.Context) -> None:
    """From a recorded signal to byte-verified INT8 firmware for microcontrollers.

    Every verb does the missing earlier steps first: train, convert, compile, generate, build, flash, verify.

    Exit codes: 0 done, 1 a check said no, 2 your input, 3 a tool failed or is missing, 4 the device did not answer,
    70 our bug, 130 interrupted.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _verb in (
    *looking.VERBS,
    *data.VERBS,
    *making.VERBS,
    *proving.VERBS,
    *listening.VERBS,
    *gathering.VERBS,
    *machines.VERBS,
    *searching.VERBS,
    *shipping.VERBS,
):
    cli.add_command(_verb)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Be ended as by Ctrl-C: what was started (compilers, uploaders, simulators) ends, too."""
    raise KeyboardInterrupt


def _told(error: click.ClickException) -> str:
    """What was typed wrongly, in one line; a choice that is missing names what may be chosen."""
    parameter = error.param if isinstance(error, click.MissingParameter) else None
    if parameter is not None and isinstance(parameter.type, click.Choice):
        name = parameter.opts[0] if isinstance(parameter, click.Option) else (parameter.name or "").upper()
        return f"{name} is missing: {', '.join(map(str, parameter.type.choices))}"
    return " ".join(error.format_message().split())


def _help_of(error: click.ClickException) -> str:
    """The help that says more, "" where no verb was reached."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    verbs: list[str] = []
    while context is not None and context.parent is not None:
        verbs.insert(0, context.info_name or "")
        context = context.parent
    return f"tinygen {' '.join(verbs)} --help" if verbs else ""


def main() -> None:
    """Entry point: every end is an exit code and at most one clear error."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = cli.main(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else ExitCode.DONE)
    except (click.exceptions.Abort, KeyboardInterrupt):
        sys.exit(output.interrupted())
    except click.ClickException as error:
        hint = _help_of(error) or "tinygen --help lists the verbs, tinygen VERB --help its options"
        sys.exit(output.fail(bad_input(_told(error), where="command line", hint=hint)))
    except TinygenError as error:
        sys.exit(output.fail(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.TOOL_FAILED)
    except OSError as error:
        if error.errno in _NO_SPACE | _FORBIDDEN:
            forbidden = error.errno in _FORBIDDEN
            code = ExitCode.BAD_INPUT if forbidden else ExitCode.TOOL_FAILED
            help_ = "check the permissions" if forbidden else "free some space"
            hint = f"finished steps are kept; {help_}, then run the same command again"
            told = TinygenError(code, str(error.strerror), where=str(error.filename or ""), hint=hint)
            sys.exit(output.fail(told))
        sys.exit(output.our_bug(error))
    except Exception as error:
        sys.exit(output.our_bug(error))
