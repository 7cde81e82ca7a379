// A PDM microphone: one bit per clock becomes 16-bit samples, in integers. The NumPy twin is
// src/tinygen/features/pdm.py. A cascade of four integrators and four combs takes 16 bits to one number of 17 bits
// (gain 16^4), a symmetric filter of 64 taps takes four of those to a sample, flat to 7 kHz and the cascade's droop
// made good.
#pragma once
#include <cstdint>

#include "tinygen/capture.h"
#include "tinygen/source.h"
#include "tinygen/stream_api.h"

namespace tinygen::sensors {

template <class Config>
class Decimator {
 public:
  void reset() { *this = {}; }

  // Sixteen bits, the first in the highest place. True when that completes a sample.
  bool push(std::uint32_t bits, std::int16_t& sample) {
    for (std::uint32_t mask = 0x8000; mask != 0; mask >>= 1) {
      sums_[0] += (bits & mask) != 0 ? 1u : 0xFFFFFFFFu;
      sums_[1] += sums_[0];
      sums_[2] += sums_[1];
      sums_[3] += sums_[2];
    }
    std::uint32_t value = sums_[3];  // wraps; the differences below are right all the same
    for (std::uint32_t& last : combs_) {
      const std::uint32_t difference = value - last;
      last = value;
      value = difference;
    }
    history_[place_] = static_cast<std::int32_t>(value) >> 1;
    place_ = (place_ + 1) % Config::kTaps;
    if (++phase_ < Config::kDecimation) return false;
    phase_ = 0;
    std::int32_t sum = 0;  // below 2^31: the filter's absolute values add up to less than 2^16
    for (std::uint32_t i = 0; i < Config::kTaps; ++i) {
      sum += history_[(place_ + i) % Config::kTaps] * Config::kFilter[i];
    }
    const std::int32_t wide = (sum + (1 << (Config::kShift - 1))) >> Config::kShift;
    const std::int32_t high = wide > 32767 ? 32767 : wide;
    sample = static_cast<std::int16_t>(high < -32768 ? -32768 : high);
    return true;
  }

 private:
  std::uint32_t sums_[4];
  std::uint32_t combs_[4];
  std::int32_t history_[Config::kTaps];
  std::uint32_t place_;
  std::uint32_t phase_;
};

template <class Config>
class Pdm {
 public:
  source::Status start() {
    decimator().reset();
    return capture::start(&take) ? source::Status::ok : source::Status::no_clock;
  }

  void stop() { capture::stop(); }

  void poll() {}

 private:
  static Decimator<Config>& decimator() {
    static Decimator<Config> only;
    return only;
  }

  static void take(const volatile std::uint16_t* words, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      std::int16_t sample;
      if (decimator().push(words[i], sample)) stream::offer(&sample, 1);
    }
  }
};

}  // namespace tinygen::sensors
