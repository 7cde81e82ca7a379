"""What the INT8 model says to each held-out recording: spread over speakers, and the worst mistakes."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from tinygen.core.canonical import digest_tree, pretty_json
from tinygen.core.files import write_atomic
from tinygen.core.resources import source_dir
from tinygen.core.values import Measurement, Report, Table
from tinygen.datasets.adapt import HEALTHY
from tinygen.datasets.values import Int16, Recording
from tinygen.features.reference import frames_batch
from tinygen.model import importer
from tinygen.pipeline.context import Context
from tinygen.pipeline.model_views import SYNTHETIC
from tinygen.pipeline.steps import Converted, package_version
from tinygen.tasks.decision import reconstruction_scores
from tinygen.training.examples import windows_of
from tinygen.training.int8 import ends, model_inputs, run_tflm

WORST = 8
_LONGEST_SAMPLES = 32_000
_CHUNK = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One recording and what was said about it.

    Attributes:
        index: of the held-out recording. said: the label given.
        sure: how far the answer lies from the right one: for classes the share of the output above the right class's,
            for anomalies the score over the threshold (or under it), as a ratio.
        score: the device's integer score.
    """

    index: int
    name: str
    group: str
    label: str
    said: str
    right: bool
    sure: float
    score: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """All verdicts, and how many recordings the test side had."""

    verdicts: tuple[Verdict, ...]
    test_recordings: int


def judge(ctx: Context, made: Converted) -> Judgement:
    """Ask TFLM's interpreter about the held-out recordings (at most 400, evenly spread), or take kept answers.

    A recording of several windows is judged by its first window that is wrong, if any.

    Raises:
        TinygenError: TFLM's interpreter is missing.
    """

    def make(folder: Path) -> None:
        verdicts = _verdicts(ctx, made)
        write_atomic(folder / "verdicts.json", pretty_json([asdict(v) for v in verdicts]).encode())

    rooms = [source_dir(room) for room in ("core", "features", "tasks")]
    inputs = {
        "model": made.key,
        "code": digest_tree(rooms, suffixes=(".py",)),
        "judge": digest_tree([source_dir("pipeline") / "judgement.py"]),
        "packages": {name: package_version(name) for name in ("tflite-micro", "numpy")},
    }
    done = ctx.store.step("judge", inputs, make)
    verdicts = tuple(Verdict(**one) for one in json.loads((done.path / "verdicts.json").read_text()))
    sides = made.model.details.get("sides")
    test = sides.get("test") if isinstance(sides, dict) else None
    count = test.get("recordings") if isinstance(test, dict) else None
    return Judgement(verdicts=verdicts, test_recordings=count if isinstance(count, int) else len(verdicts))


def _verdicts(ctx: Context, made: Converted) -> list[Verdict]:
    task, rule = made.task, made.model.decision
    graph = importer.load(made.model.tflite, task.name)
    at = ends(graph)
    owners: list[int] = []
    windows: list[Int16] = []
    for index, recording in enumerate(made.heldout):
        pieces = windows_of(task.features, recording, max_windows=4)
        owners += [index] * len(pieces)
        windows += pieces
    found: dict[int, Verdict] = {}
    for start in range(0, len(windows), _CHUNK):
        chunk = windows[start : start + _CHUNK]
        inputs = model_inputs(task.features, frames_batch(task.features, np.stack(chunk)), at)
        outputs = run_tflm(made.model.tflite, graph, inputs)
        ctx.progress("judging held-out recordings", start + len(chunk), len(windows))
        if rule.kind == "argmax":
            answers = [_classified(rule.labels, row, made.heldout[i].label, at.model_output.scale)
                       for row, i in zip(outputs, owners[start:], strict=False)]  # fmt: skip
        else:
            scores = reconstruction_scores(inputs, outputs, at.model_input, at.model_output)
            answers = [_scored(rule.labels, int(s), rule.threshold, made.heldout[i].label)
                       for s, i in zip(scores, owners[start:], strict=False)]  # fmt: skip
        for index, (said, right, sure, score) in zip(owners[start:], answers, strict=False):
            before = found.get(index)
            if before is None or (before.right and not right):
                r = made.heldout[index]
                found[index] = Verdict(
                    index=index, name=r.name, group=r.group, label=r.label, said=said, right=right, sure=sure,
                    score=score,
                )  # fmt: skip
    return [found[index] for index in sorted(found)]


