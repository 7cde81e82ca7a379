"""The report of compile: what the model takes, where every figure comes from, what each step does."""

from __future__ import annotations

from collections.abc import Mapping

from tinygen.boards.spec import BoardSpec
from tinygen.core.values import Check, CheckStatus, Measurement, Report
from tinygen.model.budget import peak
from tinygen.model.ir import Plan
from tinygen.pipeline import compile_tables, placement
from tinygen.pipeline.compile_values import Facts
from tinygen.toolchain.stack import StackUse
from tinygen.toolchain.values import Symbol

MAX_KERNEL_STACK_BYTES = 1024
_PROOF_NUMBERS = (
    "vectors", "differing_bytes", "instructions", "instructions_per_mac", "layers_compared", "layers_total",
    "distinct_outputs", "compared_output_bytes", "stack_bound_bytes", "stack_used_bytes",
)  # fmt: skip


def compilation(plan: Plan, board: BoardSpec, facts: Facts) -> Report:
    """Everything about a compiled model."""
    proof = facts.proof
    table = compile_tables.memory(plan, board, facts)
    return Report(
        kind="compile",
        subject={
            "model": plan.graph.name,
            "board": board.id,
            "digest": plan.graph.digest[:16],
            "library": facts.folder,
            "toolchain": facts.size.compiler,
            **({"proved on": str(proof.details.get("target", ""))} if proof is not None else {}),
        },
        checks=(*_checks(plan, board, facts), *(proof.checks if proof is not None else ())),
        measurements=(*_measurements(plan, facts), *_proof_measurements(proof)),
        tables=(
            table,
            *placement.tables(plan, board),
            compile_tables.steps(plan, facts),
            *(
                (*compile_tables.rewrites(plan), compile_tables.choices(plan), compile_tables.buffers(plan))
                if facts.explain
                else ()
            ),
        ),
        notes=(*((facts.size.note,) if facts.size.note else ()), *(proof.notes if proof is not None else ())),
        details=_details(plan, facts),
    )


def _measurements(plan: Plan, facts: Facts) -> list[Measurement]:
    size, other = facts.size, facts.other
    note = size.note
    stack = size.stack
    code, code_other = (s.flash_bytes - plan.weights_bytes for s in (size, other))
    runtime = _runtime_ram_bytes(plan, facts)

    def planned(name: str, value: int, unit: str = "bytes", said: str = "") -> Measurement:
        return Measurement(name=name, value=value, unit=unit, origin="planned", note=said)

    def linked(name: str, value: int | None, said: str) -> Measurement:
        origin = "linked" if value is not None else "not-measured"
        return Measurement(
            name=name, value=value, unit="bytes", origin=origin, note="; ".join(filter(None, (said, note)))
        )

    bound = "no layout of these buffers can be smaller, but for overlaps the kernels allow"
    return [
        planned("arena_bytes", plan.arena_bytes, said=_arena_note(plan)),
        planned("arena_lower_bound_bytes", plan.lower_bound_bytes, said=bound),
        planned("state_bytes", facts.state_bytes),
        planned("weights_bytes", plan.weights_bytes, said="weights, biases, multipliers and shifts"),
        linked("code_bytes", code, f"kernels, tables, glue and C library at {size.optimize}"),
        linked(f"code_{'size' if other.optimize == '-Os' else 'speed'}_bytes", code_other, f"at {other.optimize}"),
        linked("flash_bytes", size.flash_bytes, "weights and code"),
        linked("stack_bytes", stack.total_bytes if stack else None, "worst case of one inference, from the call graph"),
        linked("protocol_bytes", facts.application.protocol_bytes, "serial protocol's buffers, for `verify` only"),
        linked("c_library_bytes", size.c_library_ram_bytes, "RAM of the C library"),
        linked(
            "ram_bytes",
            runtime,
            f"arena, state, stack and C library{', and the weights' if plan.weights_in_ram else ''}",
        ),
        planned("macs", plan.macs, "count"),
        *_estimate(plan),
        Measurement(name="plan_seconds", value=round(facts.seconds, 3), unit="s", origin="measured-on-host"),
    ]


