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

// How a kernel brings sums into int8. `low` takes the sum without the bias, `high` takes 256 times the sum (see
// tile_product.h). Layers whose range is all of int8 share this code.
//   kRectified: the range begins at the zero point or above it, which hides how halves below it were rounded.
template <bool kIsRectified, std::int32_t kMin, std::int32_t kMax>
struct Fast {
  static constexpr bool kFast = true;
  static constexpr bool kRectified = kIsRectified;
  static constexpr bool kClamped = kMin != -128 || kMax != 127;
  static constexpr std::int32_t kLeast = kMin;
  static constexpr std::int32_t kMost = kMax;

  static std::int8_t doubled(std::uint32_t twice, const Channel& c) {
    // The bias brings the sum into range; until then it wraps.
    const auto value = static_cast<std::int32_t>(static_cast<std::uint32_t>(c.bias) + twice);
    const std::int32_t scaled = kRectified ? smmlar(value, c.multiplier, c.offset) >> c.shift
                                           : scaled_fast(value, c.multiplier, c.offset, c.shift);
    return static_cast<std::int8_t>(kClamped ? clamp(scaled, kMin, kMax) : ssat8(scaled));
  }
  static std::int8_t low(std::int32_t sum, const Channel& c) {
    return doubled(static_cast<std::uint32_t>(sum) << 1, c);
  }
  static std::int8_t high(std::int32_t sum256, const Channel& c) {
    return doubled(static_cast<std::uint32_t>(sum256 >> 7), c);
  }
};

// Any multiplier and shift.
template <std::int32_t kZeroPoint, std::int32_t kMin, std::int32_t kMax>
struct General {
  static constexpr bool kFast = false;
  struct P {
    static constexpr std::int32_t output_zero_point = kZeroPoint;
    static constexpr std::int32_t act_min = kMin;
    static constexpr std::int32_t act_max = kMax;
  };
  static std::int8_t low(std::int32_t sum, const Channel& c) {
    const auto value = static_cast<std::uint32_t>(c.bias) + static_cast<std::uint32_t>(sum);
    return requantize<P>(static_cast<std::int32_t>(value), c.multiplier, c.shift);
  }
  static std::int8_t high(std::int32_t sum256, const Channel& c) { return low(sum256 >> 8, c); }
};

// kIsFast: the channels are packed for it.
template <bool kIsFast, std::int32_t kZeroPoint, std::int32_t kMin, std::int32_t kMax>
struct Choice {
  using Type = General<kZeroPoint, kMin, kMax>;
};
template <std::int32_t kZeroPoint, std::int32_t kMin, std::int32_t kMax>
struct Choice<true, kZeroPoint, kMin, kMax> {
  using Type = Fast<(kMin >= kZeroPoint), kMin, kMax>;
};

// P: fast, output_zero_point, act_min, act_max.
template <typename P>
using Requantizer = typename Choice<P::fast != 0, P::output_zero_point, P::act_min, P::act_max>::Type;

// For kernels whose sums are doubled and have their bias. A clamp at or above the zero point hides how halves below it
// were rounded. P: output_zero_point, act_min, act_max.
template <typename P>
[[gnu::always_inline]] inline std::int8_t from_doubled(std::int32_t doubled, const Channel& c) {
  const std::int32_t value = P::act_min >= P::output_zero_point ? smmlar(doubled, c.multiplier, c.offset) >> c.shift
                                                                : scaled_fast(doubled, c.multiplier, c.offset, c.shift);
  if (P::act_min == -128 && P::act_max == 127) return static_cast<std::int8_t>(ssat8(value));
  return static_cast<std::int8_t>(clamp(value, P::act_min, P::act_max));
}

}  // namespace tinygen::kernels::dsp
