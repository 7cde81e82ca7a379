// The matrix product under every convolution: four widened pixels times two output channels, 16 products in 12
// instructions.
//
// A *tile* holds the windows of up to four output pixels as pairs of int16: tile[4 * step + pixel]. Weights hold two
// channels in one int16 each: 256 * b + a. SXTB16 extracts channel a; the word itself gives, modulo 2^32, the sum of
// 256 * b + a. So b's sum is the difference, exactly, as long as it is below 2^23 (proved when packing).
#pragma once
#include <cstdint>

#include "tinygen/kernels/dsp/requantize.h"

namespace tinygen::kernels::dsp {

constexpr std::int32_t kTilePixels = 4;

inline std::int32_t difference(std::int32_t raw, std::int32_t low) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(raw) - static_cast<std::uint32_t>(low));
}

// The sums of four pixels: channel a's, and 256 times b's plus a's.
struct TileSums {
  std::int32_t low0 = 0, low1 = 0, low2 = 0, low3 = 0;
  std::int32_t raw0 = 0, raw1 = 0, raw2 = 0, raw3 = 0;
};

#if TINYGEN_DSP && defined(__OPTIMIZE__) && !defined(__clang__)
#define TINYGEN_TILE_ASM 1
#else
#define TINYGEN_TILE_ASM 0
#endif

#if TINYGEN_TILE_ASM

// 14 registers are in use: this needs the frame pointer's too, so an unoptimised build takes the loop below.
// One step is 48 bytes of code; the first round enters the eight steps where the count asks for.
#define TINYGEN_TILE_STEP                   \
  "ldr %[w], [%[weights]], #4\n\t"          \
  "ldrd %[x0], %[x1], [%[tile]], #8\n\t"    \
  "sxtb16 %[a], %[w]\n\t"                   \
  "smlad %[raw0], %[w], %[x0], %[raw0]\n\t" \
  "smlad %[raw1], %[w], %[x1], %[raw1]\n\t" \
  "smlad %[low0], %[a], %[x0], %[low0]\n\t" \
  "smlad %[low1], %[a], %[x1], %[low1]\n\t" \
  "ldrd %[x0], %[x1], [%[tile]], #8\n\t"    \
  "smlad %[raw2], %[w], %[x0], %[raw2]\n\t" \
  "smlad %[raw3], %[w], %[x1], %[raw3]\n\t" \
  "smlad %[low2], %[a], %[x0], %[low2]\n\t" \
  "smlad %[low3], %[a], %[x1], %[low3]\n\t"

// Bytes of code that the first of the rounds of eight steps leaves out.
constexpr std::int32_t tile_skip(std::int32_t steps) {
  return ((-steps) & 7) * 48;
}

[[gnu::always_inline]] inline void tile_sums(const Word* weights, const Word* tile, const Word* const& end,
                                             const std::int32_t& skip, TileSums& s) {
  Word w, a, x0, x1;
  __asm__ volatile(
      "ldr %[x0], %[skip]\n\t"
      "add pc, %[x0]\n\t"
      "nop\n"
      "1:\n\t" TINYGEN_TILE_STEP TINYGEN_TILE_STEP TINYGEN_TILE_STEP TINYGEN_TILE_STEP TINYGEN_TILE_STEP
          TINYGEN_TILE_STEP TINYGEN_TILE_STEP TINYGEN_TILE_STEP
      "ldr %[x0], %[end]\n\t"
      "cmp %[weights], %[x0]\n\t"
      "bne 1b\n\t"
      : [weights] "+r"(weights), [tile] "+r"(tile), [low0] "+r"(s.low0), [low1] "+r"(s.low1), [low2] "+r"(s.low2),
        [low3] "+r"(s.low3), [raw0] "+r"(s.raw0), [raw1] "+r"(s.raw1), [raw2] "+r"(s.raw2), [raw3] "+r"(s.raw3),
        [w] "=&r"(w), [a] "=&r"(a), [x0] "=&r"(x0), [x1] "=&r"(x1)
      : [skip] "m"(skip), [end] "m"(end)
      : "cc", "memory");
}
#undef TINYGEN_TILE_STEP

