// DEPTHWISE_CONV_2D, int8, NHWC input, weights [height, width, channels].
#pragma once
#include <cstdint>

#include "tinygen/kernels/requantize.h"

namespace tinygen::kernels {

// One output channel of one pixel, window anywhere; taps outside the input count as its zero point.
template <typename P>
inline std::int32_t depthwise_sum(const std::int8_t* channel, std::int32_t top, std::int32_t left,
                                  const std::int8_t* weights, std::int32_t acc) {
  for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
    const std::int32_t y = top + ky * P::dilation_h;
    for (std::int32_t kx = 0; kx < P::k_w; ++kx) {
      const std::int32_t x = left + kx * P::dilation_w;
      const bool inside = y >= 0 && y < P::in_h && x >= 0 && x < P::in_w;
      const std::int32_t value = inside ? channel[(y * P::in_w + x) * P::in_c] : P::input_zero_point;
      acc += value * weights[(ky * P::k_w + kx) * P::out_c];
    }
  }
  return acc;
}

// Any depth multiplier. P: batch, in_*, out_*, depth_multiplier, k_*, stride_*, dilation_*, pad_*, zero points, act_*.
template <typename P>
void depthwise_conv_2d_int8_generic(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                                    const std::int32_t* bias, const std::int32_t* multiplier,
                                    const std::int8_t* shift) {
  for (std::int32_t b = 0; b < P::batch; ++b) {
    for (std::int32_t oy = 0; oy < P::out_h; ++oy) {
      const std::int32_t top = oy * P::stride_h - P::pad_top;
      for (std::int32_t ox = 0; ox < P::out_w; ++ox) {
        const std::int32_t left = ox * P::stride_w - P::pad_left;
        for (std::int32_t oc = 0; oc < P::out_c; ++oc) {
          const std::int32_t acc =
              depthwise_sum<P>(input + oc / P::depth_multiplier, top, left, weights + oc, bias[oc]);
          output[oc] = requantize<P>(acc, multiplier[oc], shift[oc]);
        }
        output += P::out_c;
      }
    }
    input += P::in_h * P::in_w * P::in_c;
  }
}

// Depth multiplier 1: where the window lies inside, four neighbouring channels at a time.
template <typename P>
void depthwise_conv_2d_int8_blocks(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                                   const std::int32_t* bias, const std::int32_t* multiplier, const std::int8_t* shift) {
  constexpr std::int32_t kReachY = (P::k_h - 1) * P::dilation_h;
  constexpr std::int32_t kReachX = (P::k_w - 1) * P::dilation_w;
  constexpr std::int32_t kBlocked = P::out_c - P::out_c % 4;
  constexpr std::int32_t kTapStep = P::dilation_w * P::in_c;
  constexpr std::int32_t kRowStep = P::dilation_h * P::in_w * P::in_c;
  for (std::int32_t b = 0; b < P::batch; ++b) {
    for (std::int32_t oy = 0; oy < P::out_h; ++oy) {
      const std::int32_t top = oy * P::stride_h - P::pad_top;
      for (std::int32_t ox = 0; ox < P::out_w; ++ox) {
        const std::int32_t left = ox * P::stride_w - P::pad_left;
        std::int32_t oc = 0;
        if (top >= 0 && top + kReachY < P::in_h && left >= 0 && left + kReachX < P::in_w) {
          const std::int8_t* corner = input + (top * P::in_w + left) * P::in_c;
          for (; oc < kBlocked; oc += 4) {
            std::int32_t acc0 = bias[oc];
            std::int32_t acc1 = bias[oc + 1];
            std::int32_t acc2 = bias[oc + 2];
            std::int32_t acc3 = bias[oc + 3];
            const std::int8_t* row = corner + oc;
            const std::int8_t* w = weights + oc;
            for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
              const std::int8_t* x = row;
              for (std::int32_t kx = 0; kx < P::k_w; ++kx) {
                acc0 += x[0] * w[0];
                acc1 += x[1] * w[1];
                acc2 += x[2] * w[2];
                acc3 += x[3] * w[3];
                x += kTapStep;
                w += P::out_c;
              }
              row += kRowStep;
            }
            output[oc] = requantize<P>(acc0, multiplier[oc], shift[oc]);
            output[oc + 1] = requantize<P>(acc1, multiplier[oc + 1], shift[oc + 1]);
            output[oc + 2] = requantize<P>(acc2, multiplier[oc + 2], shift[oc + 2]);
            output[oc + 3] = requantize<P>(acc3, multiplier[oc + 3], shift[oc + 3]);
          }
        }
        for (; oc < P::out_c; ++oc) {
          const std::int32_t acc = depthwise_sum<P>(input + oc, top, left, weights + oc, bias[oc]);
          output[oc] = requantize<P>(acc, multiplier[oc], shift[oc]);
        }
        output += P::out_c;
      }
    }
    input += P::in_h * P::in_w * P::in_c;
  }
}

}  // namespace tinygen::kernels
