"""Sources that come by DMA on STM32F4: ADC and timer, I2S microphone, PDM microphone."""

from __future__ import annotations

from tinygen.boards.spec import BoardSpec, ClockSpec, SensorSpec
from tinygen.core.errors import bad_input
from tinygen.features import pdm
from tinygen.features.spec import FeatureSpec
from tinygen.firmware.sensors.pins import pin_numbers
from tinygen.firmware.sensors.values import SensorChoice, SourcePlan

_GAIN_BITS = 3
_RATE_TOLERANCE = 0.01
_MOST_ADC_HZ = 200_000
_SAMPLES_PER_HALF = 64
_OWN_DIVIDER = ("stm32f411ce", "stm32f411re", "stm32f446re")
"""Chips whose PLLI2S has an input divider of its own. Source: RM0383 section 6.3.23, RM0390 section 6.3.22."""


def _clock(board: BoardSpec) -> ClockSpec:
    if board.chip.family != "stm32f4" or board.clock is None:
        raise bad_input(f"{board.id} has no driver for this source", where="sensor.source")
    return board.clock


def _dma(board: BoardSpec, number: int, stream: int) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Words and macros of a DMA stream on its channel 0."""
    facts = board.chip.peripherals
    words = (
        ("kDmaBase", f"0x{facts[f'dma{number}_base']:08X}"),
        ("kDmaEnableBit", str(facts[f"dma{number}_enable_bit"])),
        ("kDmaStream", str(stream)),
        ("kDmaChannel", "0"),
    )
    macros = (
        ("TINYGEN_SENSOR_DMA_IRQ", str(facts[f"dma{number}_stream{stream}_irq"])),
        ("TINYGEN_SENSOR_DMA_HANDLER", f"DMA{number}_Stream{stream}_IRQHandler"),
    )
    return words, macros if board.platformio.framework else macros[:1]


def adc_plan(board: BoardSpec, sensor: SensorSpec, spec: FeatureSpec, choice: SensorChoice) -> SourcePlan:
    """A timer starts conversions of as many inputs as the front end has channels.

    Raises:
        TinygenError: too few inputs, or a rate the timer or the converter cannot make.
    """
    clock, facts, channels = _clock(board), board.chip.peripherals, spec.n_channels
    if channels > len(sensor.pins):
        raise bad_input(f"the front end takes {channels} channels, {board.id} names {len(sensor.pins)}", where="sensor")
    timer_hz = clock.bus_hz // clock.apb1_divider * (1 if clock.apb1_divider == 1 else 2)
    period = round(timer_hz / spec.rate_hz)
    if spec.rate_hz * channels > _MOST_ADC_HZ or period < 2:
        raise bad_input(f"{channels} x {spec.rate_hz} Hz is too fast for the converter", where="sensor.source")
    names = list(sensor.pins)[:channels]
    dma, irq = _dma(board, 2, 0)
    return SourcePlan(
        kind="adc",
        name=f"{sensor.peripheral.upper()} on {', '.join(sensor.pins[name] for name in names)}",
        channels=channels,
        rate_millihertz=round(timer_hz * 1000 / period),
        words=(("std::uint32_t kChannels", str(channels)),),
        config=(
            ("kAdcBase", f"0x{facts['adc1_base']:08X}"),
            ("kAdcEnableBit", str(facts["adc1_enable_bit"])),
            ("kTimerBase", f"0x{facts['tim2_base']:08X}"),
            ("kTimerEnableBit", str(facts["tim2_enable_bit"])),
            ("kTimerPeriod", str(period)),
            ("kAdcCount", str(channels)),
            ("kAdcInputs[]", "{" + ", ".join(str(c) for c in sensor.channels[:channels]) + "}"),
            *(_pin_lists(board, [sensor.pins[name] for name in names])),
            ("kRingWords", str(2 * _SAMPLES_PER_HALF * channels)),
            *dma,
        ),
        macros=(("TINYGEN_SOURCE_ADC", "1"), *irq),
    )


def _pin_lists(board: BoardSpec, pins: list[str]) -> tuple[tuple[str, str], ...]:
    numbers = [dict(pin_numbers(board, {"k": pin})) for pin in pins]
    return tuple(
        (f"kAdc{what}s[]", "{" + ", ".join(number[f"k{what}"] for number in numbers) + "}") for what in ("Port", "Pin")
    )


def i2s_clocks(clock: ClockSpec, bit_hz: int) -> tuple[int, int, int, float]:
    """(PLLI2SN, PLLI2SR, 2 x I2SDIV + ODD, bit clock in Hz): the closest there is.

    Source: RM0090 section 7.3.23 (VCO 100 to 432 MHz, N 50 to 432, R 2 to 7), 28.4.4 (the prescaler, 4 to 511).
    """
    source = clock.external_hz / clock.pll_m
    found = []
    for n in range(50, 433):
        if not 100e6 <= source * n <= 432e6:
            continue
        for r in range(2, 8):
            division = round(source * n / r / bit_hz)
            if 4 <= division <= 511 and source * n / r <= 192e6:
                made = source * n / r / division
                found.append((abs(made - bit_hz), n, r, division, made))
    _, n, r, division, made = min(found)
    return n, r, division, made


def _serial_audio(board: BoardSpec, sensor: SensorSpec, bit_hz: int) -> tuple[tuple[tuple[str, str], ...], float]:
    clock, facts = _clock(board), board.chip.peripherals
    n, r, division, made = i2s_clocks(clock, bit_hz)
    own = clock.pll_m if board.chip.id in _OWN_DIVIDER else 0
    words = (
        ("kI2sBase", f"0x{facts[f'{sensor.peripheral}_base']:08X}"),
        ("kI2sEnableBit", str(facts[f"{sensor.peripheral}_enable_bit"])),
        ("kI2sAlternate", str(sensor.alternate_function)),
        ("kI2sPll", f"0x{own | n << 6 | r << 28:08X}"),
        ("kI2sPrescaler", f"0x{division // 2 | (division & 1) << 8:04X}"),
    )
    return words, made


def _audio_rate(spec: FeatureSpec, made_hz: float) -> int:
    if spec.n_channels != 1:
        raise bad_input(f"a microphone gives one channel, the front end takes {spec.n_channels}", where="sensor.source")
    if abs(made_hz - spec.rate_hz) > _RATE_TOLERANCE * spec.rate_hz:
        raise bad_input(f"the clock tree makes {made_hz:,.0f} Hz of {spec.rate_hz} Hz", where="sensor.source")
    return round(made_hz * 1000)


def i2s_plan(board: BoardSpec, sensor: SensorSpec, spec: FeatureSpec, choice: SensorChoice) -> SourcePlan:
    """A microphone on SPI2/I2S2, master, 32-bit slots, Philips standard, left slot.

    Raises:
        TinygenError: the board's chip has no such driver, or the rate cannot be made.
    """
    if board.chip.port == "esp32s3":
        return _vendors_i2s(board, sensor, spec)
    words, bit_hz = _serial_audio(board, sensor, 64 * spec.rate_hz)
    dma, irq = _dma(board, 1, 3)
    pins = pin_numbers(board, {f"k{role.title()}": pin for role, pin in sensor.pins.items()})
    return SourcePlan(
        kind="i2s",
        name=f"I2S microphone on {', '.join(sensor.pins.values())}",
        channels=1,
        rate_millihertz=_audio_rate(spec, bit_hz / 64),
        words=(("std::uint32_t kSlot", "0"), ("std::uint32_t kGainBits", str(_GAIN_BITS))),
        # 32-bit slots 0, 24 bits of data 2:1 = 01, master receives 9:8 = 11, I2S 11.
        config=(*words, ("kI2sMode", "0x0B03"), ("kRingWords", str(2 * 4 * _SAMPLES_PER_HALF)), *pins, *dma),
        macros=(("TINYGEN_SOURCE_I2S", "1"), *irq),
    )


def _vendors_i2s(board: BoardSpec, sensor: SensorSpec, spec: FeatureSpec) -> SourcePlan:
    """The same by the driver of ESP-IDF, below Arduino's core or not, which sets the clocks: 160 MHz by a fraction."""
    return SourcePlan(
        kind="i2s",
        name=f"I2S microphone on {', '.join(sensor.pins.values())}",
        channels=1,
        rate_millihertz=_audio_rate(spec, spec.rate_hz),
        words=(("std::uint32_t kSlot", "0"), ("std::uint32_t kGainBits", str(_GAIN_BITS))),
        config=(
            ("kI2sRateHz", str(spec.rate_hz)),
            *pin_numbers(board, {f"k{role.title()}": pin for role, pin in sensor.pins.items()}),
        ),
        macros=(("TINYGEN_SOURCE_I2S", "1"),),
    )


