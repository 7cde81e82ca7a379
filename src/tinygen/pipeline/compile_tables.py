"""Tables of the report of compile: memory, steps, kernels, rewrites, buffers."""

from __future__ import annotations

from tinygen.boards.spec import BoardSpec
from tinygen.core.values import Table
from tinygen.model.budget import peak
from tinygen.model.ir import PassLog, Plan, short_name
from tinygen.pipeline.compile_values import Facts


def memory(plan: Plan, board: BoardSpec, facts: Facts) -> Table:
    """RAM and flash added up: of the library, and with the application that proves it."""
    size = facts.size
    stack = size.stack.total_bytes if size.stack else 0
    code = size.flash_bytes - plan.weights_bytes - size.c_library_flash_bytes
    parts = [
        ("RAM", "arena", plan.arena_bytes, "planned"),
        ("RAM", "state", facts.state_bytes, "planned"),
        ("RAM", "stack of one inference", stack, "call graph" if size.stack else "not known"),
        ("RAM", "C library", size.c_library_ram_bytes, "linked"),
        *((("RAM", "weights, copied there", plan.ram_weights_bytes, "planned"),) if plan.weights_in_ram else ()),
    ]
    ram = sum(part[2] for part in parts)
    parts += [
        ("RAM", "sum", ram, ""),
        ("RAM", "serial protocol, when verifying", facts.application.protocol_bytes, "object files"),
        ("RAM", "sum with the protocol", ram + facts.application.protocol_bytes, ""),
        ("flash", "weights", plan.weights_bytes, "planned"),
        ("flash", f"kernels, tables, glue ({size.optimize})", code, "linked"),
        ("flash", "C library", size.c_library_flash_bytes, "linked"),
        ("flash", "sum", size.flash_bytes, "linked"),
    ]
    if board.chip.arch != "native":
        parts += [
            ("RAM", f"{board.id} has", board.chip.ram.size_bytes, "datasheet"),
            ("flash", f"{board.id} has", board.chip.flash.size_bytes, "datasheet"),
        ]
    budgets = (("RAM", facts.ram_budget_bytes), ("flash", facts.flash_budget_bytes))
    parts += [(where, "the budget allows", limit, "declared") for where, limit in budgets if limit is not None]
    parts.sort(key=lambda part: part[0] == "flash")
    rows = tuple((where, what, f"{value:,}", origin) for where, what, value, origin in parts)
    return Table(title="memory", columns=("memory", "what", "bytes", "origin"), rows=rows)


def steps(plan: Plan, facts: Facts) -> Table:
    """Every step in order, with its cost; the one at which the arena is fullest is marked."""
    top = peak(plan)
    rows = []
    for step in plan.steps:
        weights = sum(array.nbytes for array in step.constants.values())
        mark = "  <- peak" if step.position == top.position else ""
        shapes = f"{_shapes(plan, step.inputs)} -> {_shapes(plan, step.outputs)}"
        cost = "" if step.instructions is None else f"{step.instructions:,.0f}"
        stack = facts.size.step_stacks.get(step.position)
        deepest = "" if stack is None else f"{stack:,}"
        numbers = (f"{step.macs:,}", cost, f"{weights:,}", deepest)
        rows.append((str(step.position), step.op.name, shapes, *numbers, step.kernel + mark))
    columns = ("step", "operator", "shapes", "MACs", "estimated instructions", "constants", "stack", "kernel")
    return Table(title="steps", columns=columns, rows=tuple(rows))


def choices(plan: Plan) -> Table:
    """Why each kernel was taken, and why the others were not."""
    rows = tuple(
        (str(step.position), step.kernel, step.why, "; ".join(f"{name}: {reason}" for name, reason in step.refused))
        for step in plan.steps
    )
    return Table(title="kernels", columns=("step", "kernel", "why", "not taken"), rows=rows)


def rewrites(plan: Plan) -> tuple[Table, ...]:
    """What each pass did to the graph, and where it could not."""
    rows: list[tuple[str, str, str]] = []
    for log in passes(plan):
        saved = f"{log.macs_before:,} -> {log.macs_after:,} MACs" if log.macs_before != log.macs_after else ""
        said = [("did", text) for text in log.changes] + [("left", text) for text in log.refusals]
        rows += [(log.name, word, text) for word, text in said or [("did", "nothing to do")]]
        if log.changes:
            rows.append((log.name, "checked", log.obligation))
        if saved:
            rows.append((log.name, "saved", f"{saved}, {log.weights_before:,} -> {log.weights_after:,} weights"))
    if not rows:
        return ()
    return (Table(title="rewrites", columns=("pass", "", "what"), rows=tuple(rows)),)


def passes(plan: Plan) -> tuple[PassLog, ...]:
    """What the rewriting passes recorded, in their order."""
    return plan.graph.rewritten.passes if plan.graph.rewritten is not None else ()


def buffers(plan: Plan) -> Table:
    """Every place in the arena and in the state, with the steps between which it is needed."""
    last = len(plan.steps) - 1
    rows = [
        (
            memory,
            str(buffer.offset),
            f"{buffer.size_bytes:,}",
            f"{max(buffer.first, 0)}..{min(buffer.last, last)}",
            short_name(buffer.name),
        )
        for memory, buffers in (("arena", plan.buffers), ("state", plan.state_buffers))
        for buffer in sorted(buffers, key=lambda b: (b.first, b.offset))
    ]
    return Table(title="buffers", columns=("memory", "offset", "bytes", "steps", "what"), rows=tuple(rows))


def _shapes(plan: Plan, tensors: tuple[int, ...]) -> str:
    known = [plan.graph.tensors[index] for index in tensors if index in plan.graph.tensors]
    return " + ".join("x".join(map(str, tensor.shape)) or "1" for tensor in known)
