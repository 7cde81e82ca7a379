"""Short-time spectra and back: what pitch and vocal-tract variations stand on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

_SIZE, _HOP = 512, 128
_LIFTER = 40  # cepstral coefficients that make the envelope: formants, not harmonics
_BEND = 0.8


def _window() -> Float64:
    return np.asarray(np.hanning(_SIZE + 1)[:-1])


def forward(signal: Float64) -> Complex:
    """Spectra [channels, frames, bins] of float64 [n, channels]; the signal is padded by a window at both ends."""
    padded = np.pad(signal, ((_SIZE, _SIZE + (-signal.shape[0]) % _HOP), (0, 0)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _SIZE, axis=0)[::_HOP]
    return np.asarray(np.fft.rfft(frames.transpose(1, 0, 2) * _window(), axis=2))


def backward(spectra: Complex, n: int) -> Float64:
    """The signal float64 [n, channels] whose spectra are nearest to these."""
    window = _window()
    frames = np.fft.irfft(spectra, _SIZE, axis=2) * window
    channels, count, _ = frames.shape
    whole = np.zeros((channels, (count - 1) * _HOP + _SIZE))
    weight = np.zeros(whole.shape[1])
    for k in range(_SIZE // _HOP):  # frames that are _SIZE apart do not overlap: added in four runs
        chosen = frames[:, k :: _SIZE // _HOP]
        start, length = k * _HOP, chosen.shape[1] * _SIZE
        whole[:, start : start + length] += chosen.reshape(channels, -1)
        weight[start : start + length] += np.tile(window**2, chosen.shape[1])
    whole /= np.maximum(weight, 1e-3)
    found: Float64 = whole[:, _SIZE : _SIZE + n].T
    return np.pad(found, ((0, n - found.shape[0]), (0, 0)))


def stretch(signal: Float64, factor: float) -> Float64:
    """The signal [n, channels] lasting `factor` times as long at the same pitch."""
    spectra = forward(signal)
    count = spectra.shape[1]
    at = np.arange(0.0, count - 1, 1.0 / factor)
    first = at.astype(np.int64)
    part = (at - first)[None, :, None]
    size = np.abs(spectra)
    magnitude = size[:, first] * (1 - part) + size[:, first + 1] * part
    turn = 2 * np.pi * _HOP * np.arange(_SIZE // 2 + 1) / _SIZE
    angle = np.angle(spectra)
    step = angle[:, first + 1] - angle[:, first] - turn
    step -= 2 * np.pi * np.round(step / (2 * np.pi))
    phase = np.cumsum(np.concatenate([angle[:, :1], (turn + step)[:, :-1]], axis=1), axis=1)
    turned: Complex = magnitude.astype(np.complex128) * np.exp(1j * phase)
    whole = backward(turned, round(signal.shape[0] * factor) + _SIZE)
    return whole[round(_SIZE * (factor - 1)) if factor > 1 else 0 :][: round(signal.shape[0] * factor)]


def warp_envelope(signal: Float64, factor: float) -> Float64:
    """Formants moved by a factor; harmonics stay where they are. float64 [n, channels] in and out."""
    spectra = forward(signal)
    logs = np.log(np.abs(spectra) + 1e-3)
    cepstra = np.fft.irfft(logs, _SIZE, axis=2)
    keep = np.minimum(np.arange(_SIZE), _SIZE - np.arange(_SIZE)) < _LIFTER
    envelope = np.fft.rfft(cepstra * keep, axis=2).real
    bins = spectra.shape[2]
    at = np.arange(bins) / (bins - 1)
    bend = _BEND * min(1.0, 1.0 / factor)
    source = np.interp(at, [0.0, bend * factor, 1.0], [0.0, bend, 1.0]) * (bins - 1)
    low = np.minimum(source.astype(np.int64), bins - 2)
    part = source - low
    moved = envelope[:, :, low] * (1 - part) + envelope[:, :, low + 1] * part
    return backward(spectra * np.exp(np.clip(moved - envelope, -3.0, 3.0)), signal.shape[0])
