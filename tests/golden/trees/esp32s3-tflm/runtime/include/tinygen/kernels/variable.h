// READ_VARIABLE and ASSIGN_VARIABLE: copies between the arena and the state.
#pragma once
#include <cstdint>

namespace tinygen::kernels {

// P: n_bytes.
template <typename P>
void read_variable_any_copy(const void* state, void* value) {
  const auto* from = static_cast<const std::int8_t*>(state);
  auto* to = static_cast<std::int8_t*>(value);
  for (std::int32_t i = 0; i < P::n_bytes; ++i) to[i] = from[i];
}

template <typename P>
void assign_variable_any_copy(const void* value, void* state) {
  read_variable_any_copy<P>(value, state);
}

}  // namespace tinygen::kernels
