// An inertial sensor on I2C that says when a sample is ready: the MPU-6050 and the LSM6DS family. What differs between
// them is data, in the generated source.cpp.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/i2c.h"
#include "tinygen/port.h"
#include "tinygen/source.h"
#include "tinygen/stream_api.h"

namespace tinygen::sensors {

struct RegisterValue {
  std::uint8_t reg;
  std::uint8_t value;
};

// `Config` is generated. An object in zeroed memory is ready for start().
template <class Config>
class Imu {
 public:
  source::Status start() {
    running_ = false;
    if (!i2c::start()) return source::Status::no_answer;
    std::uint8_t identity = 0;
    if (!i2c::read(Config::kAddress, Config::kIdentityRegister, &identity, 1)) return source::Status::no_answer;
    if (identity != Config::kIdentity) return source::Status::wrong_identity;
    for (const RegisterValue& setting : Config::kSettings) {
      if (!i2c::write(Config::kAddress, setting.reg, setting.value)) return source::Status::no_answer;
    }
    running_ = true;
    timed_ = false;
    return source::Status::ok;
  }

  void stop() {
    running_ = false;
    for (const RegisterValue& setting : Config::kSleep) {
      static_cast<void>(i2c::write(Config::kAddress, setting.reg, setting.value));
    }
  }

  void poll() {
    std::uint8_t status = 0;
    if (!running_ || !i2c::read(Config::kAddress, Config::kStatusRegister, &status, 1)) return;
    if ((status & Config::kReady) == 0) return;
    std::uint8_t bytes[Config::kBurst];
    if (!i2c::read(Config::kAddress, Config::kFirstRegister, bytes, Config::kBurst)) return;
    count_missed();
    std::int16_t values[Config::kChannels];
    for (std::uint32_t i = 0; i < Config::kChannels; ++i) {
      const std::uint8_t* const pair = bytes + Config::kPlaces[i];
      const unsigned high = Config::kHighFirst ? pair[0] : pair[1];
      const unsigned low = Config::kHighFirst ? pair[1] : pair[0];
      values[i] = static_cast<std::int16_t>(static_cast<std::uint16_t>(high << 8 | low));
    }
    stream::offer(values, 1);
  }

 private:
  // The sensor keeps one sample. Whoever comes late (a long inference) finds the newest; the clock tells how many were
  // overwritten.
  void count_missed() {
    if (Config::kTicksPerSample == 0 || port::counter_kind() == port::CounterKind::none) return;
    const std::uint32_t now = port::counter();
    for (std::uint32_t passed = now - last_; timed_ && passed > Config::kTicksPerSample + Config::kTicksPerSample / 2;
         passed -= Config::kTicksPerSample) {
      stream::miss(1);
    }
    last_ = now;
    timed_ = true;
  }

  std::uint32_t last_;
  bool timed_;
  bool running_;
};

}  // namespace tinygen::sensors
