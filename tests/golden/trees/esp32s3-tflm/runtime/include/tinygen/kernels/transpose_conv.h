// TRANSPOSE_CONV, int8, weights OHWI. Each output pixel gathers the input pixels whose filter reaches it.
#pragma once
#include <cstdint>

#include "tinygen/kernels/requantize.h"

namespace tinygen::kernels {

// P: batch, in_*, out_*, k_*, stride_*, pad_*, input_zero_point, output_zero_point, act_min, act_max.
template <typename P>
void transpose_conv_int8_generic(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                                 const std::int32_t* bias, const std::int32_t* multiplier, const std::int8_t* shift) {
  for (std::int32_t b = 0; b < P::batch; ++b) {
    for (std::int32_t oy = 0; oy < P::out_h; ++oy) {
      for (std::int32_t ox = 0; ox < P::out_w; ++ox) {
        for (std::int32_t oc = 0; oc < P::out_c; ++oc) {
          std::int32_t acc = bias[oc];
          for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
            const std::int32_t y = oy + P::pad_top - ky;
            if (y < 0 || y % P::stride_h != 0 || y / P::stride_h >= P::in_h) continue;
            for (std::int32_t kx = 0; kx < P::k_w; ++kx) {
              const std::int32_t x = ox + P::pad_left - kx;
              if (x < 0 || x % P::stride_w != 0 || x / P::stride_w >= P::in_w) continue;
              const std::int8_t* pixel = input + (y / P::stride_h * P::in_w + x / P::stride_w) * P::in_c;
              const std::int8_t* filter = weights + ((oc * P::k_h + ky) * P::k_w + kx) * P::in_c;
              for (std::int32_t c = 0; c < P::in_c; ++c) acc += (pixel[c] - P::input_zero_point) * filter[c];
            }
          }
          *output++ = requantize<P>(acc, multiplier[oc], shift[oc]);
        }
      }
    }
    input += P::in_h * P::in_w * P::in_c;
  }
}

}  // namespace tinygen::kernels
