"""The matrix-product kernels for the DSP extension, as machine code of each core that has it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.random_layers import random_layer
from tinygen.firmware.model_view import render_model
from tinygen.pipeline.counting import Subject, core_chip, count

pytestmark = pytest.mark.sim

KERNELS = (
    "conv_2d_int8_dsp",
    "conv_2d_int8_dsp_window",
    "fully_connected_int8_dsp_per_tensor",
    "fully_connected_int8_dsp_per_channel",
)
LAYERS = {"conv_2d_int8_dsp": 24}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("core", "level"),
    [("cortex-m4", "-O2"), ("cortex-m4", "-Os"), ("cortex-m4", "-O0"), ("cortex-m7", "-O2"), ("cortex-m33", "-O2")],
)
def test_machine_code_equals_the_reference(
    needs_tool: Callable[..., str],
    needs_module: Callable[..., None],
    tmp_path: Path,
    kernel: str,
    core: str,
    level: str,
) -> None:
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    needs_module("unicorn", "sim")
    chip = core_chip(core)
    layers = [random_layer(kernel, seed) for seed in range(LAYERS.get(kernel, 10))]
    subjects = [Subject(plan=one.plan(chip), inputs=tuple(x.tobytes() for x in one.inputs)) for one in layers]
    for one, counted in zip(layers, count(subjects, chip, tmp_path / "work", level=level), strict=True):
        assert counted.outputs == one.expected, one.graph.name


def test_only_a_cortex_m7_gets_the_order_for_two_instructions_at_a_time() -> None:
    layer = random_layer("conv_2d_int8_dsp", 1)
    made = {
        core: render_model(layer.plan(core_chip(core)), b"")["src/model.cpp"] for core in ("cortex-m7", "cortex-m4")
    }
    assert b"TINYGEN_DUAL_ISSUE" in made["cortex-m7"]
    assert b"TINYGEN_DUAL_ISSUE" not in made["cortex-m4"]
