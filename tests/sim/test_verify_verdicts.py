"""Each class of fault is planted in a real image, and `verify` gives it its name, its layer and its values."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

from tinygen.config import load_config
from tinygen.core.values import Check, CheckStatus, Report
from tinygen.pipeline import firmware_steps, proof
from tinygen.pipeline.context import Context
from tinygen.pipeline.firmware_steps import Built
from tinygen.report import terminal
from tinygen.toolchain import build as builder

pytestmark = [pytest.mark.sim, pytest.mark.slow]

Edit = Callable[[str], str]


@pytest.fixture(scope="module")
def image(
    tmp_path_factory: pytest.TempPathFactory, needs_module: Callable[..., None], needs_tool: Callable[..., str]
) -> tuple[Context, Built]:
    for module, extra in (("tensorflow", "train"), ("tflite_micro", "verify"), ("unicorn", "sim")):
        needs_module(module, extra)
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    options = {"task": "gesture", "board": "feather_f405", "on": "unicorn", "epochs": 1, "vectors": 4}
    ctx = Context(config=load_config(None, options, tmp_path_factory.mktemp("verdicts")), offline=True)
    return ctx, firmware_steps.built(ctx)


@pytest.fixture
def edited(image: tuple[Context, Built], tmp_path: Path) -> Callable[[str, Edit], Built]:
    """Changes a file of the generated project and builds it under the old build id: a fault nobody declared."""
    ctx, made = image

    def build(name: str, edit: Edit) -> Built:
        project = tmp_path / "project"
        shutil.copytree(ctx.project_dir, project, ignore=shutil.ignore_patterns(".pio"))
        (path,) = project.rglob(name)
        before = path.read_text()
        after = edit(before)
        assert after != before, f"nothing to change in {name}"
        path.write_text(after)
        firmware = builder.build(project, ctx.board, build_id=made.firmware.build_id, offline=True)
        return replace(made, firmware=firmware)

    return build


def verdict(report: Report) -> tuple[Any, dict[str, Any]]:
    """What the report says, and its first finding; what people see of it is the same."""
    assert not report.ok
    assert report.details["exit_code"] == 1
    findings = report.details["findings"]
    assert isinstance(findings, list)
    shown = "\n".join([*report.notes, *(" ".join(row) for table in report.tables for row in table.rows)])
    for finding in findings[:1]:
        assert f"verdict: {finding['verdict']}" in shown
        for value in finding["values"]:
            wanted = (value["index"], ", ".join(map(str, value["coordinates"])), value["expected"], value["actual"])
            assert " ".join(map(str, wanted)) in shown
    assert terminal.aligned(("a",), (("b",),))
    return report.details["verdict"], findings[0] if findings else {}


def check(report: Report, name: str) -> Check:
    return next(c for c in report.checks if c.name == name)


def step(source: str, number: int, op: str, addition: str) -> str:
    """A step's function with a statement at its end."""
    start = source.index(f"void step_{number}_{op}() {{")
    end = source.index("\n}\n", start)
    return source[:end] + "\n" + addition + source[end:]


def output_of(source: str, number: int) -> str:
    """The place of the tensor a step writes, as the generated code names it."""
    body = source[source.index(f"void step_{number}_conv_2d() {{") :]
    places = [part.split(",")[0].split(")")[0] for part in body.split("tinygen_arena + ")[1:3]]
    return places[1].strip()


def test_features(image: tuple[Context, Built], edited: Callable[[str, Edit], Built]) -> None:
    """A number of the front end's tables is another one."""
    ctx, _ = image

    def edit(source: str) -> str:
        head, name, tail = source.partition("kQuantization{")
        number, rest = tail.split(",", 1)
        return f"{head}{name}{int(number) * 63 // 64},{rest}"

    made = edited("features.cpp", edit)
    report = proof.verify(ctx, mode="both", made=made)
    found, finding = verdict(report)
    assert found == "features"
    assert finding["mode"] == "raw"
    assert check(report, "raw mode").status is CheckStatus.FAILED
    assert check(report, "tensor mode").status is CheckStatus.PASSED


def test_a_kernel(image: tuple[Context, Built], edited: Callable[[str, Edit], Built]) -> None:
    """A convolution rounds its way: every value of its output is one too large."""
    ctx, _ = image

    def edit(source: str) -> str:
        place = output_of(source, 2)
        return step(source, 2, "conv_2d", f"  for (int i = 0; i < 200; ++i) tinygen_arena[{place} + i] ^= 1;")

    found, finding = verdict(proof.verify(ctx, mode="tensor", made=edited("model.cpp", edit)))
    assert (found, finding["step"], finding["op"]) == ("kernel", 2, "CONV_2D")
    assert finding["channels"] > 1
    assert finding["values"][0]["coordinates"][0] == 0


