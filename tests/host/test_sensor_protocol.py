"""Samples of a device's own source reach the host whole, in order, or not at all."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tinygen.config import load_config
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.datasets.readers.audio import read_audio
from tinygen.device import sensing
from tinygen.device.childprocess import ChildLink
from tinygen.device.client import Client
from tinygen.device.values import StreamEvent
from tinygen.pipeline import live, recording
from tinygen.pipeline.context import Context

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


@pytest.fixture
def plugged(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verbs find this program where a board would be."""

    @contextmanager
    def connected(_ctx: Context, _on: str) -> Iterator[Client]:
        yield client

    monkeypatch.setattr(recording, "connected", connected)
    monkeypatch.setattr(live, "connected", connected)


def context(folder: Path) -> Context:
    given = {"task": "gesture", "board": "host", "on": "host", "build_dir": str(folder / "build")}
    return Context(config=load_config(None, given, folder))


def test_record_stores_clips_of_the_device(plugged: None, tmp_path: Path) -> None:
    wanted = recording.Request(label="count", on="host", count=3, seconds=0.15, speaker="Ann", folder=tmp_path / "set")
    report = recording.record(context(tmp_path), wanted, lambda _line: None)
    assert report.ok, report.checks
    files = sorted((tmp_path / "set/count").glob("*.wav"))
    assert [path.name for path in files] == [f"ann_nohash_{n:04d}.wav" for n in range(3)]
    signal, rate_hz = read_audio(files[2])
    assert (signal.tolist(), rate_hz) == ([[n, -n] for n in range(15)], 100)
    long = recording.Request(label="count", on="host", seconds=60.0, folder=tmp_path / "set")
    with pytest.raises(TinygenError, match="instants were lost"):
        recording.record(context(tmp_path), long, lambda _line: None)
    assert sorted((tmp_path / "set/count").glob("*.wav")) == files


def test_a_live_device_tells_its_decisions(plugged: None, tmp_path: Path) -> None:
    said: list[str] = []
    report = live.listen(context(tmp_path), 0.5, said.append)
    assert report.ok
    assert said[0].startswith("listening to a counter")
    assert any("sum" in line for line in said[1:])
    figures = {m.name: m.value for m in report.measurements}
    assert (figures["events"] or 0) > 0
    assert (figures["signal_s"] or 0) > 0
