"""Ready models: shipped with a card, used where nobody trained, without TensorFlow, and exactly what the card names."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinygen.config import load_config
from tinygen.core.canonical import digest_bytes
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.core.resources import source_dir
from tinygen.features import quantize
from tinygen.features.spec import LogMelSpec
from tinygen.model import importer
from tinygen.pipeline import ready, steps
from tinygen.pipeline.context import Context

_FORBIDDEN = ("femto", "cwru", "uwave")

BLOCKED = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('tensorflow', 'keras'):
            raise ImportError('TensorFlow is not needed here: ' + name)
sys.meta_path.insert(0, Block())
from tinygen.cli import main
sys.argv = ['tinygen', *sys.argv[1:]]
main()
"""


def context(tmp_path: Path, **values: object) -> Context:
    given = {"task": "gesture", "board": "host", "build_dir": str(tmp_path / "build"), **values}
    return Context(config=load_config(None, given, tmp_path))


@pytest.mark.parametrize("task", ready.names())
def test_every_ready_model_is_what_its_card_says(task: str) -> None:
    shipped = ready.load(task)
    card = shipped.card
    assert card.model_sha256 == digest_bytes(shipped.model.tflite)
    assert card.said and card.command and card.attribution and card.data
    assert all(one.licence not in ("", "not stated", "none stated") for one in card.data)
    text = json.dumps(card.model_dump()).lower()
    assert not any(word in text for word in _FORBIDDEN), "these data sets state no licence"
    graph = importer.load(shipped.model.tflite, task)
    assert len(graph.inputs) == len(graph.outputs) == 1
    assert graph.tensors[graph.outputs[0]].n_elements == len(shipped.task.labels)
    assert all(value >= shipped.task.acceptance.at_least for value in shipped.model.int8_metrics.values())
    assert len(card.signal_mean) == len(card.signal_spread) == shipped.task.features.n_channels
    assert not {"npz", "wav", "flac"} & {p.suffix.lstrip(".") for p in shipped.folder.iterdir()}


def test_the_keyword_model_runs_behind_the_front_ends_that_are_out_there() -> None:
    shipped = ready.load("kws")
    spec = shipped.task.features
    assert isinstance(spec, LogMelSpec)
    # The constants of TFLM's micro_speech example: 30 ms every 20 ms, 40 bands of 125 to 7500 Hz, 49 rows.
    micro_speech = LogMelSpec(enable_noise_reduction=True, enable_pcan=True)
    assert replace(spec, lead_in_frames=0) == micro_speech
    graph = importer.load(shipped.model.tflite, "kws")
    source = graph.tensors[graph.inputs[0]].quantization
    assert source is not None
    rows = np.arange(32768, dtype=np.int16)
    theirs = replace(spec, input_formula="micro_speech")
    own, other = (quantize.for_input(one, source.scale, source.zero_point) for one in (spec, theirs))
    assert np.array_equal(quantize.apply(rows, own), quantize.apply(rows, other))


def test_there_is_one_for_gesture_and_none_for_machines() -> None:
    assert "gesture" in ready.names()
    assert "vibration" not in ready.names()  # a machine's normal is learned on the machine
    assert sorted(p.name for p in source_dir("ready").iterdir() if p.is_dir()) == sorted(ready.names())


def test_made_up_signals_are_seeded_and_as_loud_as_what_was_learned_from() -> None:
    shipped = ready.load("gesture")
    first, again = shipped.signals(), shipped.signals()
    assert all(np.array_equal(a.signal, b.signal) for a, b in zip(first, again, strict=True))
    assert len({a.signal.tobytes() for a in first}) == len(first)
    spread = np.median([np.std(r.signal.astype(float), axis=0) for r in first], axis=0)
    assert np.all(spread > 0.3 * np.array(shipped.card.signal_spread))
    assert np.all(spread < 3 * np.array(shipped.card.signal_spread))


def test_who_gets_the_ready_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = context(tmp_path)
    assert steps.ready_model(plain) is not None
    assert steps.ready_model(replace(plain, trains=True)) is None  # run, train and convert train
    assert steps.ready_model(context(tmp_path, model="train")) is None
    assert steps.ready_model(context(tmp_path, epochs=3)) is None
    assert steps.ready_model(context(tmp_path, data=str(tmp_path))) is None
    assert steps.ready_model(context(tmp_path, task="vibration")) is None
    assert steps.ready_model(replace(context(tmp_path, model="ready"), trains=True)) is not None
    plain.store.step("train", steps.train_inputs(plain), lambda folder: None)
    assert steps.ready_model(plain) is None  # the user's own network is there
    assert steps.ready_model(context(tmp_path, model="ready")) is not None
    with pytest.raises(TinygenError, match="takes no --data and --epochs"):
        steps.ready_model(context(tmp_path, model="ready", data=str(tmp_path), epochs=1))
    with pytest.raises(TinygenError, match="no ready model for 'vibration'"):
        steps.ready_model(context(tmp_path, model="ready", task="vibration"))


def test_a_damaged_ready_model_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "gesture"
    shutil.copytree(ready.load("gesture").folder, folder)
    tflite = bytearray((folder / ready.MODEL).read_bytes())
    tflite[-9] ^= 1
    (folder / ready.MODEL).write_bytes(tflite)
    with pytest.raises(TinygenError, match="not the one its card names") as caught:
        ready.read(folder)
    assert caught.value.code is ExitCode.OUR_BUG
    (folder / ready.TASK).write_text("{}")
    with pytest.raises(TinygenError, match="cannot be read"):
        ready.read(folder)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    shipped = ready.load("gesture")
    awkward = shipped.card.model_copy(update={"title": 'with "quotes" and \\', "limits": ["a", "b\nc"]})
    ready.write(tmp_path / "again", awkward, shipped.task, shipped.model.tflite)
    again = ready.read(tmp_path / "again")
    assert again.card == awkward
    assert again.task == shipped.task
    assert again.model.int8_metrics == shipped.model.int8_metrics


def test_the_ready_path_needs_no_tensorflow(tmp_path: Path) -> None:
    words = ["generate", "--task", "gesture", "--board", "esp32s3", "--build-dir", str(tmp_path / "b"), "--json"]
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, *words], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert any(note.startswith("ready model: ") for note in document["notes"])
    project = tmp_path / document["subject"]["project"]
    assert (project / "platformio.ini").is_file()
    sources = [p for p in project.rglob("*") if p.suffix in (".h", ".cpp")]
    assert any("flippendo" in p.read_text(errors="ignore") for p in sources)
    trained = subprocess.run(
        [sys.executable, "-c", BLOCKED, *words, "--model", "train"],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120,
    )  # fmt: skip
    assert trained.returncode != 0  # the block works: training needs what is blocked
