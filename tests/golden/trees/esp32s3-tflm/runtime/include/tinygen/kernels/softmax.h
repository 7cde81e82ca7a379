// SOFTMAX over the last dimension, in fixed point. Qn: n integer bits, real = raw * 2^(n-31).
#pragma once
#include <cstdint>

#include "tinygen/kernels/requantize.h"
#include "tinygen/kernels/typed.h"

namespace tinygen::kernels {

// value * 2^shift, kept within int32.
inline std::int32_t saturating_shift_left(std::int32_t value, std::int32_t shift) {
  const std::int32_t limit = static_cast<std::int32_t>((std::uint32_t{1} << (31 - shift)) - 1U);
  if (value > limit) return INT32_MAX;
  if (value < -limit - 1) return INT32_MIN;
  return value * (std::int32_t{1} << shift);
}

// 1 / (1 + a) for a in [0, 1), Q0 to Q0: three Newton-Raphson steps from a linear estimate.
inline std::int32_t one_over_one_plus(std::int32_t a) {
  constexpr std::int32_t k48Over17 = 1515870810;        // Q2
  constexpr std::int32_t kMinus32Over17 = -1010580540;  // Q2
  const std::int32_t half_denominator = static_cast<std::int32_t>((static_cast<std::int64_t>(a) + INT32_MAX + 1) / 2);
  std::int32_t x = k48Over17 + high_multiply(half_denominator, kMinus32Over17);
  for (int i = 0; i < 3; ++i) {
    const std::int32_t rest = (std::int32_t{1} << 29) - high_multiply(half_denominator, x);
    x += saturating_shift_left(high_multiply(x, rest), 2);
  }
  return saturating_shift_left(x, 1);
}

struct LargestOne {
  static std::int32_t of(const std::int8_t* values, std::int32_t count) {
    std::int32_t largest = -128;
    for (std::int32_t i = 0; i < count; ++i) largest = values[i] > largest ? values[i] : largest;
    return largest;
  }
};

// exp_table: exp of -0, -1, -2... steps in Q0; longer differences count as 0. Nothing here is negative, so that halves
// are rounded upward; the product's two roundings are one: floor((floor(x / m) + k) / n) = floor((x + k * m) / (m *
// n)). P: rows, depth, table_size.
template <typename P, int kBits, typename Largest, typename Store>
inline void softmax_rows(const std::int8_t* input, const std::int32_t* exp_table, Store store) {
  constexpr std::int32_t kLow = -(1 << (kBits - 1));
  constexpr std::int32_t kMost = (1 << kBits) - 1;
  for (std::int32_t row = 0; row < P::rows; ++row) {
    const std::int32_t largest = Largest::of(input, P::depth);
    std::int32_t sum = 0;  // Q12
    for (std::int32_t i = 0; i < P::depth; ++i) {
      const std::int32_t difference = largest - input[i];
      if (P::table_size > 255 || difference < P::table_size) {
        sum += static_cast<std::int32_t>((static_cast<std::uint32_t>(exp_table[difference]) + (1U << 11)) >> 12);
      }
    }
    std::int32_t headroom = 0;
    while (((static_cast<std::uint32_t>(sum) << headroom) & 0x80000000U) == 0) ++headroom;
    const std::uint32_t fraction = (static_cast<std::uint32_t>(sum) << headroom) - 0x80000000U;
    const std::int32_t scale = one_over_one_plus(static_cast<std::int32_t>(fraction));
    const std::int32_t shift = 12 - headroom + 31 - kBits;  // 1..31
    const std::int64_t halves = (std::int64_t{1} << 30) + (std::int64_t{1} << (shift + 30));
    for (std::int32_t i = 0; i < P::depth; ++i) {
      const std::int32_t difference = largest - input[i];
      std::int32_t value = 0;
      if (P::table_size > 255 || difference < P::table_size) {
        const std::int64_t product = halves + static_cast<std::int64_t>(scale) * exp_table[difference];
        value = static_cast<std::int32_t>(product >> 32) >> (shift - 1);
      }
      store(row * P::depth + i, (value < kMost ? value : kMost) + kLow);
    }
    input += P::depth;
  }
}

template <typename P, typename Largest>
inline void softmax_int8(const std::int8_t* input, std::int8_t* output, const std::int32_t* exp_table) {
  softmax_rows<P, 8, Largest>(
      input, exp_table, [output](std::int32_t i, std::int32_t value) { output[i] = static_cast<std::int8_t>(value); });
}

// Works in place.
template <typename P>
void softmax_int8_table(const std::int8_t* input, std::int8_t* output, const std::int32_t* exp_table) {
  softmax_int8<P, LargestOne>(input, output, exp_table);
}

template <typename P>
void softmax_int16_table(const std::int8_t* input, Int16* output, const std::int32_t* exp_table) {
  softmax_rows<P, 16, LargestOne>(
      input, exp_table, [output](std::int32_t i, std::int32_t value) { output[i] = static_cast<std::int16_t>(value); });
}

// A point between two of 513 entries that stand for -32768, -32640... 32767.
inline std::int32_t between_q15(const std::int16_t* table, std::int32_t value) {
  const std::int32_t place = 256 + (value >> 7);
  const std::int32_t base = table[place];
  return base + (((table[place + 1] - base) * (value & 127) + 64) >> 7);
}

// exp_table: exp over [-10, 0], reciprocal_table: 1 / (1 + x) over [0, 1], both in Q15. The output holds exp() until
// the row's sum is known, so it works in place. P: rows, depth, multiplier, shift.
template <typename P>
void softmax_int16_interpolated(const Int16* input, Int16* output, const std::int16_t* exp_table,
                                const std::int16_t* reciprocal_table) {
  for (std::int32_t row = 0; row < P::rows; ++row) {
    std::int32_t largest = INT16_MIN;
    for (std::int32_t i = 0; i < P::depth; ++i) largest = input[i] > largest ? input[i] : largest;
    std::int32_t sum = 0;
    for (std::int32_t i = 0; i < P::depth; ++i) {
      const std::int32_t steps = multiply_by_multiplier(input[i] - largest, P::multiplier, P::shift);
      const std::int32_t exp = between_q15(exp_table, clamp(steps + INT16_MAX, INT16_MIN, INT16_MAX));
      output[i] = static_cast<std::int16_t>(exp);
      sum += exp;
    }
    std::int32_t shift = 14;  // the largest value's exp() alone has 15 bits
    while ((sum >> shift) > 1) ++shift;
    const std::int32_t fraction = static_cast<std::int32_t>(
        ((static_cast<std::int64_t>(sum) << (30 - shift)) + (1 << 13)) >> 14);  // 1 to 2 in Q16
    const std::int32_t scale = between_q15(reciprocal_table, clamp(fraction - 3 * (1 << 15), INT16_MIN, INT16_MAX));
    for (std::int32_t i = 0; i < P::depth; ++i) {
      const std::int64_t product = static_cast<std::int64_t>(output[i]) * scale;
      const std::int32_t value = static_cast<std::int32_t>((product + (std::int64_t{1} << (shift - 1))) >> shift);
      output[i] = static_cast<std::int16_t>(clamp(value, 0, INT16_MAX));
    }
    input += P::depth;
    output += P::depth;
  }
}

}  // namespace tinygen::kernels
