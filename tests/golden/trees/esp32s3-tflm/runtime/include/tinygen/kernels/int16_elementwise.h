// int16 operators element by element. All work in place.
#pragma once
#include <cstdint>

#include "tinygen/kernels/binary.h"
#include "tinygen/kernels/int16_requantize.h"
#include "tinygen/kernels/sigmoid.h"
#include "tinygen/kernels/typed.h"

namespace tinygen::kernels {

// P: n_elements.
template <typename P, typename One>
inline void each_int16(const Int16* input, Int16* output, One one) {
  for (std::int32_t i = 0; i < P::n_elements; ++i) {
    output[i] = static_cast<std::int16_t>(one(static_cast<std::int32_t>(input[i])));
  }
}

// The input in the unit of the table, 3 times Q3.12. P: multiplier, shift.
template <typename P>
inline std::int32_t spread_int16(std::int32_t value) {
  constexpr std::int32_t kRounding = P::shift > 0 ? (std::int32_t{1} << P::shift) >> 1 : 0;
  return (value * P::multiplier + kRounding) >> P::shift;
}

// P: n_elements, multiplier, shift.
template <typename P>
void logistic_int16_interpolated(const Int16* input, Int16* output, const std::uint16_t* sigmoid_table) {
  each_int16<P>(input, output, [=](std::int32_t value) { return sigmoid_q15(sigmoid_table, spread_int16<P>(value)); });
}

template <typename P>
void tanh_int16_interpolated(const Int16* input, Int16* output, const std::uint16_t* sigmoid_table) {
  each_int16<P>(input, output, [=](std::int32_t value) { return tanh_q15(sigmoid_table, spread_int16<P>(value)); });
}

template <typename P>
void relu_int16_generic(const Int16* input, Int16* output) {
  each_int16<P>(input, output, [](std::int32_t value) {
    return clamp(multiply_by_multiplier(value, P::multiplier, P::shift), 0, 32767);
  });
}

// P: n_elements, act_max.
template <typename P>
void relu6_int16_generic(const Int16* input, Int16* output) {
  each_int16<P>(input, output, [](std::int32_t value) { return clamp(value, 0, P::act_max); });
}

// P: n_elements, multiplier_1 and shift_1 from zero up, multiplier_2 and shift_2 below.
template <typename P>
void leaky_relu_int16_generic(const Int16* input, Int16* output) {
  each_int16<P>(input, output, [](std::int32_t value) {
    const std::int32_t scaled = value >= 0 ? multiply_by_multiplier(value, P::multiplier_1, P::shift_1)
                                           : multiply_by_multiplier(value, P::multiplier_2, P::shift_2);
    return clamp(scaled, -32768, 32767);
  });
}

template <typename P>
void abs_int16_generic(const Int16* input, Int16* output) {
  each_int16<P>(input, output, [](std::int32_t value) {
    return clamp(multiply_by_multiplier(value < 0 ? -value : value, P::multiplier, P::shift), -32768, 32767);
  });
}

// The operand on a scale 2^15 times finer than the common one. P: multiplier_1, shift_1, the same for 2.
template <typename P>
inline std::int32_t finer_first(std::int32_t value) {
  return multiply_by_multiplier(value * 32768, P::multiplier_1, P::shift_1);
}
template <typename P>
inline std::int32_t finer_second(std::int32_t value) {
  return multiply_by_multiplier(value * 32768, P::multiplier_2, P::shift_2);
}

// P: size_0..3, stride_1_0..3, stride_2_0..3, multiplier_1, shift_1, the same for 2, multiplier, shift, act_min,
// act_max.
template <typename P>
void add_int16_broadcast(const Int16* a, const Int16* b, Int16* output) {
  broadcast<P>(a, b, output, [](std::int32_t x, std::int32_t y) {
    return requantize_int16<P>(finer_first<P>(x) + finer_second<P>(y), P::multiplier, P::shift);
  });
}

template <typename P>
void sub_int16_broadcast(const Int16* a, const Int16* b, Int16* output) {
  broadcast<P>(a, b, output, [](std::int32_t x, std::int32_t y) {
    return requantize_int16<P>(finer_first<P>(x) - finer_second<P>(y), P::multiplier, P::shift);
  });
}

template <typename P>
void mul_int16_broadcast(const Int16* a, const Int16* b, Int16* output) {
  broadcast<P>(a, b, output,
               [](std::int32_t x, std::int32_t y) { return requantize_int16<P>(x * y, P::multiplier, P::shift); });
}

template <typename P>
void minimum_int16_broadcast(const Int16* a, const Int16* b, Int16* output) {
  broadcast<P>(a, b, output, [](std::int32_t x, std::int32_t y) { return static_cast<std::int16_t>(x < y ? x : y); });
}

template <typename P>
void maximum_int16_broadcast(const Int16* a, const Int16* b, Int16* output) {
  broadcast<P>(a, b, output, [](std::int32_t x, std::int32_t y) { return static_cast<std::int16_t>(x > y ? x : y); });
}

// b is the slope below zero, int8. P also: zero_point_2.
template <typename P>
void prelu_int16_broadcast(const Int16* a, const std::int8_t* b, Int16* output) {
  broadcast<P>(a, b, output, [](std::int32_t x, std::int32_t y) {
    if (x >= 0) return requantize_int16<P>(x, P::multiplier_1, P::shift_1);
    return requantize_int16<P>(x * (y - P::zero_point_2), P::multiplier_2, P::shift_2);
  });
}

}  // namespace tinygen::kernels
