"""Fixed-point arithmetic against exact rational arithmetic and known corner cases."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygen.core import fixedpoint as fp

INT32 = st.integers(fp.INT32_MIN, fp.INT32_MAX)


def away_from_zero(value: Fraction) -> int:
    floor = abs(value).numerator // abs(value).denominator
    rounded = floor + (abs(value) - floor >= Fraction(1, 2))
    return rounded if value >= 0 else -rounded


@given(INT32, INT32)
def test_high_mul_is_the_rounded_product(a: int, b: int) -> None:
    got = int(fp.saturating_rounding_doubling_high_mul(a, b))
    if a == b == fp.INT32_MIN:
        assert got == fp.INT32_MAX
        return
    # C computes (ab + nudge) / 2^31 with truncation; nudge is 2^30 or 1 - 2^30.
    nudge = 2**30 if a * b >= 0 else 1 - 2**30
    total = a * b + nudge
    assert got == (total >> 31 if total >= 0 else -(-total >> 31))


@given(INT32, st.integers(0, 31))
def test_rounding_shift_rounds_halves_away_from_zero(value: int, exponent: int) -> None:
    assert int(fp.rounding_divide_by_pot(value, exponent)) == away_from_zero(Fraction(value, 2**exponent))


@given(st.floats(min_value=1e-9, max_value=1e6, allow_nan=False))
def test_quantize_multiplier_is_close_and_normalised(value: float) -> None:
    multiplier, shift = fp.quantize_multiplier(value)
    if multiplier:
        assert 2**30 <= multiplier < 2**31
        assert multiplier * 2.0 ** (shift - 31) == pytest.approx(value, rel=2**-30)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, (0, 0)), (1.0, (2**30, 1)), (0.5, (2**30, 0)), (1 - 2**-40, (2**30, 1)), (2.0**-40, (0, 0))],
)
def test_quantize_multiplier_corner_cases(value: float, expected: tuple[int, int]) -> None:
    assert fp.quantize_multiplier(value) == expected


def test_multiply_rounds_twice() -> None:
    # A quarter: first the half, rounded (halves up), then its half, rounded (halves away from zero).
    multiplier, shift = fp.quantize_multiplier(0.25)
    values = [-6, -3, -1, 0, 1, 3, 5, 6]
    got = fp.multiply_by_quantized_multiplier(values, multiplier, shift)
    assert got.tolist() == [-2, -1, 0, 0, 1, 1, 2, 2]
