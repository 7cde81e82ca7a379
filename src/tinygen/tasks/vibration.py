"""Condition monitoring: how far a snapshot lies from what sound machines have in common.

Features are band energies, statistics and the envelope spectrum of one snapshot. Only healthy snapshots are learned;
the score is a squared distance in steps of the model's int8 input, so that training, evaluation and device mean the
same number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinygen.core.errors import bad_input
from tinygen.datasets.adapt import HEALTHY
from tinygen.datasets.values import Dataset
from tinygen.features.spec import BandEnergySpec
from tinygen.tasks.front_end import with_constants
from tinygen.tasks.spec import Acceptance, Layer, StreamPlan, Task, TrainingPlan

NAME = "vibration"
TITLE = "Vibration monitoring"

ANOMALY = "anomaly"

_SNAPSHOT_SAMPLES = 4096  # of longer recordings several snapshots are taken
_MAX_WINDOW = 512
_MIN_WINDOW = 64


def front_end(dataset: Dataset) -> BandEnergySpec:
    """Band energies that suit rate, axes and length of the recordings.

    Raises:
        TinygenError: the recordings are too short, or have too many channels.
    """
    shortest = min(dataset.recordings, key=lambda r: r.signal.shape[0])
    length = min(shortest.signal.shape[0], _SNAPSHOT_SAMPLES)
    channels = shortest.signal.shape[1]
    if length < 2 * _MIN_WINDOW:
        raise bad_input(
            f"has {length} samples, at least {2 * _MIN_WINDOW} are needed for a spectrum",
            where=shortest.name,
            hint="record snapshots of a tenth of a second or more",
        )
    if channels > 4:
        raise bad_input(f"{channels} channels are more than the 4 that are supported", where=dataset.name)
    window = _MAX_WINDOW
    while window > length // 2:
        window //= 2
    hop = window // 2
    return BandEnergySpec(
        rate_hz=shortest.rate_hz,
        n_channels=channels,
        window_samples=window,
        hop_samples=hop,
        n_windows=(length - window) // hop + 1,
        n_bands=min(32, window // 8),
    )


def condition_front_end(*, rate_hz: int, n_channels: int, samples: int) -> BandEnergySpec:
    """Bands, statistics and envelope spectrum of snapshots of at least 128 samples, for distances from what is normal.

    The carrier of the envelope lies between 5/64 and 25/64 of the sampling rate (2 to 10 kHz at 25.6 kHz).
    """
    window = 256
    while window > samples // 2:
        window //= 2
    hop = window // 2
    n_windows = (min(samples, _SNAPSHOT_SAMPLES) - window) // hop + 1
    taps, room = 31, n_windows * hop - 30
    size = next((size for size in (128, 64, 32, 16) if room // size >= 4), 0)
    return BandEnergySpec(
        rate_hz=rate_hz,
        n_channels=n_channels,
        window_samples=window,
        hop_samples=hop,
        n_windows=n_windows,
        n_bands=12,
        statistics=True,
        envelope_bands=min(12, size // 2 - 2) if size else 0,
        envelope_size=size or 16,
        envelope_decimation=1 << ((room // size).bit_length() - 1) if size else 1,
        envelope_taps=taps,
        envelope_lower_hz=rate_hz * 5 / 64,
        envelope_upper_hz=rate_hz * 25 / 64,
    )


def make(dataset: Dataset, given: Mapping[str, Any] | None = None) -> Task:
    """The task for the sensor of a data set: Mahalanobis distance from sound machines, as one dense layer.

    On FEMTO's other bearings its mean AUC is 0.97 where the autoencoder's is 0.92; it is computed, not trained.

    Args:
        dataset: what it learns from.
        given: constants of the front end that are not what suits the recordings.

    Raises:
        TinygenError: as `front_end`; the front end cannot be computed.
    """
    usual = front_end(dataset)
    samples = min(r.signal.shape[0] for r in dataset.recordings)
    features = condition_front_end(rate_hz=usual.rate_hz, n_channels=usual.n_channels, samples=samples)
    features = with_constants(features, given or {})
    values = features.n_channels * features.values_per_channel
    return Task(
        name="vibration",
        title=TITLE,
        labels=(HEALTHY, ANOMALY),
        features=features,
        input_shape=(1, 1, values),
        layers=(Layer(kind="dense", filters=values),),
        loss="distance",
        decision="reconstruction",
        training=TrainingPlan(epochs=1, batch_size=32, learning_rate=1e-3),
        acceptance=Acceptance(metric="auc", at_least=0.90),
        stream=StreamPlan(smoothing=5, refractory_s=5.0),
    )


def make_autoencoder(dataset: Dataset) -> Task:
    """The same from an autoencoder that reconstructs sound machines, to compare with.

    Raises:
        TinygenError: as `front_end`.
    """
    features = front_end(dataset)
    values = features.n_channels * features.n_bands
    # Two numbers in the middle: level and tilt. More let the network rebuild faults it has never seen (AUC over eight
    # divisions of FEMTO's bearings, linear model: 2 -> 0.977, 4 -> 0.949, 8 -> 0.933, 12 -> 0.907).
    narrow = max(2, values // 32)
    return Task(
        name="vibration",
        title=TITLE,
        labels=(HEALTHY, ANOMALY),
        features=features,
        input_shape=(1, 1, values),
        layers=(
            Layer(kind="dense", filters=32, activation="relu", batch_norm=True),
            Layer(kind="dense", filters=narrow, activation="relu", batch_norm=True),
            Layer(kind="dense", filters=32, activation="relu", batch_norm=True),
            Layer(kind="dense", filters=values),
        ),
        loss="reconstruction",
        decision="reconstruction",
        training=TrainingPlan(epochs=100, batch_size=32, learning_rate=3e-3, augment=("vibration",) * 3),
        acceptance=Acceptance(metric="auc", at_least=0.90),
        stream=StreamPlan(smoothing=5, refractory_s=5.0),
    )
