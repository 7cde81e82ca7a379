// AVERAGE_POOL_2D and MAX_POOL_2D, int8 and int16, NHWC. Only values inside the input count.
#pragma once
#include <cstdint>

#include "tinygen/kernels/requantize.h"
#include "tinygen/kernels/typed.h"

namespace tinygen::kernels {

// Calls `pixel(image, top, bottom, left, right, out)` for each output pixel in row order, the window cut to the input.
// P: batch, in_*, out_*, k_*, stride_*, pad_*.
template <typename P, typename T, typename Pixel>
inline void pool_2d_windows(const T* input, T* output, Pixel pixel) {
  for (std::int32_t b = 0; b < P::batch; ++b) {
    for (std::int32_t oy = 0; oy < P::out_h; ++oy) {
      const std::int32_t y = oy * P::stride_h - P::pad_top;
      const std::int32_t top = y < 0 ? 0 : y;
      const std::int32_t bottom = y + P::k_h < P::in_h ? y + P::k_h : P::in_h;
      for (std::int32_t ox = 0; ox < P::out_w; ++ox) {
        const std::int32_t x = ox * P::stride_w - P::pad_left;
        const std::int32_t left = x < 0 ? 0 : x;
        const std::int32_t right = x + P::k_w < P::in_w ? x + P::k_w : P::in_w;
        pixel(input, top, bottom, left, right, output);
        output += P::out_c;
      }
    }
    input += P::in_h * P::in_w * P::in_c;
  }
}

// P also: act_min, act_max.
template <typename P, typename T>
inline void average_pool_2d(const T* input, T* output) {
  pool_2d_windows<P>(
      input, output,
      [](const T* image, std::int32_t top, std::int32_t bottom, std::int32_t left, std::int32_t right, T* out) {
        const std::int32_t count = (bottom - top) * (right - left);
        for (std::int32_t c = 0; c < P::in_c; ++c) {
          std::int32_t sum = 0;
          for (std::int32_t y = top; y < bottom; ++y) {
            const T* row = image + (y * P::in_w + left) * P::in_c + c;
            for (std::int32_t x = left; x < right; ++x) {
              sum += *row;
              row += P::in_c;
            }
          }
          const std::int32_t mean = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
          out[c] = static_cast<T>(clamp(mean, P::act_min, P::act_max));
        }
      });
}

// P also: act_min, act_max.
template <typename P, typename T>
inline void max_pool_2d(const T* input, T* output) {
  pool_2d_windows<P>(
      input, output,
      [](const T* image, std::int32_t top, std::int32_t bottom, std::int32_t left, std::int32_t right, T* out) {
        for (std::int32_t c = 0; c < P::in_c; ++c) {
          std::int32_t largest = P::act_min;
          for (std::int32_t y = top; y < bottom; ++y) {
            const T* row = image + (y * P::in_w + left) * P::in_c + c;
            for (std::int32_t x = left; x < right; ++x) {
              largest = *row > largest ? *row : largest;
              row += P::in_c;
            }
          }
          out[c] = static_cast<T>(clamp(largest, P::act_min, P::act_max));
        }
      });
}

template <typename P>
void average_pool_2d_int8_generic(const std::int8_t* input, std::int8_t* output) {
  average_pool_2d<P>(input, output);
}

template <typename P>
void average_pool_2d_int16_generic(const Int16* input, Int16* output) {
  average_pool_2d<P>(input, output);
}

template <typename P>
void max_pool_2d_int8_generic(const std::int8_t* input, std::int8_t* output) {
  max_pool_2d<P>(input, output);
}

template <typename P>
void max_pool_2d_int16_generic(const Int16* input, Int16* output) {
  max_pool_2d<P>(input, output);
}

}  // namespace tinygen::kernels
