"""verify: one device, many vectors, every byte; ends in a Report whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tinygen.core.errors import ExitCode, TinygenError, bad_input
from tinygen.core.progress import Progress, silent
from tinygen.core.values import Report
from tinygen.device.values import Hello
from tinygen.model.ir import Plan
from tinygen.verify.facts import MODES, DeviceClient, Layer, Mode, Setup, layers_of
from tinygen.verify.oracle import written_tensors
from tinygen.verify.rewritten import arrays_on_device, imported, on_device
from tinygen.verify.runner import Reference, Runner, Tally
from tinygen.verify.summary import Outcome, report_of
from tinygen.verify.values import Expected, Vector

_LADDER_VECTORS = 2


def verify(
    client: DeviceClient,
    setup: Setup,
    vectors: Sequence[Vector],
    expected: Sequence[Expected],
    modes: Sequence[Mode] = MODES,
    *,
    reference: Reference | None = None,
    weights: Callable[[], str] | None = None,
    progress: Progress = silent,
) -> Report:
    """Compare a device with TFLM's interpreter.

    Outputs first, then every layer's digest, then the tensor of the first layer that differs. The report's `ok` is
    False when anything differs or the device stopped; `details["exit_code"]` then says 1 or 4.

    Args:
        client: a device that runs the image of `setup`.
        setup: what the image is, and what an answer from this target means.
        vectors, expected: inputs and TFLM's answers, in the same order.
        modes: "raw" (signal in; vectors without a signal are left out) and "tensor" (model input in).
        reference: {tensor index: array} of our NumPy reference for a vector: the rung between TFLM and the device.
        weights: asks the device what it finds of its weights when a layer differs: "intact", "damaged" or not known.

    Raises:
        TinygenError: no vectors, answers without the tensors the layers are held against, or a device that did not
            answer the very first question (NO_ANSWER).
    """
    if not vectors or len(vectors) != len(expected):
        raise bad_input(f"{len(expected)} answers for {len(vectors)} vectors", where="verify")
    if not modes or any(mode not in MODES for mode in modes):
        raise bad_input(f"unknown mode among {list(modes)}", where="verify", hint="known: raw, tensor")
    _check_whole(setup.plan, expected)
    expected = [on_device(setup.plan, answer) for answer in expected]
    ours = _on_device(setup, reference) if reference is not None else None
    tally = Tally()
    refused = ""
    layers: tuple[Layer, ...] = ()
    usable = [mode for mode in MODES if mode in modes and (mode == "tensor" or any(v.raw is not None for v in vectors))]
    if not usable:
        raise bad_input("no vector has a signal, so raw mode has nothing to send", where="verify")
    try:
        tally.hello = client.hello()
    except TinygenError as error:
        if error.code is not ExitCode.CHECK_FAILED:
            raise
        refused = str(error)
    else:
        refused = _other_build(tally.hello, setup)
    mismatch = _mismatch(tally.hello, setup, usable, vectors[0]) if tally.hello is not None and not refused else ""
    if tally.hello is not None and not refused and not mismatch:
        layers = layers_of(setup.plan) if tally.hello.observed_count else ()
        runner = Runner(client, setup, layers, tally, ours, weights=weights)
        runner.check_reference(vectors[:_LADDER_VECTORS], expected[:_LADDER_VECTORS])
        runner.run(vectors, expected, usable, progress)
    outcome = Outcome(
        setup=setup,
        tally=tally,
        layers=layers,
        vectors=tuple(vectors),
        expected=tuple(expected),
        modes=tuple(usable),
        refused=refused,
        mismatch=mismatch,
    )
    return report_of(outcome)


def _check_whole(plan: Plan, expected: Sequence[Expected]) -> None:
    """An answer must hold every tensor that the device also has: an empty list would compare nothing and pass."""
    source = imported(plan.graph)
    wanted = {index: source.tensors[index] for index in written_tensors(source) if index in plan.observed}
    for number, answer in enumerate(expected):
        for index, tensor in wanted.items():
            found = len(answer.tensors.get(index, b""))
            if found != tensor.n_bytes:
                raise bad_input(
                    f"answer {number} has {found} bytes of tensor {index} '{tensor.name}', the model {tensor.n_bytes}",
                    where="verify",
                    hint="the oracle's answers are incomplete: export the vectors again, or clear the oracle's cache",
                )


def _on_device(setup: Setup, reference: Reference) -> Reference:
    """The reference of the imported model, cut as the oracle's answers are."""
    return lambda vector: arrays_on_device(setup.plan, reference(vector))


def _other_build(hello: Hello, setup: Setup) -> str:
    if not setup.build_id or hello.build_id == setup.build_id:
        return ""
    return (
        f"another build is on the device: it says {hello.build_id} ({hello.task}, {hello.engine}, for {hello.board}), "
        f"this project is {setup.build_id}"
    )


def _mismatch(hello: Hello, setup: Setup, modes: Sequence[Mode], vector: Vector) -> str:
    """Why the device's sizes cannot be those of the plan, "" when they are."""
    graph = setup.plan.graph
    inputs = sum(graph.tensors[index].n_bytes for index in graph.inputs)
    outputs = sum(graph.tensors[index].n_bytes for index in graph.outputs)
    observed = len(setup.plan.observed)
    if vector.model_input.size != inputs:
        return f"the vectors have {vector.model_input.size} input bytes, the model takes {inputs}"
    pairs = [("input bytes", hello.input_bytes, inputs), ("output bytes", hello.output_bytes, outputs)]
    if hello.observed_count or setup.engine == "aot":
        pairs.append(("observable tensors", hello.observed_count, observed))
    if "raw" in modes and vector.raw is not None:
        samples, channels = vector.raw.shape
        pairs += [
            ("samples per inference", hello.samples_per_inference, samples),
            ("channels", hello.channels, channels),
        ]
    wrong = [f"{said} {name} instead of {wanted}" for name, said, wanted in pairs if said != wanted]
    return "the device has " + ", ".join(wrong) if wrong else ""
