"""The keyword figures as a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tinygen.core.canonical import digest_bytes
from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.datasets.values import Dataset
from tinygen.pipeline.kws_words import NEURAL_SPEAKERS
from tinygen.tasks.spec import Task

Done = tuple[Mapping[str, Any], Mapping[str, Any]]
"""A run and its figures."""

FOLDS = 5
PLAIN = "folds on plain log-mel"
"""The group of the same folds without noise reduction and PCAN."""

ENOUGH_CLIPS = 10
"""A speaker with fewer says little about how well it is understood."""

_ORIGIN = "TFLM's interpreter"
_SECONDS = 8 * 60


def report(dataset: Dataset, done: Sequence[Done]) -> Report:
    """Checks against the project's figures, a table of folds, a table of what each means brought."""
    folds = [result for run, result in done if run["group"] == "folds"]
    alone = [result for run, result in done if run["group"] == "synthesis only"]
    ablations = [(run, result) for run, result in done if run["group"] == "ablation"]
    checks: list[Check] = []
    measurements: list[Measurement] = []
    tables: list[Table] = []
    if folds:
        values = [float(r["accuracy"]) for r in folds]
        gaps = [float(r["accuracy"]) - float(r["float_accuracy"]) for r in folds]
        longest = max(float(r["wall_s"]) for r in folds)
        checks += [
            _of_all(len(folds), "recordings and synthesis, 5-fold by speaker: at least 90 %", np.mean(values) >= 0.90,
                    _spread(values)),
            _check("at most 40,000 parameters", max(r["parameters"] for r in folds) <= 40_000,
                   f"{folds[0]['parameters']:,}"),
            _of_all(len(folds), "INT8 minus float: at least -0.3 points", np.mean(gaps) >= -0.003,
                    f"mean {100 * np.mean(gaps):+.2f} points, lowest {100 * min(gaps):+.2f}"),
        ]  # fmt: skip
        measurements += [
            _measured("five_fold_accuracy", float(np.mean(values)), f"mean over {len(folds)} folds of unseen speakers"),
            _measured("five_fold_without_silence", float(np.mean([r["accuracy_without_silence"] for r in folds])),
                      "`_silence_` left out: its test clips may come from the very noises that are learned"),
            _measured("int8_minus_float", float(np.mean(gaps)), "same examples"),
            Measurement(name="longest_fold_s", value=longest, unit="s", origin="measured-on-this-machine",
                        note=f"wall clock, whatever else ran; the aim is {_SECONDS} s on two free cores"),
        ]  # fmt: skip
    plain = [float(result["accuracy"]) for run, result in done if run["group"] == PLAIN]
    if plain:
        note = f"mean over {len(plain)} folds, `[features] enable_noise_reduction = false`"
        measurements.append(_measured("five_fold_accuracy_on_plain_log_mel", float(np.mean(plain)), note))
    if alone:
        value = float(alone[0]["accuracy"])
        checks.append(_check("synthesis only, all recordings as test: at least 80 %", value >= 0.80, f"{value:.1%}"))
        measurements.append(_measured("synthesis_only_accuracy", value, "no recording was learned from"))
    if folds or alone:
        rows = [
            (
                f"{run['label']} ({run['group']})",
                f"{result['accuracy']:.1%}",
                f"{result['float_accuracy']:.1%}",
                f"{result['accuracy_without_silence']:.1%}",
                f"{result['tested']:,}",
                _of_speakers(result),
                f"{result['wall_s']:,.0f} s",
                f"{result['cpu_s']:,.0f} s",
            )
            for run, result in done
            if run["group"] != "ablation"
        ]
        columns = (
            "part",
            "INT8",
            "float",
            "without silence",
            "tested",
            f"speakers of {ENOUGH_CLIPS} clips or more",
            "wall clock",
            "CPU",
        )
        tables.append(Table(title="unseen speakers", columns=columns, rows=tuple(rows)))
    if ablations:
        tables.append(_ablation_table(ablations))
    return Report(
        kind="judge-kws",
        subject={"task": "kws", "data": dataset.name, "recordings": str(len(dataset.recordings)),
                 "licence": dataset.licence, "digest": dataset.digest[:16]},
        checks=tuple(checks),
        measurements=tuple(measurements),
        tables=tuple(tables),
        notes=(
            "folds keep whole speakers together; no epoch was chosen on the part a fold is judged on: the last weights "
            "(or their average) count",
            "settings were compared by single runs, most of them judged on fold 1, some on each other fold "
            "(src/tinygen/training/README.md): no fold is quite free of that choice",
            f"INT8: {_ORIGIN}; folds have one seed each, ablations up to three on the first fold with a short schedule",
        ),
        # Where a model lies is this machine's business; the run's digest names it anywhere.
        details={"runs": [{**run, **result, "model": _folder_of(result)} for run, result in done]},
    )  # fmt: skip


def _of_speakers(result: Mapping[str, Any]) -> str:
    """Lowest and median accuracy of the speakers with enough clips."""
    clips = result["speaker_clips"]
    shares = [share for speaker, share in result["per_speaker"].items() if clips[speaker] >= ENOUGH_CLIPS]
    return f"{len(shares)}: lowest {min(shares):.0%}, median {np.median(shares):.0%}" if shares else "none"


