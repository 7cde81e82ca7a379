"""What a task is. No TensorFlow here: layers are data that `training/` turns into Keras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tinygen.features.spec import FeatureSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of a small network; Keras names, NHWC. Unused fields keep their defaults."""

    kind: Literal["conv2d", "depthwise_conv2d", "dense", "max_pool2d", "average_pool2d", "flatten", "dropout"]
    filters: int = 0
    kernel: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    padding: Literal["same", "valid"] = "valid"
    activation: Literal["linear", "relu", "softmax"] = "linear"
    batch_norm: bool = False
    rate: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRule:
    """How output bytes become a decision on the device, in integers.

    kind "argmax": label = index of the largest output (the first on ties), score = that int8 value.
    kind "reconstruction": score = sum over elements of (input_q - requantised output)^2 as int32 where the output is
    brought to the input's scale with multiply_by_quantized_multiplier; label = 1 when score > threshold, else 0.
    """

    kind: Literal["argmax", "reconstruction"]
    labels: tuple[str, ...]
    threshold: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The least a trained model must reach on its test side: "accuracy" or "auc", as a ratio 0..1."""

    metric: Literal["accuracy", "auc"]
    at_least: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """Hyper-parameters of one training run."""

    epochs: int
    batch_size: int
    learning_rate: float
    augment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionPlan:
    """When something moves: `tasks.segment`'s levels in real units of the model's input, and the rest behind it."""

    start: float
    stop: float
    quiet_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """How a stream of inferences becomes events; `tasks.stream.rule_of` makes the device's integers of it.

    Attributes:
        hop_rows: new rows per inference where the whole window is computed anew; incremental models bring their own.
        smoothing: inferences that are averaged.
        threshold, release: shares 0..1 of the largest output: above the first an event, at or below the second armed
            again. Anomaly tasks use the threshold of their decision instead.
        refractory_s: the least time between two events.
        ignored: labels that never raise events.
        motion: the model looks once per motion, not at every hop; there is nothing to smooth then.
    """

    hop_rows: int = 1
    smoothing: int = 1
    threshold: float = 0.7
    release: float = 0.4
    refractory_s: float = 1.0
    ignored: tuple[str, ...] = ()
    motion: MotionPlan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Everything that defines a task once its data is known."""

    name: Literal["kws", "vibration", "gesture"]
    title: str
    labels: tuple[str, ...]
    features: FeatureSpec
    input_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    loss: Literal["cross_entropy", "reconstruction"]
    decision: Literal["argmax", "reconstruction"]
    training: TrainingPlan
    acceptance: Acceptance
    stream: StreamPlan = StreamPlan()
