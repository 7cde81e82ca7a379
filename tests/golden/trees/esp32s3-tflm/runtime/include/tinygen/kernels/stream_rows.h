// A window of the last rows of a tensor, kept from one inference to the next.
#pragma once
#include <cstdint>

namespace tinygen::kernels {

// `shifted` is `window` itself. P: n_blocks (what lies before the axis of time), kept_bytes and new_bytes of each.
template <typename P>
void stream_rows_int8_shift(const std::int8_t* rows, const std::int8_t* window, std::int8_t* shifted) {
  for (std::int32_t block = 0; block < P::n_blocks; ++block) {
    for (std::int32_t i = 0; i < P::kept_bytes; ++i) shifted[i] = window[i + P::new_bytes];
    for (std::int32_t i = 0; i < P::new_bytes; ++i) shifted[P::kept_bytes + i] = rows[i];
    rows += P::new_bytes;
    window += P::kept_bytes + P::new_bytes;
    shifted += P::kept_bytes + P::new_bytes;
  }
}

}  // namespace tinygen::kernels
