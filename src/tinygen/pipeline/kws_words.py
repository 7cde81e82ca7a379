"""What the trainings of `judging_kws` hear: recordings, words spoken by programs and by a neural voice, noises."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from tinygen.core.canonical import digest, digest_bytes
from tinygen.core.files import write_atomic
from tinygen.core.progress import Progress
from tinygen.core.resources import source_dir
from tinygen.core.store import Store
from tinygen.datasets.synth import kws as synth
from tinygen.datasets.synth import neural
from tinygen.datasets.synth.speech import engines
from tinygen.datasets.synth.wordset import COMMANDS, OTHERS, speak_words
from tinygen.datasets.values import Dataset, Recording
from tinygen.features.spec import LogMelSpec
from tinygen.tasks.spec import Task
from tinygen.training.settling import plain
from tinygen.training.words import Int16, Words, log_mel_of, noise_rows, words_of

SEED = 1
SPEAKERS, NEURAL_SPEAKERS, OTHERS_EACH = 600, 160, 3

_FEATURES = ("features", ("logmel", "fft", "hann", "integers", "melbank", "log1p", "gain"))
_SPOKEN = ("datasets/synth", ("wordset", "speech"))
_NEURAL = ("datasets/synth", ("neural", "wordset"))


@dataclass(slots=True, kw_only=True)
class Heard:
    """Words and noises; each is made when first needed, and what was spoken is kept on disk."""

    task: Task
    dataset: Dataset
    store: Store
    progress: Progress
    _kept: dict[str, Words] = field(default_factory=dict)

    @property
    def spec(self) -> LogMelSpec:
        """The front end."""
        return log_mel_of(self.task)

    def recorded(self) -> Words:
        """The recordings, as they are judged."""
        return self._once("recorded", lambda: self._words(self.spec, self.dataset.recordings))

    def learned_from(self) -> Words:
        """The recordings, as they are learned from."""
        return self._once("plain", lambda: self._words(plain(self.spec), self.dataset.recordings))

    def spoken(self) -> Words:
        """The commands and other words by speech programs' pseudo-speakers.

        Raises:
            TinygenError: no speech engine is installed, or one failed.
        """
        how = [SPEAKERS, synth.engine_versions(), code_of(*_SPOKEN)]
        return self._once("spoken", lambda: self._from_disk("spoken", how, self._programs))

    def natural(self) -> Words:
        """The same by throats of a neural voice and mixtures of them.

        Raises:
            TinygenError: it is not installed.
        """
        how = [NEURAL_SPEAKERS, neural.version(), code_of(*_NEURAL)]
        return self._once("natural", lambda: self._from_disk("natural", how, self._throats))

    def noises(self, recorded: bool) -> Int16:
        """Rows of recorded noises, or of made ones where nothing recorded may be learned from."""
        return noise_rows(self.spec, [r.signal for r in self.dataset.noises] if recorded else made_noises())

    def facts(self, *, spoken: bool, natural: bool) -> dict[str, object]:
        """What determines the words, for keys."""
        return {
            "front end": asdict(self.spec),
            "data": self.dataset.digest,
            "labels": list(self.task.labels),
            "engines": synth.engine_versions() if spoken else "",
            "neural": neural.version() if natural else "",
            "speakers": [SPEAKERS * spoken, NEURAL_SPEAKERS * natural, OTHERS_EACH],
            "code": [code_of(*_FEATURES), code_of("datasets", ("window",)), code_of(*_SPOKEN), code_of(*_NEURAL)],
        }

    def _once(self, name: str, make: Callable[[], Words]) -> Words:
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def _words(self, spec: LogMelSpec, recordings: Sequence[Recording]) -> Words:
        return words_of(self.task, spec, [r.signal for r in recordings], [r.label for r in recordings])

    @property
    def _commands(self) -> tuple[str, ...]:
        return tuple(label for label in self.task.labels if label in COMMANDS)

    def _programs(self) -> list[Recording]:
        return speak_words(
            words=self._commands, others=OTHERS, n_speakers=SPEAKERS, others_each=OTHERS_EACH, seed=SEED,
            engines=engines(), progress=self.progress,
        )  # fmt: skip

    def _throats(self) -> list[Recording]:
        return speak_words(
            words=self._commands, others=OTHERS, n_speakers=0, others_each=OTHERS_EACH, seed=SEED, engines=(),
            neural=neural.get(), n_neural=NEURAL_SPEAKERS, progress=self.progress,
        )  # fmt: skip

    def _from_disk(self, name: str, how: list[object], speak: Callable[[], list[Recording]]) -> Words:
        key = digest([asdict(plain(self.spec)), code_of(*_FEATURES), self._commands, OTHERS, OTHERS_EACH, SEED, how])
        path = self.store.root / f"{name}-{key[:20]}.npz"
        if not path.is_file():
            made = self._words(plain(self.spec), speak())
            out = io.BytesIO()
            np.savez_compressed(out, features=made.features, classes=made.classes)
            write_atomic(path, out.getvalue())
        with np.load(path, allow_pickle=False) as file:
            return Words(features=file["features"], classes=file["classes"])


def code_of(room: str, names: Sequence[str]) -> str:
    """Digest of source files of a room."""
    return digest([digest_bytes((source_dir(room) / f"{name}.py").read_bytes()) for name in names])


def made_noises() -> list[Int16]:
    """Noises of every made-up kind, half a minute each: int16 [n, 1]."""
    rng = np.random.default_rng([SEED, 41])
    return [synth.noise(kind, rng, 8 * synth.SAMPLES) for kind in synth.NOISE_KINDS for _ in range(4)]
