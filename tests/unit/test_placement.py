"""What the plan says about memories and vector instructions of an ESP32-S3."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile

from tinygen.boards.loader import find_board
from tinygen.firmware.model_view import render_model
from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.compile import plan
from tinygen.model.importer import load
from tinygen.model.ir import Plan
from tinygen.model.selection import Options
from tinygen.pipeline import placement


def planned(board: str, channels: int, outputs: int = 8, options: Options | None = None) -> Plan:
    """A 3x3 convolution."""
    builder = ModelBuilder()
    x = builder.tensor("x", "int8", (1, 6, 6, channels), scales=[0.05], zero_points=[0])
    data = np.ones((outputs, 3, 3, channels), np.int8)
    w = builder.tensor("w", "int8", data.shape, scales=[0.01] * outputs, axis=0, data=data)
    b = builder.tensor("b", "int32", (outputs,), data=np.arange(outputs, dtype=np.int32))
    y = builder.tensor("y", "int8", (1, 6, 6, outputs), scales=[0.1], zero_points=[0])
    builder.op("CONV_2D", [x, w, b], [y], Record("Conv2DOptions", {"padding": 0, "stride_h": 1, "stride_w": 1}))
    return plan(load(builder.finish([x], [y]), "m"), find_board(board).chip, options)


@pytest.mark.parametrize(("channels", "fits"), [(16, True), (32, True), (12, False), (1, False)])
def test_rows_of_sixteen_bytes_suit_a_vector_kernel(channels: int, fits: bool) -> None:
    (layer,) = placement.vector_layers(planned("esp32s3", channels), find_board("esp32s3"))
    assert layer.fits is fits
    assert fits or f"padded they would take {-(-channels // 16) * 16}" in layer.why


def test_every_byte_has_a_memory() -> None:
    made = planned("esp32s3", 16)
    found = {part.what: part for part in placement.parts(made, find_board("esp32s3"))}
    assert (found["arena"].n_bytes, found["weights"].n_bytes) == (made.arena_bytes, made.weights_bytes)
    assert "internal SRAM" in found["arena"].memory
    assert ".dram1" in found["weights"].memory and "they fit beside the arena" in found["weights"].why


def test_a_budget_of_ram_keeps_weights_in_flash() -> None:
    made = planned("esp32s3", 16, options=Options(spare_ram=False))
    weights = next(p for p in placement.parts(made, find_board("esp32s3")) if p.what == "weights")
    assert "flash" in weights.memory and "a budget of RAM" in weights.why
    assert made.ram_weights_bytes == 0
    assert b".dram1" not in render_model(made, b"")["src/weights.cpp"]


@pytest.mark.parametrize(("arguments", "wanted"), [(("-DESP_PLATFORM",), True), ((), False)])
def test_just_the_weights_are_in_the_section_the_loader_copies(
    arguments: tuple[str, ...], wanted: bool, tmp_path: Path, needs_tool: Callable[..., str]
) -> None:
    """lx106 object code: sections are the assembler's and the same for any Xtensa."""
    compiler = needs_tool("xtensa-lx106-elf-g++", "gcc-xtensa-lx106")
    made = planned("esp32s3", 16)
    assert made.ram_weights_bytes == made.weights_bytes > 0
    for name, content in render_model(made, b"").items():
        if name.startswith("src/weights"):
            (tmp_path / Path(name).name).write_bytes(content)
    object_file = tmp_path / "weights.o"
    include = Path(__file__).resolve().parents[2] / "firmware" / "standin" / "xtensa" / "include"
    flags = [f"-I{include}", "-std=gnu++17", "-Os", "-ffreestanding", "-Wall", "-Wextra", "-Werror", *arguments]
    subprocess.run([compiler, *flags, "-c", str(tmp_path / "weights.cpp"), "-o", str(object_file)], check=True)
    with object_file.open("rb") as file:
        elf = ELFFile(file)
        copied = {number for number, section in enumerate(elf.iter_sections()) if section.name.startswith(".dram1")}
        symbols = elf.get_section_by_name(".symtab").iter_symbols()
        found = sum(symbol["st_size"] for symbol in symbols if symbol["st_shndx"] in copied)
    assert found == (made.weights_bytes if wanted else 0)


def test_weights_too_large_for_internal_sram_are_said_to_be() -> None:
    made = planned("esp32s3", 256, 160)
    weights = next(p for p in placement.parts(made, find_board("esp32s3")) if p.what == "weights")
    assert "has no room" in weights.why


def test_a_cortex_m_has_nothing_to_say() -> None:
    made = planned("nucleo_f446re", 16)
    assert placement.values(made, find_board("nucleo_f446re")) == {}
    assert placement.tables(made, find_board("nucleo_f446re")) == ()


@pytest.mark.parametrize(("board", "alignment"), [("esp32s3", 16), ("nucleo_f446re", 4)])
def test_weights_are_aligned_as_tensors_are(board: str, alignment: int) -> None:
    text = render_model(planned(board, 16), b"")["src/weights.cpp"].decode()
    found = re.search(r"alignas\((\d+)\) const std::int8_t conv_2d_0_weights", text)
    assert found is not None and int(found[1]) >= alignment
    assert board != "nucleo_f446re" or int(found[1]) < 16
