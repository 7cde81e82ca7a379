"""Where an inference spends its time: counts of every layer and of every stage of the front end, over many runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import TinygenError, bad_input
from tinygen.core.progress import Progress, silent
from tinygen.device import instruments
from tinygen.device.client import Client
from tinygen.device.counting import Counting

_T = TypeVar("_T")
WARMUPS, RUNS = 8, 101
SIMULATED_WARMUPS, SIMULATED_RUNS = 1, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of the work.

    Attributes:
        name: "0 CONV_2D", "fft": the same from build to build as long as the model is.
        detail: the kernel, or what the stage belongs to.
        counts: one per run, in the counter's unit.
    """

    name: str
    detail: str
    counts: tuple[float, ...]

    @property
    def median(self) -> float:
        """Half of the runs took at most this."""
        return float(median(self.counts))

    @property
    def p95(self) -> float:
        """95 % of the runs took at most this (nearest rank)."""
        return sorted(self.counts)[math.ceil(0.95 * len(self.counts)) - 1]

    @property
    def worst(self) -> float:
        """No run took more."""
        return max(self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """All that was counted.

    Attributes:
        counting: what the numbers mean.
        layers: the model's steps, without the counter's own cost.
        stages: the front end's, over the recording of one inference; empty for a model without one.
        whole: undisturbed inferences: no counter is read inside.
        layer_overhead, stage_overhead: what one mark costs, already taken off, in the counter's unit.
    """

    counting: Counting
    warmups: int
    layers: tuple[Part, ...]
    stages: tuple[Part, ...]
    whole: Part
    layer_overhead: float
    stage_overhead: float
    arena: instruments.ArenaUse
    stack_bytes: int
    stack_used_bytes: int


def measure(
    client: Client,
    counting: Counting,
    model_input: bytes,
    recording: npt.NDArray[np.int16] | None,
    *,
    layers: Sequence[tuple[str, str]],
    stages: Sequence[str],
    warmups: int,
    runs: int,
    progress: Progress = silent,
) -> Profile:
    """Count.

    Args:
        client: a greeted device.
        counting: what its counter means.
        model_input: of one inference.
        recording: int16 [samples_per_inference, n_channels] of the same inference, None to leave the front end out.
        layers: (name, kernel) of every step of the model.
        stages: names of the front end's stages, in the device's order; "" leaves one out.
        warmups: runs that are not counted, before `runs` that are.

    Raises:
        TinygenError: the counter counts nothing; the device is not of this model; it does not answer.
    """
    if counting.unit == "none":
        raise bad_input(
            "this device has no counter that means anything here",
            where=client.name,
            hint="profile on a board with a cycle counter, on unicorn or on qemu",
        )
    if warmups < 0 or runs < 1:
        raise bad_input(f"{warmups} warm-ups and {runs} runs cannot be", where="--runs", hint="at least one run")
    total = warmups + runs
    staged: list[instruments.StageCounts] = []
    if recording is not None and stages:
        staged = _repeat(lambda: instruments.count_stages(client, recording), total, "front end", progress)[warmups:]
    client.write_input(model_input)
    layered = _repeat(lambda: instruments.count_layers(client), total, "layers", progress)[warmups:]
    if len(layered[0].ticks) != len(layers):
        raise TinygenError(
            bad_input("").code,
            f"the device has {len(layered[0].ticks)} steps, the model {len(layers)}",
            where=client.name,
            hint="flash this build",
        )
    whole = _repeat(lambda: client.infer(count=True).counter or 0, total, "whole inferences", progress)[warmups:]
    arena = instruments.arena_use(client)
    memory = client.memory()
    scale = counting.scale
    return Profile(
        counting=counting,
        warmups=warmups,
        layers=tuple(
            Part(name=name, detail=kernel, counts=tuple(run.ticks[i] * scale for run in layered))
            for i, (name, kernel) in enumerate(layers)
        ),
        stages=tuple(
            Part(name=name, detail="front end", counts=tuple(run.ticks[i] * scale for run in staged))
            for i, name in enumerate(stages)
            if name and staged
        ),
        whole=Part(name="inference", detail="undisturbed", counts=tuple(count * scale for count in whole)),
        layer_overhead=max(run.overhead for run in layered) * scale,
        stage_overhead=max((run.overhead for run in staged), default=0) * scale,
        arena=arena,
        stack_bytes=memory.stack_bytes,
        stack_used_bytes=memory.stack_used_bytes,
    )


def _repeat(work: Callable[[], _T], times: int, name: str, progress: Progress) -> list[_T]:
    found = []
    for index in range(times):
        found.append(work())
        progress("profile", index + 1, times, name)
    return found
