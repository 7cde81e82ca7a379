"""A bearing's own normal, learned and scored on a Cortex-M4: FEMTO's run-to-failure recordings, in unicorn.

Each bearing's first 40 snapshots are learned; its end of life must score higher, in the device's own integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from support import judging_device
from tinygen.config import load_config
from tinygen.core.errors import TinygenError
from tinygen.datasets.load import load_dataset
from tinygen.datasets.readers.npz_layouts import FEMTO_LSB_PER_G
from tinygen.device.client import Client
from tinygen.features import quantize, reference
from tinygen.firmware.stream_view import learned_bytes
from tinygen.pipeline import chain as chains
from tinygen.pipeline import learning_verb, proof, streaming
from tinygen.pipeline.chain import Chain
from tinygen.pipeline.context import Context
from tinygen.tasks import learning
from tinygen.tasks.vibration import condition_front_end

pytestmark = pytest.mark.sim

Int16 = npt.NDArray[np.int16]
ALL = ("1_1", "1_3", "1_5", "1_7", "2_1", "2_3", "2_5", "3_1", "3_3")
QUICK = ("2_3", "1_1")  # the worst bearing and another


@pytest.fixture(scope="module")
def device(
    tmp_path_factory: pytest.TempPathFactory, needs_module: Callable[..., None], needs_tool: Callable[..., str]
) -> Iterator[tuple[Chain, Client]]:
    needs_module("unicorn", "sim")
    needs_module("SCons", "offline")
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    folder = tmp_path_factory.mktemp("learn")
    overrides = {"board": "nucleo_f446re", "build_dir": str(folder)}
    ctx = Context(config=load_config(None, overrides, folder), offline=True)
    chain = judging_device.learning_chain(ctx, condition_front_end(rate_hz=25600, n_channels=2, samples=2560))
    inner = streaming.within(ctx, chain)
    made = chains.built(inner, chain)
    with proof.connected(inner, made, "unicorn") as (_, client):
        client.image = made.firmware.elf  # type: ignore[attr-defined]
        yield chain, client


def snapshots(path: Path) -> Int16:
    """int16 [n, 2560, 2], 512 per g."""
    with np.load(path) as archive:
        real = archive["acc"] * (float(archive["scale"]) * FEMTO_LSB_PER_G)
    return np.ascontiguousarray(np.clip(np.round(real), -32768, 32767).astype(np.int16).transpose(0, 2, 1))


def show(client: Client, *shown: Int16) -> None:
    """Each snapshot as a stream of its own: one row."""
    for snapshot in shown:
        client.stream_begin()
        client.stream(snapshot)
        assert client.stream_end().rows == 1


def score_on_device(client: Client, snapshot: Int16) -> int:
    """What a snapshot is found to be."""
    show(client, snapshot)
    return client.learn("status").score


@pytest.mark.parametrize(
    "number", [pytest.param(n, marks=() if n in QUICK else pytest.mark.soak, id=f"Bearing{n}") for n in ALL]
)
def test_a_bearing_is_known_from_its_own_beginning(
    number: str,
    device: tuple[Chain, Client],
    shared_dir: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All nine: `make soak`, or tests/bench/judge.py vibration-device, which goes on where it was stopped."""
    chain, client = device
    path = shared_dir(f"data/vibration/femto_Bearing{number}.npz")
    dataset = load_dataset("vibration", path, tmp_path, 1)
    found = judging_device.judge(client, chain, dataset)
    with capsys.disabled():
        print(f"\n{found}")
    assert found.differing == 0  # scores and threshold are those of Python's integers
    assert found.auc >= judging_device.LEAST_AUC
    assert found.auc_others >= judging_device.LEAST_AUC
    rows = quantize.apply(reference.frames_batch(chain.spec, snapshots(path)[:40]), chain.quantization)[:, 0]
    state = learning.from_bytes(client.read_learned())
    assert np.array_equal(state.sums, learning.learn(rows).sums)


def test_an_alarm_is_an_event_with_the_learned_threshold(
    device: tuple[Chain, Client], shared_dir: Callable[[str], Path]
) -> None:
    _, client = device
    signal = snapshots(shared_dir("data/vibration/femto_Bearing1_1.npz"))
    client.learn("forget")
    client.learn("learn")
    show(client, *signal[:12])
    client.learn("freeze", 40_000)
    client.stream_begin()
    (event,) = client.stream(signal[-1])
    assert (event.name, event.instant) == ("anomaly", 2560)
    assert event.score == client.learn("status").score > 40_000
    client.stream_begin()
    assert client.stream(signal[3]) == []
    client.stream_end()


