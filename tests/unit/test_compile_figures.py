"""Stack bounds, link maps, budgets and constructed inputs: what the compile report is made of."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from support.random_graphs import random_model
from tinygen.boards.loader import find_board
from tinygen.config import load_config
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.model.importer import load
from tinygen.pipeline import compilation, compile_values, proof_memory
from tinygen.pipeline.compile_views import shown_function
from tinygen.pipeline.context import Context
from tinygen.toolchain import stack
from tinygen.toolchain.measure import map_sizes
from tinygen.verify.inputs import model_inputs, split

GRAPH = """graph: { title: "a.cpp"
node: { title: "root" label: "root\\na.cpp:1:1\\n16 bytes (static)\\n0 dynamic objects" }
node: { title: "a.cpp:local" label: "local\\na.cpp:2:1\\n40 bytes (static)\\n0 dynamic objects" }
node: { title: "grows" label: "grows\\na.cpp:3:1\\n8 bytes (dynamic)\\n1 dynamic objects" }
node: { title: "outside" label: "outside\\n<built-in>" shape : ellipse }
edge: { sourcename: "root" targetname: "a.cpp:local" label: "a.cpp:5:1" }
edge: { sourcename: "root" targetname: "__indirect_call" label: "a.cpp:6:1" }
edge: { sourcename: "a.cpp:local" targetname: "outside" label: "a.cpp:7:1" }
}
"""
LISTING = """
08000000 <root>:
 8000000:\tb510      \tpush\t{r4, lr}
 8000002:\tf000 f801 \tbl\t8000010 <local>

08000010 <local>:
 8000010:\tf000 f801 \tbl\t8000030 <helper>

08000030 <helper>:
 8000030:\te92d 47f0 \tstmdb\tsp!, {r4, r5, r6, r7, r8, r9, sl, lr}
 8000034:\tb084      \tsub\tsp, #16
 8000036:\te000      \tb.n\t8000040 <deeper>

