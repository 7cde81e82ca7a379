"""A plan as the plain values the HTML report draws: steps, and buffers over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter, ValidationError

from tinygen.core.errors import bad_input
from tinygen.model.ir import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step; `shape` is that of its first result, `instructions` an estimate where there is one."""

    position: int
    op: str
    kernel: str
    why: str
    macs: int
    instructions: float | None
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferView:
    """A place in the arena. Lifetimes are step positions, both inclusive; first -1 = before the first step.

    `tensor` is -1 for a step's scratch memory.
    """

    name: str
    tensor: int
    offset: int
    size_bytes: int
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """What people want to see of a plan."""

    name: str
    arena_bytes: int
    lower_bound_bytes: int
    weights_bytes: int
    macs: int
    optimize: str
    costs_origin: str
    steps: tuple[StepView, ...]
    buffers: tuple[BufferView, ...]


_VIEW = TypeAdapter(PlanView)


def view_of(plan: Plan) -> PlanView:
    """The typed view."""
    tensors = plan.graph.tensors
    return PlanView(
        name=plan.graph.name,
        arena_bytes=plan.arena_bytes,
        lower_bound_bytes=plan.lower_bound_bytes,
        weights_bytes=plan.weights_bytes,
        macs=plan.macs,
        optimize=plan.optimize,
        costs_origin=plan.costs_origin,
        steps=tuple(
            StepView(
                position=step.position,
                op=step.op.name,
                kernel=step.kernel,
                why=step.why,
                macs=step.macs,
                instructions=None if step.instructions is None else round(step.instructions),
                shape=tensors[step.outputs[0]].shape if step.outputs and step.outputs[0] in tensors else (),
            )
            for step in plan.steps
        ),
        buffers=tuple(
            BufferView(
                name=tensors[b.tensor].name if b.tensor in tensors else b.name,
                tensor=b.tensor,
                offset=b.offset,
                size_bytes=b.size_bytes,
                first=b.first,
                last=b.last,
            )
            for b in plan.buffers
        ),
    )


def plan_view(plan: Plan) -> dict[str, object]:
    """The same as plain values, to keep in a JSON file and give to `html.page` later."""
    return asdict(view_of(plan))


def parse(values: Mapping[str, object]) -> PlanView:
    """What `plan_view` gave, checked.

    Raises:
        TinygenError: something is missing or has another type.
    """
    try:
        return _VIEW.validate_python(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        raise bad_input(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", where="plan view") from error