def _estimate(plan: Plan) -> list[Measurement]:
    if plan.instructions is None:
        return []
    origin = f"cost model: {plan.costs_origin}"
    return [
        Measurement(
            name="estimated_instructions",
            value=round(plan.instructions),
            unit="instructions",
            origin="planned",
            note=origin,
        )
    ]


def _arena_note(plan: Plan) -> str:
    excess = plan.arena_bytes - plan.compact_arena_bytes
    more = f"; {excess:,} more than the compact kernels need, for speed" if excess > 0 else ""
    return f"inputs, outputs and scratch{more}"


def _proof_measurements(proof: Report | None) -> list[Measurement]:
    if proof is None:
        return [
            Measurement(name=name, value=None, unit=unit, origin="not-measured")
            for name, unit in (("vectors", "count"), ("differing_bytes", "bytes"), ("instructions", "instructions"))
        ]
    found = [m for m in proof.measurements if m.name in _PROOF_NUMBERS]
    # The proof's image is the firmware project, built for speed.
    return [*found, *(_renamed(m) for m in proof.measurements if m.name in ("flash_bytes", "ram_bytes"))]


def _renamed(measurement: Measurement) -> Measurement:
    return Measurement(
        name=f"proof_image_{measurement.name}",
        value=measurement.value,
        unit=measurement.unit,
        origin=measurement.origin,
        note="the firmware that was proved: model, protocol, port, stack",
    )


def _runtime_ram_bytes(plan: Plan, facts: Facts) -> int:
    """What the library needs while it runs."""
    stack = facts.size.stack.total_bytes if facts.size.stack else 0
    return plan.arena_bytes + facts.state_bytes + stack + facts.size.c_library_ram_bytes + plan.ram_weights_bytes


def _fits(plan: Plan, board: BoardSpec, facts: Facts) -> str:
    """The sums beside what there is; refused before, where they did not fit."""
    chip, ram, flash = board.chip, _runtime_ram_bytes(plan, facts), facts.size.flash_bytes
    limits = []
    for word, used, budget, capacity in (
        ("RAM", ram, facts.ram_budget_bytes, chip.ram.size_bytes),
        ("flash", flash, facts.flash_budget_bytes, chip.flash.size_bytes),
    ):
        allowed = budget if budget is not None else capacity
        whose = "the budget's" if budget is not None else f"{board.id}'s"
        limits.append(f"{used:,} of {whose} {allowed:,} bytes of {word}")
    return f"the library takes {', '.join(limits)}" if chip.arch != "native" else "this machine has enough memory"


def _checks(plan: Plan, board: BoardSpec, facts: Facts) -> list[Check]:
    written = facts.size.ram_bytes
    wanted = plan.arena_bytes + facts.state_bytes
    same = sum(written.values()) == wanted
    named = ", ".join(f"{name} {size:,}" for name, size in sorted(written.items()))
    found = [
        Check(name="fits", status=CheckStatus.PASSED, reason=_fits(plan, board, facts)),
        Check(
            name="arena and state planned = linked",
            status=CheckStatus.PASSED if same else CheckStatus.FAILED,
            reason=f"planned {wanted:,} bytes; everything writable in the library's objects: {named or 'nothing'}",
        ),
    ]
    linked = facts.size.linked_weights_bytes
    found.append(
        Check(
            name="weights planned = linked",
            status=CheckStatus.PASSED if linked == plan.weights_bytes else CheckStatus.FAILED,
            reason=f"planned {plan.weights_bytes:,} bytes, linked {linked:,}",
        )
    )
    stack = facts.size.stack
    if stack is None:
        found.append(
            Check(name="stack of an inference", status=CheckStatus.SKIPPED, reason="this compiler writes no call graph")
        )
    else:
        within = stack.bounded and stack.total_bytes <= MAX_KERNEL_STACK_BYTES
        way = " > ".join(f"{shown_function(name)} {size}" for name, size in stack.path)
        unknown = "" if stack.bounded else "not bounded: "
        found.append(
            Check(
                name="stack of an inference",
                status=CheckStatus.PASSED if within else CheckStatus.FAILED,
                reason=f"{unknown}{stack.total_bytes:,} bytes at most of {MAX_KERNEL_STACK_BYTES:,}: {way}",
            )
        )
    return found


