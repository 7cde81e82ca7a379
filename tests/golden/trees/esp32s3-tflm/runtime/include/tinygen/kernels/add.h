// ADD, int8: both inputs are brought to a common scale 2^20 times finer, added, and requantised.
#pragma once
#include <cstdint>

#include "tinygen/kernels/requantize.h"

namespace tinygen::kernels {

// P: zero_point_1, multiplier_1, shift_1, the same for 2, multiplier, shift, output_zero_point, act_min, act_max.
template <typename P>
inline std::int8_t add_one(std::int32_t a, std::int32_t b) {
  constexpr std::int32_t kFiner = std::int32_t{1} << 20;
  const std::int32_t scaled_a = multiply_by_multiplier((a - P::zero_point_1) * kFiner, P::multiplier_1, P::shift_1);
  const std::int32_t scaled_b = multiply_by_multiplier((b - P::zero_point_2) * kFiner, P::multiplier_2, P::shift_2);
  return requantize<P>(scaled_a + scaled_b, P::multiplier, P::shift);
}

// Works in place on either input. P also: n_elements.
template <typename P>
void add_int8_same_shape(const std::int8_t* a, const std::int8_t* b, std::int8_t* output) {
  for (std::int32_t i = 0; i < P::n_elements; ++i) output[i] = add_one<P>(a[i], b[i]);
}

// P also: size_0..3 of the output; stride_1_0..3 and stride_2_0..3 of the inputs, 0 where an input is repeated.
template <typename P>
void add_int8_broadcast(const std::int8_t* a, const std::int8_t* b, std::int8_t* output) {
  for (std::int32_t i0 = 0; i0 < P::size_0; ++i0) {
    for (std::int32_t i1 = 0; i1 < P::size_1; ++i1) {
      for (std::int32_t i2 = 0; i2 < P::size_2; ++i2) {
        const std::int8_t* x = a + i0 * P::stride_1_0 + i1 * P::stride_1_1 + i2 * P::stride_1_2;
        const std::int8_t* y = b + i0 * P::stride_2_0 + i1 * P::stride_2_1 + i2 * P::stride_2_2;
        for (std::int32_t i3 = 0; i3 < P::size_3; ++i3) {
          *output++ = add_one<P>(x[i3 * P::stride_1_3], y[i3 * P::stride_2_3]);
        }
      }
    }
  }
}

}  // namespace tinygen::kernels
