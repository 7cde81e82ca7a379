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

// `Config` is generated: sizes as constants. An object in zeroed memory is ready for use.
template <class Config>
class ScaledWindow {
 public:
  void reset() {
    count_ = 0;
    for (std::uint32_t& sum : sums_) {
      sum = 0;
    }
  }

  template <class Probe>
  Taken take(const std::int16_t* samples, std::size_t instants, std::int8_t* row, Probe& probe) {
    for (std::size_t taken = 0; taken < instants; ++taken, samples += Config::kChannels) {
      for (std::uint32_t channel = 0; channel < Config::kChannels; ++channel) {
        // Unsigned sums make the division round down for negative means too.
        sums_[channel] += static_cast<std::uint32_t>(samples[channel] + 32768);
      }
      if (++count_ == Config::kDecimation) {
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
    count_ = 0;
    for (std::uint32_t channel = 0; channel < Config::kChannels; ++channel) {
      const std::uint32_t mean = (sums_[channel] + Config::kDecimation / 2) / Config::kDecimation;
      sums_[channel] = 0;
      row[channel] = quantize(Config::kQuantization, static_cast<std::int32_t>(mean) - 32768);
    }
  }

  std::uint32_t sums_[Config::kChannels];
  std::uint32_t count_;
};

}  // namespace tinygen::features
