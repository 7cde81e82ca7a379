// FULLY_CONNECTED, int8, weights [outputs, inputs].
#pragma once
#include <cstdint>

#include "tinygen/kernels/requantize.h"

namespace tinygen::kernels {

// Hands each output's sum to `store(row output, index, sum)`; two outputs share the loads of the input.
// P: batch, in_c, out_c.
template <typename P, typename Store>
inline void fully_connected_rows(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                                 const std::int32_t* bias, Store store) {
  constexpr std::int32_t kPaired = P::out_c - P::out_c % 2;
  for (std::int32_t b = 0; b < P::batch; ++b) {
    const std::int8_t* w = weights;
    for (std::int32_t oc = 0; oc < kPaired; oc += 2) {
      std::int32_t acc0 = bias[oc];
      std::int32_t acc1 = bias[oc + 1];
      for (std::int32_t ic = 0; ic < P::in_c; ++ic) {
        const std::int32_t a = input[ic];
        acc0 += a * w[ic];
        acc1 += a * w[P::in_c + ic];
      }
      w += 2 * P::in_c;
      store(output, oc, acc0);
      store(output, oc + 1, acc1);
    }
    if (kPaired < P::out_c) {
      std::int32_t acc = bias[kPaired];
      for (std::int32_t ic = 0; ic < P::in_c; ++ic) acc += input[ic] * w[ic];
      store(output, kPaired, acc);
    }
    input += P::in_c;
    output += P::out_c;
  }
}

// One scale for all outputs. P also: multiplier, shift, output_zero_point, act_min, act_max.
template <typename P>
void fully_connected_int8_per_tensor(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                                     const std::int32_t* bias) {
  fully_connected_rows<P>(input, output, weights, bias, [](std::int8_t* row, std::int32_t oc, std::int32_t acc) {
    row[oc] = requantize<P>(acc, P::multiplier, P::shift);
  });
}

// One scale per output. P also: output_zero_point, act_min, act_max.
template <typename P>
void fully_connected_int8_per_channel(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                                      const std::int32_t* bias, const std::int32_t* multiplier,
                                      const std::int8_t* shift) {
  fully_connected_rows<P>(input, output, weights, bias,
                          [multiplier, shift](std::int8_t* row, std::int32_t oc, std::int32_t acc) {
                            row[oc] = requantize<P>(acc, multiplier[oc], shift[oc]);
                          });
}

}  // namespace tinygen::kernels
