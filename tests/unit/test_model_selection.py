"""Kernels are chosen by estimate, within the compact kernels' memory; a kernel asked for is taken or refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from support.random_graphs import random_model
from tinygen.boards.loader import find_board
from tinygen.core.errors import TinygenError
from tinygen.model import selection
from tinygen.model.compile import plan, speed_limit_bytes
from tinygen.model.cost import Costs, cores_of
from tinygen.model.importer import load
from tinygen.model.ir import Plan
from tinygen.model.kernels.base import KernelDef, plain_work
from tinygen.model.kernels.convolution import CONV_2D_INT8_1X1, CONV_2D_INT8_GENERIC
from tinygen.model.kernels.registry import KERNELS
from tinygen.model.lowering import Lowered
from tinygen.model.selection import Options

M4 = find_board("feather_f405").chip
HOST = find_board("host").chip


@cache
def a_model() -> bytes:
    return next(data for data in map(random_model, range(200)) if convolutions(data) >= 1)


def convolutions(data: bytes) -> int:
    return sum(step.kernel == CONV_2D_INT8_1X1.id for step in plan(load(data, "m"), HOST).steps)


def a_fast(kernel: KernelDef, *, scratch: int = 0, cost: float | None = None, needs: tuple[str, ...] = ()) -> KernelDef:
    return dataclasses.replace(
        kernel,
        id=f"{kernel.id}_fast",
        code="fast",
        needs=needs,
        scratch_bytes=lambda lowered: scratch,
        instructions=lambda lowered, chip: cost,
    )


@pytest.fixture
def field(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    """Plan the model with the compact kernels of convolutions and one more, of 1x1 ones."""
    model = a_model()

    def planned(more: KernelDef, options: Options | None = None, estimates: float | None = None) -> Plan:
        own = [
            dataclasses.replace(k, instructions=lambda lowered, chip: estimates) if k.op == "CONV_2D" else k
            for k in KERNELS
            if k.op != "CONV_2D" or k.code == "compact"
        ]
        monkeypatch.setattr(selection, "candidates", lambda op: tuple(k for k in (*own, more) if k.op == op))
        monkeypatch.setattr("tinygen.model.compile.load_costs", lambda chip: Costs())
        return plan(load(model, "m"), M4, options)

    return planned


def kernels_of(result: Plan) -> set[str]:
    return {step.kernel for step in result.steps if step.op.name == "CONV_2D"}


def reason(result: Plan, kernel: str) -> str:
    return "; ".join(why for step in result.steps for name, why in step.refused if name == kernel)


def test_speed_takes_the_least_estimate_and_says_both(field: Callable[..., Plan]) -> None:
    fast = a_fast(CONV_2D_INT8_1X1, cost=1000.0)
    assert fast.id in kernels_of(field(fast, estimates=1500.0))
    slower = field(fast, estimates=900.0)
    assert fast.id not in kernels_of(slower)
    assert "estimated 900 instructions, this one 1,000" in reason(slower, fast.id)


def test_size_takes_the_compact_one_and_says_so(field: Callable[..., Plan]) -> None:
    fast = a_fast(CONV_2D_INT8_1X1, cost=1.0)
    result = field(fast, Options(optimize="size"), 1500.0)
    assert fast.id not in kernels_of(result)
    assert "less code" in reason(result, fast.id)


def test_without_an_estimate_fast_code_is_taken_for_fast(field: Callable[..., Plan]) -> None:
    fast = a_fast(CONV_2D_INT8_1X1)
    assert fast.id in kernels_of(field(fast))


def test_working_memory_stays_within_what_the_compact_kernels_need(field: Callable[..., Plan]) -> None:
    for scratch in (16, 400, 4000, 1 << 20):
        fast = a_fast(CONV_2D_INT8_1X1, scratch=scratch, cost=1.0)
        result = field(fast, estimates=1500.0)
        assert result.arena_bytes <= speed_limit_bytes(result.compact_arena_bytes)
        if scratch == 1 << 20:
            assert fast.id not in kernels_of(result)
            assert "the arena would take" in reason(result, fast.id)


def test_an_instruction_set_that_is_missing_is_named(field: Callable[..., Plan]) -> None:
    helium = a_fast(CONV_2D_INT8_1X1, cost=1.0, needs=("mve",))
    result = field(helium, estimates=1500.0)
    assert helium.id not in kernels_of(result)
    assert f"{M4.title} has no mve instructions" in reason(result, helium.id)


def test_a_kernel_asked_for_is_taken() -> None:
    graph = load(a_model(), "m")
    every = plan(graph, M4, Options(kernels={"CONV_2D": "generic"}))
    assert kernels_of(every) == {CONV_2D_INT8_GENERIC.id}
    assert "was asked for" in reason(every, CONV_2D_INT8_1X1.id)
    number = next(s.position for s in plan(graph, M4).steps if s.op.name == "CONV_2D")
    one = plan(graph, M4, Options(kernels={str(number): CONV_2D_INT8_GENERIC.id}))
    assert one.steps[number].kernel == CONV_2D_INT8_GENERIC.id


@pytest.mark.parametrize(
    ("kernels", "message"),
    [
        ({"CONV_2D": "generick"}, "did you mean|known"),
        ({"CONV_3D": "generic"}, "no step and no operator"),
        ({"99": "generic"}, "no step and no operator"),
        ({"RESHAPE": "1x1"}, "no step|has no kernel"),
    ],
)
def test_a_kernel_that_cannot_be_had_is_refused(kernels: dict[str, str], message: str) -> None:
    with pytest.raises(TinygenError, match=message):
        plan(load(a_model(), "m"), M4, Options(kernels=kernels))


def test_a_refusal_says_why() -> None:
    graph = load(a_model(), "m")
    wide = [s.position for s in plan(graph, M4).steps if s.op.name == "CONV_2D" and s.params.get("k_h", 1) != 1]
    for number in wide:
        with pytest.raises(TinygenError, match="not 1x1"):
            plan(graph, M4, Options(kernels={str(number): "1x1"}))


def test_costs_are_a_sum_over_the_work() -> None:
    costs = Costs(origin="a test", kernels={CONV_2D_INT8_1X1.id: {"macs": 2.0, "call": 30.0}})
    lowered = Lowered(params={"out_c": 3, "batch": 1}, constants={"weights": np.zeros(1)}, macs=100)
    kernel = dataclasses.replace(CONV_2D_INT8_1X1, work=plain_work)
    assert costs.estimate(kernel, lowered, M4) == 230.0
    assert costs.estimate(CONV_2D_INT8_GENERIC, lowered, M4) is None
    assert plain_work(lowered)["outputs"] == 3
    assert cores_of(M4) == ("cortex-m4",)
