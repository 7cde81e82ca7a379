"""Instructions per 10 ms of audio, stage by stage, in QEMU: the limits, and that they can be missed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest


def _bench() -> ModuleType:
    path = Path(__file__).resolve().parents[1] / "bench" / "hops.py"
    spec = importlib.util.spec_from_file_location("bench_hops", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_hops"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


BENCH = _bench()


@pytest.mark.sim
def test_a_wake_word_s_10_ms_are_counted_stage_by_stage(
    tmp_path: Path, shared_dir: Callable[[str], Path], needs_tool: Callable[..., str], needs_module: Callable[..., None]
) -> None:
    needs_module("tflite_micro", "verify")
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    needs_tool("qemu-system-arm", "qemu-system-arm")
    row = BENCH.measure("alexa", shared_dir("models"), tmp_path)
    assert row.missed == ()  # limits kept, and every row and output equal
    assert (row.rows, row.inferences) == (1198, 399)
    assert set(row.stages) == set(BENCH.STAGES)
    assert all(count > 100 for count in row.stages.values())
    # What is counted apart is what is counted in one go, and all of it is what a product runs.
    assert sum(row.stages.values()) == pytest.approx(row.front_end, rel=0.02)
    assert row.front_end + row.model + row.rest == pytest.approx(row.mean, abs=1)
    assert 0 < row.rest < 0.1 * row.mean
    assert row.mean < row.worst


def test_broken_limits_are_told() -> None:
    fine = BENCH.Row(
        chain="x", model_digest="", stages={}, front_end=1.0, model=1.0, rest=1.0, mean=110_000.0, worst=130_000,
        memory_bytes=3_000, share=0.1, share_limit=0.2, worst_counts=False, rows=1, inferences=1, wrong=(),
    )  # fmt: skip
    assert fine.missed == ()
    for change in (
        {"worst_counts": True},
        {"mean": 120_001.0},
        {"memory_bytes": 12_289},
        {"share": 0.21},
        {"wrong": ("rows: 1, not 2",)},
    ):
        assert len(replace(fine, **change).missed) == 1, change


def test_the_table_takes_the_place_of_the_old_one() -> None:
    page = f"before\n{BENCH.BEGIN}old\n{BENCH.END}after\n"
    assert BENCH.into_readme(page, ["| new |"]) == f"before\n{BENCH.BEGIN}| new |\n{BENCH.END}after\n"
    with pytest.raises(SystemExit):
        BENCH.into_readme("no marks", [])
