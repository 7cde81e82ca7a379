// AVERAGE_POOL_2D, MAX_POOL_2D and MEAN over all but the last dimension, int8, Cortex-M with DSP: four channels a word.
#pragma once
#include <cstdint>

#include "tinygen/kernels/dsp/simd.h"
#include "tinygen/kernels/pool_2d.h"
#include "tinygen/kernels/requantize.h"

namespace tinygen::kernels {
namespace dsp {

struct FourTotals {
  std::int32_t c0 = 0, c1 = 0, c2 = 0, c3 = 0;
};

// Adds `count` words, kStep bytes apart. Lanes of 16 bits hold 255 int8.
template <std::int32_t kStep>
inline void add_words(const std::int8_t* from, std::int32_t count, FourTotals& totals) {
  while (count > 0) {
    const std::int32_t some = count < 255 ? count : 255;
    std::uint32_t even = 0;
    std::uint32_t odd = 0;
#pragma GCC unroll 4
    for (std::int32_t i = 0; i < some; ++i) {
      const std::uint32_t word = load_word(from);
      even = sxtab16(even, word);
      odd = sxtab16_ror8(odd, word);
      from += kStep;
    }
    totals.c0 += portable::low(even);
    totals.c1 += portable::low(odd);
    totals.c2 += portable::high(even);
    totals.c3 += portable::high(odd);
    count -= some;
  }
}

template <std::int32_t kStep>
inline std::int32_t add_bytes(const std::int8_t* from, std::int32_t count) {
  std::int32_t total = 0;
  for (std::int32_t i = 0; i < count; ++i) total += from[i * kStep];
  return total;
}

// Halves away from zero.
template <typename P>
inline std::int8_t average(std::int32_t sum, std::int32_t count) {
  const std::int32_t mean = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
  return static_cast<std::int8_t>(clamp(mean, P::act_min, P::act_max));
}

}  // namespace dsp

// P: as average_pool_2d_int8_generic.
template <typename P>
void average_pool_2d_int8_dsp(const std::int8_t* input, std::int8_t* output) {
  pool_2d_windows<P>(input, output,
                     [](const std::int8_t* image, std::int32_t top, std::int32_t bottom, std::int32_t left,
                        std::int32_t right, std::int8_t* out) {
                       constexpr bool kWholeRows = P::out_w == 1 && P::k_w >= P::in_w && P::pad_left == 0;
                       const std::int32_t rows = kWholeRows ? 1 : bottom - top;
                       const std::int32_t run = kWholeRows ? (bottom - top) * P::in_w : right - left;
                       const std::int32_t count = rows * run;
                       const std::int8_t* first = image + (top * P::in_w + left) * P::in_c;
                       std::int32_t c = 0;
                       for (; c + 4 <= P::in_c; c += 4) {
                         dsp::FourTotals totals;
                         for (std::int32_t y = 0; y < rows; ++y) {
                           dsp::add_words<P::in_c>(first + y * P::in_w * P::in_c, run, totals);
                         }
                         out[0] = dsp::average<P>(totals.c0, count);
                         out[1] = dsp::average<P>(totals.c1, count);
                         out[2] = dsp::average<P>(totals.c2, count);
                         out[3] = dsp::average<P>(totals.c3, count);
                         first += 4;
                         out += 4;
                       }
                       for (; c < P::in_c; ++c) {
                         std::int32_t total = 0;
                         for (std::int32_t y = 0; y < rows; ++y) {
                           total += dsp::add_bytes<P::in_c>(first + y * P::in_w * P::in_c, run);
                         }
                         *out++ = dsp::average<P>(total, count);
                         ++first;
                       }
                     });
}

// P: as max_pool_2d_int8_generic.
template <typename P>
void max_pool_2d_int8_dsp(const std::int8_t* input, std::int8_t* output) {
  pool_2d_windows<P>(input, output,
                     [](const std::int8_t* image, std::int32_t top, std::int32_t bottom, std::int32_t left,
                        std::int32_t right, std::int8_t* out) {
                       constexpr std::uint32_t kLeast = static_cast<std::uint32_t>(P::act_min & 0xFF) * 0x01010101U;
                       const std::int8_t* first = image + (top * P::in_w + left) * P::in_c;
                       std::int32_t c = 0;
                       for (; c + 4 <= P::in_c; c += 4) {
                         std::uint32_t largest = kLeast;
                         const std::int8_t* row = first;
                         for (std::int32_t y = top; y < bottom; ++y) {
                           const std::int8_t* x = row;
                           for (std::int32_t n = left; n < right; ++n) {
                             largest = dsp::max8(largest, dsp::load_word(x));
                             x += P::in_c;
                           }
                           row += P::in_w * P::in_c;
                         }
                         if constexpr (P::act_max < 127) {
                           for (std::int32_t i = 0; i < 4; ++i) {
                             const std::int32_t one = dsp::portable::byte(largest, static_cast<int>(i));
                             out[i] = static_cast<std::int8_t>(one > P::act_max ? P::act_max : one);
                           }
                         } else {
                           dsp::store_word(out, largest);
                         }
                         first += 4;
                         out += 4;
                       }
                       for (; c < P::in_c; ++c) {
                         std::int32_t largest = P::act_min;
                         const std::int8_t* row = first;
                         for (std::int32_t y = top; y < bottom; ++y) {
                           for (std::int32_t n = 0; n < right - left; ++n) {
                             largest = row[n * P::in_c] > largest ? row[n * P::in_c] : largest;
                           }
                           row += P::in_w * P::in_c;
                         }
                         *out++ = static_cast<std::int8_t>(largest > P::act_max ? P::act_max : largest);
                         ++first;
                       }
                     });
}

// P: outer, count, in_c (the input is [outer, count, in_c]), multiplier, shift (the division by count inside),
// input_zero_point, output_zero_point, act_min, act_max.
template <typename P>
void mean_int8_dsp(const std::int8_t* input, std::int8_t* output) {
  constexpr std::int32_t kBias = -P::input_zero_point * P::count;
  for (std::int32_t n = 0; n < P::outer; ++n) {
    std::int32_t c = 0;
    for (; c + 4 <= P::in_c; c += 4) {
      dsp::FourTotals totals;
      dsp::add_words<P::in_c>(input + c, P::count, totals);
      output[0] = requantize<P>(totals.c0 + kBias, P::multiplier, P::shift);
      output[1] = requantize<P>(totals.c1 + kBias, P::multiplier, P::shift);
      output[2] = requantize<P>(totals.c2 + kBias, P::multiplier, P::shift);
      output[3] = requantize<P>(totals.c3 + kBias, P::multiplier, P::shift);
      output += 4;
    }
    for (; c < P::in_c; ++c) {
      *output++ = requantize<P>(dsp::add_bytes<P::in_c>(input + c, P::count) + kBias, P::multiplier, P::shift);
    }
    input += P::count * P::in_c;
  }
}

}  // namespace tinygen::kernels
