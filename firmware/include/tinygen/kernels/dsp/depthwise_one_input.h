// DEPTHWISE_CONV_2D of a single input channel, Cortex-M with DSP: every output channel sees all of the input, which is
// what CONV_2D does.
#pragma once
#include <cstdint>

#include "tinygen/kernels/dsp/conv_2d.h"

namespace tinygen::kernels {

// As conv_2d_int8_dsp.
template <typename P>
void depthwise_conv_2d_int8_dsp_one_input(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                                          const std::int32_t* channels, std::int8_t* scratch) {
  conv_2d_int8_dsp<P>(input, output, weights, channels, scratch);
}

}  // namespace tinygen::kernels