#else

constexpr std::int32_t tile_skip(std::int32_t) {
  return 0;
}

inline void tile_sums(const Word* weights, const Word* tile, const Word* end, std::int32_t, TileSums& s) {
  while (weights != end) {
    const std::uint32_t w = *weights++;
    const std::uint32_t a = sxtb16(w);
    s.raw0 = smlad(w, tile[0], s.raw0);
    s.raw1 = smlad(w, tile[1], s.raw1);
    s.low0 = smlad(a, tile[0], s.low0);
    s.low1 = smlad(a, tile[1], s.low1);
    s.raw2 = smlad(w, tile[2], s.raw2);
    s.raw3 = smlad(w, tile[3], s.raw3);
    s.low2 = smlad(a, tile[2], s.low2);
    s.low3 = smlad(a, tile[3], s.low3);
    tile += kTilePixels;
  }
}

#endif

// One channel of four pixels: sums to outputs, out_c bytes apart. R: how.
template <typename R, bool kHigh>
struct Finish {
  static void four(std::int32_t s0, std::int32_t s1, std::int32_t s2, std::int32_t s3, const Channel* channel,
                   std::int8_t* output, std::int32_t out_c) {
    const Channel c = *channel;
    output[0] = kHigh ? R::high(s0, c) : R::low(s0, c);
    output[out_c] = kHigh ? R::high(s1, c) : R::low(s1, c);
    output[2 * out_c] = kHigh ? R::high(s2, c) : R::low(s2, c);
    output[3 * out_c] = kHigh ? R::high(s3, c) : R::low(s3, c);
  }
};

#if TINYGEN_TILE_ASM

// The four sums of the other channel and the weights' address stay in registers meanwhile: here, too, none is left
// over.
template <bool kRectified, bool kHigh>
struct Finish<FastSaturating<kRectified>, kHigh> {
  [[gnu::always_inline]] static void four(std::int32_t s0, std::int32_t s1, std::int32_t s2, std::int32_t s3,
                                          const Channel* channel, std::int8_t* output, const std::int32_t& out_c) {
    std::int32_t multiplier, offset, shift;
    __asm__ volatile(
        "ldrd %[m], %[o], [%[c], #4]\n\t"
        "ldr %[h], [%[c], #12]\n\t"
        "ldr %[c], [%[c]]\n\t"
        ".if %c[high]\n\t"
        "add %[s0], %[c], %[s0], asr #7\n\t"
        "add %[s1], %[c], %[s1], asr #7\n\t"
        "add %[s2], %[c], %[s2], asr #7\n\t"
        "add %[s3], %[c], %[s3], asr #7\n\t"
        ".else\n\t"
        "add %[s0], %[c], %[s0], lsl #1\n\t"
        "add %[s1], %[c], %[s1], lsl #1\n\t"
        "add %[s2], %[c], %[s2], lsl #1\n\t"
        "add %[s3], %[c], %[s3], lsl #1\n\t"
        ".endif\n\t"
        ".if %c[rectified]\n\t"
        "smmlar %[s0], %[s0], %[m], %[o]\n\t"
        "smmlar %[s1], %[s1], %[m], %[o]\n\t"
        "smmlar %[s2], %[s2], %[m], %[o]\n\t"
        "smmlar %[s3], %[s3], %[m], %[o]\n\t"
        ".else\n\t"
        "add %[c], %[o], %[s0], asr #31\n\t"
        "smmlar %[s0], %[s0], %[m], %[c]\n\t"
        "add %[c], %[o], %[s1], asr #31\n\t"
        "smmlar %[s1], %[s1], %[m], %[c]\n\t"
        "add %[c], %[o], %[s2], asr #31\n\t"
        "smmlar %[s2], %[s2], %[m], %[c]\n\t"
        "add %[c], %[o], %[s3], asr #31\n\t"
        "smmlar %[s3], %[s3], %[m], %[c]\n\t"
        ".endif\n\t"
        "ldr %[c], %[n]\n\t"
        "asr %[s0], %[s0], %[h]\n\t"
        "asr %[s1], %[s1], %[h]\n\t"
        "asr %[s2], %[s2], %[h]\n\t"
        "asr %[s3], %[s3], %[h]\n\t"
        "ssat %[s0], #8, %[s0]\n\t"
        "ssat %[s1], #8, %[s1]\n\t"
        "ssat %[s2], #8, %[s2]\n\t"
        "ssat %[s3], #8, %[s3]\n\t"
        "strb %[s0], [%[y]]\n\t"
        "strb %[s1], [%[y], %[c]]\n\t"
        "strb %[s2], [%[y], %[c], lsl #1]\n\t"
        "add %[c], %[c], %[c], lsl #1\n\t"
        "strb %[s3], [%[y], %[c]]\n\t"
        : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [c] "+r"(channel), [m] "=&r"(multiplier),
          [o] "=&r"(offset), [h] "=&r"(shift)
        : [y] "r"(output), [n] "m"(out_c), [high] "i"(kHigh), [rectified] "i"(kRectified)
        : "memory");
  }
};

