// Four int32 lanes of Helium (MVE), and a portable twin that gives the same bytes. `lanes` is how many count, 1..4.
#pragma once
#include <cstdint>

#include "tinygen/kernels/requantize.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#define TINYGEN_MVE 1
#else
#define TINYGEN_MVE 0
#endif

namespace tinygen::kernels {

// Four sums of kLength products each: one input row with four rows of weights that lie `kLength` apart.
template <std::int32_t kLength>
inline void mve_dot4(const std::int8_t* x, const std::int8_t* w, std::int32_t (&acc)[4]) {
#if TINYGEN_MVE
  constexpr std::int32_t kWhole = kLength - kLength % 16;
  std::int32_t acc0 = acc[0];
  std::int32_t acc1 = acc[1];
  std::int32_t acc2 = acc[2];
  std::int32_t acc3 = acc[3];
  for (std::int32_t i = 0; i < kWhole; i += 16) {
    const int8x16_t v = vldrbq_s8(x + i);
    acc0 = vmladavaq_s8(acc0, v, vldrbq_s8(w + i));
    acc1 = vmladavaq_s8(acc1, v, vldrbq_s8(w + kLength + i));
    acc2 = vmladavaq_s8(acc2, v, vldrbq_s8(w + 2 * kLength + i));
    acc3 = vmladavaq_s8(acc3, v, vldrbq_s8(w + 3 * kLength + i));
  }
  if (kWhole < kLength) {
    const mve_pred16_t tail = vctp8q(static_cast<std::uint32_t>(kLength - kWhole));
    const int8x16_t v = vldrbq_z_s8(x + kWhole, tail);
    acc0 = vmladavaq_s8(acc0, v, vldrbq_z_s8(w + kWhole, tail));
    acc1 = vmladavaq_s8(acc1, v, vldrbq_z_s8(w + kLength + kWhole, tail));
    acc2 = vmladavaq_s8(acc2, v, vldrbq_z_s8(w + 2 * kLength + kWhole, tail));
    acc3 = vmladavaq_s8(acc3, v, vldrbq_z_s8(w + 3 * kLength + kWhole, tail));
  }
  acc[0] = acc0;
  acc[1] = acc1;
  acc[2] = acc2;
  acc[3] = acc3;
#else
  for (std::int32_t i = 0; i < kLength; ++i) {
    for (std::int32_t lane = 0; lane < 4; ++lane) acc[lane] += x[i] * w[lane * kLength + i];
  }
#endif
}

// One sum of kLength products.
template <std::int32_t kLength>
inline std::int32_t mve_dot(const std::int8_t* x, const std::int8_t* w, std::int32_t acc) {
#if TINYGEN_MVE
  constexpr std::int32_t kWhole = kLength - kLength % 16;
  for (std::int32_t i = 0; i < kWhole; i += 16) acc = vmladavaq_s8(acc, vldrbq_s8(x + i), vldrbq_s8(w + i));
  if (kWhole < kLength) {
    const mve_pred16_t tail = vctp8q(static_cast<std::uint32_t>(kLength - kWhole));
    acc = vmladavaq_s8(acc, vldrbq_z_s8(x + kWhole, tail), vldrbq_z_s8(w + kWhole, tail));
  }
#else
  for (std::int32_t i = 0; i < kLength; ++i) acc += x[i] * w[i];
#endif
  return acc;
}

#if TINYGEN_MVE
// Both roundings of `requantize`, for four channels at once; writes the first `lanes` bytes.
template <typename P>
inline void mve_requantize(int32x4_t acc, const std::int32_t* multiplier, const std::int8_t* shift, std::int8_t* out,
                           mve_pred16_t lanes) {
  const int32x4_t by = vldrbq_z_s32(shift, lanes);
  const int32x4_t none = vdupq_n_s32(0);
  const int32x4_t left = vmaxq_s32(by, none);
  const int32x4_t right = vminq_s32(by, none);
  int32x4_t y = vqrdmulhq_s32(vshlq_s32(acc, left), vldrwq_z_s32(multiplier, lanes));
  // The shift rounds half up; one less for negative numbers makes that half away from zero.
  y = vaddq_s32(y, vshrq_n_s32(vandq_s32(y, right), 31));
  y = vrshlq_s32(y, right);
  y = vaddq_n_s32(y, P::output_zero_point);
  y = vminq_s32(vmaxq_s32(y, vdupq_n_s32(P::act_min)), vdupq_n_s32(P::act_max));
  vstrbq_p_s32(out, y, lanes);
}
#endif

}  // namespace tinygen::kernels
