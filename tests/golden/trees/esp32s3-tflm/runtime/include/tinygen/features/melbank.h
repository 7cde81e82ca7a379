// Mel filter bank, segment by segment. The NumPy twin is src/tinygen/features/melbank.py.
#pragma once
#include <cstdint>

#include "tinygen/features/fft.h"

namespace tinygen::features {

struct SegmentSums {
  std::uint64_t weighted;    // for the channel this segment ends
  std::uint64_t unweighted;  // for the channel it begins
};

// Sums of `width` bins' energies times their two weights.
SegmentSums sum_segment(const Complex* bins, const std::int16_t* weights, const std::int16_t* unweights,
                        std::uint32_t width);

}  // namespace tinygen::features
