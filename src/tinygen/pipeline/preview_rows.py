"""What a network is fed: the log-mel rows of a recording, and what training in stages makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
import numpy.typing as npt

from tinygen.datasets.values import Int16
from tinygen.datasets.window import fit
from tinygen.features import reference
from tinygen.features.spec import LogMelSpec, samples_per_inference
from tinygen.report import spectrogram
from tinygen.report.previewed import Rows
from tinygen.training import spectral

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
    features = reference.frames(spec, fit(signal, samples_per_inference(spec)))
    masks = replace(spectral.NONE, mask_rows=spectral.USUAL.mask_rows, mask_bands=spectral.USUAL.mask_bands)
    ways = [("SpecAugment alone", masks), *((f"variation {n + 1}", spectral.USUAL) for n in range(variations))]
    made: list[tuple[str, npt.NDArray[np.float64]]] = [("as recorded", features.astype(np.float64))]
    for number, (name, how) in enumerate(ways):
        rng = np.random.default_rng([seed, 200 + number])
        made.append((name, spectral.varied(spec, features[None], noise, how, rng)[0].astype(np.float64)))
    low, high = float(features.min()), float(max(np.nanmax(values) for _, values in made))
    return tuple(Rows(name=name, picture=spectrogram.rows_png(values, low, high)) for name, values in made)


def noise_rows(spec: LogMelSpec, noises: Sequence[Int16]) -> Int16:
    """int16 [m, bands] of background recordings one after another; none where they are too short."""
    rows = [reference.stream(spec, noise) for noise in noises]
    whole = np.concatenate(rows) if rows else np.zeros((0, spec.n_bands), np.int16)
    return whole if len(whole) >= _LEAST_NOISE * spec.n_frames else whole[:0]


def numbers() -> str:
    """What the variations are, for people."""
    return ", ".join(f"{key} {value}" for key, value in asdict(spectral.USUAL).items())
