// A microphone on I2S: frames of two slots of 32 bits, of which one carries 24 bits with the sign first. The upper half
// of a slot comes first, and is the sample.
#pragma once
#include <cstdint>

#include "tinygen/capture.h"
#include "tinygen/source.h"
#include "tinygen/stream_api.h"

namespace tinygen::sensors {

template <class Config>
class I2s {
 public:
  source::Status start() { return capture::start(&take) ? source::Status::ok : source::Status::no_clock; }

  void stop() { capture::stop(); }

  void poll() { capture::poll(); }

 private:
  // MEMS microphones are quiet: speech at a metre leaves the upper bits of 24 unused. kGainBits of them are given up;
  // what is louder saturates.
  static void take(const volatile std::uint16_t* words, std::uint32_t count) {
    for (std::uint32_t i = 0; i + 4 <= count; i += 4) {
      const std::uint32_t at = i + 2 * Config::kSlot;
      const auto slot = static_cast<std::int32_t>(static_cast<std::uint32_t>(words[at]) << 16 | words[at + 1]);
      const std::int32_t wide = slot >> (16 - Config::kGainBits);
      const std::int32_t high = wide > 32767 ? 32767 : wide;
      const auto sample = static_cast<std::int16_t>(high < -32768 ? -32768 : high);
      stream::offer(&sample, 1);
    }
  }
};

}  // namespace tinygen::sensors
