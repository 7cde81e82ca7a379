// Energy, crest factor and kurtosis of one snapshot. The arithmetic is told in its NumPy twin,
// src/tinygen/features/moments.py.
#pragma once
#include <cstdint>

#include "tinygen/features/quantize.h"

namespace tinygen::features {

// Exact sums over mean-free samples. x^4 is kept as two sums of its halves.
struct Moments {
  std::uint64_t squares;
  std::uint64_t fourth_low;
  std::uint64_t fourth_high;
  std::uint32_t peak;  // the largest square

  void add(const std::int16_t* samples, std::uint32_t count, std::int32_t mean);
};

// Logarithms of what a snapshot's moments say: `log_samples` and `log_quiet` are log2_q16 of n and of n * 2^10.
struct MomentLevels {
  std::int32_t energy;
  std::int32_t crest;
  std::int32_t kurtosis;
};
MomentLevels levels_of(const Moments& moments, std::uint32_t samples, std::int32_t log_samples, std::int32_t log_quiet,
                       const std::uint16_t* table);

// Those of all channels; nothing of it is left in a front end without statistics.
template <class Config, bool kOn = Config::kStatistics>
class SnapshotMoments {
 protected:
  void forget() {
    for (Moments& channel : moments_) {
      channel = {};
    }
  }

  void add(std::uint32_t channel, const std::int16_t* window, std::int32_t mean) {
    moments_[channel].add(window, Config::kWindowSamples, mean);
  }

  std::int8_t* put(std::uint32_t channel, std::int8_t* row) const {
    const MomentLevels levels =
        levels_of(moments_[channel], Config::kMomentSamples, Config::kLogSamples, Config::kLogQuiet, Config::kLog);
    *row++ = quantize(Config::kQuantization, levels.energy);
    *row++ = quantize(Config::kQuantization, levels.crest);
    *row++ = quantize(Config::kQuantization, levels.kurtosis);
    return row;
  }

 private:
  Moments moments_[Config::kChannels];
};

template <class Config>
class SnapshotMoments<Config, false> {
 protected:
  void forget() {}
  std::int8_t* put(std::uint32_t, std::int8_t* row) const { return row; }
};

}  // namespace tinygen::features
