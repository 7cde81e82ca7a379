// PAD, int8 and int16, up to four dimensions.
#pragma once
#include <cstdint>

#include "tinygen/kernels/typed.h"

namespace tinygen::kernels {

// P: size_0..3 of the input, before_0..3, after_0..3, value.
template <typename P, typename T>
inline void pad(const T* input, T* output) {
  for (std::int32_t i0 = -P::before_0; i0 < P::size_0 + P::after_0; ++i0) {
    for (std::int32_t i1 = -P::before_1; i1 < P::size_1 + P::after_1; ++i1) {
      for (std::int32_t i2 = -P::before_2; i2 < P::size_2 + P::after_2; ++i2) {
        const bool inside = i0 >= 0 && i0 < P::size_0 && i1 >= 0 && i1 < P::size_1 && i2 >= 0 && i2 < P::size_2;
        for (std::int32_t i3 = -P::before_3; i3 < P::size_3 + P::after_3; ++i3) {
          const bool copied = inside && i3 >= 0 && i3 < P::size_3;
          *output++ = copied ? *input++ : static_cast<T>(P::value);
        }
      }
    }
  }
}

template <typename P>
void pad_int8_generic(const std::int8_t* input, std::int8_t* output) {
  pad<P>(input, output);
}

template <typename P>
void pad_int16_generic(const Int16* input, Int16* output) {
  pad<P>(input, output);
}

template <typename P>
void padv2_int8_generic(const std::int8_t* input, std::int8_t* output) {
  pad<P>(input, output);
}

template <typename P>
void padv2_int16_generic(const Int16* input, Int16* output) {
  pad<P>(input, output);
}

}  // namespace tinygen::kernels
