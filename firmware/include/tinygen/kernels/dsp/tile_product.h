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

// What all tiles of a layer have in common.
struct Product {
  const Word* weights;  // [channel pairs][steps]
  const Channel* channels;
  std::int32_t steps;
  std::int32_t out_c;
};

// The outputs of four pixels, all channels, two at a time. R: Fast or General.
template <typename R, bool kInRegisters>
struct TileProduct {
  static void run(const Product& product, const Word* tile, std::int8_t* output) {
    const std::int32_t out_c = product.out_c;
    const Word* weights = product.weights;
    const Channel* channel = product.channels;
    const std::int8_t* const end = output + out_c;
    for (;;) {
      std::int32_t low[kTilePixels] = {};
      std::int32_t raw[kTilePixels] = {};
      const Word* x = tile;
      for (std::int32_t step = 0; step < product.steps; ++step) {
        const std::uint32_t w = *weights++;
        const std::uint32_t a = sxtb16(w);
        for (std::int32_t pixel = 0; pixel < kTilePixels; ++pixel) {
          raw[pixel] = smlad(w, *x, raw[pixel]);
          low[pixel] = smlad(a, *x++, low[pixel]);
        }
      }
      for (std::int32_t pixel = 0; pixel < kTilePixels; ++pixel) {
        output[pixel * out_c] = R::low(low[pixel], channel[0]);
      }
      if (++output == end) return;  // an odd number of channels: the last pair's second one is all zeros
      for (std::int32_t pixel = 0; pixel < kTilePixels; ++pixel) {
        output[pixel * out_c] = R::high(difference(raw[pixel], low[pixel]), channel[1]);
      }
      if (++output == end) return;
      channel += 2;
    }
  }
};

#if TINYGEN_DSP && defined(__OPTIMIZE__) && !defined(__clang__)
#define TINYGEN_TILE_ASM 1

// All 14 registers, the frame pointer's too: an unoptimised build takes the loop above. r0 tile, r1 weights, r2..r5 the
// low channel's sums, r6..r9 both channels', r10 and r11 weights, r12 and lr pixels. kTileStepBytes of code.
#if defined(TINYGEN_DUAL_ISSUE)
// Cortex-M7 issues a load beside a multiplication: the second half's pixels come while the first half is multiplied,
// and no result is wanted by the next instruction. One instruction more; what it saves no simulator here shows.
inline constexpr std::int32_t kTileStepBytes = 52;
#define TINYGEN_TILE_STEP      \
  "ldr r10, [r1], #4\n\t"      \
  "ldrd r12, lr, [r0], #8\n\t" \
  "sxtb16 r11, r10\n\t"        \
  "smlad r6, r10, r12, r6\n\t" \
  "smlad r2, r11, r12, r2\n\t" \
  "ldr r12, [r0], #4\n\t"      \
  "smlad r7, r10, lr, r7\n\t"  \
  "smlad r3, r11, lr, r3\n\t"  \
  "ldr lr, [r0], #4\n\t"       \
  "smlad r8, r10, r12, r8\n\t" \
  "smlad r4, r11, r12, r4\n\t" \
  "smlad r9, r10, lr, r9\n\t"  \
  "smlad r5, r11, lr, r5\n\t"
#else
inline constexpr std::int32_t kTileStepBytes = 48;
#define TINYGEN_TILE_STEP      \
  "ldr r10, [r1], #4\n\t"      \
  "ldrd r12, lr, [r0], #8\n\t" \
  "sxtb16 r11, r10\n\t"        \
  "smlad r6, r10, r12, r6\n\t" \
  "smlad r7, r10, lr, r7\n\t"  \
  "smlad r2, r11, r12, r2\n\t" \
  "smlad r3, r11, lr, r3\n\t"  \
  "ldrd r12, lr, [r0], #8\n\t" \
  "smlad r8, r10, r12, r8\n\t" \
  "smlad r9, r10, lr, r9\n\t"  \
  "smlad r4, r11, r12, r4\n\t" \
  "smlad r5, r11, lr, r5\n\t"
#endif

