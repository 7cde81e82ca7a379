"""What a task is. No TensorFlow here: layers are data that `training/` turns into Keras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tinygen.features.spec import FeatureSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of a small network; Keras names, NHWC. Unused fields keep their defaults.

    Attributes:
        kind: "residual" adds its input to what `inner` makes of it; "broadcast_residual" hands `inner` the mean over
            the bands (axis 2) and adds the result to every band. Where `inner` gives fewer rows, the newest of the
            input are used.
        branches: parallel convolutions while training, together with a 1x1 one and the input itself where shapes
            allow; what is converted is one convolution (Ding et al. 2021, RepVGG). 0: one, trained as it is.
    """

    kind: Literal[
        "conv2d",
        "depthwise_conv2d",
        "dense",
        "max_pool2d",
        "average_pool2d",
        "flatten",
        "dropout",
        "residual",
        "broadcast_residual",
    ]
    filters: int = 0
    kernel: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    padding: Literal["same", "valid"] = "valid"
    activation: Literal["linear", "relu", "softmax"] = "linear"
    batch_norm: bool = False
    rate: float = 0.0
    branches: int = 0
    inner: tuple[Layer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRule:
    """How output bytes become a decision on the device, in integers.

    kind "argmax": label = index of the largest output (the first on ties), score = that value: of an int8 output
    -128..127, with `unsigned_output` (uint8) 0..255. Where something is to be refused, `threshold` is the least that an
    output, as a byte of 0..255, must exceed to raise an event of a stream; 0 leaves that to the task's plan.
    kind "reconstruction": score = sum over elements of (input_q - requantised output)^2 as int32 where the output is
    brought to the input's scale with multiply_by_quantized_multiplier; label = 1 when score > threshold, else 0.
    """

    kind: Literal["argmax", "reconstruction"]
    labels: tuple[str, ...]
    threshold: int = 0
    unsigned_output: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The least a trained model must reach on its test side: "accuracy" or "auc", as a ratio 0..1."""

    metric: Literal["accuracy", "auc"]
    at_least: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """How a network of `training.stages` is trained, and which means are switched on; each works alone.

    Attributes:
        average: decay per step of a moving average of the weights that the run ends with; 0 takes the last weights.
        rounding_epochs: epochs with INT8's rounding in the loop after the others (quantisation-aware training), at
            `rounding_rate` times the learning rate; 0 takes ranges from examples.
        teachers: larger networks whose answers are imitated (distillation), each trained for `teacher_epochs`;
            `trust` is the share of the loss that is their answer.
        prune: share of channels that are driven to zero, for the compiler to remove.
        branches: parallel paths of re-parameterised layers while training are used; off trains the folded shape.
        smoothing: of labels.
        synthesis: share of the words spoken by speech engines that every epoch takes besides the recordings; 0: none.
    """

    epochs: int
    batch_size: int = 128
    learning_rate: float = 4e-3
    weight_decay: float = 1e-2
    smoothing: float = 0.1
    average: float = 0.0
    rounding_epochs: int = 0
    rounding_rate: float = 0.01
    teachers: int = 0
    teacher_epochs: int = 0
    trust: float = 0.7
    prune: float = 0.0
    branches: bool = True
    synthesis: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """Hyper-parameters of one training run; with `means` the network is trained in stages."""

    epochs: int
    batch_size: int
    learning_rate: float
    augment: tuple[str, ...] = ()
    means: Means | None = None


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
class OpenSet:
    """What a classifier must refuse.

    Attributes:
        labels: those that stand for "none of these".
        made: their recordings were made of the others', so that they say little about what people really do.
        false_accepts: share of them that may be taken for another label; the validation side sets the limit for it.
    """

    labels: tuple[str, ...]
    made: bool = False
    false_accepts: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Everything that defines a task once its data is known."""

    name: Literal["kws", "vibration", "gesture"]
    title: str
    labels: tuple[str, ...]
    features: FeatureSpec
    input_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    loss: Literal["cross_entropy", "reconstruction", "distance"]
    decision: Literal["argmax", "reconstruction"]
    training: TrainingPlan
    acceptance: Acceptance
    stream: StreamPlan = StreamPlan()
    open_set: OpenSet | None = None
