"""Drives one device through all vectors and keeps count of what is equal and what is not."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import TinygenError
from tinygen.core.progress import Progress
from tinygen.device.values import Hello, MemoryResult, SelfTestResult
from tinygen.tasks.decision import decide
from tinygen.tasks.spec import DecisionRule
from tinygen.verify.facts import DeviceClient, Layer, Mode, Setup
from tinygen.verify.locate import (
    Finding,
    compare_bytes,
    count_differing,
    first_wrong,
    locate_input,
    locate_layer,
    locate_output,
)
from tinygen.verify.values import Expected, Vector

MAX_FINDINGS = 3
_COUNTED_VECTORS = 3
_SLOW_TIME_SCALE = 30.0

Reference = Callable[[Vector], Mapping[int, npt.NDArray[np.generic]]]


@dataclass(slots=True)
class ModeCount:
    """What was compared in one mode."""

    vectors: int = 0
    equal: int = 0
    output_bytes: int = 0
    differing_output_bytes: int = 0
    input_equal: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionDifference:
    """A decision of the device that is not the NumPy rule's: (label, score)."""

    vector: str
    mode: Mode
    expected: tuple[int, int]
    actual: tuple[int, int]


@dataclass(slots=True)
class Tally:
    """Everything one run found; filled while it goes, so that it is true whenever it ends."""

    hello: Hello | None = None
    memory: MemoryResult | None = None
    selftest: SelfTestResult | None = None
    modes: dict[Mode, ModeCount] = field(default_factory=dict)
    outputs: set[bytes] = field(default_factory=set)
    layer_digests: dict[int, set[int]] = field(default_factory=dict)
    layer_wrong: dict[int, int] = field(default_factory=dict)
    layer_compared: dict[int, int] = field(default_factory=dict)
    differing_bytes: int = 0
    failing: set[tuple[str, Mode]] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    decisions: int = 0
    decision_differences: list[DecisionDifference] = field(default_factory=list)
    counters: list[int] = field(default_factory=list)
    reference_vectors: int = 0
    reference_wrong: list[str] = field(default_factory=list)
    done: int = 0
    stopped_at: str = ""
    error: TinygenError | None = None


