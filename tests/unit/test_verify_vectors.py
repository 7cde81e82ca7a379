"""Vectors, their files and the cache: round trips, and everything that can be wrong with a file."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinygen.core.errors import ExitCode, TinygenError
from tinygen.datasets.values import Recording
from tinygen.features.quantize import InputQuantization, apply, for_input
from tinygen.features.reference import frames
from tinygen.features.spec import ScaledWindowSpec, samples_per_inference
from tinygen.verify import vectors as vector_maker
from tinygen.verify import wheel
from tinygen.verify.bundle import VectorSet, to_bytes
from tinygen.verify.cache import Cache
from tinygen.verify.npz import pack, unpack
from tinygen.verify.signals import MAKERS, constructed, constructed_input
from tinygen.verify.values import Expected

SPEC = ScaledWindowSpec(n_frames=16, n_channels=3, decimation=2)
QUANTIZATION: InputQuantization = for_input(SPEC, 0.05, 3)
DIGEST = "ab" * 32


def recordings(count: int = 6, length: int = 80) -> list[Recording]:
    rng = np.random.default_rng(4)
    return [
        Recording(
            signal=rng.integers(-9000, 9000, size=(length, 3)).astype(np.int16),
            rate_hz=SPEC.rate_hz,
            label="wave" if i < count - 1 else "circle",
            group=f"g{i}",
            name=f"r{i}",
        )
        for i in range(count)
    ]


def a_set(count: int = 5) -> VectorSet:
    made = vector_maker.make(recordings(), SPEC, QUANTIZATION, count, 3)
    expected = tuple(
        Expected(output=v.model_input[:4].tobytes(), tensors={2: v.model_input.tobytes(), 7: b"abc"}) for v in made
    )
    return VectorSet(vectors=made, expected=expected, model_digest=DIGEST, wheel=wheel.PINNED_VERSION, seed=3)


def test_the_pinned_version_is_the_one_of_pyproject(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    assert f"{wheel.DISTRIBUTION}=={wheel.PINNED_VERSION}" in extras["verify"]


def test_model_inputs_are_the_reference_front_ends() -> None:
    for vector in vector_maker.make(recordings(), SPEC, QUANTIZATION, 12, 3):
        assert vector.raw is not None
        assert vector.raw.shape == (samples_per_inference(SPEC), 3)
        wanted = apply(frames(SPEC, vector.raw), QUANTIZATION).reshape(-1)
        np.testing.assert_array_equal(vector.model_input, wanted)


def test_classes_take_turns_and_one_in_ten_is_constructed() -> None:
    made = vector_maker.make(recordings(40), SPEC, QUANTIZATION, 20, 3)
    assert len(made) == 20
    assert [v.label for v in made[:2]] == ["wave", "circle"]
    assert sum(v.name.startswith("constructed-") for v in made) == 2
    assert len({v.name for v in made}) == 20
    assert not any(v.name.startswith("constructed-") for v in vector_maker.make(recordings(), SPEC, QUANTIZATION, 1, 3))


def test_few_recordings_are_filled_up_and_the_same_seed_gives_the_same() -> None:
    once = vector_maker.make(recordings(2), SPEC, QUANTIZATION, 30, 3)
    again = vector_maker.make(recordings(2), SPEC, QUANTIZATION, 30, 3)
    other = vector_maker.make(recordings(2), SPEC, QUANTIZATION, 30, 4)
    assert len(once) == 30
    assert [v.model_input.tobytes() for v in once] == [v.model_input.tobytes() for v in again]
    assert [v.model_input.tobytes() for v in once] != [v.model_input.tobytes() for v in other]
    assert vector_maker.make([], SPEC, QUANTIZATION, 3, 3)[0].name == "constructed-0-noise"


def test_a_recording_of_another_shape_is_named() -> None:
    wrong = replace(recordings()[0], rate_hz=50)
    with pytest.raises(TinygenError, match="50 Hz") as caught:
        vector_maker.make([wrong], SPEC, QUANTIZATION, 3, 3)
    assert caught.value.where == "r0"
    with pytest.raises(TinygenError, match="at least one"):
        vector_maker.make(recordings(), SPEC, QUANTIZATION, 0, 3)


def test_constructed_signals_reach_both_ends_and_differ() -> None:
    made = [constructed(n, 1, 500, 2)[1] for n in range(2 * len(MAKERS))]
    assert all(signal.shape == (500, 2) and signal.dtype == np.int16 for signal in made)
    assert min(signal.min() for signal in made) == -32768
    assert max(signal.max() for signal in made) == 32767
    inputs = [constructed_input(n, 1, 300)[1] for n in range(8)]
    assert len({values.tobytes() for values in inputs}) == 8
    assert {-128, 127} <= {int(v) for values in inputs for v in values}


def test_a_file_gives_back_what_went_in(tmp_path: Path) -> None:
    bundle = a_set()
    # A vector without a signal, between others.
    bare = replace(bundle.vectors[2], raw=None)
    bundle = replace(bundle, vectors=(*bundle.vectors[:2], bare, *bundle.vectors[3:]))
    path = tmp_path / "deep" / "vectors.npz"
    vector_maker.export(path, bundle)
    found = vector_maker.load(path, model_digest=DIGEST)
    assert found.source == f"exported vectors of tflite-micro {wheel.PINNED_VERSION}"
    assert [e.output for e in found.expected] == [e.output for e in bundle.expected]
    assert [e.tensors for e in found.expected] == [e.tensors for e in bundle.expected]
    for was, now in zip(bundle.vectors, found.vectors, strict=True):
        assert (was.name, was.label) == (now.name, now.label)
        np.testing.assert_array_equal(was.model_input, now.model_input)
        assert (was.raw is None) == (now.raw is None)
        if was.raw is not None and now.raw is not None:
            np.testing.assert_array_equal(was.raw, now.raw)
    assert to_bytes(found) == path.read_bytes()


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    data = to_bytes(a_set(2))
    path = tmp_path / "v.npz"
    for length in (0, 1, 3, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(TinygenError) as caught:
            vector_maker.load(path)
        assert caught.value.code is ExitCode.BAD_INPUT
        assert caught.value.where == str(path)


def test_flipped_bytes_never_pass_as_other_values(tmp_path: Path) -> None:
    bundle = a_set(2)
    data = to_bytes(bundle)
    path = tmp_path / "v.npz"
    rng = np.random.default_rng(0)
    for position in rng.integers(0, len(data), size=60).tolist():
        broken = bytearray(data)
        broken[position] ^= 0x10
        path.write_bytes(bytes(broken))
        try:
            found = vector_maker.load(path, model_digest=DIGEST)
        except TinygenError:
            continue
        assert to_bytes(found) == data  # a byte of the archive that means nothing


def test_another_model_wheel_or_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.npz"
    vector_maker.export(path, a_set())
    with pytest.raises(TinygenError, match="another model"):
        vector_maker.load(path, model_digest="cd" * 32)
    path.write_bytes(to_bytes(replace(a_set(), wheel="0.dev1")))
    with pytest.raises(TinygenError, match=r"0\.dev1"):
        vector_maker.load(path)
    facts, arrays = unpack(to_bytes(a_set()), "x")
    for change, words in (
        ({"format": 99}, "format 99"),
        ({"names": "clip"}, "damaged: names"),
        ({"surprise": 1}, "damaged: surprise"),
        ({"names": ["a"]}, "damaged"),
        ({"tensors": [2, 7, 8]}, "'tensor_8' is missing"),
    ):
        path.write_bytes(pack({**facts, **change}, arrays, compressed=False))
        with pytest.raises(TinygenError, match=words):
            vector_maker.load(path)
    with pytest.raises(TinygenError, match="no such vectors file"):
        vector_maker.load(tmp_path / "nowhere.npz")


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "v.npz"
    np.savez(path, facts=np.array([{"format": 1}], dtype=object))
    with pytest.raises(TinygenError, match="not one of our files"):
        vector_maker.load(path)


def test_an_empty_set_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(TinygenError):
        vector_maker.export(tmp_path / "v.npz", replace(a_set(), expected=()))
    assert not list(tmp_path.iterdir())


def test_the_cache_keeps_answers_and_ignores_damage(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    answer = Expected(output=b"\x01\x02", tensors={3: b"abc", 9: b""})
    assert cache.get(DIGEST, b"in") is None
    assert not cache.knows(DIGEST)
    cache.put(DIGEST, b"in", answer)
    assert cache.knows(DIGEST)
    found = cache.get(DIGEST, b"in")
    assert found is not None
    assert (found.output, found.tensors) == (answer.output, answer.tensors)
    assert cache.get(DIGEST, b"other") is None
    assert cache.get("cd" * 32, b"in") is None
    (file,) = tmp_path.rglob("*.npz")
    good = file.read_bytes()
    for bad in (b"", good[:40], good[:-30], b"PK" + b"\0" * 90, pack({"format": 1}, {}, compressed=False)):
        file.write_bytes(bad)
        assert cache.get(DIGEST, b"in") is None
        cache.put(DIGEST, b"in", answer)
        assert file.read_bytes() == good
    # An answer to another question under this name is no answer.
    cache.put("cd" * 32, b"in", replace(answer, output=b"zz"))
    other = next(p for p in tmp_path.rglob("*.npz") if p != file)
    file.write_bytes(other.read_bytes())
    assert cache.get(DIGEST, b"in") is None
