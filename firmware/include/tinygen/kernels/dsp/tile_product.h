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

[[gnu::always_inline]] inline const Word* tile_sums(const Word* weights, const Word* tile, std::int32_t steps,
                                                    TileSums& s) {
  constexpr std::int32_t kStepBytes = 48;
  const Word* const end = weights + steps;
  const std::int32_t skip = ((-steps) & 7) * kStepBytes;
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
  return weights;
}
#undef TINYGEN_TILE_STEP

#else

inline const Word* tile_sums(const Word* weights, const Word* tile, std::int32_t steps, TileSums& s) {
  for (std::int32_t step = 0; step < steps; ++step) {
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
  return weights;
}

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
  const Word* weights = product.weights;
  const Channel* channel = product.channels;
  const std::int8_t* const end = output + out_c;
  for (;;) {
    TileSums s;
    weights = tile_sums(weights, tile, product.steps, s);
    const Channel a = channel[0];
    std::int8_t* const second = output + out_c;
    std::int8_t* const third = second + out_c;
    std::int8_t* const fourth = third + out_c;
    output[0] = R::low(s.low0, a);
    second[0] = R::low(s.low1, a);
    third[0] = R::low(s.low2, a);
    fourth[0] = R::low(s.low3, a);
    if (++output == end) return;  // an odd number of channels: the last pair's second one is all zeros
    const Channel b = channel[1];
    output[0] = R::high(difference(s.raw0, s.low0), b);
    second[1] = R::high(difference(s.raw1, s.low1), b);
    third[1] = R::high(difference(s.raw2, s.low2), b);
    fourth[1] = R::high(difference(s.raw3, s.low3), b);
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
