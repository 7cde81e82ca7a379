"""A word list spoken by many pseudo-speakers: what a keyword model learns beside, or instead of, real recordings.

Words are spoken one by one by the engines that are installed, each speaker with its own voice, accent, pitch and speed,
and with the intonation of a statement, a question, a call or the first half of a sentence. Room, noise, level and place
in the window are left to augmentation, which draws them anew every epoch.
"""

from __future__ import annotations

import numpy as np

from tinygen.core.progress import Progress
from tinygen.datasets.signal import to_int16
from tinygen.datasets.synth.neural import Neural
from tinygen.datasets.synth.speech import RATE_HZ, Speaker, speak_all
from tinygen.datasets.values import Int16, Recording

COMMANDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
"""The ten words of the Speech Commands benchmark."""

OTHERS = (
    "backward", "bed", "bird", "cat", "dog", "eight", "five", "follow", "forward", "four", "happy", "house", "learn",
    "marvin", "nine", "one", "seven", "sheila", "six", "three", "tree", "two", "visual", "wow", "zero",
    "awesome", "hello", "music", "people", "seventy", "water",
)  # fmt: skip
"""Words that are none of them, and do not sound like one: engines say each word one way only, people many ways, so a
near word ("know", "town") would claim what real speakers make of a command."""

_ACCENTS = ("en-us", "en-us", "en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-gb-x-gbclan",
            "en-gb-x-gbcwmd", "en-us-nyc")  # fmt: skip
VARIANTS = (
    "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5", "klatt", "klatt2", "klatt3",
    "klatt4", "klatt5", "klatt6", "Alex", "Alicia", "Andrea", "Andy", "Annie", "adam", "anika", "antonio", "aunty",
    "belinda", "benjamin", "boris", "caleb", "david", "ed", "edward", "grandma", "grandpa", "gustave", "iven", "jacky",
    "john", "Lee", "linda", "marcelo", "max", "Michael", "michel", "miguel", "mike", "norbert", "pablo", "paul",
    "quincy", "rob", "robert", "sandro", "shelby", "steph", "steph2", "steph3", "travis", "victor", "zac", "Gene",
    "Marco", "Mario", "Henrique", "Hugo", "Denis", "Diogo", "pedro",
)  # fmt: skip
"""espeak-ng's throats."""
_FLITE = ("slt", "rms", "awb", "kal16")
_ENDINGS = ("", ".", "?", "!", ",")


def speakers_of(rng: np.random.Generator, count: int, available: tuple[str, ...]) -> list[Speaker]:
    """`count` ways to speak; every third is flite's where both engines are there."""
    found: list[Speaker] = []
    for index in range(count):
        if "espeak-ng" not in available or ("flite" in available and index % 3 == 2):
            voice = _FLITE[index // 3 % len(_FLITE)]
            low, high = (140, 300) if voice == "slt" else (75, 190)
            found.append(
                Speaker(
                    name=f"w{index:04d}-{voice}",
                    group=f"flite-{voice}",
                    engine="flite",
                    voice=voice,
                    pitch=int(rng.integers(low, high)),
                    speed=int(rng.integers(70, 140)),
                )
            )
            continue
        variant = VARIANTS[int(rng.integers(len(VARIANTS)))]
        voice = f"{_ACCENTS[int(rng.integers(len(_ACCENTS)))]}+{variant}"
        found.append(
            Speaker(
                name=f"w{index:04d}-{voice}",
                group=f"espeak-{variant}",
                engine="espeak-ng",
                voice=voice,
                pitch=int(rng.integers(10, 95)),
                speed=int(rng.integers(100, 240)),
            )
        )
    return found


def speak_words(
    *,
    words: tuple[str, ...],
    others: tuple[str, ...],
    n_speakers: int,
    others_each: int,
    seed: int,
    engines: tuple[str, ...],
    neural: Neural | None = None,
    n_neural: int = 0,
    progress: Progress,
) -> list[Recording]:
    """Every speaker says every word once and some of the other words: int16 [16000, 1] at 16 kHz, the word amid zeros.

    Args:
        words: become labels.
        others: become "_unknown_".
        n_speakers: ways to speak of the engines.
        others_each: other words per speaker.
        seed: of everything that is drawn.
        engines: programs to use, as `speech.engines` gives them.
        neural: speaks besides them, in `n_neural` ways.
        progress: told how far it is.

    Raises:
        TinygenError: an engine failed or gave no sound.
    """
    rng = np.random.default_rng([seed, 31])
    jobs: list[tuple[Speaker, str]] = []
    labels: list[str] = []
    natural = [] if neural is None else neural.speakers(seed, n_neural)
    for speaker in [*speakers_of(rng, n_speakers, engines), *natural]:
        chosen = [others[i] for i in rng.permutation(len(others))[:others_each]]
        for word in (*words, *chosen):
            jobs.append((speaker, word + _ENDINGS[int(rng.integers(len(_ENDINGS)))]))
            labels.append(word if word in words else "_unknown_")
    spoken = speak_all(jobs, progress, None if neural is None else neural.speak)
    return [
        Recording(
            signal=_amid(signal),
            rate_hz=RATE_HZ,
            label=label,
            group=speaker.group,
            name=f"{label}/{text.strip('.?!,')}-{speaker.name}",
        )
        for (speaker, text), label, signal in zip(jobs, labels, spoken, strict=True)
    ]


def _amid(word: Int16) -> Int16:
    """The word in the middle of one second of nothing; longer ones lose their ends."""
    if len(word) >= RATE_HZ:
        start = (len(word) - RATE_HZ) // 2
        return word[start : start + RATE_HZ]
    before = (RATE_HZ - len(word)) // 2
    return to_int16(np.pad(word, ((before, RATE_HZ - len(word) - before), (0, 0))))