// One channel of four pixels from sums to bytes; r10 walks over the channels. Ends with the flags of output == end.
#define TINYGEN_TILE_FINISH(s0, s1, s2, s3, twice) \
  "ldmia r10!, {r0, r11, r12, lr}\n\t"             \
  "add " s0 ", r0, " s0 ", " twice                 \
  "\n\t"                                           \
  "add " s1 ", r0, " s1 ", " twice                 \
  "\n\t"                                           \
  "add " s2 ", r0, " s2 ", " twice                 \
  "\n\t"                                           \
  "add " s3 ", r0, " s3 ", " twice                 \
  "\n\t"                                           \
  ".if %c[rectified]\n\t"                          \
  "smmlar " s0 ", " s0                             \
  ", r11, r12\n\t"                                 \
  "smmlar " s1 ", " s1                             \
  ", r11, r12\n\t"                                 \
  "smmlar " s2 ", " s2                             \
  ", r11, r12\n\t"                                 \
  "smmlar " s3 ", " s3                             \
  ", r11, r12\n\t"                                 \
  ".else\n\t"                                      \
  "add r0, r12, " s0                               \
  ", asr #31\n\t"                                  \
  "smmlar " s0 ", " s0                             \
  ", r11, r0\n\t"                                  \
  "add r0, r12, " s1                               \
  ", asr #31\n\t"                                  \
  "smmlar " s1 ", " s1                             \
  ", r11, r0\n\t"                                  \
  "add r0, r12, " s2                               \
  ", asr #31\n\t"                                  \
  "smmlar " s2 ", " s2                             \
  ", r11, r0\n\t"                                  \
  "add r0, r12, " s3                               \
  ", asr #31\n\t"                                  \
  "smmlar " s3 ", " s3                             \
  ", r11, r0\n\t"                                  \
  ".endif\n\t"                                     \
  "asr " s0 ", " s0                                \
  ", lr\n\t"                                       \
  "asr " s1 ", " s1                                \
  ", lr\n\t"                                       \
  "asr " s2 ", " s2                                \
  ", lr\n\t"                                       \
  "asr " s3 ", " s3                                \
  ", lr\n\t"                                       \
  ".if %c[clamped]\n\t"                            \
  "mov r0, %[least]\n\t"                           \
  "mov r12, %[most]\n\t"                           \
  "cmp " s0                                        \
  ", r0\n\t"                                       \
  "it lt\n\t"                                      \
  "movlt " s0                                      \
  ", r0\n\t"                                       \
  "cmp " s0                                        \
  ", r12\n\t"                                      \
  "it gt\n\t"                                      \
  "movgt " s0                                      \
  ", r12\n\t"                                      \
  "cmp " s1                                        \
  ", r0\n\t"                                       \
  "it lt\n\t"                                      \
  "movlt " s1                                      \
  ", r0\n\t"                                       \
  "cmp " s1                                        \
  ", r12\n\t"                                      \
  "it gt\n\t"                                      \
  "movgt " s1                                      \
  ", r12\n\t"                                      \
  "cmp " s2                                        \
  ", r0\n\t"                                       \
  "it lt\n\t"                                      \
  "movlt " s2                                      \
  ", r0\n\t"                                       \
  "cmp " s2                                        \
  ", r12\n\t"                                      \
  "it gt\n\t"                                      \
  "movgt " s2                                      \
  ", r12\n\t"                                      \
  "cmp " s3                                        \
  ", r0\n\t"                                       \
  "it lt\n\t"                                      \
  "movlt " s3                                      \
  ", r0\n\t"                                       \
  "cmp " s3                                        \
  ", r12\n\t"                                      \
  "it gt\n\t"                                      \
  "movgt " s3                                      \
  ", r12\n\t"                                      \
  ".else\n\t"                                      \
  "ssat " s0 ", #8, " s0                           \
  "\n\t"                                           \
  "ssat " s1 ", #8, " s1                           \
  "\n\t"                                           \
  "ssat " s2 ", #8, " s2                           \
  "\n\t"                                           \
  "ssat " s3 ", #8, " s3                           \
  "\n\t"                                           \
  ".endif\n\t"                                     \
  "ldr r0, %[out_c]\n\t"                           \
  "ldr r11, %[output]\n\t"                         \
  "strb " s0                                       \
  ", [r11]\n\t"                                    \
  "strb " s1                                       \
  ", [r11, r0]\n\t"                                \
  "strb " s2                                       \
  ", [r11, r0, lsl #1]\n\t"                        \
  "add r0, r0, r0, lsl #1\n\t"                     \
  "strb " s3                                       \
  ", [r11, r0]\n\t"                                \
  "add r11, r11, #1\n\t"                           \
  "ldr r12, %[end]\n\t"                            \
  "str r11, %[output]\n\t"                         \
  "cmp r11, r12\n\t"

