// ADD, SUB and MUL of two int8 tensors of one shape, Cortex-M with DSP: about 12 instructions per element.
#pragma once
#include <cstdint>

#include "tinygen/kernels/dsp/requantize.h"
#include "tinygen/kernels/dsp/simd.h"

namespace tinygen::kernels {
namespace dsp {

// Twice what TensorFlow Lite makes of an operand of ADD and SUB: (value - zero point) * 2^20, times a multiplier below
// 1, rounded twice (see requantize.h). The operand with the larger scale is halved, which needs no rounding.
template <std::int32_t kZeroPoint, std::int32_t kMultiplier, std::int32_t kShift>
[[gnu::always_inline]] inline std::int32_t doubled_operand(std::int32_t value) {
  static_assert(kShift <= 0 && kShift > -31, "an operand is not enlarged");
  if constexpr (kMultiplier == (1 << 30) && kShift == 0) {
    return value * (1 << 20) - kZeroPoint * (1 << 20);
  } else {
    const std::int32_t fine = value * (1 << 21) - kZeroPoint * (1 << 21);
    if constexpr (kShift == 0) {
      return 2 * smmulr(fine, kMultiplier);
    } else {
      return 2 * ((smmlar(fine, kMultiplier, 1 << (-kShift - 1)) + (fine >> 31)) >> -kShift);
    }
  }
}

// Element by element, in place on either input. P: n_elements, multiplier, offset, shift (see Channel),
// output_zero_point, act_min, act_max.
template <typename P, typename Doubled>
[[gnu::always_inline]] inline void same_shape(const std::int8_t* a, const std::int8_t* b, std::int8_t* output,
                                              Doubled doubled) {
  constexpr Channel kChannel = {0, P::multiplier, P::offset, P::shift};
#pragma GCC unroll 4
  for (std::int32_t i = 0; i < P::n_elements; ++i) output[i] = from_doubled<P>(doubled(a[i], b[i]), kChannel);
}

}  // namespace dsp

// P also: zero_point_1, multiplier_1, shift_1, the same for 2.
template <typename P>
void add_int8_dsp(const std::int8_t* a, const std::int8_t* b, std::int8_t* output) {
  dsp::same_shape<P>(a, b, output, [](std::int32_t x, std::int32_t y) {
    return dsp::doubled_operand<P::zero_point_1, P::multiplier_1, P::shift_1>(x) +
           dsp::doubled_operand<P::zero_point_2, P::multiplier_2, P::shift_2>(y);
  });
}

// P also: zero_point_1, multiplier_1, shift_1, the same for 2.
template <typename P>
void sub_int8_dsp(const std::int8_t* a, const std::int8_t* b, std::int8_t* output) {
  dsp::same_shape<P>(a, b, output, [](std::int32_t x, std::int32_t y) {
    return dsp::doubled_operand<P::zero_point_1, P::multiplier_1, P::shift_1>(x) -
           dsp::doubled_operand<P::zero_point_2, P::multiplier_2, P::shift_2>(y);
  });
}

// P also: zero_point_1, zero_point_2.
template <typename P>
void mul_int8_dsp(const std::int8_t* a, const std::int8_t* b, std::int8_t* output) {
  dsp::same_shape<P>(a, b, output, [](std::int32_t x, std::int32_t y) {
    return (2 * x - 2 * P::zero_point_1) * (y - P::zero_point_2);
  });
}

}  // namespace tinygen::kernels