def shown_function(name: str) -> str:
    """The last word of an Itanium-mangled name; other names as they are."""
    if not name.startswith("_Z"):
        return name
    words: list[str] = []
    position = 0
    while position < len(name):
        digits = ""
        while position < len(name) and name[position].isdigit():
            digits += name[position]
            position += 1
        if digits and int(digits):
            words.append(name[position : position + int(digits)])
            position += int(digits)
        elif words and name[position] in "EI":
            break
        else:
            position += 1
    return words[-1] if words else name


def arena_check(plan: Plan, symbols: Mapping[str, Symbol]) -> Check:
    """Planned = linked in an image: the arena symbol is exactly as large as the plan says."""
    linked = [symbol for name, symbol in symbols.items() if "tinygen_arena" in name]
    if len(linked) != 1:
        return Check(name="arena planned = image", status=CheckStatus.ERROR, reason="the image has no arena symbol")
    same = linked[0].size_bytes == plan.arena_bytes
    return Check(
        name="arena planned = image",
        status=CheckStatus.PASSED if same else CheckStatus.FAILED,
        reason=f"planned {plan.arena_bytes:,} bytes, linked {linked[0].size_bytes:,}",
    )


def stack_measurements(stack: StackUse | None) -> tuple[Measurement, ...]:
    """The bound of a whole image's stack; nothing where none is known."""
    if stack is None or not stack.bounded:
        return ()
    note = "upper bound of the whole firmware with its serial interrupt, from its instructions"
    return (Measurement(name="stack_bound_bytes", value=stack.total_bytes, unit="bytes", origin="linked", note=note),)


def stack_checks(report: Report) -> tuple[Check, ...]:
    """The bound of the image's stack must cover what was really used."""
    found = {m.name: int(m.value) for m in report.measurements if m.value is not None}
    if "stack_bound_bytes" not in found or "stack_used_bytes" not in found:
        return ()
    bound, used = found["stack_bound_bytes"], found["stack_used_bytes"]
    return (
        Check(
            name="stack bound covers its use",
            status=CheckStatus.PASSED if used <= bound else CheckStatus.FAILED,
            reason=f"at most {bound:,} bytes by the call graph, {used:,} used",
        ),
    )


def _details(plan: Plan, facts: Facts) -> dict[str, object]:
    top = peak(plan)
    stack = facts.size.stack
    proof = facts.proof
    return {
        "library": facts.folder,
        "steps": [
            {
                "position": step.position,
                "op": step.op.name,
                "kernel": step.kernel,
                "why": step.why,
                "refused": [list(pair) for pair in step.refused],
                "inputs": [_tensor(plan, index) for index in step.inputs],
                "outputs": [_tensor(plan, index) for index in step.outputs],
                "macs": step.macs,
                "estimated_instructions": None if step.instructions is None else round(step.instructions),
                "constants_bytes": sum(array.nbytes for array in step.constants.values()),
                "scratch_bytes": step.scratch_bytes,
                "stack_bytes": facts.size.step_stacks.get(step.position),
            }
            for step in plan.steps
        ],
        "buffers": list(plan.buffers),
        "state_buffers": list(plan.state_buffers),
        "peak_step": top.position,
        "peak_live_bytes": top.live_bytes,
        "stack_path": [[name, size] for name, size in stack.path] if stack is not None else None,
        "writable_symbols": facts.size.ram_bytes,
        "protocol_symbols": facts.application.symbols,
        "c_library_flash_bytes": facts.size.c_library_flash_bytes,
        "rewrites": list(compile_tables.passes(plan)),
        **({"proof": proof.details} if proof is not None else {}),
    }


def _tensor(plan: Plan, index: int) -> dict[str, object]:
    tensor = plan.graph.tensors[index]
    return {"tensor": index, "name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.shape)}