def _classified(labels: tuple[str, ...], output: np.ndarray, truth: str, scale: float) -> tuple[str, bool, float, int]:
    best = int(np.argmax(output))
    wanted = labels.index(truth) if truth in labels else best
    return labels[best], best == wanted, float(int(output[best]) - int(output[wanted])) * scale, int(output[best])


def _scored(labels: tuple[str, ...], score: int, threshold: int, truth: str) -> tuple[str, bool, float, int]:
    alarm, bad = score > threshold, truth != HEALTHY
    ratio = score / max(threshold, 1)
    return labels[int(alarm)], alarm == bad, ratio if alarm else 1 / max(ratio, 1e-3), score


def view(made: Converted, judged: Judgement) -> Report:
    """The judgement as a report: spread over groups, worst mistakes with their signals."""
    spread = _spread(judged.verdicts)
    wrong = sorted((v for v in judged.verdicts if not v.right), key=lambda v: -v.sure)
    kind = str(made.model.details.get("group_kind", "group"))
    shares = [right / total for _, right, total in spread]
    note = SYNTHETIC if made.model.synthetic else ""
    looked = len(judged.verdicts)
    origin = "measured-in-tflm-interpreter"
    said = [f"{looked} of the test side's {judged.test_recordings} recordings were looked at, seed {made.model.seed}"]
    if kind == "recording":
        said.append("nobody says who was recorded, so there is no spread over people or machines")
    rows = tuple((v.name, v.label, v.said, f"{v.sure:.2f}", v.group) for v in wrong[:WORST])
    return Report(
        kind="judge",
        subject={"task": made.task.name, "dataset": made.model.dataset},
        measurements=(
            Measurement(name="recordings_looked_at", value=looked, unit="count", origin="counted"),
            Measurement(name="mistakes", value=len(wrong), unit="count", origin=origin, note=note),
            *(
                Measurement(name=f"{what}_{kind}", value=round(float(value), 4), unit="ratio", origin=origin, note=note)
                for what, value in (
                    (("worst", min(shares)), ("median", np.median(shares)), ("best", max(shares)))
                    if len(shares) > 1 and kind != "recording" else ()
                )
            ),
        ),
        tables=(Table(title="worst mistakes", columns=("recording", "truth", "said", "sure", kind), rows=rows),)
        if rows else (),
        notes=tuple(said),
        details={
            "headline": f"{looked - len(wrong)} of {looked} held-out recordings right",
            "group_kind": kind,
            "seed": made.model.seed,
            "spread": [list(one) for one in spread] if kind != "recording" else [],
            "mistakes": [_mistake(v, made.heldout[v.index]) for v in wrong[:WORST]],
        },
    )  # fmt: skip


def _spread(verdicts: tuple[Verdict, ...]) -> list[tuple[str, int, int]]:
    """(group, right, total), the worst first."""
    right: dict[str, int] = defaultdict(int)
    total: dict[str, int] = defaultdict(int)
    for v in verdicts:
        total[v.group] += 1
        right[v.group] += v.right
    return sorted(((g, right[g], n) for g, n in total.items()), key=lambda one: (one[1] / one[2], one[0]))


def _mistake(v: Verdict, recording: Recording) -> dict[str, object]:
    signal = recording.signal[:_LONGEST_SAMPLES].astype("<i2")
    return {
        "name": v.name, "truth": v.label, "said": v.said, "group": v.group, "sure": round(v.sure, 3),
        "score": v.score, "rate_hz": recording.rate_hz, "channels": int(signal.shape[1]),
        "signal": base64.b64encode(np.ascontiguousarray(signal).tobytes()).decode(),
    }  # fmt: skip


def without_signals(report: Report) -> Report:
    """The report without its recordings, for terminals and comparisons."""
    mistakes = report.details.get("mistakes")
    if not isinstance(mistakes, list):
        return report
    plain = [{k: v for k, v in one.items() if k != "signal"} for one in mistakes if isinstance(one, dict)]
    return replace(report, details={**report.details, "mistakes": plain})
