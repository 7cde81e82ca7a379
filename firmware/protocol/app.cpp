#include "tinygen/app.h"

#include "tinygen/build_info.h"
#include "tinygen/model_api.h"
#include "tinygen/port.h"
#include "tinygen/protocol/frame_decoder.h"
#include "tinygen/protocol/session.h"

namespace tinygen {
namespace {

protocol::FrameDecoder decoder;
protocol::Session session;

}  // namespace

void log(LogLevel level, const char* text) {
  session.log(static_cast<std::uint8_t>(level), text);
}

void begin() {
  const port::Status status = port::init();
  session.attach(&port::write);
  session.check_image();
  // Ends whatever a boot ROM has printed or a reset has cut off.
  const std::uint8_t delimiter = 0;
  port::write(&delimiter, 1);
  if (status == port::Status::clock_failed) log(LogLevel::warning, "clock did not start; running on the reset clock");
  if (status == port::Status::serial_failed) log(LogLevel::error, "serial line did not start");
  if (!model::start()) log(LogLevel::error, "the model did not start: its arena is too small, or an operator refused");
  log(LogLevel::info, "tinygen is ready");
}

void poll() {
  port::feed();
  session.poll_stream();
  std::uint8_t bytes[32];
  const std::size_t count = port::read(bytes, sizeof bytes);
  if (count == 0) {
    port::stay_awake(session.sensing());
    port::idle();
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    switch (decoder.push(bytes[i])) {
      case protocol::FrameDecoder::Event::none:
        break;
      case protocol::FrameDecoder::Event::frame:
        port::led(true);  // lit while it works
        session.request(decoder);
        port::led(false);
        break;
      case protocol::FrameDecoder::Event::bad:
        session.bad_frame(decoder.error());
        break;
    }
  }
}

void run() {
  begin();
  for (;;) poll();
}

}  // namespace tinygen
