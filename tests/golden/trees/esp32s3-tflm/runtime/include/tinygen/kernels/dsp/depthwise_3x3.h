// DEPTHWISE_CONV_2D 3x3 in place, Cortex-M with DSP: channel by channel. A strip of rows of one channel is set aside,
// widened to int16 and framed with the input's zero point, so that one load brings two neighbours and no border is
// left; the results take the place the channel came from.
#pragma once
#include <cstdint>

#include "tinygen/kernels/dsp/requantize.h"
#include "tinygen/kernels/dsp/simd.h"
#include "tinygen/kernels/dsp/taps_of_three.h"
#include "tinygen/kernels/typed.h"

namespace tinygen::kernels {
namespace dsp {

// All that the pixels of one channel need. Weights and bias are doubled, see requantize.h; a0, b0 are the first row's
// taps as (w0, w1) and (w1, w2).
struct Channel3x3 {
  std::uint32_t a0, b0, a1, b1, a2, b2;
  Channel requantize;
};

inline Channel3x3 channel_3x3(const std::int8_t* w, std::int32_t bias, std::int32_t multiplier, std::int32_t shift,
                              std::int32_t zero_point) {
  const auto pair = [w](int tap) { return lanes(2 * w[tap], 2 * w[tap + 1]); };
  const std::int32_t offset = (1 << shift >> 1) + zero_point * (1 << shift);
  return {pair(0), pair(1), pair(3), pair(4), pair(6), pair(7), {bias, multiplier, offset, shift}};
}

// kPixels neighbouring output pixels, their windows starting at `x`, a row being kRowWords words.
template <typename P, std::int32_t kPixels, std::int32_t kRowWords>
[[gnu::always_inline]] inline void pixels_3x3(const Channel3x3& c, const Word* x, std::int8_t* y) {
  Sums s;
  s.y0 = c.requantize.bias;
  taps_of_three<kPixels, P::stride_w, true, 0>(x, c.a0, c.b0, s);
  taps_of_three<kPixels, P::stride_w, false, kRowWords>(x, c.a1, c.b1, s);
  taps_of_three<kPixels, P::stride_w, false, 2 * kRowWords>(x, c.a2, c.b2, s);
  y[0] = from_doubled<P>(s.y0, c.requantize);
  if constexpr (kPixels > 1) y[P::out_c] = from_doubled<P>(s.y1, c.requantize);
  if constexpr (kPixels > 2) y[2 * P::out_c] = from_doubled<P>(s.y2, c.requantize);
  if constexpr (kPixels > 2) y[3 * P::out_c] = from_doubled<P>(s.y3, c.requantize);
}

template <typename P, std::int32_t kRowWords>
[[gnu::always_inline]] inline void row_3x3(const Channel3x3& c, const Word* x, std::int8_t* y) {
  for (std::int32_t n = 0; n < P::out_w / 4; ++n) {
    pixels_3x3<P, 4, kRowWords>(c, x, y);
    x += 2 * P::stride_w;
    y += 4 * P::out_c;
  }
  if constexpr ((P::out_w & 2) != 0) {
    pixels_3x3<P, 2, kRowWords>(c, x, y);
    x += P::stride_w;
    y += 2 * P::out_c;
  }
  if constexpr ((P::out_w & 1) != 0) pixels_3x3<P, 1, kRowWords>(c, x, y);
}

// `kCount` values of a channel, one pixel after another.
template <std::int32_t kCount, std::int32_t kStep>
[[gnu::always_inline]] inline void set_aside(const std::int8_t* from, Int16* to) {
  constexpr std::int32_t kEights = kCount / 8;
  for (std::int32_t n = 0; n < kEights; ++n) {
#pragma GCC unroll 8
    for (std::int32_t i = 0; i < 8; ++i) to[i] = from[i * kStep];
    from += 8 * kStep;
    to += 8;
  }
#pragma GCC unroll 8
  for (std::int32_t i = 0; i < kCount % 8; ++i) to[i] = from[i * kStep];
}

template <std::int32_t kWords>
[[gnu::always_inline]] inline void fill_words(Word* to, std::uint32_t value) {
  for (std::int32_t i = 0; i < kWords; ++i) to[i] = value;
}

template <std::int32_t kWords>
[[gnu::always_inline]] inline void move_words(const Word* from, Word* to) {
#pragma GCC unroll 8
  for (std::int32_t i = 0; i < kWords; ++i) to[i] = from[i];
}

}  // namespace dsp

// Depth multiplier 1; `output` may be `input` itself, or must not touch it.
// P: batch, in_*, out_*, stride_* (1 or 2), pad_top, pad_left, input_zero_point, output_zero_point, act_min, act_max;
// strip_rows: output rows that are made of what is set aside at once; row_words: of a row in scratch.
// weights: [channels, 9]. scratch: ((strip_rows - 1) * stride_h + 3) rows.
template <typename P>
void depthwise_conv_2d_int8_dsp_3x3(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                                    const std::int32_t* bias, const std::int32_t* multiplier, const std::int8_t* shift,
                                    std::int8_t* scratch) {
  constexpr std::int32_t kReach = (P::out_w - 1) * P::stride_w + 3 - P::pad_left;
  constexpr std::int32_t kRead = kReach < P::in_w ? kReach : P::in_w;
  constexpr std::int32_t kNewRows = P::strip_rows * P::stride_h;
  constexpr std::int32_t kKeptRows = 3 - P::stride_h;
  constexpr bool kOneStrip = P::strip_rows == P::out_h;
  auto* const strip = reinterpret_cast<dsp::Word*>(scratch);
  const std::uint32_t frame = dsp::lanes(P::input_zero_point, P::input_zero_point);
  dsp::fill_words<(kNewRows + kKeptRows) * P::row_words>(strip, frame);
  for (std::int32_t b = 0; b < P::batch; ++b) {
    for (std::int32_t channel = 0; channel < P::out_c; ++channel) {
      const dsp::Channel3x3 c = dsp::channel_3x3(weights + channel * 9, bias[channel], multiplier[channel],
                                                 -shift[channel], P::output_zero_point);
      const std::int8_t* x = input + channel;
      std::int8_t* y = output + channel;
      std::int32_t row = -P::pad_top;
      for (std::int32_t first = 0; first < P::out_h; first += P::strip_rows) {
        const std::int32_t rows = kOneStrip || P::out_h - first > P::strip_rows ? P::strip_rows : P::out_h - first;
        const std::int32_t end = (first + rows - 1) * P::stride_h + 3 - P::pad_top;
        dsp::Word* to = strip;
        if (!kOneStrip && first > 0) {
          dsp::move_words<kKeptRows * P::row_words>(strip + kNewRows * P::row_words, strip);
          to += kKeptRows * P::row_words;
        }
        for (; row < end; ++row) {
          if (row >= 0 && row < P::in_h) {
            dsp::set_aside<kRead, P::in_c>(x, reinterpret_cast<Int16*>(to) + P::pad_left);
            x += P::in_w * P::in_c;
          } else if (!kOneStrip) {
            dsp::fill_words<P::row_words>(to, frame);
          }
          to += P::row_words;
        }
        const dsp::Word* window = strip;
        for (std::int32_t n = 0; n < rows; ++n) {
          dsp::row_3x3<P, P::row_words>(c, window, y);
          window += P::stride_h * P::row_words;
          y += P::out_w * P::out_c;
        }
      }
    }
    input += P::in_h * P::in_w * P::in_c;
    output += P::out_h * P::out_w * P::out_c;
  }
}

}  // namespace tinygen::kernels
