// FULLY_CONNECTED, int8, for the DSP extension: four outputs at a time over one row, 16 products in 16 instructions.
//
// Weights hold two channels in one int16 each, as in tile_product.h. Of every four inputs a block of four channels has
// four words: channels (a, b) at taps (0, 2) and (1, 3), then (c, d) at the same; a block of two has the first two.
#pragma once
#include <cstdint>

#include "tinygen/kernels/dsp/tile_product.h"

namespace tinygen::kernels::dsp {

// Two pairs of channels: the low ones' sums, and 256 times the high ones' plus the low ones'.
struct DenseSums {
  std::int32_t low0 = 0, raw0 = 0, low1 = 0, raw1 = 0;
};

// Taps (0, 2) and (1, 3) of four channels.
inline const Word* dense_step(const Word* weights, std::uint32_t even, std::uint32_t odd, DenseSums& s) {
  s.raw0 = smlad(weights[0], even, s.raw0);
  s.low0 = smlad(sxtb16(weights[0]), even, s.low0);
  s.raw0 = smlad(weights[1], odd, s.raw0);
  s.low0 = smlad(sxtb16(weights[1]), odd, s.low0);
  s.raw1 = smlad(weights[2], even, s.raw1);
  s.low1 = smlad(sxtb16(weights[2]), even, s.low1);
  s.raw1 = smlad(weights[3], odd, s.raw1);
  s.low1 = smlad(sxtb16(weights[3]), odd, s.low1);
  return weights + 4;
}

#if TINYGEN_DSP && defined(__OPTIMIZE__) && !defined(__clang__)

// 64 bytes of code each.
#define TINYGEN_DENSE_STEP                    \
  "ldr %[x0], [%[x]], #4\n\t"                 \
  "ldmia.w %[weights]!, {r4, r5, r6, r8}\n\t" \
  "sxtb16 %[x1], %[x0], ror #8\n\t"           \
  "sxtb16 %[x0], %[x0]\n\t"                   \
  "sxtb16 %[t], r4\n\t"                       \
  "smlad %[raw0], r4, %[x0], %[raw0]\n\t"     \
  "smlad %[low0], %[t], %[x0], %[low0]\n\t"   \
  "sxtb16 %[t], r5\n\t"                       \
  "smlad %[raw0], r5, %[x1], %[raw0]\n\t"     \
  "smlad %[low0], %[t], %[x1], %[low0]\n\t"   \
  "sxtb16 %[t], r6\n\t"                       \
  "smlad %[raw1], r6, %[x0], %[raw1]\n\t"     \
  "smlad %[low1], %[t], %[x0], %[low1]\n\t"   \
  "sxtb16 %[t], r8\n\t"                       \
  "smlad %[raw1], r8, %[x1], %[raw1]\n\t"     \
  "smlad %[low1], %[t], %[x1], %[low1]\n\t"

// `words` is not 0.
[[gnu::always_inline]] inline const Word* dense_sums(const Word* weights, const std::int8_t* x, std::int32_t words,
                                                     DenseSums& s) {
  const std::int8_t* const end = x + 4 * words;
  const std::int32_t skip = ((-words) & 3) * 64;
  std::uint32_t x0, x1, t;
  __asm__ volatile(
      "ldr %[t], %[skip]\n\t"
      "add pc, %[t]\n\t"
      "nop\n"
      "1:\n\t" TINYGEN_DENSE_STEP TINYGEN_DENSE_STEP TINYGEN_DENSE_STEP TINYGEN_DENSE_STEP
      "ldr %[t], %[end]\n\t"
      "cmp %[x], %[t]\n\t"
      "bne 1b\n\t"
      : [weights] "+r"(weights), [x] "+r"(x), [low0] "+r"(s.low0), [raw0] "+r"(s.raw0), [low1] "+r"(s.low1),
        [raw1] "+r"(s.raw1), [x0] "=&r"(x0), [x1] "=&r"(x1), [t] "=&r"(t)
      : [skip] "m"(skip), [end] "m"(end)
      : "r4", "r5", "r6", "r8", "cc", "memory");
  return weights;
}
#undef TINYGEN_DENSE_STEP

#else

inline const Word* dense_sums(const Word* weights, const std::int8_t* x, std::int32_t words, DenseSums& s) {
  for (std::int32_t i = 0; i < words; ++i) {
    const std::uint32_t word = load_word(x + 4 * i);
    weights = dense_step(weights, sxtb16(word), sxtb16_ror8(word), s);
  }
  return weights;
}

#endif

// The last kCount (1..3) inputs of a row; the weights of the others are zero.
template <std::int32_t kCount>
inline std::uint32_t row_end(const std::int8_t* from) {
  std::uint32_t word = static_cast<std::uint8_t>(from[0]);
  if constexpr (kCount > 1) word |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(from[1])) << 8;
  if constexpr (kCount > 2) word |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(from[2])) << 16;
  return word;
}

// Long rows are summed in parts, so that the high channels' sums of each stay below 2^23.
struct LongSums {
  std::int32_t low0 = 0, high0 = 0, low1 = 0, high1 = 0;

