"""What a network is fed: the log-mel rows of a recording, and what training in stages makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
import numpy.typing as npt

from tinygen.datasets.values import Int16
from tinygen.datasets.window import fit
from tinygen.features import reference
from tinygen.features.spec import LogMelSpec, samples_per_window
from tinygen.report import spectrogram
from tinygen.report.previewed import Rows
from tinygen.training import settling, spectral, words

_LEAST_NOISE = 4  # of an example's rows: what `spectral.varied` needs


def rows_of(spec: LogMelSpec, signal: Int16, noise: Int16, *, variations: int, seed: int) -> tuple[Rows, ...]:
    """Rows as recorded, with nothing but SpecAugment, and as each epoch may see them.

    Args:
        spec: the front end.
        signal: int16 [n, 1].
        noise: int16 [m, bands], as `noise_rows` gives it.
        variations: how many of `spectral.USUAL`.
        seed: decides all of them.
    """
    plain = settling.plain(spec)
    features = reference.frames(plain, fit(signal, samples_per_window(spec)))[None]
    masks = replace(spectral.NONE, mask_rows=spectral.USUAL.mask_rows, mask_bands=spectral.USUAL.mask_bands)
    ways = [("as recorded", spectral.NONE, 0), ("SpecAugment alone", masks, 0)]
    ways += [(f"variation {n}", spectral.USUAL, n) for n in range(1, variations + 1)]
    made: list[tuple[str, npt.NDArray[np.float32]]] = []
    for name, how, number in ways:
        rng = np.random.default_rng([seed, 200 + number])
        made.append((name, spectral.varied(spec, features, noise, how, rng)[0]))
    low = float(min(np.nanmin(values) for _, values in made))
    high = float(max(np.nanmax(values) for _, values in made))
    return tuple(Rows(name=name, picture=spectrogram.rows_png(values, low, high)) for name, values in made)


def noise_rows(spec: LogMelSpec, noises: Sequence[Int16]) -> Int16:
    """int16 [m, bands] of background recordings one after another; none where they are too short."""
    whole = words.noise_rows(spec, noises)
    return whole if len(whole) >= _LEAST_NOISE * spec.n_frames else whole[:0]


def numbers() -> str:
    """What the variations are, for people."""
    return ", ".join(f"{key} {value}" for key, value in asdict(spectral.USUAL).items())
