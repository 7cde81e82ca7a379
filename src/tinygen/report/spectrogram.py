"""A signal's short-time spectrum as a small picture inside a page: PNG in a data URI, made here."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import numpy.typing as npt

from tinygen.report.markup import Node, node

_COLUMNS, _ROWS = 140, 64
_RANGE_DB = 60.0
# Dark to light, readable in grey too.
_STOPS = (
    (0.0, (18, 16, 44)),
    (0.35, (84, 38, 120)),
    (0.65, (202, 72, 88)),
    (0.85, (246, 164, 84)),
    (1.0, (252, 246, 190)),
)
_BLANK = (128, 128, 128)


def picture(signal: npt.NDArray[np.int16], rate_hz: int, title: str) -> Node:
    """The first channel of int16 [n, channels]: time to the right, frequency upwards, 60 dB from dark to light."""
    level = levels(signal[:, 0])
    said = f"{title}: spectrum from 0 to {rate_hz / 2:g} Hz over {signal.shape[0] / max(rate_hz, 1):.3g} s"
    return image(png(_coloured(level)), said)


def image(data: bytes, said: str) -> Node:
    """A PNG file inside a page."""
    source = "data:image/png;base64," + base64.b64encode(data).decode()
    return node("img", {"src": source, "alt": said, "title": said, "class": "spectrum"})


def rows_png(values: npt.NDArray[np.floating], low: float, high: float) -> bytes:
    """A PNG file of features [rows, bands]: time to the right, the first band lowest; blanks (NaN) are grey.

    Args:
        values: float [rows, bands].
        low, high: what is darkest and lightest.
    """
    level = np.clip((values - low) / max(high - low, 1e-9), 0.0, 1.0)
    pixels = _coloured(np.nan_to_num(level))
    pixels[np.isnan(values)] = _BLANK
    return png(np.repeat(np.repeat(pixels.transpose(1, 0, 2)[::-1], 3, axis=0), 3, axis=1))


def _coloured(level: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """uint8 [rows, columns, 3] of levels 0..1."""
    at = [stop for stop, _ in _STOPS]
    colours = [np.interp(level, at, [rgb[c] for _, rgb in _STOPS]) for c in range(3)]
    return np.stack(colours, axis=2).astype(np.uint8)


def levels(signal: npt.NDArray[np.int16]) -> npt.NDArray[np.float64]:
    """float64 [rows, columns] 0..1, the highest frequency first; 1 = the loudest place, 0 = 60 dB below and less."""
    x = signal.astype(np.float64)
    size = max(16, 1 << int(np.log2(max(16, min(512, x.size // 8)))))
    x = np.pad(x, (0, max(0, size - x.size)))
    starts = np.linspace(0, x.size - size, _COLUMNS).astype(np.int64)
    frames = np.lib.stride_tricks.sliding_window_view(x, size)[starts] * np.hanning(size)
    power = (np.abs(np.fft.rfft(frames, axis=1)) ** 2).T
    edges = np.linspace(0, power.shape[0], _ROWS + 1).astype(int)[:-1]
    bands = power[np.minimum(edges, power.shape[0] - 1)] if power.shape[0] < _ROWS else np.add.reduceat(power, edges)
    db = 10 * np.log10(bands + 1e-9)
    scaled: npt.NDArray[np.float64] = np.clip((db - db.max() + _RANGE_DB) / _RANGE_DB, 0.0, 1.0)[::-1]
    return scaled


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A PNG file of uint8 [rows, columns, 3].

    Source: W3C, "Portable Network Graphics (PNG) Specification", chunks IHDR, IDAT, IEND.
    """
    rows, columns, _ = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = np.concatenate([np.zeros((rows, 1), np.uint8), pixels.reshape(rows, -1)], axis=1)
    head = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