def pdm_plan(board: BoardSpec, sensor: SensorSpec, spec: FeatureSpec, choice: SensorChoice) -> SourcePlan:
    """A PDM microphone clocked by I2S2 at 64 times the rate; 16-bit slots, so that no bit is left out.

    Raises:
        TinygenError: as `i2s_plan`.
    """
    words, bit_hz = _serial_audio(board, sensor, pdm.BITS_PER_SAMPLE * spec.rate_hz)
    dma, irq = _dma(board, 1, 3)
    pins = pin_numbers(board, {"kClock": sensor.pins["clock"], "kData": sensor.pins["data"]})
    filter_words = "{" + ", ".join(map(str, pdm.taps(spec.rate_hz).tolist())) + "}"
    return SourcePlan(
        kind="pdm",
        name=f"PDM microphone on {', '.join(sensor.pins.values())}",
        channels=1,
        rate_millihertz=_audio_rate(spec, bit_hz / pdm.BITS_PER_SAMPLE),
        words=(
            ("std::uint32_t kTaps", str(pdm.TAPS)),
            ("std::uint32_t kDecimation", str(pdm.DECIMATION)),
            ("std::uint32_t kShift", str(pdm.SHIFT)),
            (f"std::int16_t kFilter[{pdm.TAPS}]", filter_words),
        ),
        # Clock idles high 3, MSB justified 5:4 = 01, master receives, I2S.
        config=(*words, ("kI2sMode", "0x0B18"), ("kRingWords", "512"), *pins, *dma),
        macros=(("TINYGEN_SOURCE_PDM", "1"), *irq),
    )
