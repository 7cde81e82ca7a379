"""Samples of a device's own source reach the host whole, in order, or not at all."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tinygen.core.errors import ExitCode, TinygenError
from tinygen.device import sensing
from tinygen.device.childprocess import ChildLink
from tinygen.device.client import Client
from tinygen.device.values import StreamEvent

pytestmark = pytest.mark.host
RING = 16  # of test_protocol_engine.cpp, whose source gives three instants (n, -n) per turn of the loop


def _other() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "protocol_client_of_sensors", Path(__file__).with_name("test_protocol_client.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=["g++", "clang++"])
def program(
    request: pytest.FixtureRequest, needs_tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    needs_tool(request.param)
    built: Path = _other().build(request.param, tmp_path_factory.mktemp("sensor") / "image")
    return built


@pytest.fixture
def client(program: Path) -> Iterator[Client]:
    child = ChildLink([str(program)], name="host", restarts=True)
    yield Client(child, name="host")
    child.close()


def test_what_the_source_is(client: Client) -> None:
    told = sensing.state(client)
    assert (told.kind, told.name, told.channels, told.rate_hz) == ("imu", "a counter", 2, 100.5)
    assert (told.recording, told.ring_instants) == (False, RING)


def test_a_clip_that_fits_the_ring_is_whole_however_slow_the_line_is(client: Client) -> None:
    for instants in (1, 7, RING):
        found = sensing.record(client, instants)
        assert found.signal.tolist() == [[n, -n] for n in range(instants)]
    assert not sensing.state(client).recording


def test_a_longer_one_is_refused_when_samples_were_lost(client: Client) -> None:
    with pytest.raises(TinygenError, match=r"instants were lost.*slower than the sensor") as error:
        sensing.record(client, 100_000)
    assert error.value.code == ExitCode.CHECK_FAILED
    assert not sensing.state(client).recording
    assert len(sensing.record(client, RING).signal) == RING  # and the next one is fine


def test_a_stream_of_the_sensor_makes_events_and_takes_nothing_from_the_line(client: Client) -> None:
    client.stream_begin(sensor=True)
    with pytest.raises(TinygenError, match="is streaming"):
        client.stream(np.zeros((3, 2), np.int16))
    with pytest.raises(TinygenError, match="is streaming"):
        sensing.record(client, 3)
    heard: list[StreamEvent] = []
    while len(heard) < 5:
        heard += client.stream_events()
    told = client.stream_end()
    assert [event.number for event in heard] == list(range(len(heard)))
    assert told.overruns == 0
    assert told.instants >= heard[-1].instant


def test_recording_gives_the_model_back(client: Client) -> None:
    other = _other()
    client.write_input(other.INPUT)
    sensing.record(client, 5)
    with pytest.raises(TinygenError, match="no complete input"):
        client.infer()
    client.write_input(other.INPUT)
    assert client.infer().output == other.engine(other.INPUT)[-1]


def test_a_sensor_that_does_not_answer(needs_tool: Callable[..., str], tmp_path: Path) -> None:
    needs_tool("g++")
    child = ChildLink([str(_other().build("g++", tmp_path / "image", "-DUNPLUGGED"))], name="host", restarts=True)
    client = Client(child, name="host")
    for begin in (lambda: sensing.record(client, 5), lambda: client.stream_begin(sensor=True)):
        with pytest.raises(TinygenError, match="nobody answers on its bus"):
            begin()
    child.close()
