// QUANTIZE and DEQUANTIZE between float32 and integers, and between integers of different scales and types.
#pragma once
#include <cstdint>

#include "tinygen/kernels/requantize.h"
#include "tinygen/kernels/typed.h"

namespace tinygen::kernels {

// round(value), halves away from zero; what does not fit int32 becomes its minimum.
inline std::int32_t round_to_int32(float value) {
  if (!(value >= -2147483648.0F && value < 2147483648.0F)) return INT32_MIN;
  const auto whole = static_cast<std::int32_t>(value);
  const float rest = value - static_cast<float>(whole);  // 0 from 2^23 on
  if (rest >= 0.5F) return whole + 1;
  return rest <= -0.5F ? whole - 1 : whole;
}

// P: n_elements, output_type, output_zero_point, act_min, act_max. The sum with the zero point wraps.
template <typename P>
void quantize_float32_scale(const Float32* input, void* output, const float* scale) {
  for (std::int32_t i = 0; i < P::n_elements; ++i) {
    const auto steps = static_cast<std::uint32_t>(round_to_int32(input[i] / *scale));
    const auto value = static_cast<std::int32_t>(steps + static_cast<std::uint32_t>(P::output_zero_point));
    store_integer<P::output_type>(output, i, clamp(value, P::act_min, P::act_max));
  }
}

// In place where both types have one size. P also: input_type, input_zero_point, multiplier, shift.
template <typename P>
void quantize_any_requantize(const void* input, void* output) {
  for (std::int32_t i = 0; i < P::n_elements; ++i) {
    const std::int32_t centred = load_integer<P::input_type>(input, i) - P::input_zero_point;
    const std::int32_t scaled = multiply_by_multiplier(centred, P::multiplier, P::shift);
    const std::int32_t low = P::act_min - P::output_zero_point;
    const std::int32_t high = P::act_max - P::output_zero_point;
    store_integer<P::output_type>(output, i, clamp(scaled, low, high) + P::output_zero_point);
  }
}

// P: n_elements, input_type, input_zero_point.
template <typename P>
void dequantize_any_scale(const void* input, Float32* output, const float* scale) {
  for (std::int32_t i = 0; i < P::n_elements; ++i) {
    output[i] = static_cast<float>(load_integer<P::input_type>(input, i) - P::input_zero_point) * *scale;
  }
}

}  // namespace tinygen::kernels
