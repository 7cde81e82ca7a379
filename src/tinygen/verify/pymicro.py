"""A wake word against the runtime its authors ship, PyPI's `pymicro-wakeword`: its own interpreter, its own rounding.

That runtime uses LiteRT's optimised kernels, which round otherwise than TFLM's, so probabilities may differ by steps;
what must agree is what was detected.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinygen.core.values import Check, CheckStatus, Measurement
from tinygen.tasks import stream
from tinygen.tasks.stream import StreamRule
from tinygen.verify.stream import Expected

_TOLERANCE_S = 0.1
_CHUNK = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Both runtimes over one signal; a step is one inference."""

    steps: int
    largest_difference: float
    differing_steps: int
    ours: tuple[int, ...]
    theirs: tuple[int, ...]

    def agree(self, rate_hz: int) -> bool:
        """Whether every detection of one is one of the other's, within a tenth of a second."""
        near = _TOLERANCE_S * rate_hz
        pairs = zip(self.ours, self.theirs, strict=False)
        return len(self.ours) == len(self.theirs) and all(abs(a - b) <= near for a, b in pairs)


def available() -> bool:
    """Whether the reference runtime is installed."""
    return find_spec("pymicro_wakeword") is not None


def compare(
    manifest: Path, rule: StreamRule, scale: float, expected: Expected, signal: npt.NDArray[np.int16]
) -> Comparison:
    """Run the reference runtime over a signal int16 [instants, 1].

    Args:
        manifest: the wake word.
        rule: our decision.
        scale: of the model's output.
        expected: our chain over the same signal.
        signal: 16 kHz.
    """
    theirs = _means(manifest, signal)
    sums = stream.sums(rule, expected.values)[:, 0]
    step = Fraction(scale) / rule.smoothing
    ours = np.array([float(step * int(total)) for total in sums])
    steps = min(len(ours), len(theirs))
    ours, theirs = ours[:steps], theirs[:steps]
    # Their outputs are bytes too, so their means are whole numbers of steps.
    values = np.round(theirs / float(step)).astype(np.int64)[:, None]
    summed = zip(values.tolist(), expected.made.instants.tolist(), strict=False)
    detections = tuple(event.instant for event in stream.decide(rule, summed))
    return Comparison(
        steps=steps,
        largest_difference=float(np.abs(ours - theirs).max(initial=0.0)),
        differing_steps=int(((sums[:steps] > rule.threshold) != (values[:, 0] > rule.threshold)).sum()),
        ours=tuple(event.instant for event in expected.events),
        theirs=detections,
    )


def _means(manifest: Path, signal: npt.NDArray[np.int16]) -> npt.NDArray[np.float64]:
    """The reference runtime's mean probability after each of its inferences; 0 until its window is full."""
    from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures

    word, features = MicroWakeWord.from_config(manifest), MicroWakeWordFeatures()
    data = np.ascontiguousarray(signal, dtype="<i2").tobytes()
    found = []
    rows = 0
    for at in range(0, len(data), 2 * _CHUNK):
        for row in features.process_streaming(data[at : at + 2 * _CHUNK]):
            mean = word.process_streaming_prob(row)
            rows += 1
            if rows % word.stride == 0:
                found.append(float(mean or 0.0))
    return np.array(found)


def check(found: Comparison, rate_hz: int) -> Check:
    """As a check of a report."""
    agree = found.agree(rate_hz)
    return Check(
        name="pymicro-wakeword",
        status=CheckStatus.PASSED if agree else CheckStatus.FAILED,
        reason=f"{len(found.theirs)} detections there, {len(found.ours)} here; largest difference of the mean "
        f"probability {found.largest_difference:.4f} over {found.steps} steps, {found.differing_steps} steps on the "
        "other side of the cutoff",
    )


def measurement(found: Comparison) -> Measurement:
    """The largest difference as a number."""
    return Measurement(
        name="largest_difference",
        value=found.largest_difference,
        unit="ratio",
        origin="measured-on-host",
        note="of the mean probability, pymicro-wakeword's runtime against TFLM's interpreter",
    )
