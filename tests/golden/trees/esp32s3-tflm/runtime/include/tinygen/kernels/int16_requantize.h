// From accumulators to int16, as TensorFlow Lite scales them: 32-bit sums with two roundings, 64-bit sums with one.
#pragma once
#include <cstdint>

#include "tinygen/kernels/requantize.h"

namespace tinygen::kernels {

// A 32-bit sum times multiplier and shift as multiply_by_multiplier has them.
inline std::int32_t scaled_sum(std::int32_t acc, std::int32_t multiplier, std::int32_t shift) {
  return multiply_by_multiplier(acc, multiplier, shift);
}

// acc: 48 bits. multiplier: 15 bits; shift: to the right, 8 to 46. What leaves int32 keeps its low bits.
inline std::int32_t scaled_sum(std::int64_t acc, std::int32_t multiplier, std::int32_t shift) {
  return static_cast<std::int32_t>((acc * multiplier + (std::int64_t{1} << (shift - 1))) >> shift);
}

// P: act_min, act_max. The zero point of int16 is 0.
template <typename P, typename Sum>
inline std::int16_t requantize_int16(Sum acc, std::int32_t multiplier, std::int32_t shift) {
  return static_cast<std::int16_t>(clamp(scaled_sum(acc, multiplier, shift), P::act_min, P::act_max));
}

}  // namespace tinygen::kernels
