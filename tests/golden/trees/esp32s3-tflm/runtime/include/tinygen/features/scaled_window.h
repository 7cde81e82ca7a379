// Motion samples, averaged in groups, as a stream. The NumPy twin is src/tinygen/features/window.py.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/features/quantize.h"
#include "tinygen/features_api.h"

namespace tinygen::features {

// What a probe tells apart; src/tinygen/features/stages.py has the names.
enum WindowStage : std::uint32_t {
  kWindowGather,
  kWindowQuantize,
};

// Means of groups of Config::kDecimation instants. An object in zeroed memory is ready for use.
template <class Config>
class GroupMeans {
 public:
  void reset() {
    count_ = 0;
    for (std::uint32_t& sum : sums_) {
      sum = 0;
    }
  }

  // One instant. True when the group is whole.
  bool add(const std::int16_t* instant) {
    for (std::uint32_t channel = 0; channel < Config::kChannels; ++channel) {
      // Unsigned sums make the division round down for negative means too.
      sums_[channel] += static_cast<std::uint32_t>(instant[channel] + 32768);
    }
    return ++count_ == Config::kDecimation;
  }

  std::int32_t mean(std::uint32_t channel) const {
    const std::uint32_t mean = (sums_[channel] + Config::kDecimation / 2) / Config::kDecimation;
    return static_cast<std::int32_t>(mean) - 32768;
  }

 private:
  std::uint32_t sums_[Config::kChannels];
  std::uint32_t count_;
};

// `Config` is generated: sizes as constants. An object in zeroed memory is ready for use.
template <class Config>
class ScaledWindow {
 public:
  void reset() { means_.reset(); }

  template <class Probe>
  Taken take(const std::int16_t* samples, std::size_t instants, std::int8_t* row, Probe& probe) {
    for (std::size_t taken = 0; taken < instants; ++taken, samples += Config::kChannels) {
      if (means_.add(samples)) {
        probe.mark(kWindowGather);
        for (std::uint32_t channel = 0; channel < Config::kChannels; ++channel) {
          row[channel] = quantize(Config::kQuantization, means_.mean(channel));
        }
        means_.reset();
        probe.mark(kWindowQuantize);
        return {taken + 1, true};
      }
    }
    probe.mark(kWindowGather);
    return {instants, false};
  }

 private:
  GroupMeans<Config> means_;
};

}  // namespace tinygen::features
