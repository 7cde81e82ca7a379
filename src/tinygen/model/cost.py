"""How many instructions a step will take: coefficients fitted to measured layers, kept as data with their origin.

`costs/<core>.json` holds, for each kernel, what one unit of its `work` costs: instructions = sum of coefficient x work.
`tests/bench/fit.py` measures and writes them. The counts are instructions of a simulator, never a chip's cycles.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tinygen.boards.spec import ChipSpec
from tinygen.model.kernels.base import KernelDef
from tinygen.model.lowering import Lowered

COSTS = Path(__file__).parent / "costs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What is known of a chip's core; nothing where `kernels` is empty.

    Attributes:
        origin: how the coefficients were found.
        kernels: {kernel id: {work: instructions per unit}}.
    """

    origin: str = ""
    kernels: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def estimate(self, kernel: KernelDef, lowered: Lowered, chip: ChipSpec) -> float | None:
        """Instructions of one run of a step, None when nothing is known."""
        if kernel.alias:
            return 0.0
        coefficients = self.kernels.get(kernel.id)
        if coefficients is None:
            return kernel.instructions(lowered, chip)
        work = kernel.work(lowered)
        return max(1.0, sum(rate * work.get(name, 0.0) for name, rate in coefficients.items()))


def cores_of(chip: ChipSpec) -> tuple[str, ...]:
    """The cores whose object code stands for the chip's, the closest last: one instruction set, the same counts.

    No compiler for the ESP32-S3's LX7 is here: the lx106's object code stands for it, and the origin says so.
    A Cortex-M55 runs the DSP kernels' code as a Cortex-M4 does; its own file holds the Helium kernels.
    """
    if chip.arch == "native":
        return ()
    if chip.arch == "xtensa":
        return ("lx106",)
    if "mve" in chip.isa:
        return ("cortex-m4", "cortex-m55")
    return ("cortex-m4",) if "dsp" in chip.isa else (chip.cpu,)


def load_costs(chip: ChipSpec) -> Costs:
    """The coefficients of a chip's core; empty where nobody has measured it."""
    origins: list[str] = []
    kernels: dict[str, Mapping[str, float]] = {}
    for core in cores_of(chip):
        path = COSTS / f"{core}.json"
        if path.is_file():
            data = json.loads(path.read_text(encoding="utf-8"))
            origins.append(data["origin"])
            kernels |= {name: fitted["rates"] for name, fitted in data["kernels"].items()}
    return Costs(origin="; ".join(origins), kernels=kernels)
