// SUM, REDUCE_MAX, REDUCE_MIN over a tensor seen as four blocks of dimensions, each kept or reduced; ARG_MAX. int8.
#pragma once
#include <cstdint>

#include "tinygen/kernels/int16_requantize.h"
#include "tinygen/kernels/requantize.h"
#include "tinygen/kernels/typed.h"

namespace tinygen::kernels {

// output = finish(all values reduced to it joined by `join`, from `start` on). P: size_0..3, reduced_0..3.
template <typename P, typename T, typename Join, typename Finish>
inline void reduce_blocks(const T* input, T* output, std::int32_t start, Join join, Finish finish) {
  constexpr std::int32_t kStride2 = P::size_3;
  constexpr std::int32_t kStride1 = P::size_2 * kStride2;
  constexpr std::int32_t kStride0 = P::size_1 * kStride1;
  for (std::int32_t k0 = 0; k0 < (P::reduced_0 ? 1 : P::size_0); ++k0) {
    for (std::int32_t k1 = 0; k1 < (P::reduced_1 ? 1 : P::size_1); ++k1) {
      for (std::int32_t k2 = 0; k2 < (P::reduced_2 ? 1 : P::size_2); ++k2) {
        for (std::int32_t k3 = 0; k3 < (P::reduced_3 ? 1 : P::size_3); ++k3) {
          const T* first = input + k0 * kStride0 + k1 * kStride1 + k2 * kStride2 + k3;
          std::int32_t joined = start;
          for (std::int32_t s0 = 0; s0 < (P::reduced_0 ? P::size_0 : 1); ++s0) {
            for (std::int32_t s1 = 0; s1 < (P::reduced_1 ? P::size_1 : 1); ++s1) {
              for (std::int32_t s2 = 0; s2 < (P::reduced_2 ? P::size_2 : 1); ++s2) {
                const T* x = first + s0 * kStride0 + s1 * kStride1 + s2 * kStride2;
                for (std::int32_t s3 = 0; s3 < (P::reduced_3 ? P::size_3 : 1); ++s3) joined = join(joined, x[s3]);
              }
            }
          }
          *output++ = finish(joined);
        }
      }
    }
  }
}

// P also: count, multiplier, shift, input_zero_point, output_zero_point, act_min, act_max.
template <typename P>
void sum_int8_generic(const std::int8_t* input, std::int8_t* output) {
  reduce_blocks<P>(
      input, output, -P::input_zero_point * P::count, [](std::int32_t joined, std::int8_t x) { return joined + x; },
      [](std::int32_t joined) { return requantize<P>(joined, P::multiplier, P::shift); });
}

// MEAN and SUM of int16, whose zero point is 0; MEAN's division is inside the multiplier.
template <typename P>
void sum_int16_generic(const Int16* input, Int16* output) {
  reduce_blocks<P>(
      input, output, 0, [](std::int32_t joined, std::int16_t x) { return joined + x; },
      [](std::int32_t joined) { return requantize_int16<P>(joined, P::multiplier, P::shift); });
}

template <typename P>
void mean_int16_generic(const Int16* input, Int16* output) {
  sum_int16_generic<P>(input, output);
}

template <typename P>
void reduce_max_int8_generic(const std::int8_t* input, std::int8_t* output) {
  reduce_blocks<P>(
      input, output, -128, [](std::int32_t joined, std::int8_t x) { return x > joined ? std::int32_t{x} : joined; },
      [](std::int32_t joined) { return static_cast<std::int8_t>(joined); });
}

template <typename P>
void reduce_min_int8_generic(const std::int8_t* input, std::int8_t* output) {
  reduce_blocks<P>(
      input, output, 127, [](std::int32_t joined, std::int8_t x) { return x < joined ? std::int32_t{x} : joined; },
      [](std::int32_t joined) { return static_cast<std::int8_t>(joined); });
}

// The first of equals wins. P: outer, size, inner.
template <typename P, typename Index>
void arg_max_int8_generic(const std::int8_t* input, Index* output) {
  for (std::int32_t o = 0; o < P::outer; ++o) {
    for (std::int32_t i = 0; i < P::inner; ++i) {
      std::int32_t best = 0;
      for (std::int32_t k = 1; k < P::size; ++k) {
        if (input[k * P::inner + i] > input[best * P::inner + i]) best = k;
      }
      *output++ = best;
    }
    input += P::size * P::inner;
  }
}

}  // namespace tinygen::kernels
