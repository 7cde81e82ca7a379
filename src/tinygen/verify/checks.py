"""The questions a proof answers, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.core.values import Check, CheckStatus
from tinygen.verify.facts import Layer, Mode, Setup
from tinygen.verify.locate import is_silence
from tinygen.verify.runner import Tally

_PASSED, _FAILED = CheckStatus.PASSED, CheckStatus.FAILED
_ERROR, _SKIPPED, _BLOCKED = CheckStatus.ERROR, CheckStatus.SKIPPED, CheckStatus.BLOCKED


def checks_of(
    *,
    setup: Setup,
    tally: Tally,
    layers: Sequence[Layer],
    modes: Sequence[Mode],
    total: int,
    refused: str,
    mismatch: str,
) -> list[Check]:
    """All checks of a run, in the order in which they were made."""
    found = [_build(setup, refused)]
    if refused or mismatch:
        if mismatch:
            found.append(Check(name="sizes", status=_FAILED, reason=mismatch))
        why = "another build is on the device" if refused else "the device is not of this plan"
        names = ["self-test", *(f"{mode} mode" for mode in modes), "layers", "decisions"]
        return [*found, *(Check(name=name, status=_BLOCKED, reason=why) for name in names)]
    found.append(_sizes(setup, tally))
    found += _ladder(tally)
    found.append(_selftest(tally))
    for mode in modes:
        found.append(_mode(mode, tally, total))
    found.append(_layers(layers, tally))
    found.append(_decisions(setup, tally))
    found += _stack(tally)
    if tally.error is not None:
        word = "no answer" if is_silence(tally.error) else "the device refused"
        reason = f"{word} at {tally.stopped_at}: {tally.error}" + (f"; {tally.error.hint}" if tally.error.hint else "")
        found.append(Check(name="ran to its end", status=_ERROR, reason=reason))
    return found


def _build(setup: Setup, refused: str) -> Check:
    if refused:
        return Check(name="build", status=_FAILED, reason=refused)
    if not setup.build_id:
        return Check(name="build", status=_SKIPPED, reason="no build id to compare with")
    return Check(name="build", status=_PASSED, reason=f"the device runs build {setup.build_id[:12]}")


def _sizes(setup: Setup, tally: Tally) -> Check:
    said = tally.hello.arena_bytes if tally.hello is not None else -1
    planned = setup.plan.arena_bytes
    if setup.engine == "aot" and said != planned:
        return Check(name="arena", status=_FAILED, reason=f"planned {planned} bytes, the image has {said}")
    return Check(name="arena", status=_PASSED, reason=f"{said} bytes in the image, {planned} planned")


def _ladder(tally: Tally) -> list[Check]:
    if not tally.reference_vectors:
        return []
    if tally.reference_wrong:
        reason = f"first difference: {tally.reference_wrong[0]}"
        return [Check(name="NumPy reference = TFLM", status=_FAILED, reason=reason)]
    reason = f"every tensor of {tally.reference_vectors} vectors"
    return [Check(name="NumPy reference = TFLM", status=_PASSED, reason=reason)]


def _selftest(tally: Tally) -> Check:
    result = tally.selftest
    if result is None:
        return Check(name="self-test", status=_BLOCKED, reason="the device stopped before")
    if not result.vectors:
        return Check(name="self-test", status=_SKIPPED, reason="the image holds no vectors")
    if result.differing_bytes:
        first = result.first
        where = ""
        if first is not None:
            where = f"; first: vector {first.vector}, byte {first.index}, expected {first.expected}, got {first.actual}"
        reason = f"{result.differing_bytes} bytes differ{where}"
        return Check(name="self-test", status=_FAILED, reason=reason)
    return Check(name="self-test", status=_PASSED, reason=f"{result.vectors} vectors in the image")


def _mode(mode: Mode, tally: Tally, total: int) -> Check:
    count = tally.modes.get(mode)
    name = f"{mode} mode"
    if count is None or not count.vectors:
        return Check(name=name, status=_BLOCKED, reason="the device stopped before")
    if count.equal < count.vectors:
        parts = [f"{count.vectors - count.equal} of {count.vectors} vectors differ"]
        if count.input_equal < count.vectors:
            parts.append(f"{count.vectors - count.input_equal} model inputs made on the device")
        if count.differing_output_bytes:
            parts.append(f"{count.differing_output_bytes} of {count.output_bytes} output bytes")
        return Check(name=name, status=_FAILED, reason=", ".join(parts))
    made = "every output byte, CRC-32 of the model input" if mode == "raw" else "every output byte"
    reason = f"{count.equal} of {count.vectors} vectors: {made}"
    if count.vectors < total and tally.error is None:
        reason += f" ({total - count.vectors} have no signal)"
    return Check(name=name, status=_PASSED, reason=reason)


def _layers(layers: Sequence[Layer], tally: Tally) -> Check:
    if not layers:
        return Check(name="layers", status=_SKIPPED, reason="this engine gives no layer digests")
    if not tally.layer_compared:
        return Check(name="layers", status=_BLOCKED, reason="no inference on an equal model input was made")
    compared = sum(tally.layer_compared.values())
    if tally.layer_wrong:
        first = next(layer for layer in layers if layer.number in tally.layer_wrong)
        wrong = sum(tally.layer_wrong.values())
        reason = f"{wrong} of {compared} digests differ; first wrong layer: {first.title}"
        return Check(name="layers", status=_FAILED, reason=reason)
    reason = f"{len(tally.layer_compared)} layers, {compared} digests equal"
    return Check(name="layers", status=_PASSED, reason=reason)


def _decisions(setup: Setup, tally: Tally) -> Check:
    if setup.rule is None:
        return Check(name="decisions", status=_SKIPPED, reason="a bare model has none")
    if not tally.decisions:
        return Check(name="decisions", status=_BLOCKED, reason="no inference on an equal model input was made")
    if tally.decision_differences:
        d = tally.decision_differences[0]
        reason = (
            f"{len(tally.decision_differences)} of {tally.decisions} differ; first: vector {d.vector}, {d.mode} mode: "
            f"label and score {d.actual} instead of {d.expected}"
        )
        return Check(name="decisions", status=_FAILED, reason=reason)
    return Check(name="decisions", status=_PASSED, reason=f"{tally.decisions} labels and scores equal")


def _stack(tally: Tally) -> list[Check]:
    memory = tally.memory
    if memory is None or not memory.stack_bytes or not memory.stack_used_bytes:
        return []
    text = f"{memory.stack_used_bytes} of {memory.stack_bytes} bytes used"
    fits = memory.stack_used_bytes < memory.stack_bytes
    return [Check(name="stack", status=_PASSED if fits else _FAILED, reason=text if fits else f"overflowed: {text}")]
