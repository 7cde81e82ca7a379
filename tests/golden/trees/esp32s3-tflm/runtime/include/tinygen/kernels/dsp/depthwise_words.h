// DEPTHWISE_CONV_2D with any kernel, Cortex-M with DSP: a word holds one tap of four neighbouring channels.
#pragma once
#include <cstdint>

#include "tinygen/kernels/dsp/requantize.h"
#include "tinygen/kernels/dsp/simd.h"

namespace tinygen::kernels {
namespace dsp {

// Four channels' sums; the first and third, and the second and fourth, come as lanes of one word.
struct FourSums {
  std::int32_t c0 = 0, c1 = 0, c2 = 0, c3 = 0;

  [[gnu::always_inline]] inline void add(std::uint32_t values, std::uint32_t weights) {
    const std::uint32_t even = sxtb16(values);
    const std::uint32_t even_weights = sxtb16(weights);
    c0 = smlabb(even, even_weights, c0);
    c2 = smlatt(even, even_weights, c2);
    const std::uint32_t odd = sxtb16_ror8(values);
    const std::uint32_t odd_weights = sxtb16_ror8(weights);
    c1 = smlabb(odd, odd_weights, c1);
    c3 = smlatt(odd, odd_weights, c3);
  }

  // The same from memory, and in this order: left alone, GCC loads many taps ahead and keeps them on the stack.
  [[gnu::always_inline]] inline void add_at(const std::int8_t* values, const Word* weights) {
#if TINYGEN_DSP
    struct Bytes {
      std::int8_t bytes[4];
    };
    std::uint32_t x, w, even, even_weights;
    __asm__ volatile(
        "ldr %[x], %[values]\n\t"
        "ldr %[w], %[weights]\n\t"
        "sxtb16 %[e], %[x]\n\t"
        "sxtb16 %[f], %[w]\n\t"
        "sxtb16 %[x], %[x], ror #8\n\t"
        "sxtb16 %[w], %[w], ror #8\n\t"
        "smlabb %[c0], %[e], %[f], %[c0]\n\t"
        "smlatt %[c2], %[e], %[f], %[c2]\n\t"
        "smlabb %[c1], %[x], %[w], %[c1]\n\t"
        "smlatt %[c3], %[x], %[w], %[c3]"
        : [c0] "+&r"(c0), [c1] "+&r"(c1), [c2] "+&r"(c2), [c3] "+&r"(c3), [x] "=&r"(x), [w] "=&r"(w), [e] "=&r"(even),
          [f] "=&r"(even_weights)
        : [values] "m"(*reinterpret_cast<const Bytes*>(values)), [weights] "m"(*weights));
#else
    add(load_word(values), *weights);
#endif
  }
};

template <typename P>
[[gnu::always_inline]] inline std::int8_t finished(std::int32_t sum, const Channel& c) {
  return from_doubled<P>(
      static_cast<std::int32_t>(static_cast<std::uint32_t>(c.bias) + (static_cast<std::uint32_t>(sum) << 1)), c);
}

// The window at (top, left) of `image`, which begins at the first of its channels.
template <typename P, bool kInside>
inline FourSums words_of_window(const std::int8_t* image, std::int32_t top, std::int32_t left, const Word* weights) {
  constexpr std::int32_t kRow = P::in_w * P::in_c;
  FourSums sums;
  const std::int8_t* row = image + top * kRow + left * P::in_c;
  if constexpr (kInside) {
    // A column of taps is unrolled like a row.
    constexpr bool kColumn = P::k_w == 1;
    constexpr std::int32_t kRun = kColumn ? P::k_h : P::k_w;
    constexpr std::int32_t kStep = kColumn ? P::dilation_h * kRow : P::dilation_w * P::in_c;
    for (std::int32_t ky = 0; ky < (kColumn ? 1 : P::k_h); ++ky) {
      const std::int8_t* tap = row;
#pragma GCC unroll 16
      for (std::int32_t k = 0; k < kRun; ++k) {
        sums.add_at(tap, weights++);
        tap += kStep;
      }
      row += P::dilation_h * kRow;
    }
  } else {
    const std::uint32_t frame = static_cast<std::uint32_t>(P::input_zero_point & 0xFF) * 0x01010101U;
    for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
      const std::int32_t y = top + ky * P::dilation_h;
      for (std::int32_t kx = 0; kx < P::k_w; ++kx) {
        const std::int32_t x = left + kx * P::dilation_w;
        const bool inside = y >= 0 && y < P::in_h && x >= 0 && x < P::in_w;
        sums.add(inside ? load_word(row + kx * P::dilation_w * P::in_c) : frame, *weights++);
      }
      row += P::dilation_h * kRow;
    }
  }
  return sums;
}

// One channel, for those that fill no word. Its weights are a word apart.
template <typename P>
inline std::int32_t one_of_window(const std::int8_t* channel, std::int32_t top, std::int32_t left,
                                  const std::int8_t* weights) {
  std::int32_t sum = 0;
  for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
    const std::int32_t y = top + ky * P::dilation_h;
    for (std::int32_t kx = 0; kx < P::k_w; ++kx) {
      const std::int32_t x = left + kx * P::dilation_w;
      const bool inside = y >= 0 && y < P::in_h && x >= 0 && x < P::in_w;
      sum += (inside ? channel[(y * P::in_w + x) * P::in_c] : P::input_zero_point) * *weights;
      weights += 4;
    }
  }
  return sum;
}

}  // namespace dsp

