// Motion samples, averaged in groups, as a stream. The NumPy twin is src/tinygen/features/window.py.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/features/quantize.h"
#include "tinygen/features/stages.h"

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
    frames_done_ = 0;
    for (std::uint32_t& sum : sums_) {
      sum = 0;
    }
  }

  template <class Probe>
  void push(const std::int16_t* samples, std::size_t instants, std::int8_t* model_input, Probe probe) {
    for (; instants != 0 && frames_done_ < Config::kFrames; --instants, samples += Config::kChannels) {
      for (std::uint32_t channel = 0; channel < Config::kChannels; ++channel) {
        // Unsigned sums make the division round down for negative means too.
        sums_[channel] += static_cast<std::uint32_t>(samples[channel] + 32768);
      }
      if (++count_ == Config::kDecimation) {
        probe.mark(kWindowGather);
        make_row(model_input + static_cast<std::size_t>(frames_done_) * Config::kChannels);
        ++frames_done_;
        probe.mark(kWindowQuantize);
      }
    }
    probe.mark(kWindowGather);
  }

  std::uint16_t frames_done() const { return frames_done_; }

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
  std::uint16_t frames_done_;
};

}  // namespace tinygen::features
