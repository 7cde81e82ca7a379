// Noise reduction and PCAN gain of one mel channel. The NumPy twin is src/tinygen/features/gain.py.
#pragma once
#include <cstdint>

namespace tinygen::features {

struct NoiseReduction {
  std::uint16_t even_smoothing_q14;
  std::uint16_t odd_smoothing_q14;
  std::uint16_t min_signal_q14;
  std::uint16_t smoothing_bits;
};

struct Pcan {
  const std::int16_t* gain;  // [125]
  std::uint8_t snr_shift;
};

// Updates the channel's noise estimate (scaled by 2^smoothing_bits) and returns the signal without it.
std::uint32_t reduce_noise(const NoiseReduction& noise, std::uint32_t channel, std::uint32_t signal,
                           std::uint32_t& estimate);

// Divides by a power of the noise estimate and compresses.
std::uint32_t normalise(const Pcan& pcan, std::uint32_t signal, std::uint32_t estimate);

}  // namespace tinygen::features
