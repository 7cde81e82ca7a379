"""A model as a picture: its steps from left to right, as high as what they give, as dark as what they compute."""

from __future__ import annotations

import math

from tinygen.report import svg
from tinygen.report.markup import Child, Node
from tinygen.report.plan_view import PlanView

_WIDTH, _BOX, _GAP, _ROW = 900.0, 118.0, 18.0, 78.0
_COLOURS = {
    "CONV_2D": svg.BLUE, "DEPTHWISE_CONV_2D": svg.TEAL, "FULLY_CONNECTED": svg.VIOLET, "SOFTMAX": svg.BROWN,
    "AVERAGE_POOL_2D": svg.GREEN, "MAX_POOL_2D": svg.GREEN, "MEAN": svg.GREEN, "ADD": svg.AMBER, "MUL": svg.AMBER,
}  # fmt: skip


def picture(plan: PlanView) -> Node:
    """One box a step, in order, in lines; each says operator, result and work."""
    per_line = max(1, int((_WIDTH + _GAP) // (_BOX + _GAP)))
    lines = math.ceil(max(len(plan.steps), 1) / per_line)
    parts: list[Child] = []
    for number, step in enumerate(plan.steps):
        row, column = divmod(number, per_line)
        x, y = column * (_BOX + _GAP), row * _ROW
        colour = _COLOURS.get(step.op, svg.GREY)
        shape = "×".join(str(size) for size in step.shape[1:] or step.shape)
        tip = f"step {step.position}: {step.op}, {step.kernel}, result {shape}, {step.macs:,} MACs"
        parts += [
            svg.rect(x, y, _BOX, 54, colour, tip=tip, opacity=0.16, radius=6, outlined=True),
            svg.text(x + 8, y + 18, svg.shortened(step.op.replace("_", " ").lower(), _BOX - 14, 12), bold=True),
            svg.text(x + 8, y + 33, shape, size=11),
            svg.text(x + 8, y + 47, f"{step.macs:,} MACs" if step.macs else "no MACs", size=10, faint=True),
        ]
        if number + 1 < len(plan.steps) and column + 1 < per_line:
            parts.append(svg.line(x + _BOX + 2, y + 27, x + _BOX + _GAP - 2, y + 27, faint=False))
    description = f"{len(plan.steps)} steps: " + ", ".join(step.op for step in plan.steps)
    return svg.chart(f"The model {plan.name}", description, _WIDTH, lines * _ROW - 20, *parts)