inline constexpr std::int32_t kZeros[8] = {};

template <typename R>
struct TileProduct<R, true> {
  // A build with -fno-omit-frame-pointer would not give up r7.
  [[gnu::optimize("omit-frame-pointer")]] static void run(const Product& product, const Word* first,
                                                          std::int8_t* first_output) {
    // In memory, because the registers are taken.
    const Word* const tile = first;
    const Channel* channel = product.channels;
    std::int8_t* output = first_output;
    std::int8_t* const end = output + product.out_c;
    const std::int32_t out_c = product.out_c;
    const Word* const weights = product.weights;
    const Word* weights_end = weights + product.steps;
    const std::int32_t weights_bytes = product.steps * 4;
    // The first of the rounds of eight steps begins in their midst.
    const std::int32_t skip = ((-product.steps) & 7) * kTileStepBytes;
    const std::int32_t* const zeros = kZeros;
    __asm__ volatile(
        "ldr r1, %[weights]\n"
        "2:\n\t"
        "ldr r12, %[zeros]\n\t"
        "ldmia r12, {r2, r3, r4, r5, r6, r7, r8, r9}\n\t"
        "ldr r0, %[tile]\n\t"
        "ldr r12, %[skip]\n\t"
        "add pc, r12\n\t"
        "nop\n"
        "1:\n\t" TINYGEN_TILE_STEP TINYGEN_TILE_STEP TINYGEN_TILE_STEP TINYGEN_TILE_STEP TINYGEN_TILE_STEP
            TINYGEN_TILE_STEP TINYGEN_TILE_STEP TINYGEN_TILE_STEP
        "ldr r12, %[weights_end]\n\t"
        "cmp r1, r12\n\t"
        "bne 1b\n\t"
        "ldr r0, %[weights_bytes]\n\t"
        "add r12, r12, r0\n\t"
        "str r12, %[weights_end]\n\t"
        "sub r6, r6, r2\n\t"
        "sub r7, r7, r3\n\t"
        "sub r8, r8, r4\n\t"
        "sub r9, r9, r5\n\t"
        "ldr r10, %[channel]\n\t"
        TINYGEN_TILE_FINISH("r2", "r3", "r4", "r5", "lsl #1")
        "beq 3f\n\t"
        TINYGEN_TILE_FINISH("r6", "r7", "r8", "r9", "asr #7")
        "str r10, %[channel]\n\t"
        "bne 2b\n"
        "3:\n\t"
        : [channel] "+m"(channel), [output] "+m"(output), [weights_end] "+m"(weights_end)
        : [tile] "m"(tile), [end] "m"(end), [out_c] "m"(out_c), [weights] "m"(weights),
          [weights_bytes] "m"(weights_bytes), [skip] "m"(skip), [zeros] "m"(zeros), [rectified] "i"(R::kRectified),
          [clamped] "i"(R::kClamped), [least] "i"(R::kLeast), [most] "i"(R::kMost)
        : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
  }
};
#undef TINYGEN_TILE_STEP
#undef TINYGEN_TILE_FINISH
#else
#define TINYGEN_TILE_ASM 0
#endif

template <typename R>
[[gnu::noinline]] void tile_product(const Product& product, const Word* tile, std::int8_t* output) {
  TileProduct<R, TINYGEN_TILE_ASM && R::kFast>::run(product, tile, output);
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
