// From features to the model's int8 input. The NumPy twin is src/tinygen/features/quantize.py.
#pragma once
#include <cstdint>

namespace tinygen::features {

struct Quantization {
  std::int32_t multiplier;  // 31 bits
  std::int32_t shift;       // 16..54, to the right
  std::int32_t zero_point;
};

// TFLite's MultiplyByQuantizedMultiplier (two roundings). multiplier > 0, shift in -31..30.
inline std::int32_t requantize(std::int32_t value, std::int32_t multiplier, std::int32_t shift) {
  const std::int32_t left = shift > 0 ? shift : 0;
  const std::int32_t right = shift > 0 ? 0 : -shift;
  const auto shifted = static_cast<std::int32_t>(static_cast<std::uint32_t>(value) << left);
  const std::int64_t product = static_cast<std::int64_t>(shifted) * multiplier;
  const std::int64_t nudged = product + (product >= 0 ? (INT64_C(1) << 30) : (INT64_C(1) - (INT64_C(1) << 30)));
  // Division by 2^31 truncating toward zero, without a 64-bit division.
  const auto high = static_cast<std::int32_t>(nudged >= 0 ? nudged >> 31 : -((-nudged) >> 31));
  const auto mask = static_cast<std::int32_t>((UINT32_C(1) << right) - 1);
  const std::int32_t remainder = high & mask;
  const std::int32_t threshold = (mask >> 1) + (high < 0 ? 1 : 0);
  return (high >> right) + (remainder > threshold ? 1 : 0);
}

inline std::int8_t clamp_int8(std::int32_t value) {
  return static_cast<std::int8_t>(value < -128 ? -128 : value > 127 ? 127 : value);
}

inline std::int8_t quantize(const Quantization& q, std::int32_t feature) {
  const std::int64_t product = static_cast<std::int64_t>(feature) * q.multiplier;
  const std::int64_t steps = (product + (INT64_C(1) << (q.shift - 1))) >> q.shift;
  // Features are of 16 bits and a step is more than 2^-16 of one: this fits.
  return clamp_int8(static_cast<std::int32_t>(steps) + q.zero_point);
}

// The integers of TFLM's micro_speech example, whatever the model's own scale says. Audio features are never negative.
struct MicroSpeechQuantization {};

inline std::int8_t quantize(const MicroSpeechQuantization&, std::int32_t feature) {
  return clamp_int8((feature * 256 + 333) / 666 - 128);
}

}  // namespace tinygen::features
