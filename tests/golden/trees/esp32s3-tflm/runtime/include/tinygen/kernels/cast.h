// CAST between integer types; narrowing keeps the low bits.
#pragma once
#include <cstdint>

namespace tinygen::kernels {

// P: n_elements.
template <typename P, typename From, typename To>
void cast_any_integer(const From* input, To* output) {
  for (std::int32_t i = 0; i < P::n_elements; ++i) output[i] = static_cast<To>(input[i]);
}

}  // namespace tinygen::kernels
