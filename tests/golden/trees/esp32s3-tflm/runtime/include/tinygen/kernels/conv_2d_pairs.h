// CONV_2D, int8, NHWC input, OHWI weights, without DSP instructions: the windows of two output pixels are copied one
// behind the other, the border filled in; then two pixels times two channels share every load.
#pragma once
#include <cstdint>

#include "tinygen/kernels/requantize.h"
#include "tinygen/kernels/window.h"

namespace tinygen::kernels {

// kCount bytes at the start of words, or any number of bytes.
template <bool kWords>
inline std::int8_t* copy_run(const std::int8_t* from, std::int32_t count, std::int8_t* to) {
  const std::int8_t* const end = to + count;
  if constexpr (kWords) {
    TINYGEN_UNROLL_4
    for (; to != end; to += 4) {
      __builtin_memcpy(__builtin_assume_aligned(to, 4), __builtin_assume_aligned(from, 4), 4);
      from += 4;
    }
  } else {
    TINYGEN_UNROLL_4
    for (; to != end; ++to) *to = *from++;
  }
  return to;
}

// The window whose corner is at (top, left); what lies outside is the input's zero point.
// P: in_*, k_*, dilation_h, input_zero_point. Columns lie next to each other.
template <typename P>
inline void gather_window(const std::int8_t* image, std::int32_t top, std::int32_t left, std::int8_t* to) {
  constexpr std::int32_t kRun = P::k_w * P::in_c;
  const Taps columns = taps_inside<P::k_w, 1, P::in_w>(left);
  for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
    const std::int32_t y = top + ky * P::dilation_h;
    const bool inside = y >= 0 && y < P::in_h;
    const std::int32_t from = inside ? columns.first * P::in_c : 0;
    const std::int32_t until = inside ? columns.end * P::in_c : 0;
    for (std::int32_t i = 0; i < from; ++i) *to++ = static_cast<std::int8_t>(P::input_zero_point);
    to = copy_run<P::in_c % 4 == 0>(image + (y * P::in_w + left) * P::in_c + from, until - from, to);
    for (std::int32_t i = until; i < kRun; ++i) *to++ = static_cast<std::int8_t>(P::input_zero_point);
  }
}

// All output channels of kPixels pixels. P: k_*, in_c, out_c, output_zero_point, act_min, act_max.
template <typename P, std::int32_t kPixels>
inline void pairs_product(const std::int8_t* windows, std::int8_t* output, const std::int8_t* weights,
                          const std::int32_t* bias, const std::int32_t* multiplier, const std::int8_t* shift) {
  constexpr std::int32_t kTaps = P::k_h * P::k_w * P::in_c;
  constexpr std::int32_t kPairedChannels = P::out_c - P::out_c % 2;
  constexpr std::int32_t kSecond = kPixels == 2 ? kTaps : 0;
  const std::int8_t* w = weights;
  for (std::int32_t oc = 0; oc < kPairedChannels; oc += 2) {
    std::int32_t acc00 = bias[oc];
    std::int32_t acc01 = bias[oc + 1];
    std::int32_t acc10 = acc00;
    std::int32_t acc11 = acc01;
    TINYGEN_UNROLL_4
    for (std::int32_t i = 0; i < kTaps; ++i) {
      const std::int32_t a0 = windows[i];
      const std::int32_t b0 = w[i];
      const std::int32_t b1 = w[kTaps + i];
      acc00 += a0 * b0;
      acc01 += a0 * b1;
      if constexpr (kPixels == 2) {
        const std::int32_t a1 = windows[kSecond + i];
        acc10 += a1 * b0;
        acc11 += a1 * b1;
      }
    }
    w += 2 * kTaps;
    output[oc] = requantize<P>(acc00, multiplier[oc], shift[oc]);
    output[oc + 1] = requantize<P>(acc01, multiplier[oc + 1], shift[oc + 1]);
    if constexpr (kPixels == 2) {
      output[P::out_c + oc] = requantize<P>(acc10, multiplier[oc], shift[oc]);
      output[P::out_c + oc + 1] = requantize<P>(acc11, multiplier[oc + 1], shift[oc + 1]);
    }
  }
  if constexpr (kPairedChannels < P::out_c) {
    for (std::int32_t pixel = 0; pixel < kPixels; ++pixel) {
      std::int32_t acc = bias[kPairedChannels];
      for (std::int32_t i = 0; i < kTaps; ++i) acc += windows[i] * w[i];
      output[kPairedChannels] = requantize<P>(acc, multiplier[kPairedChannels], shift[kPairedChannels]);
      windows += kTaps;
      output += P::out_c;
    }
  }
}

// One group, columns of a window next to each other.
// P: batch, in_*, out_*, k_*, stride_*, dilation_h, pad_*, zero points, act_min, act_max.
template <typename P>
void conv_2d_int8_pairs(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                        const std::int32_t* bias, const std::int32_t* multiplier, const std::int8_t* shift,
                        std::int8_t* scratch) {
  constexpr std::int32_t kTaps = P::k_h * P::k_w * P::in_c;
  std::int8_t* to = scratch;
  for (std::int32_t b = 0; b < P::batch; ++b) {
    for (std::int32_t oy = 0; oy < P::out_h; ++oy) {
      for (std::int32_t ox = 0; ox < P::out_w; ++ox) {
        gather_window<P>(input, oy * P::stride_h - P::pad_top, ox * P::stride_w - P::pad_left, to);
        if (to == scratch) {
          to += kTaps;
          continue;
        }
        pairs_product<P, 2>(scratch, output, weights, bias, multiplier, shift);
        output += 2 * P::out_c;
        to = scratch;
      }
    }
    input += P::in_h * P::in_w * P::in_c;
  }
  if constexpr (P::batch * P::out_h * P::out_w % 2 != 0) {
    pairs_product<P, 1>(scratch, output, weights, bias, multiplier, shift);
  }
}

}  // namespace tinygen::kernels