08000040 <deeper>:
 8000040:\tf84d ed08 \tstr.w\tlr, [sp, #-8]!
"""


def graph(folder: Path, text: str = GRAPH) -> Path:
    (folder / "a.ci").write_text(text)
    return folder


def frames_of(text: str, listing: str) -> tuple[dict[str, tuple[int, bool]], dict[str, set[str]]]:
    frames: dict[str, tuple[int, bool]] = {}
    calls: dict[str, set[str]] = {}
    stack.read_graph(text, frames, calls)
    stack.read_listing(listing, frames, calls)
    return frames, calls


def test_library_functions_are_bounded_by_their_instructions() -> None:
    frames, calls = frames_of(GRAPH, LISTING)
    assert frames["helper"] == (8 * 4 + 16, True)
    assert frames["deeper"] == (8, True)
    assert frames["root"] == (16, True)  # GCC's own word stands
    assert calls["local"] == {"outside", "helper"}
    assert calls["helper"] == {"deeper"}


def test_the_deepest_way_is_found() -> None:
    frames, calls = frames_of(GRAPH, LISTING)
    found = stack.deepest_way("root", frames, calls)
    assert found.total_bytes == 16 + 40 + 48 + 8
    assert [name for name, _ in found.path] == ["root", "local", "helper", "deeper"]
    assert found.bounded


def test_recursion_and_growing_frames_are_not_bounded() -> None:
    frames, calls = frames_of(GRAPH, LISTING)
    calls["deeper"] = {"local"}
    assert not stack.deepest_way("root", frames, calls).bounded
    frames, calls = frames_of(GRAPH, LISTING)
    calls["deeper"] = {"grows"}
    assert not stack.deepest_way("root", frames, calls).bounded


def test_a_compiler_without_call_graphs_gives_no_figure(tmp_path: Path) -> None:
    assert stack.worst_case(tmp_path, tmp_path / "none", "root", prefix="") is None


def test_a_link_map_is_added_up() -> None:
    text = """
Discarded input sections
 .text.gone     0x0000000000000000       0x40 /w/model.o
Linker script and memory map
 .text.short    0x0000000008000000       0x10 /w/model.o
 .text._ZN7tinygen5model5inferEPFbPvtES1_
                0x0000000008000010       0x20 /w/model.o
 *fill*         0x0000000008000030        0x2
 .text.memcpy   0x0000000008000032        0x8 /usr/lib/libc_nano.a(memcpy.o)
 .bss.tinygen_arena
                0x0000000020000000      0x100 /w/model.o
"""
    assert map_sizes(text) == [
        ("model.o", ".text.short", 16),
        ("model.o", ".text._ZN7tinygen5model5inferEPFbPvtES1_", 32),
        ("libc_nano.a(memcpy.o)", ".text.memcpy", 8),
        ("model.o", ".bss.tinygen_arena", 256),
    ]


def test_mangled_names_are_said_short() -> None:
    assert shown_function("_ZN7tinygen5model5inferEPFbPvtES1_") == "infer"
    assert shown_function("_ZN7tinygen7kernels10requantizeINS_5model12_GLOBAL__N_15Step1EEEalll") == "requantize"
    assert shown_function("memcpy") == "memcpy"


def context(folder: Path) -> Context:
    return Context(config=load_config(None, {"board": "nucleo_f446re"}, folder))


def test_a_budget_is_read(tmp_path: Path) -> None:
    made = compilation.with_budget(context(tmp_path), "ram=32K, flash=128K").config
    assert (made.ram_budget_bytes, made.flash_budget_bytes) == (32768, 131072)
    assert compilation.with_budget(context(tmp_path), "ram=9000").config.flash_budget_bytes is None


@pytest.mark.parametrize("text", ["ram", "ram=", "ram=-1", "rom=3K", "32K"])
def test_a_wrong_budget_is_explained(tmp_path: Path, text: str) -> None:
    with pytest.raises(TinygenError, match="budget"):
        compilation.with_budget(context(tmp_path), text)


def test_a_plan_over_the_budget_names_step_and_sum(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(random_model(3))
    ctx = compilation.with_budget(context(tmp_path), "ram=16")
    with pytest.raises(
        TinygenError, match=r"needs at least .* the budget allows 16; the arena peaks at step"
    ) as caught:
        compilation.planned(ctx, compile_values.Request(model=path))
    assert "larger board" not in caught.value.hint  # the budget is the user's, not the board's


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(random_model(3))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not delete")
    request = compile_values.Request(model=path, output=tmp_path / "mine")
    with pytest.raises(TinygenError, match="no generated library"):
        compilation.compile_model(context(tmp_path), request)
    assert (tmp_path / "mine" / "thesis.txt").is_file()


def test_constructed_inputs_reach_the_ends_and_repeat() -> None:
    graph = load(random_model(3), "random")
    vectors = model_inputs(graph, 12, 1)
    again = model_inputs(graph, 12, 1)
    assert all(np.array_equal(a.model_input, b.model_input) for a, b in zip(vectors, again, strict=True))
    assert {int(v) for vector in vectors for v in (vector.model_input.min(), vector.model_input.max())} >= {-128, 127}
    assert split(graph, vectors[0].model_input)[0].shape == graph.tensors[graph.inputs[0]].shape
    with pytest.raises(TinygenError, match="at least one vector"):
        model_inputs(graph, 0, 1)


@pytest.mark.parametrize(("name", "limit_s"), [("kws_ref_model", 2.0), ("vww_96_int8", 15.0)])
def test_planning_and_rendering_are_quick(
    shared_dir: Callable[[str], Path], tmp_path: Path, name: str, limit_s: float
) -> None:
    request = compile_values.Request(model=shared_dir(f"models/{name}.tflite"))
    before = "tensorflow" in sys.modules  # by another test of the same process
    started = time.process_time()
    made = compilation.planned(context(tmp_path), request)
    assert compilation.library_files(made)
    assert time.process_time() - started < limit_s
    assert before or "tensorflow" not in sys.modules


def test_a_proof_says_where_it_finds_room(shared_dir: Callable[[str], Path], tmp_path: Path) -> None:
    request = compile_values.Request(model=shared_dir("models/rock_paper_scissors.tflite"))
    plan = compilation.planned(context(tmp_path), request).plan
    feather, nucleo = find_board("feather_f405"), find_board("nucleo_f446re")
    assert proof_memory.copies_apart(plan, feather, "unicorn")
    with pytest.raises(TinygenError, match="ccm, which qemu's machine does not have") as refused:
        proof_memory.copies_apart(plan, feather, "qemu")
    assert "--verify unicorn or host" in refused.value.hint
    with pytest.raises(TinygenError) as overflow, proof_memory.explained(plan, nucleo):
        raise TinygenError(ExitCode.BAD_INPUT, "the firmware does not fit: RAM is 1 bytes too small", where="x")
    assert "--verify host" in overflow.value.hint
    assert "nucleo_f746zg" in overflow.value.hint or "feather_f405" in overflow.value.hint
    small = compilation.planned(context(tmp_path), replace(request, model=shared_dir("models/ad01_int8.tflite"))).plan
    assert not proof_memory.copies_apart(small, feather, "qemu")
