"""Training, conversion and compilation as Reports: which numbers, with which origin."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from tinygen.boards.spec import BoardSpec
from tinygen.core.store import StepResult
from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.model.budget import peak
from tinygen.model.ir import Plan
from tinygen.pipeline.steps import Converted
from tinygen.report.plan_view import plan_view

SYNTHETIC = "synthetic data: says nothing about real recordings"


def training(step: StepResult) -> Report:
    """How the float network did; its INT8 form is judged by `convert`."""
    facts = json.loads((step.path / "fitted.json").read_text())
    note = SYNTHETIC if facts["synthetic"] else ""
    return Report(
        kind="train",
        subject={
            "task": facts["task"],
            "dataset": facts["dataset"],
            "seed": str(facts["seed"]),
            "step": step.path.name,
            "redone": _redone(step.reused),
        },
        measurements=(
            Measurement(name="parameters", value=facts["n_parameters"], unit="count", origin="counted"),
            Measurement(name="epochs", value=len(facts["history"]), unit="count", origin="counted"),
            *metrics("float", facts["metrics"], "measured-on-test-side", note),
        ),
        notes=tuple(facts["notes"]),
        details=facts,
    )


def acceptance(made: Converted, shortened: bool) -> Check:
    """Whether the INT8 model reaches what its task asks for on the test side.

    Args:
        made: the model.
        shortened: the user chose the number of epochs (--epochs): a miss is said, not punished.
    """
    metric, least = made.task.acceptance.metric, made.task.acceptance.at_least
    value = made.model.int8_metrics.get(metric)
    if value is None:
        return Check(
            name="acceptance", status=CheckStatus.SKIPPED, reason="a ready model: its card says how good it is"
        )
    miss = CheckStatus.SKIPPED if shortened else CheckStatus.FAILED
    sides = made.model.details.get("sides")
    test = sides.get("test") if isinstance(sides, dict) else None
    count = _judged_on(made, test) if isinstance(test, dict) else None
    unseen = f"{count} unseen recordings" if count else "unseen recordings"
    return Check(
        name="acceptance",
        status=CheckStatus.PASSED if value >= least else miss,
        reason=f"INT8 {metric} {value:.3f} on {unseen}, {'at least' if value >= least else 'less than'} {least:g}"
        + (" (training shortened by --epochs)" if shortened and value < least else ""),
    )


def _judged_on(made: Converted, test: dict[str, object]) -> int | None:
    """Recordings of the test side that somebody made."""
    count, labels = test.get("recordings"), test.get("labels")
    if not isinstance(count, int) or not isinstance(labels, dict):
        return None
    open_set = made.task.open_set
    refused = open_set.labels if open_set is not None and open_set.made else ()
    return count - sum(int(labels.get(label, 0)) for label in refused)


def conversion(made: Converted, path: Path, *, shortened: bool) -> Report:
    """Float against INT8, both on the test side."""
    model = made.model
    note = SYNTHETIC if model.synthetic else ""
    return Report(
        kind="convert",
        subject={
            "task": made.task.name,
            "dataset": model.dataset,
            "seed": str(model.seed),
            "tflite": str(path),
            "redone": _redone(made.reused),
        },
        checks=(acceptance(made, shortened),),
        measurements=(
            Measurement(name="tflite_bytes", value=len(model.tflite), unit="bytes", origin="counted"),
            Measurement(name="parameters", value=model.n_parameters, unit="count", origin="counted"),
            *metrics("float", model.float_metrics, "measured-in-keras", note),
            *_told(metrics("int8", model.int8_metrics, "measured-in-tflm-interpreter", note), made),
        ),
        tables=(*_confusion(made), *_per_group(made)),
        notes=(*_notes(model.details.get("notes")), *_limits(made)),
        details={"seed": model.seed, "synthetic": model.synthetic, **model.details},
    )


def _told(measured: list[Measurement], made: Converted) -> list[Measurement]:
    """Figures with what must be known of them: confidence intervals, and of what they are."""
    details = made.model.details
    spans = {"int8_auc": details.get("auc_interval"), "int8_open_set_auc": details.get("open_set_interval")}
    open_set = made.task.open_set
    none = " and ".join(open_set.labels) if open_set is not None else ""
    of = f"{details.get('open_set_examples', 0)} {'made ' if open_set and open_set.made else ''}examples of {none}"
    words = {
        "int8_open_set_auc": f"against {of}",
        "int8_false_accepts": f"share of {of} that raise an event",
        "int8_kept": "share of the others that raise their own",
    }
    found = []
    for m in measured:
        span, said = spans.get(m.name), [words.get(m.name, "") if open_set is not None else ""]
        if isinstance(span, list | tuple) and len(span) == 2:
            said.append(f"95 % interval {span[0]:.3f} to {span[1]:.3f}")
        found.append(replace(m, note="; ".join(text for text in (*said, m.note) if text)))
    return found


def _limits(made: Converted) -> list[str]:
    """Where the threshold comes from, and why there may be no curve."""
    details, rule = made.model.details, made.model.decision
    if "limit_from" in details:
        return [f"an event needs an output above {rule.threshold} of 255: {details['limit_from']}"]
    if "threshold_from" in details:
        computed = ["distances are computed, not trained: there is no learning curve"]
        alarm = f"an alarm needs a score above {rule.threshold:,}: {details['threshold_from']}"
        return [alarm, *(computed if made.task.loss == "distance" else [])]
    return []


def _per_group(made: Converted) -> tuple[Table, ...]:
    """The area under the ROC of each machine of the test side."""
    areas = made.model.details.get("auc_per_group")
    if not isinstance(areas, dict) or not areas:
        return ()
    kind = str(made.model.details.get("group_kind", "group"))
    rows = tuple((str(name), f"{value:.3f}") for name, value in sorted(areas.items(), key=lambda item: item[1]))
    return (Table(title=f"INT8 AUC of each {kind}, the worst first", columns=(kind, "AUC"), rows=rows),)


def _notes(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()


def metrics(kind: str, metrics: dict[str, float], origin: str, note: str) -> list[Measurement]:
    """Ratios of one form of the model, float or int8."""
    return [
        Measurement(name=f"{kind}_{name}", value=round(value, 4), unit="ratio", origin=origin, note=note)
        for name, value in metrics.items()
    ]


def _confusion(made: Converted) -> tuple[Table, ...]:
    table, labels = made.model.details.get("confusion_int8"), made.model.details.get("labels")
    if not isinstance(table, list) or not isinstance(labels, list):
        return ()
    rows = tuple((str(label), *(str(n) for n in row)) for label, row in zip(labels, table, strict=False))
    title = "confusion matrix, INT8 (rows: truth)" + (" on synthetic data" if made.model.synthetic else "")
    return (Table(title=title, columns=("truth \\ said", *(str(label) for label in labels)), rows=rows),)


def compilation(plan: Plan, board: BoardSpec) -> Report:
    """Kernels and memory, known before anything is built."""
    top = peak(plan)
    rows = []
    for step in plan.steps:
        shapes = (
            " + ".join(_shape(plan, i) for i in step.inputs)
            + " -> "
            + " + ".join(_shape(plan, i) for i in step.outputs)
        )
        weights = sum(array.nbytes for array in step.constants.values())
        mark = "  <- peak" if step.position == top.position else ""
        rows.append((str(step.position), step.op.name, shapes, f"{step.macs:,}", f"{weights:,}", step.kernel + mark))
    return Report(
        kind="compile",
        subject={"model": plan.graph.name, "board": board.id, "digest": plan.graph.digest[:16]},
        checks=(Check(name="fits", status=CheckStatus.PASSED, reason=f"within {board.id}'s memory and the budget"),),
        measurements=(
            Measurement(name="arena_bytes", value=plan.arena_bytes, unit="bytes", origin="planned"),
            Measurement(
                name="arena_lower_bound_bytes",
                value=plan.lower_bound_bytes,
                unit="bytes",
                origin="planned",
                note="no layout of these buffers can be smaller",
            ),
            Measurement(name="weights_bytes", value=plan.weights_bytes, unit="bytes", origin="planned"),
            Measurement(name="macs", value=plan.macs, unit="count", origin="planned"),
        ),
        tables=(
            Table(
                title="steps", columns=("step", "operator", "shapes", "MACs", "constants", "kernel"), rows=tuple(rows)
            ),
        ),
        details={
            "plan_view": plan_view(plan),
            "steps": [
                {
                    "position": step.position,
                    "op": step.op.name,
                    "kernel": step.kernel,
                    "why": step.why,
                    "refused": [list(pair) for pair in step.refused],
                    "macs": step.macs,
                    "scratch_bytes": step.scratch_bytes,
                }
                for step in plan.steps
            ],
            "peak_step": top.position,
            "peak_live_bytes": top.live_bytes,
        },
    )


def _shape(plan: Plan, tensor: int) -> str:
    return "x".join(str(size) for size in plan.graph.tensors[tensor].shape)


def _redone(reused: bool) -> str:
    return "no, nothing had changed" if reused else "yes"
