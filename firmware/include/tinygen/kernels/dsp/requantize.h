// From accumulators to int8 in five instructions where that is exact, see `channels` in model/kernels/dsp_packing.py:
// it proves on the host, channel by channel, what is assumed here.
#pragma once
#include <cstdint>

#include "tinygen/kernels/dsp/simd.h"
#include "tinygen/kernels/requantize.h"

namespace tinygen::kernels::dsp {

// One output channel, as generated: four words, one LDM.
//   fast:    bias is doubled; offset = (output zero point << shift) + (1 << (shift - 1)); shift is to the right, 1..22.
//   general: bias as it is; offset is not used; shift as in TensorFlow Lite, positive to the left.
struct Channel {
  std::int32_t bias;
  std::int32_t multiplier;
  std::int32_t offset;
  std::int32_t shift;
};

inline const Channel* channels_of(const std::int32_t* words) {
  return reinterpret_cast<const Channel*>(words);
}

// `doubled` is twice the sum, |doubled| < 2^31; the result still has to be brought into int8's range.
//
// TensorFlow Lite rounds twice: h = round(sum * multiplier / 2^31), halves upward; then h / 2^shift, halves away from
// zero, which is (h + (h < 0 ? -1 : 0) + 2^(shift-1)) >> shift. SMMLAR gives h + offset at once, and the sum's sign may
// stand for h's: they differ only for h = 0, and then both signs give the same result, because shift >= 1.
inline std::int32_t scaled_fast(std::int32_t doubled, std::int32_t multiplier, std::int32_t offset,
                                std::int32_t shift) {
  return (smmlar(doubled, multiplier, offset) + (doubled >> 31)) >> shift;
}

// How a kernel brings sums into int8. P: output_zero_point, act_min, act_max, fast (see Channel).
template <typename P>
struct Requantizer {
  static constexpr bool kSaturates = P::act_min == -128 && P::act_max == 127;

  static std::int32_t clamped(std::int32_t value) {
    return kSaturates ? ssat8(value) : clamp(value, P::act_min, P::act_max);
  }

  // `sum` without the bias.
  static std::int8_t apply(std::int32_t sum, const Channel& c) {
    if constexpr (P::fast != 0) {
      // Modulo 2^32 here, in range after the addition.
      const auto doubled =
          static_cast<std::int32_t>(static_cast<std::uint32_t>(c.bias) + (static_cast<std::uint32_t>(sum) << 1));
      return static_cast<std::int8_t>(clamped(scaled_fast(doubled, c.multiplier, c.offset, c.shift)));
    } else {
      return requantize<P>(c.bias + sum, c.multiplier, c.shift);
    }
  }
};

}  // namespace tinygen::kernels::dsp
