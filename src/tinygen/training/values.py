"""What training hands on; importing this does not import TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, field

from tinygen.tasks.spec import DecisionRule


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """A converted model and how good it was.

    Attributes:
        tflite: the INT8 flatbuffer.
        decision: labels and, for anomaly tasks, the integer threshold.
        float_metrics, int8_metrics: on the test side: "accuracy" or "auc", ratios 0..1. INT8 ones come from TFLM's
            interpreter on the very features the device computes.
        details: confusion matrix or ROC points, class names, history, counts; JSON-able.
        synthetic: True when the data was made by a generator.
    """

    tflite: bytes
    decision: DecisionRule
    seed: int
    n_parameters: int
    float_metrics: dict[str, float]
    int8_metrics: dict[str, float]
    synthetic: bool
    dataset: str
    details: dict[str, object] = field(default_factory=dict)
