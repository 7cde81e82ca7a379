#include "tinygen/features/moments.h"

#include "tinygen/features/integers.h"

namespace tinygen::features {
namespace {

// From 2^64 on what lies below 2^32 is dropped.
std::int32_t log2_of_halves(std::uint64_t low, std::uint64_t high, const std::uint16_t* table) {
  high += low >> 32;
  if ((high >> 32) != 0) {
    return log2_q16(high, table) + (32 << 16);
  }
  const std::uint64_t joined = (high << 32) | (low & UINT64_C(0xFFFFFFFF));
  return log2_q16(joined != 0 ? joined : 1, table);
}

std::int32_t in_256ths(std::int32_t octaves_q16) {
  return ((octaves_q16 > 0 ? octaves_q16 : 0) + (1 << 7)) >> 8;
}

}  // namespace

void Moments::add(const std::int16_t* samples, std::uint32_t count, std::int32_t mean) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::int32_t difference = samples[i] - mean;
    const std::int32_t x = difference < -32768 ? -32768 : difference > 32767 ? 32767 : difference;
    const auto square = static_cast<std::uint32_t>(x * x);
    const std::uint64_t fourth = static_cast<std::uint64_t>(square) * square;
    squares += square;
    fourth_low += static_cast<std::uint32_t>(fourth);
    fourth_high += static_cast<std::uint32_t>(fourth >> 32);
    peak = square > peak ? square : peak;
  }
}

MomentLevels levels_of(const Moments& moments, std::uint32_t samples, std::int32_t log_samples, std::int32_t log_quiet,
                       const std::uint16_t* table) {
  const std::int32_t energy = log2_q16((moments.squares << 10) + samples, table) - log_quiet;
  MomentLevels levels{(energy + (1 << 9)) >> 10, 0, 0};
  if (moments.squares != 0) {
    const std::int32_t level = log2_q16(moments.squares, table);
    levels.crest = in_256ths(log2_q16(moments.peak, table) + log_samples - level);
    levels.kurtosis =
        in_256ths(log2_of_halves(moments.fourth_low, moments.fourth_high, table) + log_samples - 2 * level);
  }
  return levels;
}

}  // namespace tinygen::features
