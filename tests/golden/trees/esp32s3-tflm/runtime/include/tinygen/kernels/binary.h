// SUB, MUL, MINIMUM, MAXIMUM and PRELU, int8 (int16: int16_elementwise.h), an input may be repeated along dimensions of
// size 1.
#pragma once
#include <cstdint>

#include "tinygen/kernels/requantize.h"

namespace tinygen::kernels {

// P: size_0..3 of the output; stride_1_0..3 and stride_2_0..3 of the inputs, 0 where an input is repeated.
// Works in place on an input that is not repeated.
template <typename P, typename A, typename B, typename One>
inline void broadcast(const A* a, const B* b, A* output, One one) {
  for (std::int32_t i0 = 0; i0 < P::size_0; ++i0) {
    for (std::int32_t i1 = 0; i1 < P::size_1; ++i1) {
      for (std::int32_t i2 = 0; i2 < P::size_2; ++i2) {
        const A* x = a + i0 * P::stride_1_0 + i1 * P::stride_1_1 + i2 * P::stride_1_2;
        const B* y = b + i0 * P::stride_2_0 + i1 * P::stride_2_1 + i2 * P::stride_2_2;
        for (std::int32_t i3 = 0; i3 < P::size_3; ++i3) {
          *output++ =
              one(static_cast<std::int32_t>(x[i3 * P::stride_1_3]), static_cast<std::int32_t>(y[i3 * P::stride_2_3]));
        }
      }
    }
  }
}

// P also: zero_point_1, multiplier_1, shift_1, the same for 2, multiplier, shift, output_zero_point, act_min, act_max.
template <typename P>
void sub_int8_broadcast(const std::int8_t* a, const std::int8_t* b, std::int8_t* output) {
  broadcast<P>(a, b, output, [](std::int32_t x, std::int32_t y) {
    constexpr std::int32_t kFiner = std::int32_t{1} << 20;
    const std::int32_t scaled_x = multiply_by_multiplier((x - P::zero_point_1) * kFiner, P::multiplier_1, P::shift_1);
    const std::int32_t scaled_y = multiply_by_multiplier((y - P::zero_point_2) * kFiner, P::multiplier_2, P::shift_2);
    return requantize<P>(scaled_x - scaled_y, P::multiplier, P::shift);
  });
}

// P also: zero_point_1, zero_point_2, multiplier, shift, output_zero_point, act_min, act_max.
template <typename P>
void mul_int8_broadcast(const std::int8_t* a, const std::int8_t* b, std::int8_t* output) {
  broadcast<P>(a, b, output, [](std::int32_t x, std::int32_t y) {
    return requantize<P>((x - P::zero_point_1) * (y - P::zero_point_2), P::multiplier, P::shift);
  });
}

template <typename P>
void minimum_int8_broadcast(const std::int8_t* a, const std::int8_t* b, std::int8_t* output) {
  broadcast<P>(a, b, output, [](std::int32_t x, std::int32_t y) { return static_cast<std::int8_t>(x < y ? x : y); });
}

template <typename P>
void maximum_int8_broadcast(const std::int8_t* a, const std::int8_t* b, std::int8_t* output) {
  broadcast<P>(a, b, output, [](std::int32_t x, std::int32_t y) { return static_cast<std::int8_t>(x > y ? x : y); });
}

// b is the slope below zero. P also: zero_point_1, multiplier_1, shift_1 (above zero), the same for 2 (below zero),
// output_zero_point, act_min, act_max.
template <typename P>
void prelu_int8_broadcast(const std::int8_t* a, const std::int8_t* b, std::int8_t* output) {
  broadcast<P>(a, b, output, [](std::int32_t x, std::int32_t y) {
    const std::int32_t centred = x - P::zero_point_1;
    if (centred >= 0) return requantize<P>(centred, P::multiplier_1, P::shift_1);
    return requantize<P>(centred * (y - P::zero_point_2), P::multiplier_2, P::shift_2);
  });
}

}  // namespace tinygen::kernels
