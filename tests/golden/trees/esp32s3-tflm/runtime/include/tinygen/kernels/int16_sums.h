// CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV and FULLY_CONNECTED of int16 values with int8 weights. The bias's type
// (int32 or int64) is the accumulator's. The zero point is 0: what lies outside the input adds nothing.
#pragma once
#include <cstdint>

#include "tinygen/kernels/int16_requantize.h"
#include "tinygen/kernels/typed.h"

namespace tinygen::kernels {

template <typename Sum>
inline Sum dot_int16(const Int16* x, const std::int8_t* w, std::int32_t count, Sum sum) {
  for (std::int32_t i = 0; i < count; ++i) sum += static_cast<std::int32_t>(x[i]) * w[i];
  return sum;
}

// P: batch, in_*, out_*, k_*, stride_*, dilation_*, pad_*, groups, act_min, act_max.
template <typename P, typename Sum>
void conv_2d_int16_generic(const Int16* input, Int16* output, const std::int8_t* weights, const Sum* bias,
                           const std::int32_t* multiplier, const std::int8_t* shift) {
  constexpr std::int32_t kGroupIn = P::in_c / P::groups;
  constexpr std::int32_t kGroupOut = P::out_c / P::groups;
  for (std::int32_t b = 0; b < P::batch; ++b) {
    for (std::int32_t oy = 0; oy < P::out_h; ++oy) {
      for (std::int32_t ox = 0; ox < P::out_w; ++ox) {
        const std::int8_t* w = weights;
        for (std::int32_t oc = 0; oc < P::out_c; ++oc) {
          const Int16* group = input + oc / kGroupOut * kGroupIn;
          Sum sum = bias[oc];
          for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
            const std::int32_t y = oy * P::stride_h - P::pad_top + ky * P::dilation_h;
            for (std::int32_t kx = 0; kx < P::k_w; ++kx) {
              const std::int32_t x = ox * P::stride_w - P::pad_left + kx * P::dilation_w;
              if (y >= 0 && y < P::in_h && x >= 0 && x < P::in_w) {
                sum = dot_int16(group + (y * P::in_w + x) * P::in_c, w, kGroupIn, sum);
              }
              w += kGroupIn;
            }
          }
          *output++ = requantize_int16<P>(sum, multiplier[oc], shift[oc]);
        }
      }
    }
    input += P::in_h * P::in_w * P::in_c;
  }
}

// weights: [height, width, channels]. P: as above without groups, depth_multiplier.
template <typename P, typename Sum>
void depthwise_conv_2d_int16_generic(const Int16* input, Int16* output, const std::int8_t* weights, const Sum* bias,
                                     const std::int32_t* multiplier, const std::int8_t* shift) {
  for (std::int32_t b = 0; b < P::batch; ++b) {
    for (std::int32_t oy = 0; oy < P::out_h; ++oy) {
      for (std::int32_t ox = 0; ox < P::out_w; ++ox) {
        for (std::int32_t oc = 0; oc < P::out_c; ++oc) {
          const Int16* channel = input + oc / P::depth_multiplier;
          Sum sum = bias[oc];
          for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
            const std::int32_t y = oy * P::stride_h - P::pad_top + ky * P::dilation_h;
            for (std::int32_t kx = 0; kx < P::k_w; ++kx) {
              const std::int32_t x = ox * P::stride_w - P::pad_left + kx * P::dilation_w;
              if (y < 0 || y >= P::in_h || x < 0 || x >= P::in_w) continue;
              const std::int32_t value = channel[(y * P::in_w + x) * P::in_c];
              sum += value * weights[(ky * P::k_w + kx) * P::out_c + oc];
            }
          }
          *output++ = requantize_int16<P>(sum, multiplier[oc], shift[oc]);
        }
      }
    }
    input += P::in_h * P::in_w * P::in_c;
  }
}

// Each output pixel gathers the input pixels whose filter reaches it. P: batch, in_*, out_*, k_*, stride_*, pad_*,
// act_min, act_max.
template <typename P, typename Sum>
void transpose_conv_int16_generic(const Int16* input, Int16* output, const std::int8_t* weights, const Sum* bias,
                                  const std::int32_t* multiplier, const std::int8_t* shift) {
  for (std::int32_t b = 0; b < P::batch; ++b) {
    for (std::int32_t oy = 0; oy < P::out_h; ++oy) {
      for (std::int32_t ox = 0; ox < P::out_w; ++ox) {
        for (std::int32_t oc = 0; oc < P::out_c; ++oc) {
          Sum sum = bias[oc];
          for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
            const std::int32_t y = oy + P::pad_top - ky;
            if (y < 0 || y % P::stride_h != 0 || y / P::stride_h >= P::in_h) continue;
            for (std::int32_t kx = 0; kx < P::k_w; ++kx) {
              const std::int32_t x = ox + P::pad_left - kx;
              if (x < 0 || x % P::stride_w != 0 || x / P::stride_w >= P::in_w) continue;
              const Int16* pixel = input + (y / P::stride_h * P::in_w + x / P::stride_w) * P::in_c;
              sum = dot_int16(pixel, weights + ((oc * P::k_h + ky) * P::k_w + kx) * P::in_c, P::in_c, sum);
            }
          }
          *output++ = requantize_int16<P>(sum, multiplier[oc], shift[oc]);
        }
      }
    }
    input += P::in_h * P::in_w * P::in_c;
  }
}

// P: batch, in_c, out_c, act_min, act_max.
template <typename P, typename Sum>
void fully_connected_int16_generic(const Int16* input, Int16* output, const std::int8_t* weights, const Sum* bias,
                                   const std::int32_t* multiplier, const std::int8_t* shift) {
  for (std::int32_t b = 0; b < P::batch; ++b) {
    for (std::int32_t oc = 0; oc < P::out_c; ++oc) {
      const Sum sum = dot_int16(input, weights + oc * P::in_c, P::in_c, bias[oc]);
      *output++ = requantize_int16<P>(sum, multiplier[oc], shift[oc]);
    }
    input += P::in_c;
  }
}

}  // namespace tinygen::kernels
