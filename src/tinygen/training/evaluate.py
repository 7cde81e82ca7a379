"""How good a model is: the float network against the INT8 one, on the same examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.model.ir import Graph
from tinygen.tasks import thresholds
from tinygen.tasks.decision import reconstruction_scores
from tinygen.tasks.spec import DecisionRule, Task
from tinygen.training import metrics, open_set
from tinygen.training.examples import Examples
from tinygen.training.int8 import ends, model_inputs, run_tflm

HEALTHY_QUANTILE = 0.98
"""The share of healthy validation snapshots that must stay below the threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Figures on the test side."""

    decision: DecisionRule
    float_metrics: dict[str, float]
    int8_metrics: dict[str, float]
    details: dict[str, object]


def evaluate(
    task: Task,
    tflite: bytes,
    graph: Graph,
    *,
    validation: Examples,
    test: Examples,
    float_inputs: npt.NDArray[np.float32],
    float_outputs: npt.NDArray[np.float32],
) -> Evaluation:
    """Judge both forms of the model.

    Args:
        task: what it is for.
        tflite, graph: the INT8 model.
        validation: chooses the threshold of anomaly tasks.
        test: examples of groups nothing was trained or chosen on.
        float_inputs, float_outputs: float32 [n, ...] of the float network over `test`.

    Raises:
        TinygenError: TFLM's interpreter is missing or does not run the model.
    """
    if task.decision == "argmax":
        return _classification(task, tflite, graph, validation=validation, test=test, float_outputs=float_outputs)
    return _anomaly(
        task,
        tflite,
        graph,
        validation=validation,
        test=test,
        float_inputs=float_inputs,
        float_outputs=float_outputs,
    )


def float_metrics(
    task: Task, test: Examples, inputs: npt.NDArray[np.float32], outputs: npt.NDArray[np.float32]
) -> dict[str, float]:
    """How good the float network alone is on the test side: {"accuracy" or "auc": ratio}.

    Args:
        task: what it is for.
        test: the examples.
        inputs, outputs: float32 [n, ...] of the network over them.
    """
    n = len(test.classes)
    if task.decision == "argmax":
        table = metrics.confusion(test.classes, outputs.reshape(n, -1).argmax(axis=1), len(task.labels))
        return {"accuracy": open_set.accuracy(task, table)}
    return {"auc": thresholds.auc(_float_scores(inputs, outputs), test.classes == 1)}


def _float_scores(inputs: npt.NDArray[np.float32], outputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    errors = inputs.reshape(len(inputs), -1).astype(np.float64) - outputs.reshape(len(outputs), -1)
    scores: npt.NDArray[np.float64] = (errors**2).sum(axis=1)
    return scores


def _classification(
    task: Task,
    tflite: bytes,
    graph: Graph,
    *,
    validation: Examples,
    test: Examples,
    float_outputs: npt.NDArray[np.float32],
) -> Evaluation:
    def said(examples: Examples) -> npt.NDArray[np.int8]:
        return run_tflm(tflite, graph, model_inputs(task.features, examples.features, ends(graph)))

    outputs = said(test)
    found_float = float_outputs.reshape(len(outputs), -1).argmax(axis=1)
    found_int8 = outputs.argmax(axis=1)
    n = len(task.labels)
    table_float = metrics.confusion(test.classes, found_float, n)
    table_int8 = metrics.confusion(test.classes, found_int8, n)
    refused = open_set.judged(task, said(validation), validation.classes, outputs, test.classes)
    return Evaluation(
        decision=DecisionRule(kind="argmax", labels=task.labels, threshold=0 if refused is None else refused.threshold),
        float_metrics=float_metrics(task, test, float_outputs, float_outputs),
        int8_metrics={
            "accuracy": open_set.accuracy(task, table_int8),
            **({} if refused is None else refused.metrics),
        },
        details={
            **({} if refused is None else refused.details),
            "labels": list(task.labels),
            "confusion_float": table_float.tolist(),
            "confusion_int8": table_int8.tolist(),
            "float_and_int8_agree": float(np.mean(found_float == found_int8)),
        },
    )


def _anomaly(
    task: Task,
    tflite: bytes,
    graph: Graph,
    *,
    validation: Examples,
    test: Examples,
    float_inputs: npt.NDArray[np.float32],
    float_outputs: npt.NDArray[np.float32],
) -> Evaluation:
    at = ends(graph)

    def scores_of(examples: Examples) -> npt.NDArray[np.int32]:
        inputs = model_inputs(task.features, examples.features, at)
        return reconstruction_scores(inputs, run_tflm(tflite, graph, inputs), at.model_input, at.model_output)

    healthy = validation.where(validation.classes == 0)
    threshold = thresholds.quantile_threshold(scores_of(healthy), HEALTHY_QUANTILE)
    scores = scores_of(test)
    float_scores = _float_scores(float_inputs, float_outputs)
    bad = test.classes == 1
    of_group = np.array(test.groups)
    per_group = {
        group: thresholds.auc(scores[of_group == group], bad[of_group == group]) for group in sorted(set(test.groups))
    }
    alarms = scores > threshold
    table = metrics.confusion(test.classes, alarms.astype(np.int64), 2)
    return Evaluation(
        decision=DecisionRule(kind="reconstruction", labels=task.labels, threshold=threshold),
        float_metrics={"auc": thresholds.auc(float_scores, bad)},
        int8_metrics={"auc": thresholds.auc(scores, bad)},
        details={
            "labels": list(task.labels),
            "auc_interval": list(thresholds.auc_interval(scores, bad)),
            "rates": [
                {
                    "title": "healthy against worn or faulty",
                    "lines": [
                        {"name": "INT8", "points": thresholds.roc(scores, bad)},
                        {"name": "float", "points": thresholds.roc(float_scores, bad), "dashed": True},
                    ],
                }
            ],
            "auc_per_group": {group: value for group, value in per_group.items() if not np.isnan(value)},
            "threshold": threshold,
            "threshold_from": f"{HEALTHY_QUANTILE:.0%} of the healthy validation snapshots score no more",
            "confusion_int8": table.tolist(),
            "false_alarm_rate": float(alarms[~bad].mean()),
            "detection_rate": float(alarms[bad].mean()),
        },
    )
