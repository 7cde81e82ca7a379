"""From what a run counted to the Report people and machines read."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median_low

from tinygen.core.errors import ExitCode
from tinygen.core.values import CheckStatus, Measurement, Report, Table
from tinygen.verify.checks import checks_of
from tinygen.verify.facts import Layer, Mode, Setup
from tinygen.verify.locate import Finding, Verdict, is_silence
from tinygen.verify.runner import Tally
from tinygen.verify.values import Expected, Vector

_DIFFERING = "in outputs, model inputs made on the device, and the tensors of the first wrong layers"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """A finished run, whichever way it ended.

    Attributes:
        layers: what the device gives digests of; empty when it gives none.
        refused: why the device was not asked at all (another build), else "".
        mismatch: why the device cannot be of this plan, else "".
    """

    setup: Setup
    tally: Tally
    layers: tuple[Layer, ...]
    vectors: tuple[Vector, ...]
    expected: tuple[Expected, ...]
    modes: tuple[Mode, ...]
    refused: str
    mismatch: str

    @property
    def total_layers(self) -> int:
        """Tensors TFLM's operators write."""
        return len(self.expected[0].tensors)

    @property
    def compared_layers(self) -> int:
        """Of these, how many were compared at least once."""
        return len(self.tally.layer_compared)

    @property
    def absent(self) -> tuple[int, ...]:
        """Tensors TFLM writes that the device does not show (rewritten, fused, or not compared)."""
        seen = {layer.tensor for layer in self.layers if layer.number in self.tally.layer_compared}
        return tuple(index for index in self.expected[0].tensors if index not in seen)


def report_of(outcome: Outcome) -> Report:
    """The report of a run."""
    tally, setup = outcome.tally, outcome.setup
    checks = checks_of(
        setup=setup,
        tally=tally,
        layers=outcome.layers,
        modes=outcome.modes,
        total=len(outcome.vectors),
        refused=outcome.refused,
        mismatch=outcome.mismatch,
    )
    strength, why = proof_strength(outcome.tally)
    ok = not any(check.status in (CheckStatus.FAILED, CheckStatus.ERROR) for check in checks)
    details: dict[str, object] = {
        "headline": headline(outcome, ok, strength),
        "board": setup.board,
        "target": setup.target.name,
        "task": setup.task,
        "engine": setup.engine,
        "build_id": setup.build_id,
        "oracle": setup.oracle,
        "modes": list(outcome.modes),
        "vectors_done": tally.done,
        "verdict": verdict_of(outcome),
        "proof": strength,
        "proof_reason": why,
        "target_proves": list(setup.target.proves),
        "target_does_not_prove": list(setup.target.does_not_prove),
        "synthetic": setup.synthetic,
        "findings": [_finding_json(finding) for finding in tally.findings],
        "layers": [_layer_json(outcome, layer) for layer in outcome.layers],
        "layers_absent": list(outcome.absent),
        "decision_differences": [
            {"vector": d.vector, "mode": d.mode, "expected": list(d.expected), "actual": list(d.actual)}
            for d in tally.decision_differences
        ],
    }
    if not ok:
        silent = tally.error is not None and is_silence(tally.error)
        details["exit_code"] = int(ExitCode.NO_ANSWER if silent else ExitCode.CHECK_FAILED)
    return Report(
        kind="verify",
        subject={"task": setup.task, "board": setup.board, "target": setup.target.name, "engine": setup.engine,
                 "oracle": setup.oracle, "build id": setup.build_id or "not checked", **setup.subject},
        checks=tuple(checks),
        measurements=measurements_of(outcome),
        tables=tables_of(outcome),
        notes=notes_of(outcome, strength, why),
        details=details,
    )  # fmt: skip


def verdict_of(outcome: Outcome) -> str | None:
    """What the first difference points to; None when there is none."""
    if outcome.refused or outcome.mismatch:
        return Verdict.BUILD.value
    return outcome.tally.findings[0].verdict.value if outcome.tally.findings else None


