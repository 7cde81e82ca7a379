// DEPTHWISE_CONV_2D with Helium, depth multiplier 1: four neighbouring channels in the lanes of a vector.
#pragma once
#include <cstdint>

#include "tinygen/kernels/mve/vector.h"

namespace tinygen::kernels {

// P: batch, in_*, out_*, k_*, stride_*, dilation_*, pad_*, zero points, act_min, act_max. Pixels in row order, channels
// in blocks: a block's window is read before its four bytes are written.
template <typename P>
void depthwise_conv_2d_int8_mve(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                                const std::int32_t* bias, const std::int32_t* multiplier, const std::int8_t* shift) {
  constexpr std::int32_t kReachY = (P::k_h - 1) * P::dilation_h;
  constexpr std::int32_t kReachX = (P::k_w - 1) * P::dilation_w;
  constexpr std::int32_t kTapStep = P::dilation_w * P::in_c;
  constexpr std::int32_t kRowStep = P::dilation_h * P::in_w * P::in_c;
  for (std::int32_t b = 0; b < P::batch; ++b) {
    for (std::int32_t oy = 0; oy < P::out_h; ++oy) {
      const std::int32_t top = oy * P::stride_h - P::pad_top;
      for (std::int32_t ox = 0; ox < P::out_w; ++ox) {
        const std::int32_t left = ox * P::stride_w - P::pad_left;
        const bool inside = top >= 0 && top + kReachY < P::in_h && left >= 0 && left + kReachX < P::in_w;
        for (std::int32_t oc = 0; oc < P::out_c; oc += 4) {
          const std::int8_t* w = weights + oc;
#if TINYGEN_MVE
          const mve_pred16_t lanes = vctp32q(static_cast<std::uint32_t>(P::out_c - oc));
          int32x4_t acc = vldrwq_z_s32(bias + oc, lanes);
#else
          const std::int32_t lanes = P::out_c - oc < 4 ? P::out_c - oc : 4;
          std::int32_t acc[4] = {};
          for (std::int32_t lane = 0; lane < lanes; ++lane) acc[lane] = bias[oc + lane];
#endif
          if (inside) {
            const std::int8_t* row = input + (top * P::in_w + left) * P::in_c + oc;
            for (std::int32_t ky = 0; ky < P::k_h; ++ky, row += kRowStep) {
#pragma GCC unroll 8
              for (std::int32_t kx = 0; kx < P::k_w; ++kx, w += P::out_c) {
#if TINYGEN_MVE
                acc = vaddq_s32(acc, vmulq_s32(vldrbq_z_s32(row + kx * kTapStep, lanes), vldrbq_z_s32(w, lanes)));
#else
                for (std::int32_t lane = 0; lane < lanes; ++lane) acc[lane] += row[kx * kTapStep + lane] * w[lane];
#endif
              }
            }
          } else {
            for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
              const std::int32_t y = top + ky * P::dilation_h;
              for (std::int32_t kx = 0; kx < P::k_w; ++kx, w += P::out_c) {
                const std::int32_t x = left + kx * P::dilation_w;
                const bool there = y >= 0 && y < P::in_h && x >= 0 && x < P::in_w;
                const std::int8_t* tap = input + (y * P::in_w + x) * P::in_c + oc;
#if TINYGEN_MVE
                const int32x4_t by = vldrbq_z_s32(w, lanes);
                acc = there ? vaddq_s32(acc, vmulq_s32(vldrbq_z_s32(tap, lanes), by))
                            : vmlaq_n_s32(acc, by, P::input_zero_point);
#else
                for (std::int32_t lane = 0; lane < lanes; ++lane) {
                  const std::int32_t value = there ? tap[lane] : P::input_zero_point;
                  acc[lane] += value * w[lane];
                }
#endif
              }
            }
          }
#if TINYGEN_MVE
          mve_requantize<P>(acc, multiplier + oc, shift + oc, output + oc, lanes);
#else
          for (std::int32_t lane = 0; lane < lanes; ++lane) {
            output[oc + lane] = requantize<P>(acc[lane], multiplier[oc + lane], shift[oc + lane]);
          }
#endif
        }
        output += P::out_c;
      }
    }
    input += P::in_h * P::in_w * P::in_c;
  }
}

}  // namespace tinygen::kernels
