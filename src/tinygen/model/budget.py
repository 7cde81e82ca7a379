"""Does it fit, and if not, which step is to blame and what would help: said before anything is compiled."""

from __future__ import annotations

from dataclasses import dataclass

from tinygen.core.errors import bad_input
from tinygen.model.ir import Buffer, Plan, short_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The step at which most of the arena is live."""

    position: int
    live_bytes: int
    buffers: tuple[Buffer, ...]


def peak(plan: Plan) -> Peak:
    """The step with the largest sum of live buffers; buffers that share bytes (aliases, in-place) count once.

    Raises:
        ValueError: a plan without steps.
    """
    best: Peak | None = None
    for step in plan.steps:
        live = [b for b in plan.buffers if b.first <= step.position <= b.last]
        size = _covered_bytes(live)
        if best is None or size > best.live_bytes:
            best = Peak(position=step.position, live_bytes=size, buffers=tuple(live))
    if best is None:
        raise ValueError("a plan without steps has no peak")
    return best


def _covered_bytes(buffers: list[Buffer]) -> int:
    total, end = 0, -1
    for start, stop in sorted((b.offset, b.offset + b.size_bytes) for b in buffers):
        total += max(0, stop - max(start, end))
        end = max(end, stop)
    return total


def parts_text(parts_bytes: dict[str, int]) -> str:
    """{"arena": 8756, "stack": 424} as people read a sum; what is nothing is left out."""
    return " + ".join(f"{name} {size:,}" for name, size in parts_bytes.items() if size)


def peak_text(plan: Plan) -> str:
    """The step that asks for most of the arena, and what is live there."""
    top = peak(plan)
    step = next(s for s in plan.steps if s.position == top.position)
    live = ", ".join(f"{buffer_text(plan, b)} {b.size_bytes:,}" for b in top.buffers)
    return f"the arena peaks at step {step.position} {step.op.name} with {top.live_bytes:,} bytes live ({live})"


def buffer_text(plan: Plan, buffer: Buffer) -> str:
    """What lies in a place of the arena: who writes it, and the end of its name."""
    if buffer.tensor < 0:
        return "its scratch"
    name = short_name(buffer.name)
    if buffer.tensor in plan.graph.inputs:
        return f"the input '{name}'"
    writer = next((step for step in plan.steps if buffer.tensor in step.outputs), None)
    return f"result of step {writer.position} {writer.op.name} '{name}'" if writer is not None else f"'{name}'"


def largest_share_text(plan: Plan) -> str:
    """The step with the most constants."""
    largest = max(plan.steps, key=lambda s: sum(a.nbytes for a in s.constants.values()))
    size = sum(array.nbytes for array in largest.constants.values())
    return f"the largest share is step {largest.position} {largest.op.name} with {size:,}"


def check_budget(
    plan: Plan,
    *,
    other_ram_bytes: dict[str, int],
    ram_limit_bytes: int,
    ram_limit_name: str,
    flash_limit_bytes: int,
    flash_limit_name: str,
    larger_boards: tuple[str, ...] = (),
) -> None:
    """Refuse a plan that cannot fit, whatever the linker does.

    Args:
        plan: what is to be placed.
        other_ram_bytes: what the image surely needs beside the arena: {"stack": 8192, ...}.
        ram_limit_bytes, flash_limit_bytes: what may be used, in bytes.
        ram_limit_name, flash_limit_name: whose limit it is: "nucleo_f446re has", "the budget allows".
        larger_boards: boards it would fit, for the hint.

    Raises:
        TinygenError: it does not fit; names the sum, the step at the peak and what would help.
    """
    boards = f", or take a larger board ({', '.join(larger_boards)})" if larger_boards else ""
    needed = plan.arena_bytes + sum(other_ram_bytes.values())
    if needed > ram_limit_bytes:
        raise bad_input(
            f"needs at least {needed:,} bytes of RAM ({parts_text({'arena': plan.arena_bytes, **other_ram_bytes})}), "
            f"{ram_limit_name} {ram_limit_bytes:,}; {peak_text(plan)}",
            where=plan.graph.name,
            hint=f"fewer channels, a larger stride or a smaller input at that step would help{boards}",
        )
    if plan.weights_bytes > flash_limit_bytes:
        raise bad_input(
            f"its weights alone are {plan.weights_bytes:,} bytes, {flash_limit_name} {flash_limit_bytes:,} of flash; "
            f"{largest_share_text(plan)}",
            where=plan.graph.name,
            hint=f"fewer channels at that step would help{boards}",
        )
