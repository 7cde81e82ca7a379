// Where samples come from beside the serial line: the image's own sensor. Defined by the generated source.cpp.
#pragma once
#include <cstdint>

namespace tinygen::source {

enum class Kind : std::uint8_t { none, adc, i2s, pdm, imu };

// Why a source does not run.
enum class Status : std::uint8_t {
  ok,
  none,            // this image has no source but the serial line
  no_answer,       // nobody acknowledged on the bus, or it hung
  wrong_identity,  // somebody answered who is not the sensor this image was made for
  no_clock,        // a clock it needs did not start
};

struct Info {
  Kind kind;
  std::uint16_t channels;
  std::uint32_t rate_millihertz;  // sample instants per 1000 seconds, as the hardware makes them
  const char* name;
};

extern const Info kInfo;

// From now on samples go to stream::offer().
Status start();
void stop();

// In every turn of the loop while the source runs: for sensors that are asked. Others fill the ring by interrupt.
void poll();

}  // namespace tinygen::source
