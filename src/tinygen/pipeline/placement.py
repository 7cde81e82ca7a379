"""Where arena, state and weights of an Xtensa chip lie, and which layers its vector instructions could take.

Source: ESP-IDF Programming Guide, Memory Types (constant data: DROM, flash mapped through the cache; .bss: internal
DRAM); ESP32-S3 Technical Reference Manual, chapter Processor Instruction Extensions (128-bit loads of aligned data).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from tinygen.boards.spec import BoardSpec, ChipSpec
from tinygen.core.values import Table
from tinygen.model.compile import FRAMEWORK_RAM_BYTES, fits_ram
from tinygen.model.ir import Plan, Step

ROW_BYTES = 16
_PRODUCTS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One kind of data: where it lies, and why there."""

    what: str
    n_bytes: int
    memory: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorLayer:
    """Whether a 16-lane kernel could take a step as it is laid out."""

    step: int
    kernel: str
    fits: bool
    why: str


def parts(plan: Plan, board: BoardSpec) -> tuple[Part, ...]:
    """Arena, state and weights; nothing where the chip has a single kind of flash and RAM."""
    chip = board.chip
    if chip.arch != "xtensa":
        return ()
    together = plan.arena_bytes + plan.state_bytes + plan.weights_bytes
    room = (
        f"arena, state and weights are {together:,} bytes, {chip.ram.name} has {chip.ram.size_bytes:,}, of which "
        f"{FRAMEWORK_RAM_BYTES:,} are left to the framework"
    )
    internal = f"internal SRAM ({chip.ram.name}), section .bss"
    found = [Part(what="arena", n_bytes=plan.arena_bytes, memory=internal, why="writable, zero at the start")]
    if plan.state_bytes:
        found.append(Part(what="state", n_bytes=plan.state_bytes, memory=internal, why="writable"))
    found.append(
        Part(
            what="weights",
            n_bytes=plan.weights_bytes,
            memory=(
                f"internal SRAM ({chip.ram.name}), section .dram1, copied there by the loader"
                if plan.weights_in_ram
                else "flash mapped through the cache, section .rodata (in simulator images: RAM)"
            ),
            why=f"{_why(plan, chip)} ({room}); what it gains nobody here can measure",
        )
    )
    return tuple(found)


def _why(plan: Plan, chip: ChipSpec) -> str:
    if plan.weights_in_ram:
        return "they fit beside the arena, and SRAM is read without a cache"
    fits = fits_ram(chip, plan.arena_bytes + plan.state_bytes + plan.weights_bytes)
    return "a budget of RAM is named, so they stay in flash" if fits else "internal SRAM has no room for them"


def vector_layers(plan: Plan, board: BoardSpec) -> tuple[VectorLayer, ...]:
    """The steps with products, on a chip with PIE."""
    if "pie" not in board.chip.isa:
        return ()
    return tuple(_vector_layer(plan, step) for step in plan.steps if step.op.name in _PRODUCTS)


def _vector_layer(plan: Plan, step: Step) -> VectorLayer:
    tensor = plan.graph.tensors[step.inputs[0]]
    reasons = []
    channels = tensor.shape[-1]
    if tensor.dtype != "int8":
        reasons.append(f"its input is {tensor.dtype}")
    if step.op.name == "DEPTHWISE_CONV_2D" and plan.graph.tensors[step.outputs[0]].shape[-1] != channels:
        reasons.append("its outputs share input channels")
    if channels % ROW_BYTES:
        padded = -(-channels // ROW_BYTES) * ROW_BYTES
        reasons.append(f"rows of {channels} bytes are no multiple of {ROW_BYTES}, padded they would take {padded}")
    offset = next((b.offset for b in plan.buffers if b.tensor == step.inputs[0]), None)
    if offset is not None and offset % ROW_BYTES:
        reasons.append(f"its input lies at byte {offset} of the arena, not at a multiple of {ROW_BYTES}")
    why = "; ".join(reasons) or f"rows of {channels} bytes, {ROW_BYTES}-byte aligned"
    return VectorLayer(step=step.position, kernel=step.kernel, fits=not reasons, why=why)


def tables(plan: Plan, board: BoardSpec) -> tuple[Table, ...]:
    """Both, for people; none where there is nothing to say."""
    where = parts(plan, board)
    layers = vector_layers(plan, board)
    found = []
    if where:
        rows = tuple((part.what, f"{part.n_bytes:,}", part.memory, part.why) for part in where)
        found.append(Table(title="placement", columns=("what", "bytes", "memory", "why"), rows=rows))
    if layers:
        rows = tuple((str(v.step), v.kernel, "could" if v.fits else "no", v.why) for v in layers)
        title = "steps a PIE kernel could take (there is none: nothing here executes PIE)"
        found.append(Table(title=title, columns=("step", "kernel", "PIE", "why"), rows=rows))
    return tuple(found)


def values(plan: Plan, board: BoardSpec) -> dict[str, object]:
    """The same for plan.json: {"placement": [...], "pie_layers": [...]}; empty where there is nothing to say."""
    where, layers = parts(plan, board), vector_layers(plan, board)
    found: dict[str, object] = {}
    if where:
        found["placement"] = [asdict(part) for part in where]
    if layers:
        found["pie_layers"] = [asdict(layer) for layer in layers]
    return found
