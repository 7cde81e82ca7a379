"""Streaming over the wire: the device's events are those of the integer rule in Python, whatever the chunks are."""

from __future__ import annotations

import importlib.util
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.core.errors import TinygenError
from tinygen.device.base import OpenOnce
from tinygen.device.childprocess import ChildLink
from tinygen.device.client import Client
from tinygen.device.frames import EVENT, FrameDecoder
from tinygen.device.link import Capabilities
from tinygen.device.live import LiveStream
from tinygen.device.watch import Seen, Watch
from tinygen.tasks import stream

pytestmark = pytest.mark.host

Int16 = npt.NDArray[np.int16]

# The constants of test_protocol_engine.cpp.
RULE = stream.StreamRule(
    kind="labels",
    labels=("a", "b", "c", "d"),
    watched=(0, 2, 3),
    window_rows=5,
    hop_rows=2,
    warmup=2,
    smoothing=3,
    threshold=420,
    release=380,
    refractory_samples=15,
)


def _other() -> ModuleType:
    """The made-up engine's twin in Python, and how it is built."""
    path = Path(__file__).with_name("test_protocol_client.py")
    spec = importlib.util.spec_from_file_location("protocol_client_of_stream", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


OTHER = _other()


@pytest.fixture(scope="module", params=["g++", "clang++"])
def program(
    request: pytest.FixtureRequest, needs_tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    needs_tool(request.param)
    built: Path = OTHER.build(request.param, tmp_path_factory.mktemp("stream") / "image")
    return built


@pytest.fixture
def link(program: Path) -> Iterator[ChildLink]:
    child = ChildLink([str(program)], name="host", restarts=True)
    yield child
    child.close()


def chain(samples: Int16) -> tuple[bytes, npt.NDArray[np.int8]]:
    """All rows, and the output of every inference int8 [n, 4]."""
    count = len(samples) // 5
    sums = samples[: count * 5].astype(np.int64).reshape(count, 5, 2).sum(axis=1)
    values = np.arange(8)
    rows = (sums[:, values % 2] + 5 * values).astype(np.uint8)
    window = np.full((5, 8), 3, np.uint8)
    outputs = []
    for at in range(0, count - 1, 2):
        window = np.concatenate([window, rows[at : at + 2]])[-5:]
        outputs.append(np.frombuffer(OTHER.engine(window.tobytes())[-1], np.int8))
    return rows.tobytes(), np.stack(outputs)


def expected(samples: Int16) -> tuple[stream.Event, ...]:
    """The events of a stream, from the start."""
    _, outputs = chain(samples)
    instants = [10 * (number + 1) for number in range(len(outputs))]
    return stream.events(RULE, stream.label_values(RULE, outputs), instants)


def noise(instants: int, seed: int = 4) -> Int16:
    samples: Int16 = np.random.default_rng(seed).integers(-32768, 32768, (instants, 2)).astype(np.int16)
    return samples


def test_scores_are_the_sums_the_decision_looks_at(link: ChildLink) -> None:
    client = Client(link, name="host")
    with pytest.raises(TinygenError, match="refused"):
        client.stream_scores()
    client.stream_begin()
    samples = noise(905)
    _, outputs = chain(samples)
    values = stream.label_values(RULE, outputs)
    for before, inferences in ((0, 30), (30, 31), (31, 60)):
        client.stream(samples[10 * before : 10 * inferences])
        told = client.stream_scores()
        assert (told.instants, told.inferences) == (10 * inferences, inferences)
        wanted = values[inferences - RULE.smoothing : inferences].sum(axis=0)
        assert [total for _, total in told.sums] == wanted.tolist()
    assert [name for name, _ in told.sums] == ["x"] * 3


class Program(OpenOnce):
    """A target around a link."""

    def __init__(self, link: ChildLink) -> None:
        able = Capabilities(name="host", proves=(), does_not_prove=(), counter="none", counter_origin="x")
        super().__init__(able)
        self._child = link

    def _boot(self) -> ChildLink:
        return self._child


def test_a_recording_is_watched_live_with_its_scores_and_events(link: ChildLink) -> None:
    samples = noise(400)  # 4 s at the 100 Hz of this image
    heard: list[Seen] = []
    began = time.monotonic()
    found = Watch(Program(link), "host", heard.append, live=LiveStream(lambda rate, channels: samples)).run(None)
    assert time.monotonic() - began > 3.5  # at its own pace, then it is over
    scores = [seen.scores for seen in heard if seen.scores is not None]
    assert len(scores) > 8
    assert scores[-1].instants == len(samples)
    assert [told.instants for told in scores] == sorted(told.instants for told in scores)
    assert found.events == len(expected(samples))
    client = Client(link, name="host")
    client.write_input(bytes(40))  # the model is given back


@pytest.mark.parametrize("chunk", [1, 7, 126, 127, 5000])
def test_events_equal_the_integer_rule_in_any_chunking(link: ChildLink, chunk: int) -> None:
    client = Client(link, name="host")
    samples = noise(6007 if chunk > 1 else 407)
    info = client.stream_begin(digests=chunk != 7)
    assert (info.window_rows, info.hop_rows, info.smoothing, info.threshold) == (5, 2, 3, 420)
    heard = [event for at in range(0, len(samples), chunk) for event in client.stream(samples[at : at + chunk])]
    wanted = expected(samples)
    assert len(wanted) > (3 if chunk == 1 else 50)
    assert [(e.number, e.instant, e.label, e.score) for e in heard] == [
        (e.number, e.instant, e.label, e.score) for e in wanted
    ]
    assert {event.name for event in heard} == {"x"}
    told = client.stream_end()
    assert (told.instants, told.rows, told.inferences) == (len(samples), len(samples) // 5, len(samples) // 10)
    assert (told.events, told.overruns, told.feature_ticks) == (len(wanted), 0, 0)
    rows, outputs = chain(samples)
    wanted_digests = (zlib.crc32(rows), zlib.crc32(outputs.tobytes())) if chunk != 7 else (0, 0)
    assert (told.row_digest, told.output_digest) == wanted_digests
    assert told.saturated == int(np.isin(samples, (-32768, 32767)).sum())


def test_a_second_stream_begins_from_nothing_and_counts(link: ChildLink) -> None:
    client = Client(link, name="host")
    for seed in (4, 5):
        client.stream_begin(count=True)
        samples = noise(999, seed)
        assert [e.instant for e in client.stream(samples)] == [e.instant for e in expected(samples)]
    told = client.stream_end()
    # The made-up port counts inferences, so each run shows one tick and the front end none.
    assert (told.feature_ticks, told.inference_ticks) == (0, told.inferences)


class _Deaf:
    """A link that loses every second event frame."""

    def __init__(self, inner: ChildLink) -> None:
        self._inner = inner
        self._decoder = FrameDecoder()
        self._cut = b""
        self.lost = 0

    def write(self, data: bytes) -> None:
        self._inner.write(data)

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        *chunks, self._cut = (self._cut + self._inner.read(max_bytes, timeout_s)).split(b"\0")
        kept = b""
        for chunk in chunks:
            decoded = [*self._decoder.push(chunk + b"\0")]
            if any(getattr(frame, "type", 0) == EVENT for frame in decoded):
                self.lost += 1
                if self.lost % 2:
                    continue
            kept += chunk + b"\0"
        return kept

    def reset(self) -> None:
        self._inner.reset()

    def close(self) -> None:
        self._inner.close()


def test_lost_event_frames_are_asked_for_again(link: ChildLink) -> None:
    deaf = _Deaf(link)
    client = Client(deaf, name="host")
    client.stream_begin()
    samples = noise(3000)
    assert [e.instant for e in client.stream(samples)] == [e.instant for e in expected(samples)]
    assert deaf.lost > 20


def test_the_model_belongs_to_the_stream_until_its_end(link: ChildLink) -> None:
    client = Client(link, name="host")
    client.write_input(OTHER.INPUT)
    with pytest.raises(TinygenError, match="STREAM_CHUNK was refused"):
        client.stream(noise(3))
    client.stream_begin()
    client.stream(noise(30))
    with pytest.raises(TinygenError, match="is streaming"):
        client.write_input(OTHER.INPUT)
    client.stream_end()
    with pytest.raises(TinygenError, match="no complete input"):
        client.infer()
    client.write_input(OTHER.INPUT)
    assert client.infer().output == OTHER.engine(OTHER.INPUT)[-1]