def proof_strength(tally: Tally) -> tuple[str, str]:
    """("strong" | "weak" | "none", why)."""
    if not tally.done:
        return "none", "nothing was compared"
    varying = sum(1 for digests in tally.layer_digests.values() if len(digests) > 1)
    layers = (
        f"{varying} of {len(tally.layer_digests)} layers varied" if tally.layer_digests else "no layer was compared"
    )
    if tally.done == 1:
        return "weak", f"a single vector; {layers}"
    if len(tally.outputs) < 2:
        return "weak", f"every vector has the same output; {layers}"
    if 2 * varying < len(tally.layer_digests):
        return "weak", f"most layers have the same result for every vector; {layers}"
    return "strong", f"{len(tally.outputs)} distinct outputs; {layers}"


def headline(outcome: Outcome, ok: bool, strength: str) -> str:
    """One sentence that says how it went."""
    tally, total = outcome.tally, len(outcome.vectors)
    if outcome.refused:
        return "refused: another build is on the device"
    if outcome.mismatch:
        return "refused: the device is not of this plan"
    modes = " and ".join(outcome.modes) + " mode"
    layers = f"{outcome.compared_layers} of {outcome.total_layers} layers"
    if tally.error is not None:
        return f"stopped after {tally.done} of {total} vectors ({modes}): {tally.error.message}"
    if ok:
        weak = ", but the proof is weak" if strength == "weak" else ""
        return f"{tally.done} of {total} vectors byte-equal ({modes}), {layers}{weak}"
    bad = len({name for name, _ in tally.failing})
    if bad and tally.findings:
        return f"{bad} of {total} vectors differ; first: {tally.findings[0].place} ({tally.findings[0].verdict.value})"
    return (
        f"{bad} of {total} vectors differ" if bad else f"{tally.done} of {total} vectors byte-equal, but a check failed"
    )


def measurements_of(outcome: Outcome) -> tuple[Measurement, ...]:
    """Every number with its unit and origin."""
    setup, tally = outcome.setup, outcome.tally
    run = setup.run_origin
    given = {m.name: m for m in setup.measurements}
    found = [
        Measurement(name="vectors", value=tally.done, unit="count", origin=run),
        Measurement(name="differing_bytes", value=tally.differing_bytes, unit="bytes", origin=run,
                    note=_DIFFERING if tally.differing_bytes else ""),
        Measurement(name="compared_output_bytes", value=sum(c.output_bytes for c in tally.modes.values()), unit="bytes",
                    origin=run),
        Measurement(name="layers_compared", value=outcome.compared_layers, unit="count", origin=run),
        Measurement(name="layers_total", value=outcome.total_layers, unit="count", origin="counted"),
        Measurement(name="distinct_outputs", value=len(tally.outputs), unit="count", origin=run),
        Measurement(name="arena_bytes", value=setup.plan.arena_bytes, unit="bytes", origin="planned"),
        Measurement(name="weights_bytes", value=setup.plan.weights_bytes, unit="bytes", origin="planned"),
        Measurement(name="macs", value=setup.plan.macs, unit="count", origin="planned"),
        _linked("flash_bytes", setup.flash_bytes),
        _linked("ram_bytes", setup.ram_bytes),
        *counter_measurements(outcome),
    ]  # fmt: skip
    if tally.memory is not None and tally.memory.stack_used_bytes:
        stack = tally.memory.stack_used_bytes
        found.append(
            Measurement(name="stack_used_bytes", value=stack, unit="bytes", origin=run, note="high-water mark")
        )
    return (*(given.pop(m.name, m) for m in found), *given.values())


def _linked(name: str, value: int | None) -> Measurement:
    return Measurement(name=name, value=value, unit="bytes", origin="not-measured" if value is None else "linked")


def counter_measurements(outcome: Outcome) -> list[Measurement]:
    """Instructions per inference (null where the target does not count them), and cycles where it counts those."""
    target, counters = outcome.setup.target, outcome.tally.counters
    none = Measurement(name="instructions", value=None, unit="instructions", origin="not-measured")
    if target.counter == "none" or not counters:
        return [none]
    scaled = [round(count * target.counter_scale) for count in counters]
    value = median_low(scaled)
    note = f"median of {len(scaled)} inferences" if len(scaled) > 1 else "one inference"
    if min(scaled) != max(scaled):
        note += f", {min(scaled)} to {max(scaled)}"
    counted = Measurement(
        name=target.counter, value=value, unit=target.counter, origin=target.counter_origin, note=note
    )
    found = [counted] if target.counter == "instructions" else [none, counted]
    if outcome.setup.plan.macs:
        per_mac = round(value / outcome.setup.plan.macs, 3)
        found.append(
            Measurement(name=f"{target.counter}_per_mac", value=per_mac, unit="ratio", origin=target.counter_origin)
        )
    return found


