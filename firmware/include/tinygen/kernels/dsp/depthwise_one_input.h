// DEPTHWISE_CONV_2D of a single input channel, Cortex-M with DSP: every output channel sees the same window, so a pixel
// is a fully connected layer over the window's bytes. They are gathered on the stack, where the padding is too.
#pragma once
#include <cstdint>

#include "tinygen/kernels/dsp/fully_connected.h"

namespace tinygen::kernels {
namespace dsp {

// kCount bytes, neither address aligned.
template <std::int32_t kCount>
[[gnu::always_inline]] inline void copy_bytes(const std::int8_t* from, std::int8_t* to) {
#pragma GCC unroll 8
  for (std::int32_t i = 0; i < kCount / 4; ++i) store_word(to + 4 * i, load_word(from + 4 * i));
#pragma GCC unroll 4
  for (std::int32_t i = kCount / 4 * 4; i < kCount; ++i) to[i] = from[i];
}

// At most kMost bytes, neither address aligned: words, of which the last one may overlap the one before.
template <std::int32_t kMost>
[[gnu::always_inline]] inline void copy_few(const std::int8_t* from, std::int32_t count, std::int8_t* to) {
  if (count < 4) {
    for (std::int32_t i = 0; i < count; ++i) to[i] = from[i];
    return;
  }
  const std::int32_t last = count - 4;
#pragma GCC unroll 8
  for (std::int32_t i = 0; i < kMost - 4; i += 4) {
    if (i >= last) break;
    store_word(to + i, load_word(from + i));
  }
  store_word(to + last, load_word(from + last));
}

// The window at (top, left), kRun bytes a row: the weights of what is more than k_w are zero.
template <typename P, std::int32_t kRun>
inline void gather_window(const std::int8_t* image, std::int32_t top, std::int32_t left, std::int8_t* to) {
  const bool columns_inside = left >= 0 && left + kRun <= P::in_w;
  const std::int8_t* row = image + top * P::in_w + left;
  if (columns_inside && top >= 0 && top + P::k_h <= P::in_h) {
    for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
      copy_bytes<kRun>(row, to);
      row += P::in_w;
      to += kRun;
    }
    return;
  }
  const std::int32_t first = left < 0 ? -left : 0;
  const std::int32_t end = P::in_w - left < P::k_w ? P::in_w - left : P::k_w;
  for (std::int32_t y = top; y < top + P::k_h; ++y) {
    if (columns_inside && y >= 0 && y < P::in_h) {
      copy_bytes<kRun>(row, to);
    } else {
      for (std::int32_t i = 0; i < kRun; ++i) to[i] = static_cast<std::int8_t>(P::input_zero_point);
      if (y >= 0 && y < P::in_h) copy_few<P::k_w>(row + first, end - first, to + first);
    }
    row += P::in_w;
    to += kRun;
  }
}

}  // namespace dsp

// No dilation. P: batch (1: of the fully connected layer), in_c (its inputs, the window's bytes), out_c, images, in_h,
// in_w, out_h, out_w, k_*, stride_*, pad_*, fast, input_zero_point, output_zero_point, act_min, act_max.
template <typename P>
void depthwise_conv_2d_int8_dsp_one_input(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                                          const std::int32_t* channels) {
  alignas(4) std::int8_t window[P::in_c];
  for (std::int32_t image = 0; image < P::images; ++image) {
    for (std::int32_t oy = 0; oy < P::out_h; ++oy) {
      for (std::int32_t ox = 0; ox < P::out_w; ++ox) {
        dsp::gather_window<P, P::in_c / P::k_h>(input, oy * P::stride_h - P::pad_top, ox * P::stride_w - P::pad_left,
                                                window);
        fully_connected_int8_dsp_per_channel<P>(window, output, weights, channels);
        output += P::out_c;
      }
    }
    input += P::in_h * P::in_w;
  }
}

}  // namespace tinygen::kernels
