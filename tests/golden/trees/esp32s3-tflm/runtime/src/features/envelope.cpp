#include "tinygen/features/envelope.h"

namespace tinygen::features {

std::uint32_t band_height(const std::int16_t* samples, const std::int16_t* taps, std::uint32_t count) {
  std::int32_t sum = 1 << 13;  // the generator makes sure that it fits
  for (std::uint32_t i = 0; i < count; ++i) {
    sum += taps[i] * samples[i];
  }
  const std::int32_t value = sum >> 14;
  const auto height = static_cast<std::uint32_t>(value < 0 ? -value : value);
  return height < 32767 ? height : 32767;
}

}  // namespace tinygen::features
