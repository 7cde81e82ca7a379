"""Inertial sensors on I2C: the MPU-6050 and the LSM6DS family.

Sources: InvenSense RM-MPU-6000A-00 revision 4.2 (4.2 to 4.5 SMPLRT_DIV, CONFIG, GYRO_CONFIG, ACCEL_CONFIG; 4.16,
4.17 INT_ENABLE, INT_STATUS; 4.18 to 4.21 measurements; 4.28 PWR_MGMT_1; 4.32 WHO_AM_I); STMicroelectronics DocID026899
(LSM6DS3), DocID028475 (LSM6DSL), DS12140 (LSM6DSO): WHO_AM_I, CTRL1_XL, CTRL2_G,
CTRL3_C, STATUS_REG, OUTX_L_G, OUTX_L_XL.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygen.boards.spec import BoardSpec, SensorSpec
from tinygen.core.errors import bad_input, did_you_mean
from tinygen.features.spec import FeatureSpec
from tinygen.firmware.sensors.pins import pin_numbers
from tinygen.firmware.sensors.values import SensorChoice, SourcePlan

_RATE_TOLERANCE = 0.05
_MPU_RATE_HZ = 1000  # of the gyroscope with a low-pass filter on
_MPU_RANGES = {2: 0, 4: 1, 8: 2, 16: 3}
_LSM_RANGES = {2: 0, 4: 2, 8: 3, 16: 1}
_LSM_RATES = {12.5: 1, 26.0: 2, 52.0: 3, 104.0: 4, 208.0: 5, 416.0: 6, 833.0: 7, 1660.0: 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What an Imu of firmware/include/tinygen/sensors/imu.h is told. Registers are (number, value)."""

    title: str
    address: int
    identity_register: int
    identity: int
    settings: tuple[tuple[int, int], ...]
    sleep: tuple[tuple[int, int], ...]
    status_register: int
    ready: int
    first_register: int
    burst: int
    places: tuple[int, ...]
    high_first: bool
    rate_hz: float


def _mpu6050(rate_hz: int, range_g: int, channels: int) -> _Part:
    divider = max(1, min(256, round(_MPU_RATE_HZ / rate_hz)))
    low_pass = 3  # accelerometer 44 Hz, gyroscope 42 Hz
    accelerometer, gyroscope = (0, 2, 4), (8, 10, 12)
    return _Part(
        title="MPU-6050",
        address=0x68,
        identity_register=0x75,
        identity=0x68,
        settings=(
            (0x6B, 0x01),  # awake, on the gyroscope's oscillator
            (0x1A, low_pass),
            (0x19, divider - 1),
            (0x1B, 0x18),  # 2000 degrees a second
            (0x1C, _MPU_RANGES[range_g] << 3),
            (0x38, 0x01),  # say when data is ready
        ),
        sleep=((0x6B, 0x40),),
        status_register=0x3A,
        ready=0x01,
        first_register=0x3B,
        burst=6 if channels == 3 else 14,
        places=accelerometer if channels == 3 else (*accelerometer, *gyroscope),
        high_first=True,
        rate_hz=_MPU_RATE_HZ / divider,
    )


def _lsm6ds(title: str, identity: int, rate_hz: int, range_g: int, channels: int) -> _Part:
    rate = min(_LSM_RATES, key=lambda known: abs(known - rate_hz))
    code = _LSM_RATES[rate] << 4
    gyroscope, accelerometer = (0, 2, 4), (6, 8, 10)
    six = channels == 6
    return _Part(
        title=title,
        address=0x6A,
        identity_register=0x0F,
        identity=identity,
        settings=(
            (0x12, 0x44),  # CTRL3_C: a sample is not changed while it is read; addresses count upwards
            (0x10, code | _LSM_RANGES[range_g] << 2),
            (0x11, code | 0x0C if six else 0x00),  # 2000 degrees a second, or off
        ),
        sleep=((0x10, 0x00), (0x11, 0x00)),
        status_register=0x1E,
        ready=0x01,
        first_register=0x22 if six else 0x28,
        burst=12 if six else 6,
        places=(*accelerometer, *gyroscope) if six else (0, 2, 4),
        high_first=False,
        rate_hz=rate,
    )


