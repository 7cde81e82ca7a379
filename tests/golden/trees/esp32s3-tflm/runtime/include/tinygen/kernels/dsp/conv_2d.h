// CONV_2D, int8, for the DSP extension: windows of four output pixels are widened to int16 once and then multiplied
// with all output channels (tile_product.h). Any kernel, stride and padding; one group; columns next to each other.
#pragma once
#include <cstdint>

#include "tinygen/kernels/dsp/tile_product.h"

namespace tinygen::kernels::dsp {

// kCount bytes to pairs of lanes, in the order (0, 2), (1, 3), (4, 6)...; what is left over is (0, any), (0, 1) or
// (0, 2), (1, any): weights are zero where a lane is of no meaning. Returns the next place in the tile.
template <std::int32_t kCount>
inline Word* widen(const std::int8_t* from, Word* to) {
  constexpr std::int32_t kRest = kCount % 4;
#pragma GCC unroll 4
  for (std::int32_t i = 0; i < kCount / 4; ++i) {
    const std::uint32_t word = load_word(from);
    to[0] = sxtb16(word);
    to[kTilePixels] = sxtb16_ror8(word);
    from += 4;
    to += 2 * kTilePixels;
  }
  if constexpr (kRest == 1) {
    *to = static_cast<std::uint32_t>(std::int32_t{from[0]});
    to += kTilePixels;
  } else if constexpr (kRest >= 2) {
    const auto first = static_cast<std::uint32_t>(std::int32_t{from[0]});
    const auto second = static_cast<std::uint32_t>(std::int32_t{from[1]});
    if constexpr (kRest == 2) {
      *to = pkhbt(first, second);
      to += kTilePixels;
    } else {
      to[0] = pkhbt(first, static_cast<std::uint32_t>(std::int32_t{from[2]}));
      to[kTilePixels] = second;
      to += 2 * kTilePixels;
    }
  }
  return to;
}

// Pairs of the padding's value.
inline Word* fill(std::int32_t pairs, std::int32_t value, Word* to) {
  const std::uint32_t both = portable::lanes(value, value);
  for (std::int32_t i = 0; i < pairs; ++i) {
    *to = both;
    to += kTilePixels;
  }
  return to;
}

// One row of a window that begins left of column 0 or ends right of the last one.
// P: in_w, in_c, k_w, input_zero_point.
template <typename P>
inline Word* widen_border(const std::int8_t* row, std::int32_t left, Word* to) {
  constexpr std::int32_t kRun = P::k_w * P::in_c;
  if constexpr (P::in_c % 4 == 0) {
    for (std::int32_t x = left; x < left + P::k_w; ++x) {
      if (x < 0 || x >= P::in_w) {
        to = fill(P::in_c / 2, P::input_zero_point, to);
      } else {
        to = widen<P::in_c>(row + x * P::in_c, to);
      }
    }
    return to;
  } else {
    std::int8_t window[kRun];
    const std::int32_t begin = left * P::in_c;
    for (std::int32_t i = 0; i < kRun; ++i) {
      const std::int32_t at = begin + i;
      window[i] = at < 0 || at >= P::in_w * P::in_c ? static_cast<std::int8_t>(P::input_zero_point) : row[at];
    }
    return widen<kRun>(window, to);
  }
}

// The window whose corner is at (top, left).
// P: in_*, k_*, dilation_h, input_zero_point, padded (some window leaves the input).
template <typename P>
inline void widen_window(const std::int8_t* image, std::int32_t top, std::int32_t left, Word* to) {
  constexpr std::int32_t kRun = P::k_w * P::in_c;
  constexpr std::int32_t kRow = P::in_w * P::in_c;
  const bool columns_inside = P::padded == 0 || (left >= 0 && left + P::k_w <= P::in_w);
  const std::int8_t* row = image + top * kRow;
  for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
    const std::int32_t y = top + ky * P::dilation_h;
    if (P::padded != 0 && (y < 0 || y >= P::in_h)) {
      to = fill((kRun + 1) / 2, P::input_zero_point, to);
    } else if (columns_inside) {
      to = widen<kRun>(row + left * P::in_c, to);
    } else {
      to = widen_border<P>(row, left, to);
    }
    row += P::dilation_h * kRow;
  }
}

}  // namespace tinygen::kernels::dsp

namespace tinygen::kernels {

// P: batch, in_*, out_*, k_*, stride_*, dilation_h, pad_*, padded, fast, zero points, act_min, act_max.
template <typename P>
void conv_2d_int8_dsp(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                      const std::int32_t* channels, std::int8_t* scratch) {
  using R = dsp::Requantizer<P>;
  constexpr std::int32_t kSteps = P::k_h * ((P::k_w * P::in_c + 1) / 2);
  constexpr std::int32_t kImage = P::out_h * P::out_w;
  dsp::Word* const tile = reinterpret_cast<dsp::Word*>(scratch);
  const dsp::Product product = {reinterpret_cast<const dsp::Word*>(weights), dsp::channels_of(channels), kSteps,
                                P::out_c};
  std::int32_t top = -P::pad_top;
  std::int32_t left = -P::pad_left;
  std::int32_t filled = 0;
  for (std::int32_t left_over = P::batch * kImage; left_over > 0; --left_over) {
    dsp::widen_window<P>(input, top, left, tile + filled);
    left += P::stride_w;
    if (left == P::out_w * P::stride_w - P::pad_left) {
      left = -P::pad_left;
      top += P::stride_h;
      if (top == P::out_h * P::stride_h - P::pad_top) {
        top = -P::pad_top;
        input += P::in_h * P::in_w * P::in_c;
      }
    }
    if (++filled == dsp::kTilePixels) {
      dsp::tile_product<R>(product, tile, output);
      output += dsp::kTilePixels * P::out_c;
      filled = 0;
    }
  }
  if constexpr (P::batch * kImage % dsp::kTilePixels >= 2) {
    dsp::few_product<R, 2>(product, tile, output);
    output += 2 * P::out_c;
  }
  if constexpr (P::batch * kImage % 2 != 0) {
    dsp::few_product<R, 1>(product, tile + P::batch * kImage % dsp::kTilePixels - 1, output);
  }
}

}  // namespace tinygen::kernels