def tables_of(outcome: Outcome) -> tuple[Table, ...]:
    """What differs, value by value, and the layers."""
    tables: list[Table] = []
    for finding in outcome.tally.findings:
        if finding.values:
            rows = tuple(
                (str(v.flat), ", ".join(map(str, v.coordinates)), f"{v.expected:g}", f"{v.actual:g}")
                for v in finding.values
            )
            title = f"{finding.place}, vector {finding.vector}, {finding.mode} mode"
            tables.append(Table(title=title, columns=("index", "coordinates", "expected", "actual"), rows=rows))
    if outcome.layers:
        layer_rows = tuple(
            (
                str(layer.step),
                layer.op,
                layer.kernel,
                "x".join(map(str, layer.shape)),
                str(len(outcome.tally.layer_digests.get(layer.number, ()))),
                _layer_word(outcome, layer),
            )
            for layer in outcome.layers
        )
        columns = ("step", "operator", "kernel", "shape", "distinct", "compared with TFLM")
        tables.append(Table(title="Layers", columns=columns, rows=layer_rows))
    return tuple(tables)


def _layer_word(outcome: Outcome, layer: Layer) -> str:
    compared = outcome.tally.layer_compared.get(layer.number, 0)
    wrong = outcome.tally.layer_wrong.get(layer.number, 0)
    if not compared:
        return "not compared"
    return f"{wrong} of {compared} differ" if wrong else f"equal ({compared})"


def notes_of(outcome: Outcome, strength: str, why: str) -> tuple[str, ...]:
    """What a reader must know to believe the rest."""
    setup, tally = outcome.setup, outcome.tally
    notes = [f"{finding.sentence}: {finding.reason}" for finding in tally.findings]
    notes.append(f"proof: {strength} ({why})")
    if outcome.absent and tally.done:
        names = ", ".join(map(str, outcome.absent[:12])) + (", ..." if len(outcome.absent) > 12 else "")
        notes.append(f"not compared: TFLM's tensors {names} do not exist on the device")
    if setup.target.proves:
        text = f"{setup.target.name} proves {', '.join(setup.target.proves)}"
        if setup.target.does_not_prove:
            text += f"; not {', '.join(setup.target.does_not_prove)}"
        notes.append(text)
    if setup.synthetic:
        notes.append("recordings are synthetic (made by a generator)")
    if not setup.build_id:
        notes.append("the build id of the device was not checked")
    if tally.memory is not None and (tally.memory.receive_overruns or tally.memory.frames_bad):
        notes.append(
            f"serial line: {tally.memory.frames_bad} damaged frames, {tally.memory.receive_overruns} bytes lost, "
            "all repeated"
        )
    return tuple(notes)


def _finding_json(finding: Finding) -> dict[str, object]:
    layer = finding.layer
    return {
        "vector": finding.vector,
        "mode": finding.mode,
        "place": finding.place,
        "step": layer.step if layer else None,
        "op": layer.op if layer else None,
        "kernel": layer.kernel if layer else None,
        "tensor": layer.tensor if layer else None,
        "tensor_name": layer.name if layer else None,
        "verdict": finding.verdict.value,
        "reason": finding.reason,
        "differing": finding.differing,
        "differing_bytes": finding.differing_bytes,
        "elements": finding.elements,
        "channels": finding.channels,
        "values": [
            {"index": v.flat, "coordinates": list(v.coordinates), "expected": v.expected, "actual": v.actual}
            for v in finding.values
        ],
    }


def _layer_json(outcome: Outcome, layer: Layer) -> dict[str, object]:
    return {
        "tensor": layer.tensor,
        "name": layer.name,
        "step": layer.step,
        "op": layer.op,
        "kernel": layer.kernel,
        "shape": list(layer.shape),
        "compared": outcome.tally.layer_compared.get(layer.number, 0),
        "differing": outcome.tally.layer_wrong.get(layer.number, 0),
        "distinct_digests": len(outcome.tally.layer_digests.get(layer.number, ())),
    }
