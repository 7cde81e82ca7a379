// RESIZE_BILINEAR, int8: weights with 10 fractional bits along each axis.
#pragma once
#include <cstdint>

namespace tinygen::kernels {

// rows and columns: for each output position the offset of its lower and upper neighbour and the upper one's weight.
// P: batch, image_bytes, out_h, out_w, channels.
template <typename P>
void resize_bilinear_int8_tables(const std::int8_t* input, std::int8_t* output, const std::int32_t* rows,
                                 const std::int32_t* columns) {
  constexpr std::int32_t kOne = 1 << 10;
  constexpr std::int32_t kHalf = 1 << 19;
  for (std::int32_t b = 0; b < P::batch; ++b) {
    const std::int32_t* row = rows;
    for (std::int32_t y = 0; y < P::out_h; ++y) {
      const std::int32_t* column = columns;
      for (std::int32_t x = 0; x < P::out_w; ++x) {
        const std::int8_t* at_00 = input + row[0] + column[0];
        const std::int8_t* at_01 = input + row[0] + column[1];
        const std::int8_t* at_10 = input + row[1] + column[0];
        const std::int8_t* at_11 = input + row[1] + column[1];
        const std::int32_t w_00 = (kOne - row[2]) * (kOne - column[2]);
        const std::int32_t w_01 = (kOne - row[2]) * column[2];
        const std::int32_t w_10 = row[2] * (kOne - column[2]);
        const std::int32_t w_11 = row[2] * column[2];
        for (std::int32_t c = 0; c < P::channels; ++c) {
          const std::int32_t sum = at_00[c] * w_00 + at_01[c] * w_01 + at_10[c] * w_10 + at_11[c] * w_11;
          *output++ = static_cast<std::int8_t>((sum + (sum > 0 ? kHalf : -kHalf)) / (1 << 20));
        }
        column += 3;
      }
      row += 3;
    }
    input += P::image_bytes;
  }
}

}  // namespace tinygen::kernels
