// Operators that only move bytes: the output is written from front to back, the input read at strides. Any type.
#pragma once
#include <cstdint>

namespace tinygen::kernels {

// P: start, size_0..4 and stride_0..4 of the loops, run_bytes that lie together; all in bytes of the input.
template <typename P>
inline void strided_copy(const void* input, void* output) {
  const std::int8_t* source = static_cast<const std::int8_t*>(input) + P::start;
  std::int8_t* target = static_cast<std::int8_t*>(output);
  for (std::int32_t i0 = 0; i0 < P::size_0; ++i0) {
    for (std::int32_t i1 = 0; i1 < P::size_1; ++i1) {
      for (std::int32_t i2 = 0; i2 < P::size_2; ++i2) {
        for (std::int32_t i3 = 0; i3 < P::size_3; ++i3) {
          const std::int8_t* row = source + i0 * P::stride_0 + i1 * P::stride_1 + i2 * P::stride_2 + i3 * P::stride_3;
          for (std::int32_t i4 = 0; i4 < P::size_4; ++i4) {
            for (std::int32_t k = 0; k < P::run_bytes; ++k) *target++ = row[k];
            row += P::stride_4;
          }
        }
      }
    }
  }
}

template <typename P>
void slice_any_strided(const void* input, void* output) {
  strided_copy<P>(input, output);
}

template <typename P>
void strided_slice_any_strided(const void* input, void* output) {
  strided_copy<P>(input, output);
}

template <typename P>
void transpose_any_strided(const void* input, void* output) {
  strided_copy<P>(input, output);
}

template <typename P>
void depth_to_space_any_strided(const void* input, void* output) {
  strided_copy<P>(input, output);
}

template <typename P>
void space_to_depth_any_strided(const void* input, void* output) {
  strided_copy<P>(input, output);
}

}  // namespace tinygen::kernels