  void add(const DenseSums& part) {
    low0 += part.low0;
    high0 += difference(part.raw0, part.low0) >> 8;
    low1 += part.low1;
    high1 += difference(part.raw1, part.low1) >> 8;
  }
};

// P: batch, in_c, out_c, part_words (of a row, that are summed at once). `channel(index)` gives the Channel of an
// output.
template <typename P, typename R, typename Channels>
inline void dense_rows(const std::int8_t* input, std::int8_t* output, const std::int8_t* packed, Channels channel) {
  constexpr std::int32_t kWords = P::in_c / 4;
  constexpr std::int32_t kRest = P::in_c % 4;
  constexpr std::int32_t kFours = P::out_c - P::out_c % 4;
  constexpr bool kLong = kWords > P::part_words;
  static_assert(!kLong || kFours == P::out_c, "long rows come in blocks of four channels");
  for (std::int32_t row = 0; row < P::batch; ++row) {
    const Word* weights = reinterpret_cast<const Word*>(packed);
    std::uint32_t even = 0, odd = 0;
    if constexpr (kRest != 0) {
      const std::uint32_t word = row_end<kRest>(input + 4 * kWords);
      even = sxtb16(word);
      odd = sxtb16_ror8(word);
    }
    for (std::int32_t c = 0; c < kFours; c += 4) {
      DenseSums s;
      if constexpr (kLong) {
        LongSums sums;
        for (std::int32_t first = 0; first < kWords; first += P::part_words) {
          DenseSums part;
          const std::int32_t words = kWords - first < P::part_words ? kWords - first : P::part_words;
          weights = dense_sums(weights, input + 4 * first, words, part);
          sums.add(part);
        }
        if constexpr (kRest != 0) weights = dense_step(weights, even, odd, s);
        sums.add(s);
        output[c] = R::low(sums.low0, channel(c));
        output[c + 1] = R::low(sums.high0, channel(c + 1));
        output[c + 2] = R::low(sums.low1, channel(c + 2));
        output[c + 3] = R::low(sums.high1, channel(c + 3));
      } else {
        if constexpr (kWords != 0) weights = dense_sums(weights, input, kWords, s);
        if constexpr (kRest != 0) weights = dense_step(weights, even, odd, s);
        output[c] = R::low(s.low0, channel(c));
        output[c + 1] = R::high(difference(s.raw0, s.low0), channel(c + 1));
        output[c + 2] = R::low(s.low1, channel(c + 2));
        output[c + 3] = R::high(difference(s.raw1, s.low1), channel(c + 3));
      }
    }
    for (std::int32_t c = kFours; c < P::out_c; c += 2) {
      std::int32_t low = 0, raw = 0;
#pragma GCC unroll 2
      for (std::int32_t i = 0; i < kWords; ++i) {
        const std::uint32_t word = load_word(input + 4 * i);
        raw = smlad(weights[0], sxtb16(word), raw);
        low = smlad(sxtb16(weights[0]), sxtb16(word), low);
        raw = smlad(weights[1], sxtb16_ror8(word), raw);
        low = smlad(sxtb16(weights[1]), sxtb16_ror8(word), low);
        weights += 2;
      }
      if constexpr (kRest != 0) {
        raw = smlad(weights[0], even, raw);
        low = smlad(sxtb16(weights[0]), even, low);
        raw = smlad(weights[1], odd, raw);
        low = smlad(sxtb16(weights[1]), odd, low);
        weights += 2;
      }
      output[c] = R::low(low, channel(c));
      if (c + 1 < P::out_c) output[c + 1] = R::high(difference(raw, low), channel(c + 1));
    }
    input += P::in_c;
    output += P::out_c;
  }
}

}  // namespace tinygen::kernels::dsp

namespace tinygen::kernels {

// One scale for all outputs. P: batch, in_c, out_c, part_words, fast, multiplier, offset, shift (see dsp::Channel),
// output_zero_point, act_min, act_max.
template <typename P>
void fully_connected_int8_dsp_per_tensor(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                                         const std::int32_t* bias) {
  dsp::dense_rows<P, dsp::Requantizer<P>>(input, output, weights, [bias](std::int32_t c) {
    return dsp::Channel{bias[c], P::multiplier, P::offset, P::shift};
  });
}

// One scale per output. P: batch, in_c, out_c, part_words, fast, output_zero_point, act_min, act_max.
template <typename P>
void fully_connected_int8_dsp_per_channel(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                                          const std::int32_t* channels) {
  const dsp::Channel* const all = dsp::channels_of(channels);
  dsp::dense_rows<P, dsp::Requantizer<P>>(input, output, weights, [all](std::int32_t c) { return all[c]; });
}

// A convolution with a single window, all of whose bytes lie next to each other in the input: the same product.
template <typename P>
void conv_2d_int8_dsp_window(const std::int8_t* input, std::int8_t* output, const std::int8_t* weights,
                             const std::int32_t* channels) {
  fully_connected_int8_dsp_per_channel<P>(input, output, weights, channels);
}

}  // namespace tinygen::kernels
