// Log band energies of vibration as a stream. The arithmetic is told in its NumPy twin, src/tinygen/features/bands.py.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/features/envelope.h"
#include "tinygen/features/fft.h"
#include "tinygen/features/integers.h"
#include "tinygen/features/moments.h"
#include "tinygen/features/quantize.h"
#include "tinygen/features_api.h"

namespace tinygen::features {

// What a probe tells apart; src/tinygen/features/stages.py has the names.
enum BandStage : std::uint32_t {
  kBandGather,
  kBandWindow,
  kBandFft,
  kBandEnergy,
  kBandLog,
  kBandMoments,
  kBandEnvelope,
};

// `Config` is generated: sizes and tables as constants. An object in zeroed memory is ready for use.
template <class Config>
class BandEnergies : private SnapshotMoments<Config>, private SnapshotEnvelope<Config> {
  using Moments = SnapshotMoments<Config>;
  using Envelope = SnapshotEnvelope<Config>;

 public:
  void reset() {
    used_ = 0;
    skip_ = 0;
    Envelope::reset();
    forget_windows();
  }

  template <class Probe>
  Taken take(const std::int16_t* samples, std::size_t instants, std::int8_t* row, Probe& probe) {
    for (std::size_t taken = 0; taken < instants; ++taken, samples += Config::kChannels) {
      if constexpr (Config::kEnvelopeBands != 0) {
        if (Envelope::take(samples)) {
          probe.mark(kBandGather);
          Envelope::finish();
          probe.mark(kBandEnvelope);
        }
      }
      if (skip_ != 0) {
        --skip_;
        continue;
      }
      for (std::uint32_t channel = 0; channel < Config::kChannels; ++channel) {
        input_[channel][used_] = samples[channel];
      }
      if (++used_ == Config::kWindowSamples) {
        probe.mark(kBandGather);
        add_window(probe);
        advance();
        if (++windows_done_ == Config::kWindows) {
          probe.mark(kBandGather);
          make_row(row);
          probe.mark(kBandLog);
          forget_windows();
          return {taken + 1, true};
        }
      }
    }
    probe.mark(kBandGather);
    return {instants, false};
  }

 private:
  void forget_windows() {
    windows_done_ = 0;
    for (auto& channel : sums_) {
      for (std::uint64_t& sum : channel) {
        sum = 0;
      }
    }
    Moments::forget();
  }

  template <class Probe>
  void add_window(Probe& probe) {
    for (std::uint32_t channel = 0; channel < Config::kChannels; ++channel) {
      const std::int16_t* input = input_[channel];
      const std::int32_t mean = rounded_mean(input, Config::kWindowBits);
      const std::int32_t shift =
          load_full_scale(Config::kFft, input, mean, Config::kWindow, Config::kWindowSamples, spectrum_);
      probe.mark(kBandWindow);
      real_fft(Config::kFft, spectrum_);
      probe.mark(kBandFft);
      for (std::uint32_t band = 0; band < Config::kBands; ++band) {
        sums_[channel][band] += band_energy(spectrum_, Config::kBandEdges[band], Config::kBandEdges[band + 1], shift);
      }
      probe.mark(kBandEnergy);
      if constexpr (Config::kStatistics) {
        Moments::add(channel, input, mean);
        probe.mark(kBandMoments);
      }
    }
  }

  void advance() {
    if constexpr (Config::kHopSamples < Config::kWindowSamples) {
      used_ = Config::kWindowSamples - Config::kHopSamples;
      for (auto& channel : input_) {
        for (std::uint32_t i = 0; i < used_; ++i) {
          channel[i] = channel[i + Config::kHopSamples];
        }
      }
    } else {
      used_ = 0;
      skip_ = Config::kHopSamples - Config::kWindowSamples;
    }
  }

  void make_row(std::int8_t* row) {
    for (std::uint32_t channel = 0; channel < Config::kChannels; ++channel) {
      for (const std::uint64_t sum : sums_[channel]) {
        const std::int32_t level = log2_q16(sum + Config::kFloor, Config::kLog) - Config::kLogReference;
        *row++ = quantize(Config::kQuantization, (level + (1 << 9)) >> 10);
      }
      row = Moments::put(channel, row);
      row = Envelope::put(channel, row);
    }
  }

  std::uint64_t sums_[Config::kChannels][Config::kBands];
  std::int16_t input_[Config::kChannels][Config::kWindowSamples];
  Complex spectrum_[Config::kFft.n_complex];
  std::uint32_t used_;
  std::uint32_t skip_;
  std::uint32_t windows_done_;
};

}  // namespace tinygen::features
