"""Recordings inside a page: audio as WAV in a data URI, signals as pictures."""

from __future__ import annotations

import base64
import itertools
import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tinygen.report import svg
from tinygen.report.markup import Child, Node, node

_LOWEST_AUDIBLE_HZ = 4000
_SHORTEST_AUDIBLE_S = 0.25
_WIDTH, _HEIGHT = 420.0, 90.0


def wav(signal: npt.NDArray[np.int16], rate_hz: int) -> bytes:
    """A WAV file of int16 [n, channels]."""
    data = np.ascontiguousarray(signal, dtype="<i2").tobytes()
    channels = signal.shape[1]
    block = 2 * channels
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate_hz, rate_hz * block, block, 16)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def is_sound(signal: npt.NDArray[np.int16], rate_hz: int) -> bool:
    """True for what a person can make something of with their ears."""
    return rate_hz >= _LOWEST_AUDIBLE_HZ and signal.shape[0] >= _SHORTEST_AUDIBLE_S * rate_hz


def player(signal: npt.NDArray[np.int16], rate_hz: int, label: str) -> Node:
    """Something to press: the recording lies in the page itself."""
    source = "data:audio/wav;base64," + base64.b64encode(wav(signal[:, :2], rate_hz)).decode()
    return node("audio", {"controls": "controls", "preload": "none", "src": source, "aria-label": label})


def waveform(signal: npt.NDArray[np.int16], rate_hz: int, title: str, colours: Sequence[str] = svg.PALETTE) -> Node:
    """The signal over time: each column of the picture from its lowest to its highest sample, a colour a channel."""
    n, channels = signal.shape
    top = float(np.abs(signal.astype(np.float64)).max(initial=1.0)) or 1.0
    columns = int(min(_WIDTH, n))
    edges = np.linspace(0, n, columns + 1).astype(int)
    parts: list[Child] = [svg.line(0, _HEIGHT / 2, _WIDTH, _HEIGHT / 2)]
    for channel in range(min(channels, len(colours))):
        x = signal[:, channel].astype(np.float64) / top
        points: list[tuple[float, float]] = []
        for column, (start, stop) in enumerate(itertools.pairwise(edges)):
            piece = x[start : max(stop, start + 1)]
            at = (column + 0.5) / columns * _WIDTH
            ends = (piece.max(), piece.min()) if piece.size > 1 else (piece[0],)
            points += [(at, _HEIGHT / 2 - float(v) * (_HEIGHT / 2 - 2)) for v in ends]
        parts.append(svg.polyline(points, colours[channel], width=1.0))
    seconds = n / max(rate_hz, 1)
    parts.append(svg.text(_WIDTH, _HEIGHT + 12, f"{seconds:.3g} s", anchor="end", size=10, faint=True))
    parts.append(svg.text(0, _HEIGHT + 12, f"peak {top:.0f}", size=10, faint=True))
    return svg.chart(title, f"{channels} channels over {seconds:.3g} s", _WIDTH, _HEIGHT + 16, *parts)


def decoded(values: object) -> npt.NDArray[np.int16] | None:
    """int16 [n, channels] of {"signal": base64, "channels": n}; None where that is damaged."""
    if not isinstance(values, dict):
        return None
    text, channels = values.get("signal"), values.get("channels")
    if not isinstance(text, str) or not isinstance(channels, int) or channels < 1:
        return None
    try:
        data = np.frombuffer(base64.b64decode(text, validate=True), dtype="<i2").astype(np.int16)
    except ValueError:
        return None
    return data.reshape(-1, channels) if data.size and data.size % channels == 0 else None
