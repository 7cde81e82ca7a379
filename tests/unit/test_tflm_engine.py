"""The interpreter engine: which operators it registers, what it keeps of a tree, how large its arena is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tinygen.boards.framework import with_framework
from tinygen.boards.loader import find_board
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.firmware.tflm_operators import check_runnable, registrations
from tinygen.firmware.tflm_view import render_tflm
from tinygen.model import importer
from tinygen.model.interpreted import FileFacts, file_facts, interpreted_plan
from tinygen.model.interpreter_scratch import scratch_bytes
from tinygen.model.ir import Graph
from tinygen.toolchain.tflm_tree import ENVIRONMENT, find_tree, select
from tinygen.verify import arena
from tinygen.verify.oracle import written_tensors

FactsOf = Callable[[str], tuple[bytes, Graph, FileFacts]]
KERNELS = "tensorflow/lite/micro/kernels"
FILES = {
    "LICENSE": "Apache",
    "tensorflow/lite/micro/micro_interpreter.h": "",
    "tensorflow/lite/micro/micro_mutable_op_resolver.h": f'#include "{KERNELS}/conv.h"\n#include "{KERNELS}/add.h"\n',
    "tensorflow/lite/micro/micro_interpreter.cpp": "",
    "tensorflow/lite/micro/test_helpers.cpp": "",
    "tensorflow/lite/micro/recording_micro_allocator.cpp": "",
    f"{KERNELS}/conv.h": "",
    f"{KERNELS}/add.h": "",
    f"{KERNELS}/kernel_util.h": "",
    f"{KERNELS}/kernel_util.cpp": "",
    f"{KERNELS}/conv_common.cpp": f'#include "{KERNELS}/conv.h"\n#include "{KERNELS}/padding.h"\n',
    f"{KERNELS}/padding.h": "",
    f"{KERNELS}/padding.cpp": "",
    f"{KERNELS}/softmax.cpp": "TFLMRegistration Register_SOFTMAX() {\n",
    f"{KERNELS}/cmsis_nn/conv.cpp": f'#include "{KERNELS}/conv.h"\nTFLMRegistration Register_CONV_2D() {{\n'
    "TFLMRegistration Register_CONV_2D_INT8() {\n",
    f"{KERNELS}/cmsis_nn/add.cpp": f'#include "{KERNELS}/add.h"\nTFLMRegistration Register_ADD() {{\n',
    "signal/micro/kernels/rfft.cpp": "",
    "signal/micro/kernels/rfft.h": "",
    "third_party/flatbuffers/include/flatbuffers/flatbuffers.h": "",
    "third_party/cmsis_nn/Include/arm_nnfunctions.h": "",
    "third_party/cmsis_nn/Source/arm_convolve_s8.c": "",
    "third_party/cmsis_nn/Source/arm_convolve_f16.c": "",
    "third_party/cmsis/CMSIS/Core/Include/cmsis_gcc.h": "",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "tree"


@pytest.fixture
def facts_of(shared_dir: Callable[..., Path]) -> FactsOf:
    def make(name: str) -> tuple[bytes, Graph, FileFacts]:
        tflite = shared_dir(f"models/{name}.tflite").read_bytes()
        return tflite, importer.load(tflite, name), file_facts(tflite, name)

    return make


def test_exactly_the_operators_of_every_subgraph_are_registered(facts_of: FactsOf) -> None:
    _, _, facts = facts_of("alexa")
    found = {line.operator: line for line in registrations(facts)}
    assert list(found) == sorted({op.name for subgraph in facts.operators for op in subgraph})
    # Variables and their first values are operators too; generated code has neither.
    assert {"VAR_HANDLE", "CALL_ONCE", "READ_VARIABLE", "ASSIGN_VARIABLE"} <= set(found)
    assert found["CONV_2D"].kernel == "tflite::Register_CONV_2D_INT8()"
    assert found["CONV_2D"].symbol == "Register_CONV_2D_INT8"
    assert found["STRIDED_SLICE"].kernel == ""
    assert found["STRIDED_SLICE"].symbol == "Register_STRIDED_SLICE"
    assert facts.variable_count == 6


def test_the_kernels_for_int8_alone_are_left_to_models_of_int8(facts_of: FactsOf) -> None:
    _, _, facts = facts_of("micro_speech_quantized")
    assert {line.operator: line.kernel for line in registrations(facts)}["SOFTMAX"] == "tflite::Register_SOFTMAX_INT8()"


def test_what_cmsis_nn_computes_otherwise_is_refused(facts_of: FactsOf) -> None:
    _, _, facts = facts_of("trained_lstm_int8")
    with pytest.raises(TinygenError, match="begins every inference from zero state"):
        check_runnable(facts, "trained_lstm_int8", "CMSIS-NN")
    check_runnable(facts, "trained_lstm_int8", "ESP-NN")  # its kernel is the reference's


@pytest.mark.parametrize("name", ["kws_ref_model", "alexa", "person_detect", "hello_world_int8", "ad01_int8"])
def test_every_tensor_of_the_oracle_is_observed_in_the_order_it_is_written(name: str, facts_of: FactsOf) -> None:
    tflite, graph, facts = facts_of(name)
    plan = interpreted_plan(graph, facts, arena_bytes=4096, arena_origin="given", model_bytes=len(tflite))
    assert set(plan.observed) == set(written_tensors(graph))
    writers = {index: step.position for step in plan.steps for index in step.outputs}
    assert [writers[index] for index in plan.observed] == sorted(writers[index] for index in plan.observed)
    assert [step.position for step in plan.steps] == list(range(len(facts.operators[0])))
    assert plan.weights_bytes == len(tflite)


def test_the_record_alone_is_too_small_for_a_tiny_model(facts_of: FactsOf, needs_module: Callable[..., None]) -> None:
    needs_module("tflite_micro", "verify")
    tflite, graph, _ = facts_of("hello_world_int8")
    found = arena.record(tflite, "hello")
    assert found.total == found.head + found.tail
    assert found.least > found.total
    assert found.least % 16 == 0
    assert scratch_bytes(graph, "CMSIS-NN") == 0  # only fully connected layers


def test_a_model_the_interpreter_refuses_has_no_record(needs_module: Callable[..., None]) -> None:
    needs_module("tflite_micro", "verify")
    with pytest.raises(TinygenError, match="gives no allocation record") as caught:
        arena.record(b"\0" * 64, "nothing")
    assert caught.value.code is ExitCode.BAD_INPUT


def test_scratch_of_optimised_convolutions_is_added(facts_of: FactsOf) -> None:
    _, graph, _ = facts_of("kws_ref_model")
    # The depthwise convolution, 3 x 3 of 64 channels, widened to int16.
    assert scratch_bytes(graph, "CMSIS-NN") == 1152
    assert scratch_bytes(graph, "ESP-NN") > scratch_bytes(graph, "CMSIS-NN")


def test_of_a_tree_only_what_the_operators_need_is_taken(tree: Path) -> None:
    files = select(find_tree(tree), ["Register_CONV_2D_INT8"])
    sources = {name for name in files if name.endswith((".cpp", ".c"))}
    assert sources == {
        "tensorflow/lite/micro/micro_interpreter.cpp",
        f"{KERNELS}/kernel_util.cpp",
        f"{KERNELS}/cmsis_nn/conv.cpp",
        f"{KERNELS}/conv_common.cpp",
        f"{KERNELS}/padding.cpp",
        "third_party/cmsis_nn/Source/arm_convolve_s8.c",
    }
    assert {f"{KERNELS}/add.h", "signal/micro/kernels/rfft.h", "LICENSE"} <= set(files)
    # A kernel that has no variant of its own for INT8 is taken in its general form.
    assert f"{KERNELS}/cmsis_nn/add.cpp" in select(find_tree(tree), ["Register_ADD_INT8"])
    with pytest.raises(TinygenError, match="has no kernel Register_SVDF"):
        select(find_tree(tree), ["Register_SVDF"])


def test_a_tree_says_which_one_it_is(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tree))
    first = find_tree(None)
    (tree / KERNELS / "conv_common.cpp").write_text("// another version\n")
    assert find_tree(None).digest != first.digest


def test_what_is_no_tree_is_refused_with_how_to_make_one(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    with pytest.raises(TinygenError) as caught:
        find_tree(None)
    assert caught.value.code is ExitCode.TOOL_FAILED
    assert "create_tflm_tree.py" in caught.value.hint
    with pytest.raises(TinygenError, match="is no folder"):
        find_tree(tmp_path / "nowhere")
    (tree / KERNELS / "cmsis_nn" / "conv.cpp").rename(tree / KERNELS / "cmsis_nn" / "conv.cc")
    with pytest.raises(TinygenError, match=r"its files end in \.cc") as caught:
        find_tree(tree)
    assert "--rename_cc_to_cpp" in caught.value.hint
    (tree / KERNELS / "cmsis_nn" / "conv.cc").unlink()
    with pytest.raises(TinygenError, match="it has no "):
        find_tree(tree)


def test_a_model_with_variables_is_given_them_and_can_be_run_twice_from_the_same_state(facts_of: FactsOf) -> None:
    tflite, graph, facts = facts_of("alexa")
    plan = interpreted_plan(graph, facts, arena_bytes=4096, arena_origin="given", model_bytes=len(tflite))
    board = with_framework(find_board("esp32s3"), "espidf")
    files = render_tflm(plan, facts, tflite, board)
    text = files["src/model.cpp"].decode()
    assert "const int kVariableCount = 6;" in text
    assert "std::int8_t* const kArenaCopy = tinygen_state_copy;" in text
    assert "tinygen_state_copy[4096]" in text
    for method in ("AddVarHandle()", "AddCallOnce()", "AddReadVariable()", "AddAssignVariable()"):
        assert f"resolver.{method}" in text
    assert b'espressif/esp-tflite-micro: "~1.3.8"' in files["src/idf_component.yml"]
    stateless = facts_of("kws_ref_model")
    plan = interpreted_plan(stateless[1], stateless[2], arena_bytes=4096, arena_origin="given", model_bytes=1)
    text = render_tflm(plan, stateless[2], stateless[0], board)["src/model.cpp"].decode()
    assert "kArenaCopy = nullptr" in text
    assert "const int kVariableCount = 0;" in text
