// What windows have in common: which of their taps meet the input, and how far inner loops are unrolled.
#pragma once
#include <cstdint>

// Where code may grow; -Os keeps the loops as they are written.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__OPTIMIZE_SIZE__) && !defined(__XTENSA__)
#define TINYGEN_UNROLL_4 _Pragma("GCC unroll 4")
#else
#define TINYGEN_UNROLL_4
#endif

namespace tinygen::kernels {

// Taps [first, end) of a window along one axis.
struct Taps {
  std::int32_t first;
  std::int32_t end;
};

// The taps that lie inside 0..kSize-1 when tap 0 lies at `start`; first == end where none does.
template <std::int32_t kTaps, std::int32_t kDilation, std::int32_t kSize>
inline Taps taps_inside(std::int32_t start) {
  std::int32_t first = start < 0 ? (kDilation - 1 - start) / kDilation : 0;
  std::int32_t end = start < kSize ? (kSize - 1 - start) / kDilation + 1 : 0;
  if (end > kTaps) end = kTaps;
  if (first > end) first = end;
  return {first, end};
}

}  // namespace tinygen::kernels
