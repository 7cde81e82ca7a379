"""A plan as the plain values the HTML report draws: steps, and buffers over time."""

from __future__ import annotations

from tinygen.model.ir import Plan


def plan_view(plan: Plan) -> dict[str, object]:
    """JSON-able facts of a plan.

    Returns:
        {"name", "arena_bytes", "lower_bound_bytes", "weights_bytes", "macs", "steps": [{"position", "op", "kernel", "why",
        "macs", "shape"}], "buffers": [{"name", "tensor", "offset", "size_bytes", "first", "last"}]}. Lifetimes are step
        positions, both inclusive; first -1 means before the first step.
    """
    tensors = plan.graph.tensors
    return {
        "name": plan.graph.name,
        "arena_bytes": plan.arena_bytes,
        "lower_bound_bytes": plan.lower_bound_bytes,
        "weights_bytes": plan.weights_bytes,
        "macs": plan.macs,
        "steps": [
            {
                "position": step.position,
                "op": step.op.name,
                "kernel": step.kernel,
                "why": step.why,
                "macs": step.macs,
                "shape": list(tensors[step.outputs[0]].shape) if step.outputs and step.outputs[0] in tensors else [],
            }
            for step in plan.steps
        ],
        "buffers": [
            {
                "name": tensors[b.tensor].name if b.tensor in tensors else b.name,
                "tensor": b.tensor,
                "offset": b.offset,
                "size_bytes": b.size_bytes,
                "first": b.first,
                "last": b.last,
            }
            for b in plan.buffers
        ],
    }
