// A window of the last rows of a tensor, kept from one inference to the next.
#pragma once
#include <cstdint>

namespace tinygen::kernels {

// `shifted` is `window` itself. P: kept_bytes, new_bytes.
template <typename P>
void stream_rows_int8_shift(const std::int8_t* rows, const std::int8_t* window, std::int8_t* shifted) {
  for (std::int32_t i = 0; i < P::kept_bytes; ++i) shifted[i] = window[i + P::new_bytes];
  for (std::int32_t i = 0; i < P::new_bytes; ++i) shifted[P::kept_bytes + i] = rows[i];
}

}  // namespace tinygen::kernels
