// DEPTHWISE_CONV_2D, int8, NHWC input, weights [height, width, channels].
#pragma once
#include <cstdint>

#include "tinygen/kernels/requantize.h"
#include "tinygen/kernels/window.h"

namespace tinygen::kernels {

// One output channel of one pixel; the taps outside `rows` and `columns` count as the input's zero point.
// kPixel: bytes from one pixel of the input to the next.
template <typename P, std::int32_t kPixel>
inline std::int32_t depthwise_sum(const std::int8_t* channel, std::int32_t top, std::int32_t left, Taps rows,
                                  Taps columns, const std::int8_t* weights, std::int32_t acc) {
  const std::int8_t* w = weights;
  for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
    const bool inside = ky >= rows.first && ky < rows.end;
    const std::int32_t from = inside ? columns.first : 0;
    const std::int32_t to = inside ? columns.end : 0;
    const std::int8_t* row = w;
    std::int32_t outside = 0;
    for (std::int32_t kx = 0; kx < from; ++kx) {
      outside += *row;
      row += P::out_c;
    }
    if (from < to) {
      const std::int8_t* x = channel + ((top + ky * P::dilation_h) * P::in_w + left + from * P::dilation_w) * kPixel;
      for (std::int32_t kx = from; kx < to; ++kx) {
        acc += *x * *row;
        x += P::dilation_w * kPixel;
        row += P::out_c;
      }
    }
    for (std::int32_t kx = to; kx < P::k_w; ++kx) {
      outside += *row;
      row += P::out_c;
    }
    acc += P::input_zero_point * outside;
    w += P::k_w * P::out_c;
  }
  return acc;
}

// Four neighbouring channels of one pixel, as above.
template <typename P, std::int32_t kPixel>
inline void depthwise_four(const std::int8_t* channels, std::int32_t top, std::int32_t left, Taps rows, Taps columns,
                           std::int8_t* output, const std::int8_t* weights, const std::int32_t* bias,
                           const std::int32_t* multiplier, const std::int8_t* shift) {
  constexpr std::int32_t kTapStep = P::dilation_w * kPixel;
  constexpr std::int32_t kRowStep = P::dilation_h * P::in_w * kPixel;
  std::int32_t acc0 = bias[0];
  std::int32_t acc1 = bias[1];
  std::int32_t acc2 = bias[2];
  std::int32_t acc3 = bias[3];
  const std::int8_t* w = weights;
  if (rows.end - rows.first == P::k_h && columns.end - columns.first == P::k_w) {
    const std::int8_t* x = channels + (top * P::in_w + left) * kPixel;
    for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
      TINYGEN_UNROLL_4
      for (std::int32_t kx = 0; kx < P::k_w; ++kx) {
        const std::int8_t* tap = x + kx * kTapStep;
        const std::int8_t* factor = w + kx * P::out_c;
        acc0 += tap[0] * factor[0];
        acc1 += tap[1] * factor[1];
        acc2 += tap[2] * factor[2];
        acc3 += tap[3] * factor[3];
      }
      x += kRowStep;
      w += P::k_w * P::out_c;
    }
  } else {
    for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
      const bool inside = ky >= rows.first && ky < rows.end;
      const std::int32_t row = ((top + ky * P::dilation_h) * P::in_w + left) * kPixel;
      for (std::int32_t kx = 0; kx < P::k_w; ++kx) {
        if (inside && kx >= columns.first && kx < columns.end) {
          const std::int8_t* tap = channels + (row + kx * kTapStep);
          acc0 += tap[0] * w[0];
          acc1 += tap[1] * w[1];
          acc2 += tap[2] * w[2];
          acc3 += tap[3] * w[3];
        } else {
          acc0 += P::input_zero_point * w[0];
          acc1 += P::input_zero_point * w[1];
          acc2 += P::input_zero_point * w[2];
          acc3 += P::input_zero_point * w[3];
        }
        w += P::out_c;
      }
    }
  }
  output[0] = requantize<P>(acc0, multiplier[0], shift[0]);
  output[1] = requantize<P>(acc1, multiplier[1], shift[1]);
  output[2] = requantize<P>(acc2, multiplier[2], shift[2]);
  output[3] = requantize<P>(acc3, multiplier[3], shift[3]);
}

// Any depth multiplier. P: batch, in_*, out_*, depth_multiplier, k_*, stride_*, dilation_*, pad_*, zero points, act_*.
template <typename P>
void depthwise_conv_2d_int8_generic(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                                    const std::int32_t* bias, const std::int32_t* multiplier,
                                    const std::int8_t* shift) {
  for (std::int32_t b = 0; b < P::batch; ++b) {
    for (std::int32_t oy = 0; oy < P::out_h; ++oy) {
      const std::int32_t top = oy * P::stride_h - P::pad_top;
      const Taps rows = taps_inside<P::k_h, P::dilation_h, P::in_h>(top);
      for (std::int32_t ox = 0; ox < P::out_w; ++ox) {
        const std::int32_t left = ox * P::stride_w - P::pad_left;
        const Taps columns = taps_inside<P::k_w, P::dilation_w, P::in_w>(left);
        for (std::int32_t oc = 0; oc < P::out_c; ++oc) {
          const std::int32_t acc = depthwise_sum<P, P::in_c>(input + oc / P::depth_multiplier, top, left, rows, columns,
                                                             weights + oc, bias[oc]);
          output[oc] = requantize<P>(acc, multiplier[oc], shift[oc]);
        }
        output += P::out_c;
      }
    }
    input += P::in_h * P::in_w * P::in_c;
  }
}

// Depth multiplier 1: four neighbouring channels at a time, the last ones alone.
template <typename P>
void depthwise_conv_2d_int8_blocks(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                                   const std::int32_t* bias, const std::int32_t* multiplier, const std::int8_t* shift) {
  constexpr std::int32_t kBlocked = P::out_c - P::out_c % 4;
  for (std::int32_t b = 0; b < P::batch; ++b) {
    for (std::int32_t oy = 0; oy < P::out_h; ++oy) {
      const std::int32_t top = oy * P::stride_h - P::pad_top;
      const Taps rows = taps_inside<P::k_h, P::dilation_h, P::in_h>(top);
      for (std::int32_t ox = 0; ox < P::out_w; ++ox) {
        const std::int32_t left = ox * P::stride_w - P::pad_left;
        const Taps columns = taps_inside<P::k_w, P::dilation_w, P::in_w>(left);
        std::int32_t oc = 0;
        for (; oc < kBlocked; oc += 4) {
          depthwise_four<P, P::in_c>(input + oc, top, left, rows, columns, output + oc, weights + oc, bias + oc,
                                     multiplier + oc, shift + oc);
        }
        for (; oc < P::out_c; ++oc) {
          const std::int32_t acc =
              depthwise_sum<P, P::in_c>(input + oc, top, left, rows, columns, weights + oc, bias[oc]);
          output[oc] = requantize<P>(acc, multiplier[oc], shift[oc]);
        }
        output += P::out_c;
      }
    }
    input += P::in_h * P::in_w * P::in_c;
  }
}

}  // namespace tinygen::kernels
