// MEAN, int8, over a tensor seen as four blocks of dimensions, each kept or reduced.
#pragma once
#include <cstdint>

#include "tinygen/kernels/requantize.h"

namespace tinygen::kernels {

// P: size_0..3, reduced_0..3, count, multiplier, shift (the division by count inside), input_zero_point,
// output_zero_point, act_min, act_max.
template <typename P>
void mean_int8_generic(const std::int8_t* input, std::int8_t* output) {
  constexpr std::int32_t kStride2 = P::size_3;
  constexpr std::int32_t kStride1 = P::size_2 * kStride2;
  constexpr std::int32_t kStride0 = P::size_1 * kStride1;
  constexpr std::int32_t kKept0 = P::reduced_0 ? 1 : P::size_0;
  constexpr std::int32_t kKept1 = P::reduced_1 ? 1 : P::size_1;
  constexpr std::int32_t kKept2 = P::reduced_2 ? 1 : P::size_2;
  constexpr std::int32_t kKept3 = P::reduced_3 ? 1 : P::size_3;
  constexpr std::int32_t kSum0 = P::reduced_0 ? P::size_0 : 1;
  constexpr std::int32_t kSum1 = P::reduced_1 ? P::size_1 : 1;
  constexpr std::int32_t kSum2 = P::reduced_2 ? P::size_2 : 1;
  constexpr std::int32_t kSum3 = P::reduced_3 ? P::size_3 : 1;
  for (std::int32_t k0 = 0; k0 < kKept0; ++k0) {
    for (std::int32_t k1 = 0; k1 < kKept1; ++k1) {
      for (std::int32_t k2 = 0; k2 < kKept2; ++k2) {
        for (std::int32_t k3 = 0; k3 < kKept3; ++k3) {
          const std::int8_t* first = input + k0 * kStride0 + k1 * kStride1 + k2 * kStride2 + k3;
          std::int32_t sum = -P::input_zero_point * P::count;
          for (std::int32_t s0 = 0; s0 < kSum0; ++s0) {
            for (std::int32_t s1 = 0; s1 < kSum1; ++s1) {
              for (std::int32_t s2 = 0; s2 < kSum2; ++s2) {
                const std::int8_t* x = first + s0 * kStride0 + s1 * kStride1 + s2 * kStride2;
                for (std::int32_t s3 = 0; s3 < kSum3; ++s3) sum += x[s3];
              }
            }
          }
          *output++ = requantize<P>(sum, P::multiplier, P::shift);
        }
      }
    }
  }
}

}  // namespace tinygen::kernels