_LSM_IDENTITIES = {"lsm6ds3": 0x69, "lsm6ds33": 0x69, "lsm6dsl": 0x6A, "lsm6ds3tr-c": 0x6A, "lsm6dso": 0x6C}
DEVICES = ("mpu6050", *_LSM_IDENTITIES)


def imu_plan(board: BoardSpec, sensor: SensorSpec, spec: FeatureSpec, choice: SensorChoice) -> SourcePlan:
    """The driver's constants.

    Raises:
        TinygenError: an unknown part or range, a rate it has not, a front end with other channels than 3 or 6.
    """
    channels = spec.n_channels
    if channels not in (3, 6):
        raise bad_input(
            f"the front end takes {channels} channels; an inertial sensor gives 3 (acceleration) or 6 (and rotation)",
            where="sensor.source",
        )
    if choice.range_g not in _MPU_RANGES:
        raise bad_input(f"{choice.range_g} g is no range; there are 2, 4, 8 and 16", where="sensor.range_g")
    if choice.device == "mpu6050":
        part = _mpu6050(spec.rate_hz, choice.range_g, channels)
    elif choice.device in _LSM_IDENTITIES:
        title = choice.device.upper()
        part = _lsm6ds(title, _LSM_IDENTITIES[choice.device], spec.rate_hz, choice.range_g, channels)
    else:
        raise bad_input(
            f"unknown sensor '{choice.device}'; {did_you_mean(choice.device, DEVICES)}", where="sensor.device"
        )
    if abs(part.rate_hz - spec.rate_hz) > _RATE_TOLERANCE * spec.rate_hz:
        raise bad_input(
            f"the {part.title} samples at {part.rate_hz:g} Hz, the front end was made for {spec.rate_hz} Hz",
            where="sensor.device",
        )
    address = choice.address or part.address
    if not 0x08 <= address <= 0x77:
        raise bad_input(f"{address:#x} is no address of a device on I2C (0x08 to 0x77)", where="sensor.address")
    ticks = round(board.clock_hz / part.rate_hz) if board.chip.arch != "native" else 0
    scl, sda = sensor.pins["scl"], sensor.pins["sda"]
    return SourcePlan(
        kind="imu",
        name=f"{part.title} on {sensor.peripheral.upper()} (SCL {scl}, SDA {sda})",
        channels=channels,
        rate_millihertz=round(part.rate_hz * 1000),
        words=(
            ("std::uint8_t kAddress", f"{address:#04x}"),
            ("std::uint8_t kIdentityRegister", f"{part.identity_register:#04x}"),
            ("std::uint8_t kIdentity", f"{part.identity:#04x}"),
            (f"sensors::RegisterValue kSettings[{len(part.settings)}]", _registers(part.settings)),
            (f"sensors::RegisterValue kSleep[{len(part.sleep)}]", _registers(part.sleep)),
            ("std::uint8_t kStatusRegister", f"{part.status_register:#04x}"),
            ("std::uint8_t kReady", f"{part.ready:#04x}"),
            ("std::uint8_t kFirstRegister", f"{part.first_register:#04x}"),
            ("std::uint32_t kBurst", str(part.burst)),
            ("std::uint32_t kChannels", str(channels)),
            (f"std::uint8_t kPlaces[{channels}]", "{" + ", ".join(map(str, part.places)) + "}"),
            ("bool kHighFirst", "true" if part.high_first else "false"),
            ("std::uint32_t kTicksPerSample", str(ticks)),
        ),
        config=(
            ("kI2cBase", f"0x{board.chip.peripherals[f'{sensor.peripheral}_base']:08X}"),
            ("kI2cEnableBit", str(board.chip.peripherals[f"{sensor.peripheral}_enable_bit"])),
            ("kI2cAlternate", str(sensor.alternate_function)),
            *pin_numbers(board, {"kScl": scl, "kSda": sda}),
        ),
        macros=(("TINYGEN_SOURCE_IMU", "1"),),
    )


def _registers(pairs: tuple[tuple[int, int], ...]) -> str:
    return "{" + ", ".join(f"{{{reg:#04x}, {value:#04x}}}" for reg, value in pairs) + "}"
