"""What is said of a stream."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tinygen.boards.loader import load_boards
from tinygen.device.link import Capabilities
from tinygen.features.quantize import for_input
from tinygen.features.spec import BandEnergySpec, FeatureSpec, LogMelSpec, ScaledWindowSpec
from tinygen.pipeline import stream_views


@pytest.mark.parametrize(
    ("spec", "baud", "said"),
    [
        (LogMelSpec(), 115_200, "times slower than real time"),
        (LogMelSpec(), 230_400, "times slower than real time"),
        (LogMelSpec(), 460_800, ""),
        (ScaledWindowSpec(n_channels=6), 115_200, ""),
        (BandEnergySpec(rate_hz=25600, n_channels=2), 460_800, "of 25,600 instants a second"),
        (BandEnergySpec(rate_hz=25600, n_channels=2), 2_000_000, ""),
    ],
)
def test_a_line_slower_than_the_signal_is_said(spec: FeatureSpec, baud: int, said: str) -> None:
    board = load_boards()["nucleo_f446re"]
    board = replace(board, serial=replace(board.serial, baud=baud))
    chain: Any = SimpleNamespace(quantization=for_input(spec, 0.1, 0), notes=(), board=board, spec=spec)
    for name in ("serial", "unicorn"):
        target = Capabilities(name=name, proves=(), does_not_prove=(), counter="none", counter_origin="x")
        slow = [note for note in stream_views.notes(chain, [], target) if "baud" in note]
        assert len(slow) == (1 if said and name == "serial" else 0)
        assert all(said in note for note in slow)
