"""A preview is seeded, plays what it shows, and never takes a folder that is somebody else's."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tinygen.config import load_config
from tinygen.core.errors import TinygenError
from tinygen.datasets.augment import chain
from tinygen.pipeline import preview
from tinygen.pipeline.context import Context
from tinygen.report import listen, spectrogram


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    for number, (label, speaker) in enumerate([(w, s) for w in ("no", "yes") for s in ("a", "b", "c", "d")]):
        (tmp_path / "in" / label).mkdir(parents=True, exist_ok=True)
        wave = np.random.default_rng(number).normal(0, 3000, 16000).astype(np.int16)
        soundfile.write(str(tmp_path / "in" / label / f"{speaker}_nohash_0.wav"), wave, 16000)
    given = {"task": "kws", "data": str(tmp_path / "in"), "build_dir": str(tmp_path / "build"), "board": "host"}
    return Context(config=load_config(None, given, tmp_path))


def made(ctx: Context, folder: Path, **values: object) -> dict[str, bytes]:
    usual = {"per_class": 1, "variations": 2, "alone": True, **values}
    preview.preview(ctx, "speech-wide", folder, **usual)  # type: ignore[arg-type]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_seed_decides_every_byte(ctx: Context, tmp_path: Path) -> None:
    first, again = made(ctx, tmp_path / "one"), made(ctx, tmp_path / "two")
    assert first == again
    other = made(replace(ctx, config=replace(ctx.config, seed=2)), tmp_path / "three")
    assert first["audio/00-variation-1.wav"] != other["audio/00-variation-1.wav"]
    assert len(first) == 1 + 2 * (1 + 2 + len(chain.SPEECH_WIDE.steps)) + 2 * (2 + 2)
    assert first["features/00-variation-1.png"] != other["features/00-variation-1.png"]


def test_specaugment_blanks_stretches_of_what_the_network_is_fed(ctx: Context, tmp_path: Path) -> None:
    files = made(ctx, tmp_path / "one", per_class=2, variations=1, alone=False)
    grey = {name: share_of(data, (128, 128, 128)) for name, data in files.items() if name.endswith(".png")}
    assert {value for name, value in grey.items() if "as-recorded" in name} == {0.0}
    alone = [value for name, value in grey.items() if "SpecAugment-alone" in name]
    assert len(alone) == 4 and max(alone) > 0.02 and max(alone) < 0.6
    plain = pixels(files["features/00-as-recorded.png"])
    masked = pixels(files["features/00-SpecAugment-alone.png"])
    kept = (masked != 128).any(axis=2)
    assert (np.abs(plain[kept].astype(int) - masked[kept].astype(int)) <= 1).all(), "nothing else is changed"
    assert files["preview.html"].decode().count("SpecAugment alone: features") == 8


def pixels(data: bytes) -> np.ndarray:
    """uint8 [rows, columns, 3] of a PNG file whose lines are not filtered."""
    columns, rows = struct.unpack(">II", data[16:24])
    length = struct.unpack(">I", data[33:37])[0]
    lines = np.frombuffer(zlib.decompress(data[41 : 41 + length]), np.uint8).reshape(rows, 1 + 3 * columns)
    return lines[:, 1:].reshape(rows, columns, 3)


def share_of(data: bytes, colour: tuple[int, int, int]) -> float:
    return float((pixels(data) == colour).all(axis=2).mean())


def test_the_page_plays_what_lies_beside_it(ctx: Context, tmp_path: Path) -> None:
    files = made(ctx, tmp_path / "one", variations=1, alone=False)
    page = files["preview.html"].decode()
    inside = {base64.b64decode(text) for text in re.findall(r"data:audio/wav;base64,([^\"]+)", page)}
    assert inside == {data for name, data in files.items() if name.endswith(".wav")}
    signal, rate = soundfile.read(str(tmp_path / "one" / "audio" / "00-as-recorded.wav"), dtype="int16")
    assert rate == 16000 and signal.shape == (16000,)
    assert "http" not in page.replace("http-equiv", "")


def test_a_folder_of_others_is_left_alone(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not touch")
    with pytest.raises(TinygenError, match="no preview"):
        made(ctx, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "do not touch"


def test_presets_and_steps_are_listed() -> None:
    text = str(preview.recipes().tables)
    assert all(name in text for name in ("speech-wide", "vocal_tract", "noise", "shaft_speed"))


def test_a_spectrogram_shows_where_the_tone_is() -> None:
    t = np.arange(16000) / 16000
    tone = (9000 * np.sin(2 * np.pi * 6000 * t)).astype(np.int16)
    level = spectrogram.levels(tone)
    assert level.shape == (64, 140)
    assert level.mean(axis=1).argmax() == pytest.approx(64 * (1 - 6000 / 8000), abs=1)


def test_pictures_are_png_and_audio_is_wav(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (5, 7, 3)).astype(np.uint8)
    data = spectrogram.png(pixels)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert (width, height) == (7, 5)
    start = data.index(b"IDAT") + 4
    length = struct.unpack(">I", data[start - 8 : start - 4])[0]
    rows = np.frombuffer(zlib.decompress(data[start : start + length]), np.uint8).reshape(5, 22)
    assert np.array_equal(rows[:, 1:].reshape(5, 7, 3), pixels)
    signal = np.random.default_rng(2).integers(-9, 9, (50, 6)).astype(np.int16)
    (tmp_path / "a.wav").write_bytes(listen.wav(signal, 100))
    back, rate = soundfile.read(str(tmp_path / "a.wav"), dtype="int16")
    assert rate == 100 and np.array_equal(back, signal)
