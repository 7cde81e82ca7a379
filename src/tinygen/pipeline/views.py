"""What several verbs say: commands instead of results, more checks, a whole run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tinygen.core.values import Check, Measurement, Report
from tinygen.pipeline.firmware_steps import Built
from tinygen.pipeline.model_views import SYNTHETIC, acceptance, metrics
from tinygen.pipeline.steps import Converted


def dry_run(commands: list[str]) -> Report:
    """Commands instead of results; nothing was made or run for it."""
    return Report(kind="dry-run", subject={}, details={"commands": commands})


def commands_of(report: Report) -> list[str]:
    """The commands of a dry run."""
    commands = report.details.get("commands")
    return [str(command) for command in commands] if isinstance(commands, list) else []


def with_checks(report: Report, checks: tuple[Check, ...]) -> Report:
    """The report with further checks."""
    return replace(report, checks=(*report.checks, *checks))


def whole_run(proof: Report, made: Converted, image: Built, *, page: Path, seconds: float, shortened: bool) -> Report:
    """The proof with what came before it, as one report."""
    model = made.model
    note = SYNTHETIC if model.synthetic else ""
    return replace(
        proof,
        kind="run",
        checks=(acceptance(made, shortened), *proof.checks),
        subject={**proof.subject, "dataset": model.dataset, "elf": str(image.firmware.elf), "page": str(page)},
        measurements=(
            *proof.measurements,
            *metrics("int8", model.int8_metrics, "measured-in-tflm-interpreter", note),
            Measurement(name="elapsed_s", value=round(seconds, 1), unit="s", origin="measured-on-host"),
        ),
    )