class Runner:
    """One run of a proof.

    Args:
        client: the device, greeted by `run`'s caller.
        setup: what it should be.
        layers: its observed tensors; empty when it gives no digests.
        tally: where results are counted.
        reference: our NumPy reference, asked about vectors that fail.
        weights: asks the device whether its weights are "intact", "damaged" or not known.
    """

    def __init__(
        self,
        client: DeviceClient,
        setup: Setup,
        layers: Sequence[Layer],
        tally: Tally,
        reference: Reference | None,
        *,
        weights: Callable[[], str] | None = None,
    ) -> None:
        self._client = client
        self._setup = setup
        self._layers = layers
        self._tally = tally
        self._reference = reference
        self._weights = weights
        self._explained: set[object] = set()

    def run(
        self, vectors: Sequence[Vector], expected: Sequence[Expected], modes: Sequence[Mode], progress: Progress
    ) -> None:
        """Send every vector in every mode; ends early, with the reason in the tally, when the device does."""
        tally = self._tally
        try:
            tally.stopped_at = "the self-test"
            tally.selftest = self._client.selftest()
            for number, (vector, answer) in enumerate(zip(vectors, expected, strict=True)):
                for mode in modes:
                    if mode == "raw" and vector.raw is None:
                        continue
                    tally.stopped_at = f"vector {number + 1} of {len(vectors)} ({vector.name}), {mode} mode"
                    self._one(vector, answer, mode)
                tally.done = number + 1
                wrong = f"{len(tally.failing)} differ" if tally.failing else ""
                progress("comparing", tally.done, len(vectors), wrong)
            tally.stopped_at = "reading the memory figures"
            tally.memory = self._client.memory()
            tally.stopped_at = ""
        except TinygenError as error:
            tally.error = error

    def _one(self, vector: Vector, answer: Expected, mode: Mode) -> None:
        tally = self._tally
        count = tally.modes.setdefault(mode, ModeCount())
        model_input = np.ascontiguousarray(vector.model_input, dtype=np.int8).tobytes()
        input_equal = True
        if mode == "raw" and vector.raw is not None:
            input_equal = self._client.run_raw(vector.raw).input_crc == zlib.crc32(model_input)
        else:
            self._client.write_input(model_input)
        # The bytes compared are those of an undisturbed run, the one that ships; layers are observed in another.
        result = self._client.infer(count=self._wants_count(mode))
        observed = self._client.infer(digests=True) if self._layers else result
        digests = self._client.digests() if self._layers else []

        if result.counter is not None and input_equal:
            tally.counters.append(result.counter)
        wrong_bytes = count_differing(answer.output, result.output)
        if not wrong_bytes and observed.output != result.output:
            wrong_bytes = count_differing(answer.output, observed.output)
            result = observed
        count.vectors += 1
        count.input_equal += input_equal
        count.output_bytes += len(answer.output)
        count.differing_output_bytes += wrong_bytes
        tally.differing_bytes += wrong_bytes
        tally.outputs.add(result.output)
        if not input_equal:
            self._explain_input(vector)
        wrong_layer = self._count_layers(digests, answer) if input_equal else None
        if input_equal and not wrong_bytes and wrong_layer is None:
            count.equal += 1
        else:
            tally.failing.add((vector.name, mode))
        if wrong_layer is not None:
            self._explain_layer(vector, answer, mode, digests=digests, wrong=wrong_layer)
        elif input_equal and wrong_bytes:
            self._explain_output(vector, answer, mode, result.output)
        if input_equal and self._setup.rule is not None:
            self._check_decision(self._setup.rule, vector, answer, mode, (result.label, result.score))

    def _wants_count(self, mode: Mode) -> bool:
        """Counting costs a run of its own: a few vectors tell what there is to know, on slow simulators one."""
        wanted = 1 if self._setup.target.time_scale >= _SLOW_TIME_SCALE else _COUNTED_VECTORS
        return self._setup.target.counter != "none" and len(self._tally.counters) < wanted

    def _count_layers(self, digests: Sequence[int], answer: Expected) -> Layer | None:
        tally = self._tally
        for layer, digest in zip(self._layers, digests, strict=False):
            wanted = answer.tensors.get(layer.tensor)
            if wanted is None:
                continue
            tally.layer_compared[layer.number] = tally.layer_compared.get(layer.number, 0) + 1
            tally.layer_digests.setdefault(layer.number, set()).add(digest)
            if digest != zlib.crc32(wanted):
                tally.layer_wrong[layer.number] = tally.layer_wrong.get(layer.number, 0) + 1
        return first_wrong(self._layers, digests, answer)

    def _room_for(self, key: object) -> bool:
        """True once per kind of difference, for the first few kinds."""
        if key in self._explained or len(self._explained) >= MAX_FINDINGS:
            return False
        self._explained.add(key)
        return True

    def _explain_input(self, vector: Vector) -> None:
        finding = locate_input(self._client, vector, self._shape_of(self._setup.plan.graph.inputs))
        self._tally.differing_bytes += finding.differing_bytes
        if self._room_for("model input"):
            self._tally.findings.append(finding)

    def _explain_layer(
        self, vector: Vector, answer: Expected, mode: Mode, *, digests: Sequence[int], wrong: Layer
    ) -> None:
        if not self._room_for(wrong.number):
            return
        own = self._reference(vector) if self._reference is not None else None
        finding = locate_layer(
            self._client,
            vector,
            mode,
            layer=wrong,
            digests=digests,
            expected=answer,
            reference=own,
            weights=self._weights() if self._weights is not None else "",
        )
        self._tally.findings.append(finding)
        self._tally.differing_bytes += finding.differing_bytes

    def _explain_output(self, vector: Vector, answer: Expected, mode: Mode, output: bytes) -> None:
        if not self._room_for("output"):
            return
        outputs = self._setup.plan.graph.outputs
        finding = locate_output(
            vector,
            mode,
            expected=answer,
            actual=output,
            dtype=self._setup.plan.graph.tensors[outputs[0]].dtype,
            shape=self._shape_of(outputs),
            layers=bool(self._layers),
        )
        self._tally.findings.append(finding)

    def _shape_of(self, tensors: Sequence[int]) -> tuple[int, ...]:
        graph = self._setup.plan.graph
        return graph.tensors[tensors[0]].shape if len(tensors) == 1 else ()

    def _check_decision(
        self, rule: DecisionRule, vector: Vector, answer: Expected, mode: Mode, actual: tuple[int, int]
    ) -> None:
        graph = self._setup.plan.graph
        in_q = graph.tensors[graph.inputs[0]].quantization
        out_q = graph.tensors[graph.outputs[0]].quantization
        if in_q is None or out_q is None:
            return
        output = np.frombuffer(answer.output, dtype=np.int8)
        wanted = decide(rule, vector.model_input, output, in_q, out_q)
        self._tally.decisions += 1
        if wanted != actual:
            self._tally.decision_differences.append(
                DecisionDifference(vector=vector.name, mode=mode, expected=wanted, actual=actual)
            )

    def check_reference(self, vectors: Sequence[Vector], expected: Sequence[Expected]) -> None:
        """The rung above the device: our NumPy reference against TFLM, at every tensor both have."""
        if self._reference is None:
            return
        for vector, answer in zip(vectors, expected, strict=True):
            own = self._reference(vector)
            self._tally.reference_vectors += 1
            for index, wanted in answer.tensors.items():
                if index not in own:
                    continue
                made = np.ascontiguousarray(own[index]).tobytes()
                if made == wanted:
                    continue
                tensor = self._setup.plan.graph.tensors[index]
                differing, _, _, _ = compare_bytes(wanted, made, tensor.dtype, tensor.shape)
                self._tally.reference_wrong.append(
                    f"tensor {index} '{tensor.name}' ({differing} values, vector {vector.name})"
                )
                break
