"""The fault frequencies of a rolling bearing, from its geometry."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tinygen.core.errors import bad_input, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearing:
    """A rolling bearing whose outer race stands still; lengths in mm, the contact angle in degrees."""

    balls: int
    ball_mm: float
    pitch_mm: float
    angle_deg: float = 0.0

    def __post_init__(self) -> None:
        found = []
        if not 3 <= self.balls <= 200:
            found.append(f"3 to 200 rolling elements, got {self.balls}")
        if not 0 < self.ball_mm < self.pitch_mm:
            found.append(
                f"a rolling element (got {self.ball_mm:g} mm) is smaller than the pitch ({self.pitch_mm:g} mm)"
            )
        if not 0 <= self.angle_deg < 90:
            found.append(f"a contact angle from 0 to below 90 degrees, got {self.angle_deg:g}")
        if found:
            raise bad_input("; ".join(found), where="bearing")


KNOWN: dict[str, Bearing] = {
    # CWRU bearing data centre, drive end, SKF 6205: 0.3126 and 1.537 inches.
    "6205": Bearing(balls=9, ball_mm=7.940, pitch_mm=39.040),
    # PRONOSTIA (Nectoux et al. 2012): 13 elements of 3.5 mm between races of 22.1 and 29.1 mm.
    "femto": Bearing(balls=13, ball_mm=3.5, pitch_mm=25.6),
}


def parse_bearing(text: str) -> Bearing:
    """A known name, or "balls,ball_mm,pitch_mm" with ",angle_deg" where it is not 0.

    Raises:
        TinygenError: neither.
    """
    if text in KNOWN:
        return KNOWN[text]
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (3, 4) or not all(map(math.isfinite, numbers)) or numbers[0] != int(numbers[0]):
        hint = (
            did_you_mean(text, list(KNOWN))
            or "for instance 9,7.94,39.04,0: rolling elements, their mm, pitch mm, degrees"
        )
        raise bad_input(f"'{text}' is no bearing", where="--bearing", hint=hint)
    angle = numbers[3] if len(numbers) == 4 else 0.0
    return Bearing(balls=int(numbers[0]), ball_mm=numbers[1], pitch_mm=numbers[2], angle_deg=angle)


def fault_frequencies(bearing: Bearing, shaft_hz: float) -> dict[str, float]:
    """Hz by name: FTF (the cage), BSF (a ball's spin), BPFO and BPFI (balls over a spot of the outer and inner race).

    A spot on a ball strikes both races in one spin, so damage there shows at twice BSF.
    Source: Randall and Antoni, "Rolling element bearing diagnostics - a tutorial", MSSP 25 (2011), equations 1 to 4.
    """
    ratio = bearing.ball_mm / bearing.pitch_mm * math.cos(math.radians(bearing.angle_deg))
    return {
        "FTF": shaft_hz / 2 * (1 - ratio),
        "BSF": shaft_hz * bearing.pitch_mm / (2 * bearing.ball_mm) * (1 - ratio**2),
        "BPFO": bearing.balls * shaft_hz / 2 * (1 - ratio),
        "BPFI": bearing.balls * shaft_hz / 2 * (1 + ratio),
    }
