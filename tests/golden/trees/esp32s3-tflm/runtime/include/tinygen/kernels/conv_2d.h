// CONV_2D, int8, NHWC input, OHWI weights, one multiplier and shift per output channel.
#pragma once
#include <cstdint>

#include "tinygen/kernels/requantize.h"
#include "tinygen/kernels/window.h"

namespace tinygen::kernels {

// A matrix product over pixels: two pixels times two output channels share every load.
// P: n_pixels, in_c, out_c, output_zero_point, act_min, act_max.
template <typename P>
void conv_2d_int8_1x1(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                      const std::int32_t* bias, const std::int32_t* multiplier, const std::int8_t* shift) {
  constexpr std::int32_t kPairedPixels = P::n_pixels - P::n_pixels % 2;
  constexpr std::int32_t kPairedChannels = P::out_c - P::out_c % 2;
  for (std::int32_t pixel = 0; pixel < kPairedPixels; pixel += 2) {
    const std::int8_t* x0 = input + pixel * P::in_c;
    const std::int8_t* x1 = x0 + P::in_c;
    std::int8_t* y0 = output + pixel * P::out_c;
    std::int8_t* y1 = y0 + P::out_c;
    const std::int8_t* w0 = weights;
    for (std::int32_t oc = 0; oc < kPairedChannels; oc += 2) {
      const std::int8_t* w1 = w0 + P::in_c;
      std::int32_t acc00 = bias[oc];
      std::int32_t acc01 = bias[oc + 1];
      std::int32_t acc10 = acc00;
      std::int32_t acc11 = acc01;
      TINYGEN_UNROLL_4
      for (std::int32_t ic = 0; ic < P::in_c; ++ic) {
        const std::int32_t a0 = x0[ic];
        const std::int32_t a1 = x1[ic];
        const std::int32_t b0 = w0[ic];
        const std::int32_t b1 = w1[ic];
        acc00 += a0 * b0;
        acc01 += a0 * b1;
        acc10 += a1 * b0;
        acc11 += a1 * b1;
      }
      y0[oc] = requantize<P>(acc00, multiplier[oc], shift[oc]);
      y0[oc + 1] = requantize<P>(acc01, multiplier[oc + 1], shift[oc + 1]);
      y1[oc] = requantize<P>(acc10, multiplier[oc], shift[oc]);
      y1[oc + 1] = requantize<P>(acc11, multiplier[oc + 1], shift[oc + 1]);
      w0 += 2 * P::in_c;
    }
    if (kPairedChannels < P::out_c) {
      std::int32_t acc0 = bias[kPairedChannels];
      std::int32_t acc1 = acc0;
      for (std::int32_t ic = 0; ic < P::in_c; ++ic) {
        const std::int32_t b = w0[ic];
        acc0 += x0[ic] * b;
        acc1 += x1[ic] * b;
      }
      y0[kPairedChannels] = requantize<P>(acc0, multiplier[kPairedChannels], shift[kPairedChannels]);
      y1[kPairedChannels] = requantize<P>(acc1, multiplier[kPairedChannels], shift[kPairedChannels]);
    }
  }
  if (kPairedPixels < P::n_pixels) {
    const std::int8_t* x = input + kPairedPixels * P::in_c;
    std::int8_t* y = output + kPairedPixels * P::out_c;
    const std::int8_t* w = weights;
    for (std::int32_t oc = 0; oc < P::out_c; ++oc) {
      std::int32_t acc = bias[oc];
      for (std::int32_t ic = 0; ic < P::in_c; ++ic) acc += x[ic] * w[ic];
      y[oc] = requantize<P>(acc, multiplier[oc], shift[oc]);
      w += P::in_c;
    }
  }
}

// The window lies inside the input and its rows are contiguous (no groups, no dilation along the width).
template <typename P>
inline void conv_2d_pixel_inside(const std::int8_t* corner, std::int8_t* out, const std::int8_t* weights,
                                 const std::int32_t* bias, const std::int32_t* multiplier, const std::int8_t* shift) {
  constexpr std::int32_t kRun = P::k_w * P::in_c;
  constexpr std::int32_t kFilter = P::k_h * kRun;
  constexpr std::int32_t kRowStep = P::dilation_h * P::in_w * P::in_c;
  constexpr std::int32_t kPairedChannels = P::out_c - P::out_c % 2;
  const std::int8_t* w = weights;
  for (std::int32_t oc = 0; oc < kPairedChannels; oc += 2) {
    std::int32_t acc0 = bias[oc];
    std::int32_t acc1 = bias[oc + 1];
    const std::int8_t* x = corner;
    for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
      TINYGEN_UNROLL_4
      for (std::int32_t i = 0; i < kRun; ++i) {
        const std::int32_t a = x[i];
        acc0 += a * w[i];
        acc1 += a * w[kFilter + i];
      }
      x += kRowStep;
      w += kRun;
    }
    w += kFilter;
    out[oc] = requantize<P>(acc0, multiplier[oc], shift[oc]);
    out[oc + 1] = requantize<P>(acc1, multiplier[oc + 1], shift[oc + 1]);
  }
  if (kPairedChannels < P::out_c) {
    std::int32_t acc = bias[kPairedChannels];
    const std::int8_t* x = corner;
    for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
      for (std::int32_t i = 0; i < kRun; ++i) acc += x[i] * w[i];
      x += kRowStep;
      w += kRun;
    }
    out[kPairedChannels] = requantize<P>(acc, multiplier[kPairedChannels], shift[kPairedChannels]);
  }
}

