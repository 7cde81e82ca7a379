"""A stream that is looked into while it runs: begun on the device, fed if need be, its scores asked for."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import TinygenError
from tinygen.device.client import Client
from tinygen.device.values import StreamScores

_PIECE_S = 0.1
_LOOK_S = 0.2

Recording = Callable[[int, int], npt.NDArray[np.int16]]
"""(rate in Hz, channels) -> samples int16 [instants, channels]."""


class LiveStream:
    """Keeps a stream going on whatever client there is; after a restart it begins anew.

    Args:
        recording: what is sent, at the pace it was recorded at; None listens to the device's own source.
        clock: monotonic seconds.
    """

    def __init__(self, recording: Recording | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._recording = recording
        self._clock = clock
        self._samples: npt.NDArray[np.int16] | None = None
        self._rate_hz = 1
        self._sent = 0
        self._began = 0.0
        self._looked = 0.0

    def begin(self, client: Client) -> None:
        """Start from nothing.

        Raises:
            TinygenError: the image cannot stream, has no source of samples of its own, or takes no such recording.
        """
        hello = client.hello()
        if self._recording is not None and self._samples is None:
            self._samples, self._rate_hz = self._recording(hello.rate_hz, hello.channels), hello.rate_hz
        client.stream_begin(sensor=self._recording is None)
        self._sent = 0
        self._began = self._clock()

    def step(self, client: Client) -> StreamScores | None:
        """Send what is due, and look at the scores when it is time."""
        now = self._clock()
        if self._samples is not None and not self.over:
            total = len(self._samples)
            due = min(int((now - self._began) * self._rate_hz), total)
            if due - self._sent >= min(max(1, round(_PIECE_S * self._rate_hz)), total - self._sent):
                client.stream(self._samples[self._sent : due])
                self._sent = due
        if now - self._looked < _LOOK_S and not self.over:
            return None
        self._looked = now
        return client.stream_scores()

    def end(self, client: Client) -> None:
        """Give the model back; a device that is gone needs no farewell."""
        with contextlib.suppress(TinygenError):
            client.stream_end()

    @property
    def over(self) -> bool:
        """All samples are sent."""
        return self._samples is not None and self._sent >= len(self._samples)
