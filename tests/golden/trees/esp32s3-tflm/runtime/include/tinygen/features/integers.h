// Bit counts, wide products, square root and logarithms, in integers. The NumPy twin is
// src/tinygen/features/integers.py.
#pragma once
#include <cstdint>

namespace tinygen::features {

// Number of significant bits: 0 for 0, else floor(log2) + 1.
inline std::int32_t bit_length(std::uint32_t value) {
  return value == 0 ? 0 : 32 - __builtin_clz(static_cast<unsigned>(value));
}

inline std::int32_t bit_length(std::uint64_t value) {
  const auto high = static_cast<std::uint32_t>(value >> 32);
  return high != 0 ? 32 + bit_length(high) : bit_length(static_cast<std::uint32_t>(value));
}

// a * b for b < 2^16. Where the processor (or the compiler for it) has no 32 x 32 -> 64 product, from two 32-bit ones.
inline std::uint64_t wide_product(std::uint32_t a, std::uint32_t b) {
#if defined(__XTENSA__) || defined(TINYGEN_NO_WIDE_MULTIPLY)
  return (static_cast<std::uint64_t>((a >> 16) * b) << 16) + (a & 0xFFFFu) * b;
#else
  return static_cast<std::uint64_t>(a) * b;
#endif
}

// Rounded square root. Below 2^32 the result is at most 65535.
std::uint32_t sqrt_rounded(std::uint64_t value);

// ln(value) * 2^scale_shift by table; 0 for 0 and 1. `table` has 130 entries.
std::uint32_t log_scaled(std::uint32_t value, std::uint32_t scale_shift, const std::uint16_t* table);

// log2(value) * 2^16 of value >= 1.
std::int32_t log2_q16(std::uint64_t value, const std::uint16_t* table);

}  // namespace tinygen::features
