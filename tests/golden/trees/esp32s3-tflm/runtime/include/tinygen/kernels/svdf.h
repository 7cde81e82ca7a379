// SVDF, int8: filters that remember their last projections of the input.
#pragma once
#include <cstdint>

#include "tinygen/kernels/requantize.h"

namespace tinygen::kernels {

// P: batch, in_c, units, rank, memory, state_zero_point, output_zero_point, act_min, act_max, feature_multiplier,
// feature_shift, multiplier, shift. The state is [batch, units * rank, memory], the oldest value first; the zero points
// of input and state are inside feature_bias and bias.
template <typename P>
void svdf_int8_generic(const std::int8_t* input, std::int8_t* state, std::int8_t* output, const std::int8_t* weights,
                       const std::int32_t* feature_bias, const std::int8_t* time_weights, const std::int32_t* bias) {
  for (std::int32_t b = 0; b < P::batch; ++b) {
    const std::int8_t* w = weights;
    const std::int8_t* t = time_weights;
    const std::int32_t* f = feature_bias;
    for (std::int32_t unit = 0; unit < P::units; ++unit) {
      std::int32_t sum = bias[unit];
      for (std::int32_t r = 0; r < P::rank; ++r) {
        std::int32_t acc = *f++;
        for (std::int32_t i = 0; i < P::in_c; ++i) acc += input[i] * w[i];
        w += P::in_c;
        const std::int32_t scaled = multiply_by_multiplier(acc, P::feature_multiplier, P::feature_shift);
        const std::int32_t newest = clamp(scaled, -128, 127) + P::state_zero_point;
        for (std::int32_t m = 0; m + 1 < P::memory; ++m) {
          state[m] = state[m + 1];
          sum += state[m] * t[m];
        }
        state[P::memory - 1] = static_cast<std::int8_t>(newest);  // wraps, as TFLM's does
        sum += state[P::memory - 1] * t[P::memory - 1];
        state += P::memory;
        t += P::memory;
      }
      *output++ = requantize<P>(sum, P::multiplier, P::shift);
    }
    input += P::in_c;
  }
}

}  // namespace tinygen::kernels
