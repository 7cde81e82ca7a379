// Rows picked by number: GATHER and RESIZE_NEAREST_NEIGHBOR.
#pragma once
#include <cstdint>

namespace tinygen::kernels {

// An index outside picks the nearest there is. P: n_rows, row_size, n_picked, run_bytes.
template <typename P, typename Index>
void gather_int8_rows(const std::int8_t* input, const Index* indices, std::int8_t* output) {
  for (std::int32_t row = 0; row < P::n_rows; ++row) {
    for (std::int32_t i = 0; i < P::n_picked; ++i) {
      const std::int32_t index = indices[i];
      const std::int32_t inside = index < 0 ? 0 : (index < P::row_size ? index : P::row_size - 1);
      const std::int8_t* source = input + inside * P::run_bytes;
      for (std::int32_t k = 0; k < P::run_bytes; ++k) *output++ = source[k];
    }
    input += P::row_size * P::run_bytes;
  }
}

// Any type. P: batch, image_bytes, out_h, out_w, run_bytes.
template <typename P>
void resize_nearest_neighbor_any_tables(const void* input, void* output, const std::int32_t* rows,
                                        const std::int32_t* columns) {
  const auto* image = static_cast<const std::int8_t*>(input);
  auto* target = static_cast<std::int8_t*>(output);
  for (std::int32_t b = 0; b < P::batch; ++b) {
    for (std::int32_t y = 0; y < P::out_h; ++y) {
      for (std::int32_t x = 0; x < P::out_w; ++x) {
        const std::int8_t* source = image + rows[y] + columns[x];
        for (std::int32_t k = 0; k < P::run_bytes; ++k) *target++ = source[k];
      }
    }
    image += P::image_bytes;
  }
}

}  // namespace tinygen::kernels
