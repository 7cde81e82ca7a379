// Sigmoid and hyperbolic tangent by straight lines between the entries of one table.
#pragma once
#include <cstdint>

namespace tinygen::kernels {

// A point between two entries of the table; beyond its last interval the caller has an answer of its own.
inline std::int32_t between_entries(const std::uint16_t* table, std::int32_t magnitude, std::int32_t bits) {
  const std::int32_t low = table[magnitude >> bits];
  const std::int32_t high = table[(magnitude >> bits) + 1];
  return (low << bits) + (magnitude & ((1 << bits) - 1)) * (high - low);
}

// sigmoid to Q0.15 of `spread`, which is 3 times the Q3.12 input.
inline std::int32_t sigmoid_q15(const std::uint16_t* table, std::int32_t spread) {
  const std::int32_t magnitude = spread < 0 ? -spread : spread;
  const std::int32_t result = (magnitude >> 9) >= 255 ? 0x7FFF << 10 : between_entries(table, magnitude, 9);
  return (spread >= 0 ? result + (1 << 9) : (1 << 25) - result + (1 << 9) - 1) >> 10;
}

// tanh(x) = 2 sigmoid(2 x) - 1, likewise.
inline std::int32_t tanh_q15(const std::uint16_t* table, std::int32_t spread) {
  const std::int32_t magnitude = spread < 0 ? -spread : spread;
  const std::int32_t result = (magnitude >> 8) >= 255 ? 0xFFFF << 8 : between_entries(table, magnitude, 8);
  return (spread >= 0 ? result - (1 << 23) + (1 << 7) : (1 << 23) - result + (1 << 7) - 1) >> 8;
}

}  // namespace tinygen::kernels
