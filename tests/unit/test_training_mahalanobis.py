"""The distance layer: what differs between sound machines does not count, what differs within one does."""

from __future__ import annotations

import numpy as np
import pytest

from tinygen.core.errors import TinygenError
from tinygen.features.spec import BandEnergySpec
from tinygen.training.mahalanobis import dense_layer, feature_weights

VALUES = 12


def test_what_differs_between_sound_machines_does_not_count() -> None:
    rng = np.random.default_rng(1)
    between = rng.normal(0, 3, (1, VALUES))
    levels = rng.normal(0, 1, (6, 1)) * between + 8  # machines lie on a line
    real = np.concatenate([level + rng.normal(0, 0.2, (50, VALUES)) for level in levels]).astype(np.float32)
    machines = [f"m{i}" for i in range(6) for _ in range(50)]
    kernel, bias = dense_layer(real, machines, np.ones(VALUES))

    def score(row: np.ndarray) -> float:
        return float(((row - (row @ kernel + bias)) ** 2).sum())

    centre = levels.mean(axis=0)
    another_machine = centre + between[0]  # ten steps away, five times as far as the fault
    fault = np.zeros(VALUES)
    fault[3] = 2.0
    assert score(centre + fault) > 4 * score(another_machine)
    assert score(another_machine + fault) > 4 * score(another_machine)


def test_the_kernel_holds_int8_weights_and_its_bias_suits_them() -> None:
    rng = np.random.default_rng(2)
    real = rng.normal(5, 1, (80, VALUES)).astype(np.float32)
    kernel, bias = dense_layer(real, [""] * 80, np.linspace(0.1, 1, VALUES))
    steps = kernel / (np.abs(kernel).max(axis=0) / 127)
    assert np.abs(steps - np.round(steps)).max() < 1e-3
    mean = real.mean(axis=0)
    assert mean @ kernel + bias == pytest.approx(mean, abs=1e-4)
    lonely = dense_layer(real, [str(i) for i in range(80)], np.linspace(0.1, 1, VALUES))
    assert np.array_equal(lonely[0], kernel)  # nothing is known about machines: one
    with pytest.raises(TinygenError, match="at least 2"):
        dense_layer(real[:1], ["a"], np.ones(VALUES))


def test_every_feature_has_its_weight() -> None:
    spec = BandEnergySpec(n_channels=3, n_bands=5, statistics=True, envelope_bands=4)
    weights = feature_weights(spec)
    assert weights.shape == (3 * spec.values_per_channel,)
    assert weights[:7].tolist() == [1.0] * 6 + [1 / 16]
