"""Tests of a gesture firmware, on a board or on a simulator of it.

pytest examples/pytest_device                                          # on this machine
pytest examples/pytest_device --tinygen-board feather_f405 --tinygen-on sim
pytest examples/pytest_device --tinygen-board nucleo_f446re --tinygen-on board --tinygen-require
"""

from __future__ import annotations

import numpy as np
import pytest

from tinygen.core.errors import TinygenError
from tinygen.pipeline.harness import Device


def test_the_gesture_firmware_answers(device: Device) -> None:
    assert device.hello.task == "gesture"
    assert device.selftest().differing_bytes == 0


def test_a_recording_goes_through_front_end_and_model(device: Device) -> None:
    still = np.zeros((device.hello.samples_per_inference, device.hello.channels), np.int16)
    shaken = np.random.default_rng(1).integers(-20_000, 20_000, still.shape).astype(np.int16)
    result = device.infer_raw(still)
    assert result.label >= 0
    assert device.infer_raw(still).output == result.output
    assert device.infer_raw(shaken).output != result.output


def test_the_model_alone_takes_its_input(device: Device) -> None:
    zeros = np.zeros(device.hello.input_bytes, np.int8)
    assert len(device.infer(zeros).output) == device.hello.output_bytes
    with pytest.raises(TinygenError, match="input bytes"):
        device.infer(zeros[1:])


@pytest.mark.tinygen_fresh
def test_after_a_reset_it_is_ready_and_knows_no_input(device: Device) -> None:
    device.reset()
    assert device.expect_log("ready").level == 1
    with pytest.raises(TinygenError, match="no complete input"):
        device.client.infer()


def test_the_stack_suffices(device: Device) -> None:
    memory = device.memory()
    assert memory.stack_used_bytes <= memory.stack_bytes


@pytest.mark.tinygen_real
def test_it_is_fast_enough_on_the_board(device: Device) -> None:
    device.infer(np.zeros(device.hello.input_bytes, np.int8))
    counter = device.client.infer(count=True).counter
    assert counter is not None and counter < 20_000_000  # cycles