// One row of the filters of two output channels, `kSecond` bytes apart, over the bytes [from, to) of a row of the
// window. What lies outside counts as the input's zero point, which is what the bias was folded with.
template <typename P, std::int32_t kSecond>
inline void conv_2d_row_clipped(const std::int8_t* x, std::int32_t from, std::int32_t to, const std::int8_t* w,
                                std::int32_t& acc0, std::int32_t& acc1) {
  std::int32_t sum0 = acc0;
  std::int32_t sum1 = acc1;
  const std::int8_t* const before_end = w + from;
  const std::int8_t* const inside_end = w + to;
  const std::int8_t* const end = w + P::k_w * P::in_c;
  for (; w != before_end; ++w) {
    sum0 += P::input_zero_point * w[0];
    sum1 += P::input_zero_point * w[kSecond];
  }
  for (; w != inside_end; ++w) {
    const std::int32_t a = *x++;
    sum0 += a * w[0];
    sum1 += a * w[kSecond];
  }
  for (; w != end; ++w) {
    sum0 += P::input_zero_point * w[0];
    sum1 += P::input_zero_point * w[kSecond];
  }
  acc0 = sum0;
  acc1 = sum1;
}

// Two channels (kSecond = the filter's size) or one (0) of a pixel at the border.
template <typename P, std::int32_t kSecond>
inline void conv_2d_filters_clipped(const std::int8_t* image, std::int32_t top, std::int32_t left, const std::int8_t* w,
                                    std::int32_t& acc0, std::int32_t& acc1) {
  const Taps rows = taps_inside<P::k_h, P::dilation_h, P::in_h>(top);
  const Taps columns = taps_inside<P::k_w, P::dilation_w, P::in_w>(left);
  const std::int32_t from = columns.first * P::in_c;
  const std::int32_t to = columns.end * P::in_c;
  for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
    if (ky >= rows.first && ky < rows.end) {
      const std::int32_t row = ((top + ky * P::dilation_h) * P::in_w + left) * P::in_c;
      conv_2d_row_clipped<P, kSecond>(image + (row + from), from, to, w, acc0, acc1);
    } else {
      conv_2d_row_clipped<P, kSecond>(image, 0, 0, w, acc0, acc1);
    }
    w += P::k_w * P::in_c;
  }
}