#endif

// What all tiles of a layer have in common.
struct Product {
  const Word* weights;  // [channel pairs][steps]
  const Channel* channels;
  std::int32_t steps;
  std::int32_t out_c;
};

// The outputs of four pixels, all channels. R: FastSaturating...
template <typename R>
[[gnu::noinline]] void tile_product(const Product& product, const Word* tile, std::int8_t* output) {
  const std::int32_t out_c = product.out_c;
  const std::int32_t steps = product.steps;
  const std::int32_t skip = tile_skip(steps);
  const Word* weights_end = product.weights + steps;
  const Channel* channel = product.channels;
  const std::int8_t* const end = output + out_c;
  for (;;) {
    TileSums s;
    tile_sums(weights_end - steps, tile, weights_end, skip, s);
    weights_end += steps;
    s.raw0 = difference(s.raw0, s.low0);
    s.raw1 = difference(s.raw1, s.low1);
    s.raw2 = difference(s.raw2, s.low2);
    s.raw3 = difference(s.raw3, s.low3);
    Finish<R, false>::four(s.low0, s.low1, s.low2, s.low3, channel, output, out_c);
    if (++output == end) return;  // an odd number of channels: the last pair's second one is all zeros
    Finish<R, true>::four(s.raw0, s.raw1, s.raw2, s.raw3, channel + 1, output, out_c);
    if (++output == end) return;
    channel += 2;
  }
}

// The same for one or two pixels, which are the end of an image.
template <typename R, std::int32_t kPixels>
[[gnu::noinline]] void few_product(const Product& product, const Word* tile, std::int8_t* output) {
  const std::int32_t out_c = product.out_c;
  const std::int32_t steps = product.steps;
  const Word* weights = product.weights;
  const Channel* channel = product.channels;
  const std::int8_t* const end = output + out_c;
  for (;;) {
    std::int32_t low[kPixels] = {};
    std::int32_t raw[kPixels] = {};
    const Word* pixels = tile;
#pragma GCC unroll 4
    for (const Word* const last = weights + steps; weights != last; ++weights) {
      const std::uint32_t w = *weights;
      const std::uint32_t a = sxtb16(w);
#pragma GCC unroll 2
      for (std::int32_t pixel = 0; pixel < kPixels; ++pixel) {
        raw[pixel] = smlad(w, pixels[pixel], raw[pixel]);
        low[pixel] = smlad(a, pixels[pixel], low[pixel]);
      }
      pixels += kTilePixels;
    }
    const Channel a = channel[0];
#pragma GCC unroll 2
    for (std::int32_t pixel = 0; pixel < kPixels; ++pixel) output[pixel * out_c] = R::low(low[pixel], a);
    if (++output == end) return;
    const Channel b = channel[1];
#pragma GCC unroll 2
    for (std::int32_t pixel = 0; pixel < kPixels; ++pixel) {
      output[pixel * out_c] = R::high(difference(raw[pixel], low[pixel]), b);
    }
    if (++output == end) return;
    channel += 2;
  }
}

}  // namespace tinygen::kernels::dsp
