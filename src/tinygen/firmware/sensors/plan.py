"""From the table [sensor] to a driver."""

from __future__ import annotations

from tinygen.boards.spec import BoardSpec
from tinygen.core.errors import bad_input
from tinygen.features.spec import FeatureSpec
from tinygen.firmware.sensors.captured import adc_plan, i2s_plan, pdm_plan
from tinygen.firmware.sensors.imu import imu_plan
from tinygen.firmware.sensors.values import SensorChoice, SourcePlan

PLANS = {"imu": imu_plan, "adc": adc_plan, "i2s": i2s_plan, "pdm": pdm_plan}


def source_plan(board: BoardSpec, spec: FeatureSpec, choice: SensorChoice | None) -> SourcePlan | None:
    """The driver that was asked for; None where nothing was.

    Raises:
        TinygenError: the board has no such connection, or it does not suit the front end.
    """
    if choice is None:
        return None
    sensor = board.sensors.get(choice.source)
    if sensor is None or choice.source not in PLANS:
        there = ", ".join(kind for kind in board.sensors if kind in PLANS) or "none"
        raise bad_input(
            f"{board.id} has no source '{choice.source}'; it has: {there}",
            where="sensor.source",
            hint="a board file of your own can describe one (`tinygen boards show` names the keys)",
        )
    return PLANS[choice.source](board, sensor, spec, choice)
