#include "tinygen/features/integers.h"

namespace tinygen::features {
namespace {

constexpr std::uint32_t kSegmentBits = 7;
constexpr std::uint32_t kInsideBits = 16 - kSegmentBits;
constexpr std::uint32_t kLn2Q16 = 45426;

// Digit by digit: two bits of the argument give one of the root. Rounds up when the rest exceeds the root.
template <class Unsigned>
Unsigned rounded_root(Unsigned value, Unsigned largest) {
  if (value == 0) {
    return 0;
  }
  Unsigned rest = value;
  Unsigned root = 0;
  Unsigned bit = static_cast<Unsigned>(1) << (static_cast<std::uint32_t>(bit_length(value) - 1) & ~1u);
  for (; bit != 0; bit >>= 2) {
    const Unsigned trial = root + bit;
    root >>= 1;
    if (rest >= trial) {
      rest -= trial;
      root += bit;
    }
  }
  return rest > root && root != largest ? root + 1 : root;
}

}  // namespace

std::uint32_t sqrt_rounded(std::uint64_t value) {
  if ((value >> 32) == 0) {
    return rounded_root<std::uint32_t>(static_cast<std::uint32_t>(value), 0xFFFFu);
  }
  return static_cast<std::uint32_t>(rounded_root<std::uint64_t>(value, 0xFFFFFFFFu));
}

std::uint32_t log_scaled(std::uint32_t value, std::uint32_t scale_shift, const std::uint16_t* table) {
  if (value <= 1) {
    return 0;
  }
  const auto integer = static_cast<std::uint32_t>(bit_length(value) - 1);
  const std::uint32_t rest = value - (UINT32_C(1) << integer);
  const std::uint32_t fraction = integer < 16 ? rest << (16 - integer) : rest >> (integer - 16);
  const std::uint32_t segment = fraction >> kInsideBits;
  const std::int32_t c0 = table[segment];
  const std::int32_t slope = table[segment + 1] - c0;
  // 2^-16, not 2^-9, is the original's weight of the position inside a segment.
  const std::int32_t inside = (slope * static_cast<std::int32_t>(fraction & ((1u << kInsideBits) - 1))) >> 16;
  const std::uint32_t log2 = (integer << 16) + fraction + static_cast<std::uint32_t>(c0 + inside);
  const auto loge = static_cast<std::uint32_t>((wide_product(log2, kLn2Q16) + 32768u) >> 16);
  return ((loge << scale_shift) + 32768u) >> 16;
}

std::int32_t log2_q16(std::uint64_t value, const std::uint16_t* table) {
  const std::int32_t integer = bit_length(value) - 1;
  const auto mantissa = static_cast<std::uint32_t>(integer > 31 ? value >> (integer - 31) : value << (31 - integer));
  const auto fraction = static_cast<std::int32_t>((mantissa >> 15) & 0xFFFFu);
  const std::int32_t segment = fraction >> kInsideBits;
  const std::int32_t c0 = table[segment];
  const std::int32_t inside = ((table[segment + 1] - c0) * (fraction & ((1 << kInsideBits) - 1))) >> kInsideBits;
  return (integer << 16) + fraction + c0 + inside;
}

}  // namespace tinygen::features
