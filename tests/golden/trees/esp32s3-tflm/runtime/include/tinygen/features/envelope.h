// The spectrum of a carrier band's envelope. The arithmetic is told in its NumPy twin,
// src/tinygen/features/envelope.py.
#pragma once
#include <cstdint>

#include "tinygen/features/fft.h"
#include "tinygen/features/integers.h"
#include "tinygen/features/quantize.h"

namespace tinygen::features {

// |band-pass| of the newest `count` samples, at most 32767. `taps`: 1 = 2^14, symmetric.
std::uint32_t band_height(const std::int16_t* samples, const std::int16_t* taps, std::uint32_t count);

// Those of all channels, beginning anew every kRowInstants; nothing of it is left in a front end without.
template <class Config, bool kOn = (Config::kEnvelopeBands != 0)>
class SnapshotEnvelope {
 protected:
  void reset() { phase_ = 0; }

  // One instant. True when the envelope of this snapshot is whole: finish() is due.
  bool take(const std::int16_t* instant) {
    if (phase_ == 0) {
      filled_ = 0;
      averaged_ = 0;
      place_ = 0;
    }
    const bool listens = filled_ < Config::kEnvelopeSize;
    if (listens) {
      hear(instant);
    }
    phase_ = phase_ + 1 == Config::kRowInstants ? 0 : phase_ + 1;
    return listens && filled_ == Config::kEnvelopeSize;
  }

  void finish() {
    for (std::uint32_t channel = 0; channel < Config::kChannels; ++channel) {
      const std::int16_t* heights = heights_[channel];
      const std::int32_t mean = rounded_mean(heights, Config::kEnvelopeBits);
      const std::int32_t shift = load_full_scale(Config::kEnvelopeFft, heights, mean, Config::kEnvelopeWindow,
                                                 Config::kEnvelopeSize, spectrum_);
      real_fft(Config::kEnvelopeFft, spectrum_);
      for (std::uint32_t band = 0; band < Config::kEnvelopeBands; ++band) {
        const std::uint64_t sum =
            band_energy(spectrum_, Config::kEnvelopeEdges[band], Config::kEnvelopeEdges[band + 1], shift);
        const std::int32_t level = log2_q16(sum + 256, Config::kLog) - Config::kEnvelopeReference;
        levels_[channel][band] = static_cast<std::int16_t>((level + (1 << 9)) >> 10);
      }
    }
  }

  std::int8_t* put(std::uint32_t channel, std::int8_t* row) const {
    for (const std::int16_t level : levels_[channel]) {
      *row++ = quantize(Config::kQuantization, level);
    }
    return row;
  }

 private:
  void hear(const std::int16_t* instant) {
    const bool whole = phase_ + 1 >= Config::kEnvelopeTapCount;
    for (std::uint32_t channel = 0; channel < Config::kChannels; ++channel) {
      // Kept twice, so that the newest kEnvelopeTapCount samples always lie in a row.
      std::int16_t* const recent = recent_[channel];
      recent[place_] = recent[place_ + Config::kEnvelopeTapCount] = instant[channel];
      if (whole) {
        const std::uint32_t height = band_height(recent + place_ + 1, Config::kEnvelopeTaps, Config::kEnvelopeTapCount);
        sums_[channel] = (averaged_ == 0 ? 0 : sums_[channel]) + height;
      }
    }
    place_ = place_ + 1 == Config::kEnvelopeTapCount ? 0 : place_ + 1;
    if (whole && ++averaged_ == Config::kEnvelopeDecimation) {
      averaged_ = 0;
      for (std::uint32_t channel = 0; channel < Config::kChannels; ++channel) {
        const std::uint32_t mean = (sums_[channel] + Config::kEnvelopeDecimation / 2) / Config::kEnvelopeDecimation;
        heights_[channel][filled_] = static_cast<std::int16_t>(mean);
      }
      ++filled_;
    }
  }

  Complex spectrum_[Config::kEnvelopeSize / 2];
  std::int16_t heights_[Config::kChannels][Config::kEnvelopeSize];
  std::int16_t recent_[Config::kChannels][2 * Config::kEnvelopeTapCount];
  std::int16_t levels_[Config::kChannels][Config::kEnvelopeBands];
  std::uint32_t sums_[Config::kChannels];
  std::uint32_t phase_;
  std::uint32_t place_;
  std::uint32_t averaged_;
  std::uint32_t filled_;
};

template <class Config>
class SnapshotEnvelope<Config, false> {
 protected:
  void reset() {}
  std::int8_t* put(std::uint32_t, std::int8_t* row) const { return row; }
};

}  // namespace tinygen::features
