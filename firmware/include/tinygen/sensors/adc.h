// Voltages sampled by a timer: 12 bits around half the supply become int16 around zero.
#pragma once
#include <cstdint>

#include "tinygen/capture.h"
#include "tinygen/source.h"
#include "tinygen/stream_api.h"

namespace tinygen::sensors {

template <class Config>
class Adc {
 public:
  source::Status start() { return capture::start(&take) ? source::Status::ok : source::Status::no_clock; }

  void stop() { capture::stop(); }

  void poll() {}

 private:
  static void take(const volatile std::uint16_t* words, std::uint32_t count) {
    std::int16_t values[Config::kChannels];
    for (std::uint32_t i = 0; i + Config::kChannels <= count; i += Config::kChannels) {
      for (std::uint32_t channel = 0; channel < Config::kChannels; ++channel) {
        values[channel] = static_cast<std::int16_t>((static_cast<std::int32_t>(words[i + channel]) - 2048) * 16);
      }
      stream::offer(values, 1);
    }
  }
};

}  // namespace tinygen::sensors
