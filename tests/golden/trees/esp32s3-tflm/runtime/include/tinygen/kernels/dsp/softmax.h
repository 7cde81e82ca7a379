// SOFTMAX, int8, Cortex-M with DSP: the largest value is found four at a time.
#pragma once
#include <cstdint>

#include "tinygen/kernels/dsp/simd.h"
#include "tinygen/kernels/softmax.h"

namespace tinygen::kernels {
namespace dsp {

struct LargestOfFour {
  static std::int32_t of(const std::int8_t* values, std::int32_t count) {
    std::uint32_t four = 0x80808080U;
    std::int32_t i = 0;
    for (; i + 4 <= count; i += 4) four = max8(four, load_word(values + i));
    std::int32_t largest = kernels::LargestOne::of(values + i, count - i);
    for (std::int32_t lane = 0; lane < 4; ++lane) {
      const auto one = static_cast<std::int8_t>(four >> (8 * lane));
      largest = one > largest ? one : largest;
    }
    return largest;
  }
};

}  // namespace dsp

// Works in place. P: rows, depth, table_size.
template <typename P>
void softmax_int8_dsp(const std::int8_t* input, std::int8_t* output, const std::int32_t* exp_table) {
  softmax_int8<P, dsp::LargestOfFour>(input, output, exp_table);
}

}  // namespace tinygen::kernels
