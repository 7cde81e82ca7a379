// From int32 accumulators back to int8, with TensorFlow Lite's two roundings.
//
// Kernels are templates over a struct of compile-time constants. Shapes were checked when the code was generated;
// nothing is checked here. The input's zero point is already inside the bias.
#pragma once
#include <cstdint>

namespace tinygen::kernels {

// round(a * b / 2^31), halves upward. `b` is a multiplier, so the product never is (-2^31)^2.
inline std::int32_t high_multiply(std::int32_t a, std::int32_t b) {
  const std::int64_t product = static_cast<std::int64_t>(a) * b;
  return static_cast<std::int32_t>((product + (std::int64_t{1} << 30)) >> 31);
}

// value / 2^shift, halves away from zero. shift: 0..31.
inline std::int32_t rounding_shift_right(std::int32_t value, std::int32_t shift) {
  const std::int32_t mask = static_cast<std::int32_t>((std::uint32_t{1} << shift) - 1U);
  const std::int32_t threshold = (mask >> 1) + (value < 0 ? 1 : 0);
  return (value >> shift) + ((value & mask) > threshold ? 1 : 0);
}

// value * multiplier * 2^(shift - 31). shift > 0 is a left shift, which wraps as in TensorFlow Lite.
inline std::int32_t multiply_by_multiplier(std::int32_t value, std::int32_t multiplier, std::int32_t shift) {
  if (shift >= 0) {
    return high_multiply(static_cast<std::int32_t>(static_cast<std::uint32_t>(value) << shift), multiplier);
  }
  // rounding_shift_right for shifts of 1 and more; the product is above -2^31, so that 1 can be taken off.
  const std::int32_t high = high_multiply(value, multiplier);
  return (((high + (high >> 31)) >> (-shift - 1)) + 1) >> 1;
}

constexpr std::int32_t clamp(std::int32_t value, std::int32_t low, std::int32_t high) {
  return value < low ? low : (value > high ? high : value);
}

// P: output_zero_point, act_min, act_max.
template <typename P>
inline std::int8_t requantize(std::int32_t acc, std::int32_t multiplier, std::int32_t shift) {
  const std::int32_t scaled = multiply_by_multiplier(acc, multiplier, shift);
  const std::int32_t clamped = clamp(scaled, P::act_min - P::output_zero_point, P::act_max - P::output_zero_point);
  return static_cast<std::int8_t>(clamped + P::output_zero_point);
}

}  // namespace tinygen::kernels