// Depth multiplier 1. P: batch, in_*, out_*, k_*, stride_*, dilation_*, pad_top, pad_left, input_zero_point,
// output_zero_point, act_min, act_max. weights: [channels / 4, rounded up][taps][4].
template <typename P>
void depthwise_conv_2d_int8_dsp_words(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                                      const std::int32_t* channels) {
  constexpr std::int32_t kReachY = (P::k_h - 1) * P::dilation_h;
  constexpr std::int32_t kReachX = (P::k_w - 1) * P::dilation_w;
  constexpr std::int32_t kTaps = P::k_h * P::k_w;
  constexpr bool kAlwaysInside = P::pad_top == 0 && P::pad_left == 0 &&
                                 (P::out_h - 1) * P::stride_h + kReachY < P::in_h &&
                                 (P::out_w - 1) * P::stride_w + kReachX < P::in_w;
  for (std::int32_t b = 0; b < P::batch; ++b) {
    for (std::int32_t oy = 0; oy < P::out_h; ++oy) {
      const std::int32_t top = oy * P::stride_h - P::pad_top;
      for (std::int32_t ox = 0; ox < P::out_w; ++ox) {
        const std::int32_t left = ox * P::stride_w - P::pad_left;
        const bool inside =
            kAlwaysInside || (top >= 0 && top + kReachY < P::in_h && left >= 0 && left + kReachX < P::in_w);
        const dsp::Channel* c = dsp::channels_of(channels);
        const auto* w = reinterpret_cast<const dsp::Word*>(weights);
        const std::int8_t* image = input;
        for (std::int32_t n = 0; n < P::out_c / 4; ++n) {
          const dsp::FourSums sums = inside ? dsp::words_of_window<P, true>(image, top, left, w)
                                            : dsp::words_of_window<P, false>(image, top, left, w);
          output[0] = dsp::finished<P>(sums.c0, c[0]);
          output[1] = dsp::finished<P>(sums.c1, c[1]);
          output[2] = dsp::finished<P>(sums.c2, c[2]);
          output[3] = dsp::finished<P>(sums.c3, c[3]);
          image += 4;
          output += 4;
          w += kTaps;
          c += 4;
        }
        if constexpr (P::out_c % 4 != 0) {
          const auto* rest = reinterpret_cast<const std::int8_t*>(w);
          for (std::int32_t n = 0; n < P::out_c % 4; ++n) {
            *output++ = dsp::finished<P>(dsp::one_of_window<P>(image + n, top, left, rest + n), c[n]);
          }
        }
      }
    }
    input += P::in_h * P::in_w * P::in_c;
  }
}

}  // namespace tinygen::kernels
