// Log mel energies of audio as a stream. The NumPy twin is src/tinygen/features/logmel.py.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/features/fft.h"
#include "tinygen/features/gain.h"
#include "tinygen/features/integers.h"
#include "tinygen/features/melbank.h"
#include "tinygen/features/quantize.h"
#include "tinygen/features_api.h"

namespace tinygen::features {

// What a probe tells apart; src/tinygen/features/stages.py has the names.
enum LogMelStage : std::uint32_t {
  kLogMelGather,
  kLogMelWindow,
  kLogMelFft,
  kLogMelMel,
  kLogMelNoise,
  kLogMelPcan,
  kLogMelLog,
  kLogMelQuantize,
};

// `Config` is generated: sizes, tables and switches as constants. An object in zeroed memory is ready for use.
template <class Config>
class LogMel {
 public:
  void reset() {
    used_ = 0;
    for (std::uint32_t& estimate : estimate_) {
      estimate = 0;
    }
  }

  template <class Probe>
  Taken take(const std::int16_t* samples, std::size_t instants, std::int8_t* row, Probe& probe) {
    const std::size_t room = Config::kWindowSamples - used_;
    const std::size_t taken = instants < room ? instants : room;
    for (std::size_t i = 0; i < taken; ++i) {
      input_[used_ + i] = samples[i];
    }
    used_ += static_cast<std::uint32_t>(taken);
    probe.mark(kLogMelGather);
    if (used_ < Config::kWindowSamples) {
      return {taken, false};
    }
    make_frame(row, probe);
    used_ = Config::kWindowSamples - Config::kHopSamples;
    for (std::size_t i = 0; i < used_; ++i) {
      input_[i] = input_[i + Config::kHopSamples];
    }
    probe.mark(kLogMelGather);
    return {taken, true};
  }

 private:
  template <class Probe>
  void make_frame(std::int8_t* row, Probe& probe) {
    const std::int32_t shift =
        load_full_scale(Config::kFft, input_, 0, Config::kWindow, Config::kWindowSamples, spectrum_);
    probe.mark(kLogMelWindow);
    real_fft(Config::kFft, spectrum_);
    probe.mark(kLogMelFft);
    const Complex* bins = spectrum_ + Config::kMelStart;
    const std::int16_t* weights = Config::kMelWeights;
    const std::int16_t* unweights = Config::kMelUnweights;
    std::uint64_t begun = 0;
    for (std::uint32_t segment = 0; segment <= Config::kBands; ++segment) {
      const std::uint32_t width = Config::kMelWidths[segment];
      const SegmentSums sums = sum_segment(bins, weights, unweights, width);
      bins += width;
      weights += width;
      unweights += width;
      if (segment > 0) {
        const std::uint32_t magnitude = sqrt_rounded(begun + sums.weighted) >> shift;
        probe.mark(kLogMelMel);
        const std::int32_t value = feature(segment - 1, magnitude, probe);
        row[segment - 1] = quantize(Config::kQuantization, value);
        probe.mark(kLogMelQuantize);
      }
      begun = sums.unweighted;
    }
  }

  template <class Probe>
  std::int32_t feature(std::uint32_t channel, std::uint32_t magnitude, Probe& probe) {
    if constexpr (Config::kNoiseReduction) {
      magnitude = reduce_noise(Config::kNoise, channel, magnitude, estimate_[channel]);
      probe.mark(kLogMelNoise);
    }
    if constexpr (Config::kPcan) {
      magnitude = normalise(Config::kGain, magnitude, estimate_[channel]);
      probe.mark(kLogMelPcan);
    }
    if constexpr (Config::kCorrectionBits >= 0) {
      magnitude <<= Config::kCorrectionBits;
    } else {
      magnitude >>= -Config::kCorrectionBits;
    }
    const std::uint32_t value = log_scaled(magnitude, Config::kLogScaleShift, Config::kLog);
    probe.mark(kLogMelLog);
    return static_cast<std::int32_t>(value);
  }

  std::int16_t input_[Config::kWindowSamples];
  Complex spectrum_[Config::kFft.n_complex];
  std::uint32_t estimate_[Config::kNoiseReduction ? Config::kBands : 1];
  std::uint32_t used_;
};

}  // namespace tinygen::features
