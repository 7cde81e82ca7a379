"""A byte of the weights is changed in the built image: verify must fail and name that layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from tinygen.config import load_config
from tinygen.core.values import Check, CheckStatus, Report
from tinygen.pipeline import firmware_steps, proof
from tinygen.pipeline.context import Context
from tinygen.pipeline.firmware_steps import Built

pytestmark = [pytest.mark.sim, pytest.mark.slow]

_TRIES = 12  # a weight may belong to a channel that the activation always cuts off


@pytest.fixture(scope="module")
def image(
    tmp_path_factory: pytest.TempPathFactory, needs_module: Callable[..., None], needs_tool: Callable[..., str]
) -> tuple[Context, Built]:
    for module, extra in (("tensorflow", "train"), ("tflite_micro", "verify"), ("unicorn", "sim")):
        needs_module(module, extra)
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    options = {"task": "gesture", "board": "feather_f405", "on": "unicorn", "epochs": 1, "vectors": 3}
    config = load_config(None, options, tmp_path_factory.mktemp("flip"))
    ctx = Context(config=config, offline=True)
    return ctx, firmware_steps.built(ctx)


def patched(made: Built, symbol: str, offset: int, mask: int, out: Path) -> Built:
    """The image with one byte of a symbol changed."""
    data = bytearray(made.firmware.elf.read_bytes())
    address = made.firmware.symbols[symbol].address + offset
    with made.firmware.elf.open("rb") as file:
        (place,) = ELFFile(file).address_offsets(address)
    data[place] ^= mask
    out.write_bytes(data)
    return replace(made, firmware=replace(made.firmware, elf=out))


def check(report: Report, name: str) -> Check:
    return next(c for c in report.checks if c.name == name)


def first_finding(report: Report) -> dict[str, object]:
    findings = report.details["findings"]
    assert isinstance(findings, list)
    return dict(findings[0])


def test_the_image_itself_passes(image: tuple[Context, Built]) -> None:
    ctx, made = image
    assert proof.verify(ctx, mode="both", made=made).ok


@pytest.mark.parametrize(
    ("step", "op", "part"),
    [(0, "CONV_2D", "conv_2d_0_weights"), (2, "CONV_2D", "conv_2d_2_weights"),
     (1, "CONV_2D", "conv_2d_1_channels"), (5, "FULLY_CONNECTED", "fully_connected_5_weights")],
)  # fmt: skip
def test_a_flipped_byte_is_found_and_its_layer_named(
    image: tuple[Context, Built], tmp_path: Path, step: int, op: str, part: str
) -> None:
    ctx, made = image
    (symbol,) = (name for name in made.firmware.symbols if part in name)
    size = made.firmware.symbols[symbol].size_bytes
    reports = []
    for attempt in range(_TRIES):
        offset = attempt * size // _TRIES
        wrong = patched(made, symbol, offset, 0x40, tmp_path / "patched.elf")
        report = proof.verify(ctx, mode="tensor", made=wrong)
        # A byte without effect on any output is found all the same.
        assert check(report, "image").status is CheckStatus.FAILED
        assert part in check(report, "image").reason
        if report.details.get("findings"):
            reports.append(report)
        if len(reports) == 2:
            break
    assert reports, "no byte that changes a tensor was found"
    for report in reports:
        finding = first_finding(report)
        assert (finding["step"], finding["op"]) == (step, op)
        assert finding["verdict"] == "weights in flash"
        assert finding["channels"] == 1
        assert check(report, "layers").status is CheckStatus.FAILED
        assert f"step {step} {op}" in check(report, "layers").reason
        assert report.details["exit_code"] == 1
        differing = next(m.value for m in report.measurements if m.name == "differing_bytes")
        assert differing
