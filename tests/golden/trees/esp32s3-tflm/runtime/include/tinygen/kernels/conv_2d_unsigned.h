// CONV_2D, int8, NHWC input, for a core whose byte loads know no sign (Xtensa): inputs and weights are taken
// as u = x + 128 and v = w + 128, and sum(x * w) = sum(u * v) - 128 * sum(u) - 128 * sum(w). The last term is inside
// the bias; sums wrap, and the result fits. The windows of two pixels lie side by side, and so do two channels.
#pragma once
#include <cstdint>

#include "tinygen/kernels/requantize.h"
#include "tinygen/kernels/window.h"

namespace tinygen::kernels {

// Every second byte of `to` gets a value of the window whose corner is at (top, left); returns their sum.
// P: in_*, k_*, dilation_h, input_zero_point. Columns lie next to each other.
template <typename P>
inline std::uint32_t gather_unsigned(const std::int8_t* image, std::int32_t top, std::int32_t left, std::uint8_t* to) {
  constexpr std::int32_t kRun = P::k_w * P::in_c;
  constexpr auto kOutside = static_cast<std::uint8_t>(P::input_zero_point + 128);
  const Taps columns = taps_inside<P::k_w, 1, P::in_w>(left);
  std::uint32_t sum = 0;
  for (std::int32_t ky = 0; ky < P::k_h; ++ky) {
    const std::int32_t y = top + ky * P::dilation_h;
    const bool inside = y >= 0 && y < P::in_h;
    const std::uint8_t* const first = to + (inside ? 2 * columns.first * P::in_c : 0);
    const std::uint8_t* const end = to + (inside ? 2 * columns.end * P::in_c : 0);
    const std::uint8_t* const last = to + 2 * kRun;
    const std::int8_t* from = image + ((y * P::in_w + left) + columns.first) * P::in_c;
    for (; to != first; to += 2) {
      *to = kOutside;
      sum += kOutside;
    }
    for (; to != end; to += 2) {
      const auto value = static_cast<std::uint8_t>(*from++ + 128);
      *to = value;
      sum += value;
    }
    for (; to != last; to += 2) {
      *to = kOutside;
      sum += kOutside;
    }
  }
  return sum;
}

// All channels of two pixels, or of the first of them. Channels come in pairs, of which a last one may be no channel.
// P: k_*, in_c, out_c, output_zero_point, act_min, act_max.
template <typename P, bool kBoth>
inline void unsigned_product(const std::uint8_t* windows, std::uint32_t sum0, std::uint32_t sum1, std::int8_t* output,
                             const std::int8_t* weights, const std::int32_t* bias, const std::int32_t* multiplier,
                             const std::int8_t* shift) {
  constexpr std::int32_t kTaps = P::k_h * P::k_w * P::in_c;
  const auto* v = reinterpret_cast<const std::uint8_t*>(weights);
  for (std::int32_t oc = 0; oc < P::out_c; oc += 2) {
    const auto bias0 = static_cast<std::uint32_t>(bias[oc]);
    const auto bias1 = static_cast<std::uint32_t>(bias[oc + 1]);
    std::uint32_t acc00 = bias0 - 128 * sum0;
    std::uint32_t acc01 = bias1 - 128 * sum0;
    std::uint32_t acc10 = bias0 - 128 * sum1;
    std::uint32_t acc11 = bias1 - 128 * sum1;
    const std::uint8_t* u = windows;
    const std::uint8_t* const end = windows + 2 * kTaps;
    do {
      const std::uint32_t u0 = u[0];
      const std::uint32_t v0 = v[0];
      const std::uint32_t v1 = v[1];
      acc00 += u0 * v0;
      acc01 += u0 * v1;
      if constexpr (kBoth) {
        const std::uint32_t u1 = u[1];
        acc10 += u1 * v0;
        acc11 += u1 * v1;
      }
      u += 2;
      v += 2;
    } while (u != end);
    const bool pair = P::out_c % 2 == 0 || oc + 1 < P::out_c;
    output[oc] = requantize<P>(static_cast<std::int32_t>(acc00), multiplier[oc], shift[oc]);
    if (pair) output[oc + 1] = requantize<P>(static_cast<std::int32_t>(acc01), multiplier[oc + 1], shift[oc + 1]);
    if constexpr (kBoth) {
      std::int8_t* const second = output + P::out_c + oc;
      second[0] = requantize<P>(static_cast<std::int32_t>(acc10), multiplier[oc], shift[oc]);
      if (pair) second[1] = requantize<P>(static_cast<std::int32_t>(acc11), multiplier[oc + 1], shift[oc + 1]);
    }
  }
}

// One group, columns of a window next to each other. bias: of an even number of channels.
// P: batch, in_*, out_*, k_*, stride_*, dilation_h, pad_*, zero points, act_min, act_max.
template <typename P>
void conv_2d_int8_unsigned(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                           const std::int32_t* bias, const std::int32_t* multiplier, const std::int8_t* shift,
                           std::int8_t* scratch) {
  auto* const windows = reinterpret_cast<std::uint8_t*>(scratch);
  std::uint32_t sum0 = 0;
  bool second = false;
  for (std::int32_t b = 0; b < P::batch; ++b) {
    for (std::int32_t oy = 0; oy < P::out_h; ++oy) {
      for (std::int32_t ox = 0; ox < P::out_w; ++ox) {
        const std::int32_t top = oy * P::stride_h - P::pad_top;
        const std::int32_t left = ox * P::stride_w - P::pad_left;
        const std::uint32_t sum = gather_unsigned<P>(input, top, left, windows + (second ? 1 : 0));
        if (second) {
          unsigned_product<P, true>(windows, sum0, sum, output, weights, bias, multiplier, shift);
          output += 2 * P::out_c;
        }
        sum0 = sum;
        second = !second;
      }
    }
    input += P::in_h * P::in_w * P::in_c;
  }
  if constexpr (P::batch * P::out_h * P::out_w % 2 != 0) {
    unsigned_product<P, false>(windows, sum0, 0, output, weights, bias, multiplier, shift);
  }
}

}  // namespace tinygen::kernels
