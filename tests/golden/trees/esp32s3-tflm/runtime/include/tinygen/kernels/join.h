// Joining tensors along one dimension and cutting them: rows of bytes, any type.
#pragma once
#include <cstdint>

namespace tinygen::kernels {

inline std::int8_t* copy_row(const std::int8_t* from, std::int8_t* to, std::int32_t bytes) {
  for (std::int32_t i = 0; i < bytes; ++i) to[i] = from[i];
  return to + bytes;
}

inline std::int8_t* bytes_of(void* place) {
  return static_cast<std::int8_t*>(place);
}
inline const std::int8_t* bytes_of(const void* place) {
  return static_cast<const std::int8_t*>(place);
}

// Pointers: first the inputs, then the output. P: n_rows, row_bytes_0..9.
template <typename P, typename... Pointers>
void concatenation_any_rows(Pointers... pointers) {
  constexpr std::int32_t kCount = static_cast<std::int32_t>(sizeof...(Pointers)) - 1;
  constexpr std::int32_t kRowBytes[] = {P::row_bytes_0, P::row_bytes_1, P::row_bytes_2, P::row_bytes_3, P::row_bytes_4,
                                        P::row_bytes_5, P::row_bytes_6, P::row_bytes_7, P::row_bytes_8, P::row_bytes_9};
  const std::int8_t* const places[] = {bytes_of(pointers)...};
  // The last pointer is the output: the only one that is written through.
  std::int8_t* target = const_cast<std::int8_t*>(places[kCount]);
  for (std::int32_t row = 0; row < P::n_rows; ++row) {
    for (std::int32_t i = 0; i < kCount; ++i) {
      target = copy_row(places[i] + row * kRowBytes[i], target, kRowBytes[i]);
    }
  }
}

// Pointers: first the inputs, then the output. P: n_rows, row_bytes.
template <typename P, typename... Pointers>
void pack_any_rows(Pointers... pointers) {
  constexpr std::int32_t kCount = static_cast<std::int32_t>(sizeof...(Pointers)) - 1;
  const std::int8_t* const places[] = {bytes_of(pointers)...};
  std::int8_t* target = const_cast<std::int8_t*>(places[kCount]);
  for (std::int32_t row = 0; row < P::n_rows; ++row) {
    for (std::int32_t i = 0; i < kCount; ++i) target = copy_row(places[i] + row * P::row_bytes, target, P::row_bytes);
  }
}

// P: n_rows, row_bytes.
template <typename P, typename... Outputs>
inline void cut_rows(const void* input, Outputs... outputs) {
  const std::int8_t* source = bytes_of(input);
  std::int8_t* const places[] = {bytes_of(outputs)...};
  for (std::int32_t row = 0; row < P::n_rows; ++row) {
    for (std::int8_t* place : places) {
      copy_row(source, place + row * P::row_bytes, P::row_bytes);
      source += P::row_bytes;
    }
  }
}

template <typename P, typename... Outputs>
void split_any_rows(const void* input, Outputs... outputs) {
  cut_rows<P>(input, outputs...);
}

template <typename P, typename... Outputs>
void unpack_any_rows(const void* input, Outputs... outputs) {
  cut_rows<P>(input, outputs...);
}

// P: n_rows, row_bytes_0..15.
template <typename P, typename... Outputs>
void split_v_any_rows(const void* input, Outputs... outputs) {
  constexpr std::int32_t kCount = static_cast<std::int32_t>(sizeof...(Outputs));
  constexpr std::int32_t kRowBytes[] = {P::row_bytes_0,  P::row_bytes_1,  P::row_bytes_2,  P::row_bytes_3,
                                        P::row_bytes_4,  P::row_bytes_5,  P::row_bytes_6,  P::row_bytes_7,
                                        P::row_bytes_8,  P::row_bytes_9,  P::row_bytes_10, P::row_bytes_11,
                                        P::row_bytes_12, P::row_bytes_13, P::row_bytes_14, P::row_bytes_15};
  const std::int8_t* source = bytes_of(input);
  std::int8_t* const places[] = {bytes_of(outputs)...};
  for (std::int32_t row = 0; row < P::n_rows; ++row) {
    for (std::int32_t i = 0; i < kCount; ++i) {
      copy_row(source, places[i] + row * kRowBytes[i], kRowBytes[i]);
      source += kRowBytes[i];
    }
  }
}

}  // namespace tinygen::kernels