ATTRIBUTION = "Speech Commands v0.02, Pete Warden, Google, arXiv:1804.03209, CC BY 4.0"


def card(
    tflite: bytes,
    task: Task,
    dataset: Dataset,
    *,
    run: Mapping[str, Any],
    result: Mapping[str, Any],
    figures: Mapping[str, Mapping[str, Any]],
) -> str:
    """card.toml of the model that ships.

    Args:
        tflite: the model.
        task, dataset: what it is for and what it learned from.
        run, result: its training.
        figures: measurements of models trained the same way on four fifths of the recordings.
    """
    features = task.features
    lines = [
        "# The keyword model that ships. Written by: python tests/bench/train_report.py --ready",
        'task = "kws"',
        f"labels = {list(task.labels)}".replace("'", '"'),
        f'model_sha256 = "{digest_bytes(tflite)}"',
        f"model_bytes = {len(tflite)}",
        f"parameters = {result['parameters']}",
        f"seed = {run['seed']}",
        'command = "python tests/bench/train_report.py --ready"',
        'licence = "MIT (the network); the recordings it learned from ask for the attribution below"',
        f'attribution = "Learned from {ATTRIBUTION}"',
        *_PEOPLE,
        "",
        "[[data]]",
        'name = "Speech Commands v0.02, a part of its test set"',
        f"recordings = {len(dataset.recordings)}",
        f"speakers = {len({r.group for r in dataset.recordings if r.label != '_silence_'})}",
        f'digest = "{dataset.digest}"',
        'licence = "CC BY 4.0"',
        "",
        "[[data]]",
        'name = "words spoken by espeak-ng and flite"',
        f"share_of_an_epoch = {run['spoken']}",
        'licence = "none: the GPL of espeak-ng covers the program, not what it says"',
        *(_throats(run["natural"]) if run["natural"] else []),
        "",
        "[features]",
        *(f"{name} = {_toml(value)}" for name, value in asdict(features).items()),
        "",
        "# Of models trained in the same way on four fifths of the speakers, judged on the others.",
        "[figures]",
        *(
            f'{name} = {{ value = {m["value"]}, unit = "{m["unit"]}", origin = "{m["origin"]}" }}'
            for name, m in figures.items()
            if m.get("value") is not None
        ),
    ]
    return "\n".join(lines) + "\n"


def _throats(share: float) -> list[str]:
    return [
        "",
        "[[data]]",
        f'name = "words spoken by {NEURAL_SPEAKERS} throats of Kokoro-82M"',
        f"share_of_an_epoch = {share}",
        'licence = "Apache-2.0 (the network and its throats)"',
    ]


_PEOPLE = (
    'title = "Ten English command words, told from other words and from silence"',
    'use = "16 kHz mono audio as int16, one second around the word"',
    'judged = "by models trained alike on four fifths of the speakers, on the others; this one learned from all"',
    "limits = [",
    '  "111 speakers, most of them close to their microphone: noise, distance and children are hardly among them",',
    '  "judged on clips cut around a word; a stream needs a threshold of its own (tinygen evaluate-stream)",',
    "]",
)


def _folder_of(result: Mapping[str, Any]) -> str:
    return Path(str(result.get("model", ""))).parent.name


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _ablation_table(done: Sequence[Done]) -> Table:
    """Mean over seeds of each variant against the plain training."""
    labels = list(dict.fromkeys(str(run["label"]) for run, _ in done))
    of = {label: [result for run, result in done if run["label"] == label] for label in labels}
    base = float(np.mean([r["accuracy"] for r in of[labels[0]]]))
    rows = []
    for label in labels:
        values = [float(r["accuracy"]) for r in of[label]]
        gap = float(np.mean([r["accuracy"] - r["float_accuracy"] for r in of[label]]))
        rows.append(
            (
                label,
                f"{np.mean(values):.1%}",
                f"{100 * (np.mean(values) - base):+.1f}",
                f"{100 * (max(values) - min(values)):.1f}",
                f"{100 * gap:+.2f}",
                f"{of[label][0]['compiled_macs']:,}"
                if "compiled_macs" in of[label][0]
                else f"{of[label][0]['macs']:,}",
                str(len(values)),
            )
        )
    columns = ("switched on", "INT8", "points", "spread over seeds", "INT8 minus float", "MACs compiled", "seeds")
    epochs = done[0][0]["means"]["epochs"]
    return Table(
        title=f"what each brought, first fold, plain log-mel, {epochs} epochs", columns=columns, rows=tuple(rows)
    )


def _spread(values: Sequence[float]) -> str:
    return f"mean {np.mean(values):.1%}, {min(values):.1%} to {max(values):.1%} over {len(values)} folds"


def _of_all(done: int, name: str, met: object, reason: str) -> Check:
    """A check that says nothing before every fold was trained."""
    if done < FOLDS:
        return Check(name=name, status=CheckStatus.BLOCKED, reason=f"{done} of {FOLDS} folds were trained: {reason}")
    return _check(name, met, reason)


def _measured(name: str, value: float, note: str) -> Measurement:
    return Measurement(name=name, value=round(value, 5), unit="ratio", origin=_ORIGIN, note=note)


def _check(name: str, met: object, reason: str) -> Check:
    return Check(name=name, status=CheckStatus.PASSED if met else CheckStatus.FAILED, reason=reason)
