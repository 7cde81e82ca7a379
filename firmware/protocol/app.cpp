#include "tinygen/app.h"

#include "tinygen/build_info.h"
#include "tinygen/model_api.h"
#include "tinygen/port.h"
#include "tinygen/protocol/frame_decoder.h"
#include "tinygen/protocol/session.h"
#include "tinygen/stream_api.h"

namespace tinygen {
namespace {

protocol::FrameDecoder decoder;
protocol::Session session;

// The LED: a short flash every three seconds, while a request is worked on, and a second for a decision.
constexpr std::uint32_t kBeatsApart = 32;
constexpr std::uint32_t kDecisionBeats = 10;

bool lit = false;
bool decided = false;
std::uint32_t events_seen = 0;
std::uint32_t decided_at = 0;

void light(bool wanted) {
  if (wanted != lit) port::led(wanted);
  lit = wanted;
}

void show_life() {
  const std::uint32_t now = port::beats();
  const std::uint32_t events = stream::statistics().events;
  if (events > events_seen) {
    decided = true;
    decided_at = now;
  }
  events_seen = events;  // another stream begins at 0
  if (decided && now - decided_at >= kDecisionBeats) decided = false;
  light(decided || now % kBeatsApart == 1);
}

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
  show_life();
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
        light(true);
        session.request(decoder);
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
