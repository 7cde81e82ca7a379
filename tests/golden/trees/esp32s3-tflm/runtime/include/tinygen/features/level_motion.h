// Motion samples, averaged in groups, freed of gravity and turned upright, as a stream. The arithmetic is told in its
// NumPy twins, src/tinygen/features/window.py and gravity.py.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/features/gravity.h"
#include "tinygen/features/quantize.h"
#include "tinygen/features/scaled_window.h"
#include "tinygen/features_api.h"

namespace tinygen::features {

// `Config` is generated: sizes as constants. An object in zeroed memory is ready for use.
template <class Config>
class LevelMotion {
 public:
  void reset() {
    means_.reset();
    gravity_.reset();
  }

  template <class Probe>
  Taken take(const std::int16_t* samples, std::size_t instants, std::int8_t* row, Probe& probe) {
    for (std::size_t taken = 0; taken < instants; ++taken, samples += Config::kChannels) {
      if (means_.add(samples)) {
        probe.mark(kWindowGather);
        make_row(row);
        probe.mark(kWindowQuantize);
        return {taken + 1, true};
      }
    }
    probe.mark(kWindowGather);
    return {instants, false};
  }

 private:
  void make_row(std::int8_t* row) {
    std::int32_t values[Config::kChannels];
    for (std::uint32_t channel = 0; channel < Config::kChannels; ++channel) {
      values[channel] = means_.mean(channel);
    }
    means_.reset();
    gravity_.remove(values, Config::kGravityShift);
    if constexpr (Config::kLevel) {
      for (std::uint32_t at = 0; at < Config::kChannels; at += 3) {
        gravity_.turn(values + at);
      }
    }
    for (std::uint32_t channel = 0; channel < Config::kChannels; ++channel) {
      row[channel] = quantize(Config::kQuantization, values[channel]);
    }
  }

  GroupMeans<Config> means_;
  Gravity gravity_;
};

}  // namespace tinygen::features
