// DEPTHWISE_CONV_2D, int8, in place: a channel's result depends on nothing but that channel, so up to four channel
// planes are set aside in scratch and their results take the place they came from.
#pragma once
#include <cstdint>

#include "tinygen/kernels/requantize.h"

namespace tinygen::kernels {

// `kLanes` neighbouring channels, lying side by side in `planes`; taps outside the input count as its zero point.
template <typename P, std::int32_t kLanes>
inline void depthwise_planes(const std::int8_t* planes, std::int8_t* output, const std::int8_t* weights,
                             const std::int32_t* bias, const std::int32_t* multiplier, const std::int8_t* shift) {
  for (std::int32_t oy = 0; oy < P::out_h; ++oy) {
    const std::int32_t top = oy * P::stride_h - P::pad_top;
    for (std::int32_t ox = 0; ox < P::out_w; ++ox) {
      const std::int32_t left = ox * P::stride_w - P::pad_left;
      std::int32_t acc[kLanes];
      for (std::int32_t lane = 0; lane < kLanes; ++lane) acc[lane] = bias[lane];
      const std::int8_t* w = weights;
      for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
        const std::int32_t y = top + ky * P::dilation_h;
        for (std::int32_t kx = 0; kx < P::k_w; ++kx) {
          const std::int32_t x = left + kx * P::dilation_w;
          if (y >= 0 && y < P::in_h && x >= 0 && x < P::in_w) {
            const std::int8_t* tap = planes + (y * P::in_w + x) * kLanes;
            for (std::int32_t lane = 0; lane < kLanes; ++lane) acc[lane] += tap[lane] * w[lane];
          } else {
            for (std::int32_t lane = 0; lane < kLanes; ++lane) acc[lane] += P::input_zero_point * w[lane];
          }
          w += P::out_c;
        }
      }
      for (std::int32_t lane = 0; lane < kLanes; ++lane) {
        output[lane] = requantize<P>(acc[lane], multiplier[lane], shift[lane]);
      }
      output += P::out_c;
    }
  }
}

template <typename P, std::int32_t kLanes>
inline void depthwise_set_aside(const std::int8_t* input, std::int8_t* planes) {
  for (std::int32_t pixel = 0; pixel < P::in_h * P::in_w; ++pixel) {
    for (std::int32_t lane = 0; lane < kLanes; ++lane) planes[lane] = input[lane];
    planes += kLanes;
    input += P::in_c;
  }
}

// Depth multiplier 1, no more output than input pixels; `output` may be `input` itself, or must not touch it.
// scratch: 4 * in_h * in_w bytes.
template <typename P>
void depthwise_conv_2d_int8_in_place(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                                     const std::int32_t* bias, const std::int32_t* multiplier, const std::int8_t* shift,
                                     std::int8_t* scratch) {
  constexpr std::int32_t kBlocked = P::out_c - P::out_c % 4;
  for (std::int32_t b = 0; b < P::batch; ++b) {
    std::int32_t c = 0;
    for (; c < kBlocked; c += 4) {
      depthwise_set_aside<P, 4>(input + c, scratch);
      depthwise_planes<P, 4>(scratch, output + c, weights + c, bias + c, multiplier + c, shift + c);
    }
    for (; c < P::out_c; ++c) {
      depthwise_set_aside<P, 1>(input + c, scratch);
      depthwise_planes<P, 1>(scratch, output + c, weights + c, bias + c, multiplier + c, shift + c);
    }
    input += P::in_h * P::in_w * P::in_c;
    output += P::out_h * P::out_w * P::out_c;
  }
}

}  // namespace tinygen::kernels