def test_what_was_learned_survives_a_reset_and_a_torn_write_does_not(
    device: tuple[Chain, Client], shared_dir: Callable[[str], Path]
) -> None:
    chain, client = device
    signal = snapshots(shared_dir("data/vibration/femto_Bearing1_3.npz"))
    client.learn("forget")
    client.learn("learn")
    show(client, *signal[:5])
    before = client.learn("freeze", 123)
    state = client.read_learned()
    assert len(state) * 2 == learned_bytes(chain.stream_view) == before.state_bytes * 2
    wanted = score_on_device(client, signal[-1])
    client.reset()
    client.hello()
    after = client.learn("status")
    assert (after.phase, after.count, after.threshold, after.digest) == ("frozen", 5, 123, before.digest)
    assert client.read_learned() == state
    assert score_on_device(client, signal[-1]) == wanted
    # A write of the host that stops half-way, and one that is torn, change nothing, also over a reset.
    with pytest.raises(TinygenError, match="refused"):
        client.write_learned(state[:300] + b"\xff" + state[301:])
    client.reset()
    client.hello()
    assert client.learn("status").digest == before.digest
    client.learn("forget")
    assert client.learn("status").phase == "nothing"
    assert client.write_learned(state).phase == "frozen"
    assert score_on_device(client, signal[-1]) == wanted
    client.learn("forget")


def test_the_verb_saves_and_loads_and_refuses_what_cannot_be(
    device: tuple[Chain, Client], tmp_path: Path, shared_dir: Callable[[str], Path]
) -> None:
    _, client = device
    signal = snapshots(shared_dir("data/vibration/femto_Bearing1_5.npz"))
    learning_verb.act(client, "forget", 0, None, b"")
    assert learning_verb.act(client, "learn", 0, None, b"").phase == "learning"
    show(client, *signal[:3])
    frozen = learning_verb.act(client, "freeze", 88, None, b"")
    kept = tmp_path / "normal.bin"
    assert learning_verb.act(client, "save", 0, kept, b"").digest == frozen.digest
    assert learning_verb.act(client, "forget", 0, None, b"").count == 0
    assert learning_verb.act(client, "load", 0, kept, kept.read_bytes()).count == 3
    overrides = {"board": "nucleo_f446re", "build_dir": str(tmp_path)}
    ctx = Context(config=load_config(None, overrides, tmp_path), offline=True)
    for action, on, threshold, words in (
        ("status", "unicorn", None, "runs the image of --elf"),
        ("freeze", "/dev/ttyNONE", None, "needs --threshold"),
        ("save", "/dev/ttyNONE", None, "need --file"),
    ):
        with pytest.raises(TinygenError, match=words):
            learning_verb.learn(ctx, action, on, threshold=threshold)
    for content, words in ((None, "cannot be read: No such file"), (b"junk", "4 bytes are no learned state")):
        wrong = tmp_path / "wrong.bin"
        if content is not None:
            wrong.write_bytes(content)
        with pytest.raises(TinygenError, match=words) as refused:
            learning_verb.learn(ctx, "load", "/dev/ttyNONE", file=wrong)
        assert refused.value.where == str(wrong)
    client.learn("forget")
    with pytest.raises(TinygenError, match="learned nothing that could be saved"):
        learning_verb.act(client, "save", 0, kept, b"")
    assert learning.from_bytes(kept.read_bytes()).count == 3  # the file of before


def test_a_session_on_a_simulator_begins_with_what_the_one_before_kept(
    device: tuple[Chain, Client], tmp_path: Path, shared_dir: Callable[[str], Path]
) -> None:
    _, client = device
    signal = snapshots(shared_dir("data/vibration/femto_Bearing1_5.npz"))
    client.learn("forget")
    client.learn("learn")
    show(client, *signal[:3])
    told = client.learn("freeze", 88)
    assert (told.store.place, told.store.kept, told.store.outcome) == ("flash", True, "done")
    normal = tmp_path / "normal.bin"
    learning_verb.act(client, "save", 0, normal, b"")
    copy = tmp_path / "firmware.elf"
    copy.write_bytes(client.image.read_bytes())  # type: ignore[attr-defined]
    overrides = {"board": "nucleo_f446re", "build_dir": str(tmp_path)}
    ctx = Context(config=load_config(None, overrides, tmp_path), offline=True)
    blank = learning_verb.learn(ctx, "status", "unicorn", program=copy)
    assert blank.ok and blank.subject["phase"] == "nothing"
    with pytest.raises(TinygenError, match="too few rows"):
        learning_verb.learn(ctx, "keep", "unicorn", program=copy)  # there is nothing to keep
    assert learning_verb.learn(ctx, "load", "unicorn", file=normal, program=copy).ok
    again = learning_verb.learn(ctx, "status", "unicorn", program=copy)
    assert again.ok and again.subject["phase"] == "frozen"
    assert {check.name: check.status.value for check in again.checks}["kept over a loss of power"] == "passed"
    assert {m.name: m.value for m in again.measurements}["records_written"] == 1
    assert learning_verb.learn(ctx, "forget", "unicorn", program=copy).ok
    assert learning_verb.learn(ctx, "status", "unicorn", program=copy).subject["phase"] == "nothing"
    other = bytearray(learning.to_bytes(replace(learning.from_bytes(normal.read_bytes()), owner=7)))
    normal.write_bytes(other)
    with pytest.raises(TinygenError, match="learned for another model"):
        learning_verb.learn(ctx, "load", "unicorn", file=normal, program=copy)
