"""verify against a device made of Python, whole and broken in every way a device can be."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.core.errors import ExitCode, TinygenError, no_answer
from tinygen.core.values import CheckStatus, Report
from tinygen.device.client import Client
from tinygen.device.link import Capabilities
from tinygen.device.values import (
    INPUT_TENSOR,
    Difference,
    Hello,
    InferResult,
    MemoryResult,
    RawResult,
    SelfTestResult,
)
from tinygen.model.ir import Buffer, Graph, Op, Plan, Quantization, Step, Tensor
from tinygen.report import json_view
from tinygen.tasks.spec import DecisionRule
from tinygen.verify.compare import verify
from tinygen.verify.facts import DeviceClient, Setup
from tinygen.verify.runner import Tally
from tinygen.verify.summary import proof_strength
from tinygen.verify.values import Expected, Vector

Int8 = npt.NDArray[np.int8]

BUILD = "0123456789abcdef" * 2
SHAPES = {0: (1, 4, 3, 2), 1: (1, 4, 3, 2), 2: (1, 24), 3: (1, 4)}
NAMES = ("RESHAPE", "CONV_2D", "FULLY_CONNECTED")
TARGET = Capabilities(
    name="unicorn",
    proves=("arithmetic", "memory map"),
    does_not_prove=("cycles",),
    counter="instructions",
    counter_origin="simulated-on-unicorn",
    counter_scale=2.0,
)


def layer_1(data: Int8) -> Int8:
    return (data.astype(np.int16) * 3 + 1).astype(np.int8)


def layer_2(data: Int8) -> Int8:
    return np.cumsum(data.astype(np.int64)).astype(np.int8)


def layer_3(data: Int8) -> Int8:
    sums: Int8 = data.reshape(4, 6).astype(np.int64).sum(axis=1).astype(np.int8)
    return sums


STAGES = (layer_1, layer_2, layer_3)


def tensors_of(model_input: Int8) -> dict[int, Int8]:
    found, data = {}, model_input.reshape(-1)
    for index, stage in enumerate(STAGES):
        data = stage(data)
        found[index + 1] = data
    return found


def front_end(raw: npt.NDArray[np.int16]) -> Int8:
    return (raw.reshape(-1) // 256).astype(np.int8)


def make_plan() -> Plan:
    q = Quantization(scales=(0.5,), zero_points=(0,))
    tensors = {
        i: Tensor(index=i, name=f"t{i}", dtype="int8", shape=shape, quantization=q) for i, shape in SHAPES.items()
    }
    ops = tuple(Op(position=i, name=name, inputs=(i,), outputs=(i + 1,)) for i, name in enumerate(NAMES))
    graph = Graph(name="fake.tflite", digest="d" * 64, tensors=tensors, ops=ops, inputs=(0,), outputs=(3,))
    steps = tuple(
        Step(
            position=op.position, op=op, inputs=op.inputs, outputs=op.outputs, params={}, constants={},
            kernel=f"{op.name.lower()}_int8_portable", why="the only one", refused=(), scratch_bytes=0, macs=100,
        )
        for op in ops
    )  # fmt: skip
    buffers = tuple(
        Buffer(name=f"t{i}", tensor=i, offset=24 * (i % 2), size_bytes=24, first=i - 1, last=i) for i in range(4)
    )
    return Plan(
        graph=graph, steps=steps, buffers=buffers, arena_bytes=48, lower_bound_bytes=48, alignment_bytes=4,
        weights_bytes=1000, macs=300, observed=(1, 2, 3),
    )  # fmt: skip


def make_vectors(count: int = 6, *, raw: bool = True) -> list[Vector]:
    rng = np.random.default_rng(1)
    vectors = []
    for number in range(count):
        signal = rng.integers(-32768, 32767, size=(12, 2), endpoint=True).astype(np.int16)
        vectors.append(
            Vector(name=f"clip-{number}", raw=signal if raw else None, model_input=front_end(signal), label="")
        )
    return vectors


def expect(vector: Vector) -> Expected:
    tensors = {index: data.tobytes() for index, data in tensors_of(vector.model_input).items()}
    return Expected(output=tensors[3], tensors=tensors)


@dataclass
class FakeDevice:
    """Computes what the oracle computes, until told to be wrong."""

    build_id: str = BUILD
    observed_count: int = 3
    arena_bytes: int = 48
    flip_layer: int = 0  # 1..3: this layer's bytes at `flip_at` are wrong, and all that follows from them
    flip_at: tuple[int, ...] = (7,)
    flip_only: bytes | None = None  # only for this model input
    wrong_features: bool = False
    unstable: bool = False
    bad_output_copy: bool = False
    bad_when_undisturbed: bool = False
    bad_decision: bool = False
    constant: bool = False
    dies_after: int = 10**9
    refuses_after: int = 10**9
    selftest_wrong: int = 0
    requests: int = 0
    infers: int = 0
    data: Int8 = field(default_factory=lambda: np.zeros(24, np.int8))
    last: dict[int, Int8] = field(default_factory=dict)
    stopped_after: int | None = None

    def _request(self) -> None:
        self.requests += 1
        if self.requests > self.dies_after:
            raise no_answer("no answer to INFER in 1.5 s (4 attempts)", where="fake", hint="it may have crashed")
        if self.requests > self.refuses_after:
            raise TinygenError(
                ExitCode.CHECK_FAILED, "INFER was refused: the device has no complete input", where="fake"
            )

    def hello(self) -> Hello:
        self._request()
        return Hello(
            protocol=1, runtime=1, build_id=self.build_id, board="fake_board", task="gesture", engine="aot",
            max_payload=512, counter_kind="systick", arena_bytes=self.arena_bytes, weights_bytes=1000, input_bytes=24,
            output_bytes=4, step_count=3, observed_count=self.observed_count, selftest_count=2, rate_hz=100, channels=2,
            samples_per_inference=12, frames=12, frame_values=2, feature_state_bytes=10,
        )  # fmt: skip

    def write_input(self, data: bytes) -> None:
        self._request()
        self.data = np.frombuffer(data, np.int8)

    def run_raw(self, samples: npt.NDArray[np.int16]) -> RawResult:
        self._request()
        data = front_end(samples).copy()
        if self.wrong_features:
            data[5] ^= 1
        self.data = data
        return RawResult(instants=12, frames=12, input_crc=zlib.crc32(data.tobytes()))

    def _run(self) -> None:
        data = np.zeros(24, np.int8) if self.constant else self.data
        self.last = {}
        for index, stage in enumerate(STAGES):
            data = stage(data).copy()
            broken = self.flip_only is None or self.flip_only == self.data.tobytes()
            if index + 1 == self.flip_layer and broken:
                data[list(self.flip_at)] ^= 0x55
            if self.unstable and index == 1:
                data[self.infers % 24] ^= 1
            self.last[index + 1] = data

    def infer(self, digests: bool = False, stop_after: int | None = None, count: bool = False) -> InferResult:
        self._request()
        self.infers += 1
        self._run()
        self.stopped_after = stop_after
        output = self.last[3].copy()
        if self.bad_output_copy or (self.bad_when_undisturbed and not digests and stop_after is None):
            output[0] ^= 1
        label = int(output.argmax()) if not self.bad_decision else 9
        return InferResult(
            output=b"" if stop_after is not None else output.tobytes(),
            label=label,
            score=int(output.max()),
            counter=1000 + self.infers if count else None,
            steps_done=3,
            input_crc=zlib.crc32(self.data.tobytes()),
        )

    def digests(self) -> list[int]:
        self._request()
        return [zlib.crc32(self.last[i].tobytes()) for i in (1, 2, 3)][: self.observed_count]

    def read_tensor(self, index: int, n_bytes: int) -> bytes:
        self._request()
        if index == INPUT_TENSOR:
            return self.data.tobytes()[:n_bytes]
        assert self.stopped_after == index, "only the tensor of the step it stopped after is readable"
        return self.last[index + 1].tobytes()[:n_bytes]

    def selftest(self) -> SelfTestResult:
        self._request()
        first = Difference(vector=1, index=2, expected=3, actual=4) if self.selftest_wrong else None
        return SelfTestResult(vectors=2, differing_bytes=self.selftest_wrong, first=first)

    def memory(self) -> MemoryResult:
        self._request()
        return MemoryResult(
            arena_bytes=48, weights_bytes=1000, feature_state_bytes=10, app_bytes=700, stack_bytes=2048,
            stack_used_bytes=600, receive_overruns=0, frames_good=10, frames_bad=0,
        )  # fmt: skip


def make_setup() -> Setup:
    return Setup(
        board="feather_f405",
        task="gesture",
        engine="aot",
        build_id=BUILD,
        target=TARGET,
        plan=make_plan(),
        rule=DecisionRule(kind="argmax", labels=("a", "b", "c", "d")),
        oracle="tflite-micro, run now",
        flash_bytes=20000,
        ram_bytes=4000,
    )


def prove(device: FakeDevice, **changes: object) -> Report:
    vectors = make_vectors()
    return verify(device, replace(make_setup(), **changes), vectors, [expect(v) for v in vectors])  # type: ignore[arg-type]


def status(report: Report, name: str) -> CheckStatus:
    return next(check.status for check in report.checks if check.name == name)


def measured(report: Report, name: str) -> float | None:
    return next(m.value for m in report.measurements if m.name == name)


def first_finding(report: Report) -> Mapping[str, object]:
    findings = report.details["findings"]
    assert isinstance(findings, list)
    first = findings[0]
    assert isinstance(first, dict)
    return first


def test_the_real_client_fits() -> None:
    def takes(client: DeviceClient) -> None: ...

    assert takes.__annotations__
    for name in ("hello", "write_input", "infer", "digests", "read_tensor", "run_raw", "selftest", "memory"):
        assert callable(getattr(Client, name))


def test_a_right_device_passes() -> None:
    report = prove(FakeDevice())
    assert report.ok
    assert all(check.status is CheckStatus.PASSED for check in report.checks)
    assert report.details["headline"] == "6 of 6 vectors byte-equal (raw and tensor mode), 3 of 3 layers"
    assert report.details["proof"] == "strong"
    assert measured(report, "differing_bytes") == 0
    assert measured(report, "compared_output_bytes") == 6 * 2 * 4
    assert measured(report, "instructions") is not None


def test_figures_say_where_they_come_from() -> None:
    document = json_view.document(prove(FakeDevice()))
    origins = document["origins"]
    assert isinstance(origins, dict)
    for name in ("vectors", "differing_bytes", "layers_compared", "layers_total", "distinct_outputs", "arena_bytes",
                 "flash_bytes", "ram_bytes", "instructions"):  # fmt: skip
        assert isinstance(document[name], int), name
        assert origins[name], name
    for name in ("board", "target", "engine", "modes", "oracle"):
        assert document[name], name
    assert origins["arena_bytes"] == "planned"
    assert origins["flash_bytes"] == "linked"
    assert origins["instructions"] == "simulated-on-unicorn"
    assert origins["differing_bytes"] == "simulated-on-unicorn"
    assert document["instructions"] == 2 * 1003  # median of the undisturbed runs 1001, 1003 and 1005, scaled


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_one_flipped_byte_names_its_layer(layer: int) -> None:
    report = prove(FakeDevice(flip_layer=layer, flip_at=(2,)))
    assert not report.ok
    assert report.details["exit_code"] == 1
    finding = first_finding(report)
    assert (finding["step"], finding["op"], finding["tensor"]) == (layer - 1, NAMES[layer - 1], layer)
    assert finding["differing"] == 1
    values = finding["values"]
    assert isinstance(values, list)
    assert values[0]["index"] == 2
    assert values[0]["coordinates"] == list(np.unravel_index(2, SHAPES[layer]))
    assert (values[0]["expected"] ^ values[0]["actual"]) & 0xFF == 0x55
    assert status(report, "layers") is CheckStatus.FAILED
    assert NAMES[layer - 1] in next(c.reason for c in report.checks if c.name == "layers")
    assert (measured(report, "differing_bytes") or 0) > 0


def test_one_wrong_vector_among_many_is_found_in_both_modes() -> None:
    vectors = make_vectors()
    report = prove(FakeDevice(flip_layer=2, flip_at=(0,), flip_only=vectors[4].model_input.tobytes()))
    assert not report.ok
    assert first_finding(report)["vector"] == "clip-4"
    assert "1 of 6 vectors differ" in str(report.details["headline"])


def test_one_wrong_channel_looks_like_weights_and_many_like_a_kernel() -> None:
    assert prove(FakeDevice(flip_layer=1, flip_at=(1, 3, 5))).details["verdict"] == "weights in flash"
    assert prove(FakeDevice(flip_layer=1, flip_at=(1, 2, 5))).details["verdict"] == "kernel"


def test_a_front_end_that_is_wrong_is_not_called_a_kernel_fault() -> None:
    report = prove(FakeDevice(wrong_features=True))
    assert not report.ok
    assert report.details["verdict"] == "features"
    assert first_finding(report)["values"][0]["coordinates"] == [0, 0, 2, 1]  # type: ignore[index]
    assert status(report, "raw mode") is CheckStatus.FAILED
    assert status(report, "tensor mode") is CheckStatus.PASSED
    assert status(report, "layers") is CheckStatus.PASSED


def test_answers_that_change_point_to_memory() -> None:
    assert prove(FakeDevice(unstable=True)).details["verdict"] == "memory overwritten"
    assert prove(FakeDevice(bad_output_copy=True)).details["verdict"] == "memory overwritten"


def test_a_reference_that_shares_the_fault_points_to_the_compiler() -> None:
    def reference(vector: Vector) -> dict[int, Int8]:
        made = tensors_of(vector.model_input)
        made[2] = made[2] ^ np.int8(1)
        return made

    vectors = make_vectors()
    expected = [expect(v) for v in vectors]
    device = FakeDevice(flip_layer=2, flip_at=tuple(range(24)))
    report = verify(device, make_setup(), vectors, expected, reference=reference)
    assert report.details["verdict"] == "compiler arithmetic"
    assert status(report, "NumPy reference = TFLM") is CheckStatus.FAILED
    right = verify(FakeDevice(), make_setup(), vectors, expected, reference=lambda v: tensors_of(v.model_input))
    assert right.ok
    assert status(right, "NumPy reference = TFLM") is CheckStatus.PASSED


def test_another_build_is_refused_and_nothing_else_is_asked() -> None:
    device = FakeDevice(build_id="f" * 32)
    report = prove(device)
    assert not report.ok
    assert status(report, "build") is CheckStatus.FAILED
    assert status(report, "layers") is CheckStatus.BLOCKED
    assert report.details["verdict"] == "another build"
    assert device.requests == 1
    assert measured(report, "vectors") == 0


def test_other_sizes_are_refused() -> None:
    report = prove(FakeDevice(observed_count=2))
    assert not report.ok
    assert "2 observable tensors instead of 3" in next(c.reason for c in report.checks if c.name == "sizes")


def test_another_arena_than_planned_fails() -> None:
    report = prove(FakeDevice(arena_bytes=52))
    assert not report.ok
    assert status(report, "arena") is CheckStatus.FAILED


def test_constant_outputs_are_a_weak_proof() -> None:
    vectors = [replace(v, model_input=np.zeros(24, np.int8), raw=np.zeros((12, 2), np.int16)) for v in make_vectors()]
    report = verify(FakeDevice(constant=True), make_setup(), vectors, [expect(v) for v in vectors])
    assert report.ok
    assert report.details["proof"] == "weak"
    assert measured(report, "distinct_outputs") == 1
    assert "weak" in str(report.details["headline"])
    assert any("weak" in note for note in report.notes)


def test_layers_that_never_vary_are_a_weak_proof() -> None:
    """Outputs that differ say little of layers that gave the same bytes every time."""
    tally = Tally(done=6, outputs={b"a", b"b"}, layer_digests={0: {1}, 1: {2}, 2: {3, 4}})
    strength, why = proof_strength(tally)
    assert strength == "weak"
    assert "1 of 3 layers varied" in why
    tally.layer_digests[0].add(9)
    assert proof_strength(tally)[0] == "strong"


def test_the_undisturbed_run_is_compared_not_only_the_observed_one() -> None:
    report = prove(FakeDevice(bad_when_undisturbed=True))
    assert not report.ok
    assert any(check.name.endswith("mode") and check.status is CheckStatus.FAILED for check in report.checks)


def test_a_device_that_dies_halfway_says_how_far_it_came() -> None:
    report = prove(FakeDevice(dies_after=20))
    assert not report.ok
    assert report.details["exit_code"] == 4
    check = next(c for c in report.checks if c.name == "ran to its end")
    assert check.status is CheckStatus.ERROR
    assert "vector 3 of 6 (clip-2), raw mode" in check.reason
    assert measured(report, "vectors") == 2
    assert str(report.details["headline"]).startswith("stopped after 2 of 6 vectors")


def test_a_device_that_refuses_halfway_is_not_called_silent() -> None:
    report = prove(FakeDevice(refuses_after=20))
    assert report.details["exit_code"] == 1
    assert "refused" in next(c.reason for c in report.checks if c.name == "ran to its end")


def test_a_device_that_never_answers_is_an_error_of_its_own() -> None:
    with pytest.raises(TinygenError) as caught:
        prove(FakeDevice(dies_after=0))
    assert caught.value.code is ExitCode.NO_ANSWER


def test_wrong_decisions_and_self_tests_fail() -> None:
    assert status(prove(FakeDevice(bad_decision=True)), "decisions") is CheckStatus.FAILED
    report = prove(FakeDevice(selftest_wrong=3))
    assert status(report, "self-test") is CheckStatus.FAILED
    assert not report.ok


def test_an_engine_without_digests_is_compared_by_its_outputs() -> None:
    report = prove(FakeDevice(observed_count=0), engine="tflm")
    assert report.ok
    assert status(report, "layers") is CheckStatus.SKIPPED
    assert measured(report, "layers_compared") == 0
    broken = prove(FakeDevice(observed_count=0, flip_layer=2), engine="tflm")
    assert not broken.ok
    assert broken.details["verdict"] == "model, step unknown"


def test_vectors_without_a_signal_are_compared_in_tensor_mode_only() -> None:
    vectors = make_vectors(raw=False)
    expected = [expect(v) for v in vectors]
    report = verify(FakeDevice(), make_setup(), vectors, expected)
    assert report.ok
    assert report.details["modes"] == ["tensor"]
    with pytest.raises(TinygenError):
        verify(FakeDevice(), make_setup(), vectors, expected, modes=("raw",))


def test_a_tensor_that_the_device_does_not_show_is_listed_as_absent() -> None:
    vectors = make_vectors()
    expected = [replace(e, tensors={**e.tensors, 17: b"fused away"}) for e in map(expect, vectors)]
    report = verify(FakeDevice(), make_setup(), vectors, expected)
    assert report.ok
    assert report.details["layers_absent"] == [17]
    assert measured(report, "layers_compared") == 3
    assert measured(report, "layers_total") == 4
    assert "3 of 4 layers" in str(report.details["headline"])


@pytest.mark.parametrize("kept", [{}, {0: b""}])
def test_answers_without_tensors_prove_nothing_and_are_refused(kept: dict[int, bytes]) -> None:
    vectors = make_vectors()
    expected = [replace(answer, tensors=kept) for answer in map(expect, vectors)]
    with pytest.raises(TinygenError, match="answer 0 has 0 bytes of tensor"):
        verify(FakeDevice(), make_setup(), vectors, expected)


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []

    def progress(stage: str, done: int, total: int, remark: str = "") -> None:
        told.append((done, total))

    vectors = make_vectors()
    verify(FakeDevice(), make_setup(), vectors, [expect(v) for v in vectors], progress=progress)
    assert told == [(n, 6) for n in range(1, 7)]
