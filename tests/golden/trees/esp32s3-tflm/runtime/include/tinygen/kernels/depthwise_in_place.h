// DEPTHWISE_CONV_2D, int8, in place: a channel's result depends on nothing but that channel, so up to four channel
// planes are set aside in scratch and their results take the place they came from.
#pragma once
#include <cstdint>

#include "tinygen/kernels/depthwise_conv_2d.h"

namespace tinygen::kernels {

// `kLanes` (4 or 1) neighbouring channels, lying side by side in `planes`; taps outside the input count as its zero
// point.
template <typename P, std::int32_t kLanes>
inline void depthwise_planes(const std::int8_t* planes, std::int8_t* output, const std::int8_t* weights,
                             const std::int32_t* bias, const std::int32_t* multiplier, const std::int8_t* shift) {
  for (std::int32_t oy = 0; oy < P::out_h; ++oy) {
    const std::int32_t top = oy * P::stride_h - P::pad_top;
    const Taps rows = taps_inside<P::k_h, P::dilation_h, P::in_h>(top);
    for (std::int32_t ox = 0; ox < P::out_w; ++ox) {
      const std::int32_t left = ox * P::stride_w - P::pad_left;
      const Taps columns = taps_inside<P::k_w, P::dilation_w, P::in_w>(left);
      if (kLanes == 4) {
        depthwise_four<P, kLanes>(planes, top, left, rows, columns, output, weights, bias, multiplier, shift);
      } else {
        const std::int32_t acc = depthwise_sum<P, 1>(planes, top, left, rows, columns, weights, bias[0]);
        output[0] = requantize<P>(acc, multiplier[0], shift[0]);
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
