"""Arithmetic of clock trees: what a setting gives, and whether the datasheet allows it."""

from __future__ import annotations

from tinygen.boards.spec import ClockLimits, ClockSpec


def clock_problems(clock: ClockSpec, limits: ClockLimits, wanted_hz: int) -> list[str]:
    """One sentence for each thing in `clock` that is outside `limits` or does not give `wanted_hz`."""
    found: list[str] = []
    for name, setting, (low, high) in (
        ("pll_m", clock.pll_m, limits.pll_m),
        ("pll_n", clock.pll_n, limits.pll_n),
    ):
        if not low <= setting <= high:
            found.append(f"{name}: {setting} is outside {low} to {high}")
    if clock.core_divisor not in limits.pll_outputs:
        allowed = ", ".join(map(str, limits.pll_outputs))
        return [*found, f"pll_{clock.core_output}: {clock.core_divisor} is none of {allowed}"]
    if clock.external_hz % clock.pll_m or clock.external_hz // clock.pll_m * clock.pll_n % clock.core_divisor:
        found.append("PLL: the divisions leave a remainder, so the clock is not a whole number of Hz")
    pll_input = clock.external_hz // clock.pll_m
    vco = pll_input * clock.pll_n
    core = clock.core_hz
    for name, value, (low, high) in (
        ("PLL input", pll_input, limits.pll_input_hz),
        ("PLL VCO", vco, limits.pll_vco_hz),
        ("PLL output", core, limits.pll_output_hz),
    ):
        if not low <= value <= high:
            found.append(f"{name}: {value} Hz is outside {low} to {high} Hz")
    if limits.ahb_hz and clock.bus_hz > limits.ahb_hz:
        found.append(f"AHB: {clock.bus_hz} Hz is above {limits.ahb_hz} Hz")
    if core != wanted_hz:
        found.append(f"core: {core} Hz, but clock_hz says {wanted_hz}")
    for name, divider, highest in (
        ("APB1", clock.apb1_divider, limits.apb1_hz),
        ("APB2", clock.apb2_divider, limits.apb2_hz),
    ):
        if clock.bus_hz // divider > highest:
            found.append(f"{name}: {clock.bus_hz // divider} Hz is above {highest} Hz")
    needed = next((n for n, highest in enumerate(limits.flash_wait_hz) if clock.bus_hz <= highest), None)
    if needed is None:
        found.append(f"flash: no number of wait states is known for {clock.bus_hz} Hz")
    elif clock.flash_wait_states < needed:
        found.append(f"flash_wait_states: {clock.flash_wait_states} at {clock.bus_hz} Hz; at least {needed} are needed")
    return found
