// One-input int8 operators as a table of their 256 results, indexed by the byte.
#pragma once
#include <cstdint>

namespace tinygen::kernels {

// Works in place. P: n_elements.
template <typename P>
inline void table_lookup(const std::int8_t* input, std::int8_t* output, const std::int8_t* table) {
  for (std::int32_t i = 0; i < P::n_elements; ++i) output[i] = table[static_cast<std::uint8_t>(input[i])];
}

template <typename P>
void logistic_int8_table(const std::int8_t* input, std::int8_t* output, const std::int8_t* table) {
  table_lookup<P>(input, output, table);
}

template <typename P>
void relu_int8_table(const std::int8_t* input, std::int8_t* output, const std::int8_t* table) {
  table_lookup<P>(input, output, table);
}

template <typename P>
void relu6_int8_table(const std::int8_t* input, std::int8_t* output, const std::int8_t* table) {
  table_lookup<P>(input, output, table);
}

template <typename P>
void abs_int8_table(const std::int8_t* input, std::int8_t* output, const std::int8_t* table) {
  table_lookup<P>(input, output, table);
}

template <typename P>
void elu_int8_table(const std::int8_t* input, std::int8_t* output, const std::int8_t* table) {
  table_lookup<P>(input, output, table);
}

template <typename P>
void hard_swish_int8_table(const std::int8_t* input, std::int8_t* output, const std::int8_t* table) {
  table_lookup<P>(input, output, table);
}

template <typename P>
void leaky_relu_int8_table(const std::int8_t* input, std::int8_t* output, const std::int8_t* table) {
  table_lookup<P>(input, output, table);
}

template <typename P>
void table_int8_table(const std::int8_t* input, std::int8_t* output, const std::int8_t* table) {
  table_lookup<P>(input, output, table);
}

template <typename P>
void tanh_int8_table(const std::int8_t* input, std::int8_t* output, const std::int8_t* table) {
  table_lookup<P>(input, output, table);
}

}  // namespace tinygen::kernels
