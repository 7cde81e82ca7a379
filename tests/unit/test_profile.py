"""Statistics of a profile, its comparison with an earlier one, its picture."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tinygen.core.errors import TinygenError
from tinygen.core.values import CheckStatus, Report
from tinygen.device.counting import Counting, counting
from tinygen.device.instruments import ArenaUse
from tinygen.device.link import Capabilities
from tinygen.device.values import Hello
from tinygen.features.spec import BandEnergySpec, LogMelSpec, ScaledWindowSpec
from tinygen.features.stages import stage_names, stages_in_use
from tinygen.pipeline import profile_views
from tinygen.pipeline.profiling import picture
from tinygen.report import json_view
from tinygen.verify.profile import Part, Profile

CYCLES = Counting(unit="cycles", origin="measured-on-nucleo_f446re", scale=1.0, deterministic=False)


def part(name: str, *counts: float) -> Part:
    return Part(name=name, detail="k", counts=counts or (0.0,))


def profile(first: float = 600.0, second: float = 400.0) -> Profile:
    return Profile(
        counting=CYCLES,
        warmups=8,
        layers=(part("0 CONV_2D", first), part("1 SOFTMAX", second), part("2 RESHAPE", 0.0)),
        stages=(part("fft", 300.0),),
        whole=part("inference", first + second),
        layer_overhead=20.0,
        stage_overhead=30.0,
        arena=ArenaUse(arena_bytes=64, high_water_bytes=60, written_bytes=50),
        stack_bytes=8192,
        stack_used_bytes=500,
    )


def reported(found: Profile, compare: Path | None = None, threshold: float = 5.0) -> Report:
    old = None if compare is None else profile_views.earlier(compare)
    return profile_views.report(found, {"build": "b"}, compare=old, threshold_percent=threshold, page=None)


def kept(found: Profile, folder: Path) -> Path:
    path = folder / "old.json"
    path.write_text(json.dumps(json_view.document(reported(found))))
    return path


def test_median_p95_and_worst() -> None:
    found = part("x", *map(float, range(1, 102)))
    assert (found.median, found.p95, found.worst) == (51.0, 96.0, 101.0)
    assert (part("x", 7.0).median, part("x", 7.0).p95, part("x", 7.0).worst) == (7.0, 7.0, 7.0)
    assert part("x", 1.0, 2.0).p95 == 2.0


def test_what_a_counter_means() -> None:
    hello = Hello(
        protocol=2, runtime=1, build_id="", board="nucleo_f446re", task="", engine="", max_payload=512,
        counter_kind="dwt", arena_bytes=0, weights_bytes=0, input_bytes=0, output_bytes=0, step_count=0,
        observed_count=0, selftest_count=0, rate_hz=0, channels=1, samples_per_inference=0, frames=0, frame_values=0,
        feature_state_bytes=0,
    )  # fmt: skip
    serial = Capabilities(name="serial", proves=(), does_not_prove=(), counter="cycles", counter_origin="x")
    assert counting(serial, hello).words == "cycles measured on nucleo_f446re"
    assert counting(serial, replace(hello, counter_kind="none")).unit == "none"
    qemu = replace(serial, name="qemu", counter="instructions", counter_origin="simulated-on-qemu", counter_scale=2.0)
    assert counting(qemu, hello).unit == "none"  # it would be DWT's, whose counts QEMU does not make
    told = counting(qemu, replace(hello, counter_kind="systick"))
    assert (told.words, told.scale, told.deterministic) == ("instructions simulated on qemu", 2.0, True)
    host = replace(serial, name="host", counter="none")
    assert counting(host, replace(hello, counter_kind="host_ns")).words == "ns measured on host"


def test_a_slower_layer_fails_the_comparison_and_is_named(tmp_path: Path) -> None:
    old = kept(profile(), tmp_path)
    fine = reported(profile(first=620.0), old)
    assert fine.ok
    slow = reported(profile(first=640.0), old)
    assert not slow.ok
    (check,) = [check for check in slow.checks if check.name == "compare"]
    assert check.status is CheckStatus.FAILED
    assert "layers 0 CONV_2D +6.7 % (600 to 640)" in check.reason
    assert "SOFTMAX" not in check.reason
    assert any("not compared" in note and "RESHAPE" in note for note in slow.notes)
    assert reported(profile(first=640.0), old, threshold=10.0).ok
    assert reported(profile(first=1.0), old).ok  # faster is no failure


def test_other_units_and_other_files_are_not_compared(tmp_path: Path) -> None:
    old = kept(profile(), tmp_path)
    other = replace(profile(), counting=replace(CYCLES, unit="instructions", origin="simulated-on-qemu"))
    with pytest.raises(TinygenError, match="has cycles measured-on-nucleo_f446re, this run instructions"):
        reported(other, old)
    (tmp_path / "no.json").write_text('{"kind": "verify"}')
    with pytest.raises(TinygenError, match="is no profile"):
        reported(profile(), tmp_path / "no.json")
    with pytest.raises(TinygenError, match="cannot be read"):
        reported(profile(), tmp_path / "nothing.json")


def test_layers_that_do_not_add_up_fail() -> None:
    assert reported(profile()).ok
    off = replace(profile(), whole=part("inference", 5000.0))
    assert not reported(off).ok
    assert reported(replace(off, counting=replace(CYCLES, unit="ns"))).ok  # a shared machine's time proves nothing


def test_the_picture_is_one_file_with_every_part() -> None:
    page = picture(profile(), {"task": "kws", "board": "b", "build": "0123"}).decode()
    assert "<script" not in page and "http" not in page
    for name in ("CONV_2D", "SOFTMAX", "fft", "cycles measured on nucleo_f446re"):
        assert name in page
    assert page == picture(profile(), {"task": "kws", "board": "b", "build": "0123"}).decode()


def test_stages_are_named_by_the_spec() -> None:
    assert stages_in_use(LogMelSpec(enable_pcan=False, enable_noise_reduction=False)) == (
        "gather", "window", "fft", "energy, filter bank", "log", "quantize",
    )  # fmt: skip
    for spec in (LogMelSpec(), BandEnergySpec(), ScaledWindowSpec()):
        assert set(stages_in_use(spec)) <= set(stage_names(spec))
        assert len(stage_names(spec)) <= 16