// A window at the border whose rows are contiguous.
template <typename P>
inline void conv_2d_pixel_clipped(const std::int8_t* image, std::int32_t top, std::int32_t left, std::int8_t* out,
                                  const std::int8_t* weights, const std::int32_t* bias, const std::int32_t* multiplier,
                                  const std::int8_t* shift) {
  constexpr std::int32_t kFilter = P::k_h * P::k_w * P::in_c;
  constexpr std::int32_t kPairedChannels = P::out_c - P::out_c % 2;
  for (std::int32_t oc = 0; oc < kPairedChannels; oc += 2) {
    std::int32_t acc0 = bias[oc];
    std::int32_t acc1 = bias[oc + 1];
    conv_2d_filters_clipped<P, kFilter>(image, top, left, weights + oc * kFilter, acc0, acc1);
    out[oc] = requantize<P>(acc0, multiplier[oc], shift[oc]);
    out[oc + 1] = requantize<P>(acc1, multiplier[oc + 1], shift[oc + 1]);
  }
  if (kPairedChannels < P::out_c) {
    std::int32_t acc = bias[kPairedChannels];
    std::int32_t same = 0;
    conv_2d_filters_clipped<P, 0>(image, top, left, weights + kPairedChannels * kFilter, acc, same);
    out[kPairedChannels] = requantize<P>(acc, multiplier[kPairedChannels], shift[kPairedChannels]);
  }
}

// Groups and dilation: tap by tap, channel by channel.
template <typename P>
inline void conv_2d_pixel_border(const std::int8_t* image, std::int32_t top, std::int32_t left, std::int8_t* out,
                                 const std::int8_t* weights, const std::int32_t* bias, const std::int32_t* multiplier,
                                 const std::int8_t* shift) {
  constexpr std::int32_t kGroupIn = P::in_c / P::groups;
  constexpr std::int32_t kGroupOut = P::out_c / P::groups;
  const std::int8_t* w = weights;
  for (std::int32_t oc = 0; oc < P::out_c; ++oc) {
    const std::int8_t* group = image + (oc / kGroupOut) * kGroupIn;
    std::int32_t acc = bias[oc];
    for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
      const std::int32_t y = top + ky * P::dilation_h;
      for (std::int32_t kx = 0; kx < P::k_w; ++kx) {
        const std::int32_t x = left + kx * P::dilation_w;
        if (y >= 0 && y < P::in_h && x >= 0 && x < P::in_w) {
          const std::int8_t* tap = group + (y * P::in_w + x) * P::in_c;
          for (std::int32_t ic = 0; ic < kGroupIn; ++ic) acc += tap[ic] * w[ic];
        } else {
          for (std::int32_t ic = 0; ic < kGroupIn; ++ic) acc += P::input_zero_point * w[ic];
        }
        w += kGroupIn;
      }
    }
    out[oc] = requantize<P>(acc, multiplier[oc], shift[oc]);
  }
}

// Any kernel size, stride, padding, dilation and grouping; pixels in row order.
// P: batch, in_*, out_*, k_*, stride_*, dilation_*, pad_*, groups, zero points, act_min, act_max.
template <typename P>
void conv_2d_int8_generic(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                          const std::int32_t* bias, const std::int32_t* multiplier, const std::int8_t* shift) {
  constexpr std::int32_t kReachY = (P::k_h - 1) * P::dilation_h;
  constexpr std::int32_t kReachX = (P::k_w - 1) * P::dilation_w;
  constexpr bool kContiguous = P::groups == 1 && (P::dilation_w == 1 || P::k_w == 1);
  for (std::int32_t b = 0; b < P::batch; ++b) {
    for (std::int32_t oy = 0; oy < P::out_h; ++oy) {
      const std::int32_t top = oy * P::stride_h - P::pad_top;
      for (std::int32_t ox = 0; ox < P::out_w; ++ox) {
        const std::int32_t left = ox * P::stride_w - P::pad_left;
        const bool inside = top >= 0 && top + kReachY < P::in_h && left >= 0 && left + kReachX < P::in_w;
        if (kContiguous && inside) {
          conv_2d_pixel_inside<P>(input + (top * P::in_w + left) * P::in_c, output, weights, bias, multiplier, shift);
        } else if (kContiguous) {
          conv_2d_pixel_clipped<P>(input, top, left, output, weights, bias, multiplier, shift);
        } else {
          conv_2d_pixel_border<P>(input, top, left, output, weights, bias, multiplier, shift);
        }
        output += P::out_c;
      }
    }
    input += P::in_h * P::in_w * P::in_c;
  }
}

}  // namespace tinygen::kernels