def test_one_channel_by_a_kernel_is_not_blamed_on_intact_weights(
    image: tuple[Context, Built], edited: Callable[[str, Edit], Built]
) -> None:
    ctx, _ = image

    def edit(source: str) -> str:
        place = output_of(source, 2)
        return step(source, 2, "conv_2d", f"  for (int i = 5; i < 900; i += 32) tinygen_arena[{place} + i] ^= 1;")

    found, finding = verdict(proof.verify(ctx, mode="tensor", made=edited("model.cpp", edit)))
    assert (found, finding["step"], finding["channels"]) == ("kernel", 2, 1)


def test_weights_in_flash(image: tuple[Context, Built], tmp_path: Path) -> None:
    """A byte of the weights in the linked image is another one."""
    ctx, made = image
    (symbol,) = (name for name in made.firmware.symbols if "conv_2d_1_bias" in name or "conv_2d_1_channels" in name)
    for offset in range(1, 97, 4):  # the second byte of a number; some channel is not cut off by the activation
        data = bytearray(made.firmware.elf.read_bytes())
        with made.firmware.elf.open("rb") as file:
            (place,) = ELFFile(file).address_offsets(made.firmware.symbols[symbol].address + offset)
        data[place] ^= 0x40
        elf = tmp_path / "flipped.elf"
        elf.write_bytes(data)
        report = proof.verify(ctx, mode="tensor", made=replace(made, firmware=replace(made.firmware, elf=elf)))
        if not report.ok and report.details["findings"]:
            break
    found, finding = verdict(report)
    assert (found, finding["step"], finding["channels"]) == ("weights in flash", 1, 1)
    assert "damaged" in finding["reason"]


def test_memory_overwritten_now_and_then(image: tuple[Context, Built], edited: Callable[[str, Edit], Built]) -> None:
    """Something writes into the arena during some inferences: an interrupt, a DMA transfer, a stray pointer."""
    ctx, _ = image

    def edit(source: str) -> str:
        place = output_of(source, 2)
        rogue = f"  static int runs = 0;\n  if (++runs % 2 == 0) tinygen_arena[{place} + 37] ^= 0x55;"
        return step(source, 2, "conv_2d", rogue)

    found, finding = verdict(proof.verify(ctx, mode="tensor", made=edited("model.cpp", edit)))
    assert found == "memory overwritten"
    assert finding["step"] == 2


def test_memory_overwritten_each_time(image: tuple[Context, Built], edited: Callable[[str, Edit], Built]) -> None:
    ctx, _ = image

    def edit(source: str) -> str:
        place = output_of(source, 2)
        return step(source, 2, "conv_2d", f"  for (int i = 40; i < 44; ++i) tinygen_arena[{place} + i] ^= 0x55;")

    found, finding = verdict(proof.verify(ctx, mode="tensor", made=edited("model.cpp", edit)))
    assert (found, finding["step"]) == ("memory overwritten", 2)
    assert "something else writes there" in finding["reason"]
    assert [value["index"] for value in finding["values"]] == [40, 41, 42, 43]


def test_a_buffer_written_over_a_layer_each_time(
    image: tuple[Context, Built], edited: Callable[[str, Edit], Built]
) -> None:
    """A DMA transfer or a large local of someone else lands in the arena; a kernel's results would follow the input."""
    ctx, _ = image

    def edit(source: str) -> str:
        place = output_of(source, 2)
        rogue = (
            f"  for (int i = 64; i < 160; ++i) tinygen_arena[{place} + i] = static_cast<int8_t>(i * 37 % 251 - 120);"
        )
        return step(source, 2, "conv_2d", rogue)

    found, finding = verdict(proof.verify(ctx, mode="tensor", made=edited("model.cpp", edit)))
    assert (found, finding["step"]) == ("memory overwritten", 2)
    assert "quite another input" in finding["reason"]


def test_another_build(image: tuple[Context, Built]) -> None:
    ctx, made = image
    other = replace(made, firmware=replace(made.firmware, build_id="ff" * 16))
    report = proof.verify(ctx, mode="tensor", made=other)
    assert not report.ok
    assert report.details["verdict"] == "another build"
    assert check(report, "build").status is CheckStatus.FAILED
    assert made.firmware.build_id in check(report, "build").reason
