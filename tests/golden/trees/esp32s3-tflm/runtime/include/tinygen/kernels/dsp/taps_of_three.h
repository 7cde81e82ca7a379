// Three taps of a row for up to four neighbouring output pixels of one channel: where a depthwise 3x3 spends its time.
// In assembler on Cortex-M with DSP, because GCC would load further ahead than it has registers for.
#pragma once
#include <cstdint>

#include "tinygen/kernels/dsp/simd.h"

namespace tinygen::kernels::dsp {

// Sums of neighbouring pixels.
struct Sums {
  std::int32_t y0, y1, y2, y3;
};

// Adds three taps, given as (w0, w1) and (w1, w2), of the row that starts kWords words after `x`. For the first row all
// sums start as y0.
template <std::int32_t kPixels, std::int32_t kStride, bool kFirst, std::int32_t kWords>
[[gnu::always_inline]] inline void taps_of_three(const Word* x, std::uint32_t w01, std::uint32_t w12, Sums& s) {
  static_assert((kPixels == 4 || kPixels == 2 || kPixels == 1) && (kStride == 1 || kStride == 2), "rows there are");
#if TINYGEN_DSP
  static_assert(4 * kWords + 12 <= 1020, "a row is within reach of a load's offset");
  std::uint32_t p;
  std::uint32_t q;
  constexpr std::int32_t kAt = 4 * kWords;
  if constexpr (kPixels == 4 && kStride == 1) {
    if constexpr (kFirst) {
      __asm__ volatile(
          "ldrd %[p], %[q], [%[x], %[at]]\n\t"
          "smlatb %[y1], %[p], %[a], %[y0]\n\t"
          "smlad %[y2], %[q], %[a], %[y0]\n\t"
          "smlatb %[y3], %[q], %[a], %[y0]\n\t"
          "smlad %[y0], %[p], %[a], %[y0]\n\t"
          "ldr %[p], [%[x], %[at2]]\n\t"
          "smlabt %[y0], %[q], %[b], %[y0]\n\t"
          "smlad %[y1], %[q], %[b], %[y1]\n\t"
          "smlabt %[y2], %[p], %[b], %[y2]\n\t"
          "smlad %[y3], %[p], %[b], %[y3]"
          : [y0] "+&r"(s.y0), [y1] "=&r"(s.y1), [y2] "=&r"(s.y2), [y3] "=&r"(s.y3), [p] "=&r"(p), [q] "=&r"(q)
          : [x] "r"(x), [a] "r"(w01), [b] "r"(w12), [at] "i"(kAt), [at2] "i"(kAt + 8)
          : "memory");
    } else {
      __asm__ volatile(
          "ldrd %[p], %[q], [%[x], %[at]]\n\t"
          "smlad %[y0], %[p], %[a], %[y0]\n\t"
          "smlatb %[y1], %[p], %[a], %[y1]\n\t"
          "smlad %[y2], %[q], %[a], %[y2]\n\t"
          "smlatb %[y3], %[q], %[a], %[y3]\n\t"
          "ldr %[p], [%[x], %[at2]]\n\t"
          "smlabt %[y0], %[q], %[b], %[y0]\n\t"
          "smlad %[y1], %[q], %[b], %[y1]\n\t"
          "smlabt %[y2], %[p], %[b], %[y2]\n\t"
          "smlad %[y3], %[p], %[b], %[y3]"
          : [y0] "+&r"(s.y0), [y1] "+&r"(s.y1), [y2] "+&r"(s.y2), [y3] "+&r"(s.y3), [p] "=&r"(p), [q] "=&r"(q)
          : [x] "r"(x), [a] "r"(w01), [b] "r"(w12), [at] "i"(kAt), [at2] "i"(kAt + 8)
          : "memory");
    }
  } else if constexpr (kPixels == 4) {
    if constexpr (kFirst) {
      __asm__ volatile(
          "ldrd %[p], %[q], [%[x], %[at]]\n\t"
          "mov %[y3], %[y0]\n\t"
          "smlad %[y1], %[q], %[a], %[y0]\n\t"
          "smlad %[y0], %[p], %[a], %[y0]\n\t"
          "smlabt %[y0], %[q], %[b], %[y0]\n\t"
          "ldrd %[p], %[q], [%[x], %[at2]]\n\t"
          "smlabt %[y1], %[p], %[b], %[y1]\n\t"
          "smlad %[y2], %[p], %[a], %[y3]\n\t"
          "smlabt %[y2], %[q], %[b], %[y2]\n\t"
          "ldr %[p], [%[x], %[at4]]\n\t"
          "smlad %[y3], %[q], %[a], %[y3]\n\t"
          "smlabt %[y3], %[p], %[b], %[y3]"
          : [y0] "+&r"(s.y0), [y1] "=&r"(s.y1), [y2] "=&r"(s.y2), [y3] "=&r"(s.y3), [p] "=&r"(p), [q] "=&r"(q)
          : [x] "r"(x), [a] "r"(w01), [b] "r"(w12), [at] "i"(kAt), [at2] "i"(kAt + 8), [at4] "i"(kAt + 16)
          : "memory");
    } else {
      __asm__ volatile(
          "ldrd %[p], %[q], [%[x], %[at]]\n\t"
          "smlad %[y0], %[p], %[a], %[y0]\n\t"
          "smlabt %[y0], %[q], %[b], %[y0]\n\t"
          "smlad %[y1], %[q], %[a], %[y1]\n\t"
          "ldrd %[p], %[q], [%[x], %[at2]]\n\t"
          "smlabt %[y1], %[p], %[b], %[y1]\n\t"
          "smlad %[y2], %[p], %[a], %[y2]\n\t"
          "smlabt %[y2], %[q], %[b], %[y2]\n\t"
          "ldr %[p], [%[x], %[at4]]\n\t"
          "smlad %[y3], %[q], %[a], %[y3]\n\t"
          "smlabt %[y3], %[p], %[b], %[y3]"
          : [y0] "+&r"(s.y0), [y1] "+&r"(s.y1), [y2] "+&r"(s.y2), [y3] "+&r"(s.y3), [p] "=&r"(p), [q] "=&r"(q)
          : [x] "r"(x), [a] "r"(w01), [b] "r"(w12), [at] "i"(kAt), [at2] "i"(kAt + 8), [at4] "i"(kAt + 16)
          : "memory");
    }
  } else if constexpr (kPixels == 2 && kStride == 1) {
    if constexpr (kFirst) {
      __asm__ volatile(
          "ldrd %[p], %[q], [%[x], %[at]]\n\t"
          "smlatb %[y1], %[p], %[a], %[y0]\n\t"
          "smlad %[y0], %[p], %[a], %[y0]\n\t"
          "smlabt %[y0], %[q], %[b], %[y0]\n\t"
          "smlad %[y1], %[q], %[b], %[y1]"
          : [y0] "+&r"(s.y0), [y1] "=&r"(s.y1), [p] "=&r"(p), [q] "=&r"(q)
          : [x] "r"(x), [a] "r"(w01), [b] "r"(w12), [at] "i"(kAt)
          : "memory");
    } else {
      __asm__ volatile(
          "ldrd %[p], %[q], [%[x], %[at]]\n\t"
          "smlad %[y0], %[p], %[a], %[y0]\n\t"
          "smlatb %[y1], %[p], %[a], %[y1]\n\t"
          "smlabt %[y0], %[q], %[b], %[y0]\n\t"
          "smlad %[y1], %[q], %[b], %[y1]"
          : [y0] "+&r"(s.y0), [y1] "+&r"(s.y1), [p] "=&r"(p), [q] "=&r"(q)
          : [x] "r"(x), [a] "r"(w01), [b] "r"(w12), [at] "i"(kAt)
          : "memory");
    }
  } else if constexpr (kPixels == 2) {
    if constexpr (kFirst) s.y1 = s.y0;
    __asm__ volatile(
        "ldrd %[p], %[q], [%[x], %[at]]\n\t"
        "smlad %[y0], %[p], %[a], %[y0]\n\t"
        "ldr %[p], [%[x], %[at2]]\n\t"
        "smlabt %[y0], %[q], %[b], %[y0]\n\t"
        "smlad %[y1], %[q], %[a], %[y1]\n\t"
        "smlabt %[y1], %[p], %[b], %[y1]"
        : [y0] "+&r"(s.y0), [y1] "+&r"(s.y1), [p] "=&r"(p), [q] "=&r"(q)
        : [x] "r"(x), [a] "r"(w01), [b] "r"(w12), [at] "i"(kAt), [at2] "i"(kAt + 8)
        : "memory");
  } else {
    __asm__ volatile(
        "ldrd %[p], %[q], [%[x], %[at]]\n\t"
        "smlad %[y0], %[p], %[a], %[y0]\n\t"
        "smlabt %[y0], %[q], %[b], %[y0]"
        : [y0] "+&r"(s.y0), [p] "=&r"(p), [q] "=&r"(q)
        : [x] "r"(x), [a] "r"(w01), [b] "r"(w12), [at] "i"(kAt)
        : "memory");
  }
#else
  if constexpr (kFirst) s.y1 = s.y2 = s.y3 = s.y0;
  std::int32_t* const sums[4] = {&s.y0, &s.y1, &s.y2, &s.y3};
  for (std::int32_t i = 0; i < kPixels; ++i) {
    const std::int32_t first = i * kStride;
    const auto at = [x](std::int32_t column) {
      const std::uint32_t word = x[kWords + column / 2];
      return column % 2 == 0 ? portable::low(word) : portable::high(word);
    };
    *sums[i] = smlad(lanes(at(first), at(first + 1)), w01, *sums[i]);
    *sums[i] = smlabt(lanes(at(first + 2), 0), w12, *sums[i]);
  }
#endif
}

}  // namespace tinygen::kernels::dsp
