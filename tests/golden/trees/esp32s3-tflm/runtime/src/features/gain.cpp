#include "tinygen/features/gain.h"

#include "tinygen/features/integers.h"

namespace tinygen::features {
namespace {

constexpr std::uint32_t kNoiseBits = 14;
constexpr std::uint32_t kSnrBits = 12;
constexpr std::uint32_t kOutputBits = 6;

// The gain curve: quadratic pieces, one per power of two.
std::int16_t gain_at(const std::int16_t* table, std::uint32_t x) {
  if (x <= 2) {
    return table[x];
  }
  const std::int32_t interval = bit_length(x);
  const std::int16_t* const piece = table + (4 * interval - 6);
  const auto fraction =
      static_cast<std::int32_t>((interval < 11 ? x << (11 - interval) : x >> (interval - 11)) & 0x3FFu);
  const std::int32_t slope = ((piece[2] * fraction) >> 5) + piece[1] * 32;
  return static_cast<std::int16_t>(((slope * fraction + (1 << 14)) >> 15) + piece[0]);
}

}  // namespace

std::uint32_t reduce_noise(const NoiseReduction& noise, std::uint32_t channel, std::uint32_t signal,
                           std::uint32_t& estimate) {
  const std::uint32_t smoothing = (channel & 1) == 0 ? noise.even_smoothing_q14 : noise.odd_smoothing_q14;
  const std::uint32_t scaled = signal << noise.smoothing_bits;
  const std::uint64_t mixed =
      wide_product(scaled, smoothing) + wide_product(estimate, (UINT32_C(1) << kNoiseBits) - smoothing);
  estimate = static_cast<std::uint32_t>(mixed >> kNoiseBits);
  const auto least = static_cast<std::uint32_t>(wide_product(signal, noise.min_signal_q14) >> kNoiseBits);
  const std::uint32_t left = estimate > scaled ? 0 : (scaled - estimate) >> noise.smoothing_bits;
  return left > least ? left : least;
}

std::uint32_t normalise(const Pcan& pcan, std::uint32_t signal, std::uint32_t estimate) {
  const auto gain = static_cast<std::uint32_t>(static_cast<std::int32_t>(gain_at(pcan.gain, estimate)));
  const auto snr = static_cast<std::uint32_t>((static_cast<std::uint64_t>(signal) * gain) >> pcan.snr_shift);
  if (snr < (UINT32_C(2) << kSnrBits)) {
    return (snr * snr) >> (2 + 2 * kSnrBits - kOutputBits);
  }
  return (snr >> (kSnrBits - kOutputBits)) - (UINT32_C(1) << kOutputBits);
}

}  // namespace tinygen::features
