// Matrix products with Helium: CONV_2D 1x1 and FULLY_CONNECTED. Four outputs share every load of the input.
#pragma once
#include <cstdint>

#include "tinygen/kernels/mve/vector.h"

namespace tinygen::kernels {

// P: n_pixels, in_c, out_c, output_zero_point, act_min, act_max. A pixel is finished before the next is read.
template <typename P>
inline void mve_product(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                        const std::int32_t* bias, const std::int32_t* multiplier, const std::int8_t* shift) {
  constexpr std::int32_t kBlocked = P::out_c - P::out_c % 4;
  for (std::int32_t pixel = 0; pixel < P::n_pixels; ++pixel) {
    const std::int8_t* w = weights;
    for (std::int32_t oc = 0; oc < kBlocked; oc += 4) {
      std::int32_t acc[4] = {bias[oc], bias[oc + 1], bias[oc + 2], bias[oc + 3]};
      mve_dot4<P::in_c>(input, w, acc);
#if TINYGEN_MVE
      mve_requantize<P>(vldrwq_s32(acc), multiplier + oc, shift + oc, output + oc, vctp32q(4));
#else
      for (std::int32_t lane = 0; lane < 4; ++lane) {
        output[oc + lane] = requantize<P>(acc[lane], multiplier[oc + lane], shift[oc + lane]);
      }
#endif
      w += 4 * P::in_c;
    }
    for (std::int32_t oc = kBlocked; oc < P::out_c; ++oc) {
      output[oc] = requantize<P>(mve_dot<P::in_c>(input, w, bias[oc]), multiplier[oc], shift[oc]);
      w += P::in_c;
    }
    input += P::in_c;
    output += P::out_c;
  }
}

template <typename P>
void conv_2d_int8_mve_1x1(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                          const std::int32_t* bias, const std::int32_t* multiplier, const std::int8_t* shift) {
  mve_product<P>(input, output, weights, bias, multiplier, shift);
}

template <typename P>
void fully_connected_int8_mve(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                              const std::int32_t* bias, const std::int32_t* multiplier, const std::int8_t* shift) {
  mve_product<P>(input, output, weights, bias, multiplier, shift);
}

}  // namespace tinygen::kernels
