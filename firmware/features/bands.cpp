#include "tinygen/features/bands.h"

namespace tinygen::features {

std::int32_t rounded_mean(const std::int16_t* samples, std::uint32_t bits) {
  std::int32_t sum = 0;  // at most 2^12 samples of 16 bits
  for (std::uint32_t i = 0; i < (UINT32_C(1) << bits); ++i) {
    sum += samples[i];
  }
  return (sum + (1 << bits >> 1)) >> bits;
}

std::uint64_t band_energy(const Complex* spectrum, std::uint32_t first, std::uint32_t end, std::int32_t shift) {
  std::uint64_t sum = 0;
  for (std::uint32_t bin = first; bin < end; ++bin) {
    sum += energy(spectrum[bin]);
  }
  const std::uint64_t band = (sum >> 32) != 0 ? UINT64_C(0xFFFFFFFF) : sum;
  const std::int32_t bits = 20 - 2 * shift;
  return bits >= 0 ? band << bits : band >> -bits;
}

}  // namespace tinygen::features
