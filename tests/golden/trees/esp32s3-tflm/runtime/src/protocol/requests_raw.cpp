// Requests that stream a recording through the front end: the device never holds more than one chunk of it.
#include "tinygen/features_api.h"
#include "tinygen/model_api.h"
#include "tinygen/port.h"
#include "tinygen/protocol/bytes.h"
#include "tinygen/protocol/crc32.h"
#include "tinygen/protocol/session.h"

namespace tinygen::protocol {

void Session::raw_begin() {
  counted_ = false;
  features::reset();
  instants_ = 0;
  raw_active_ = true;
  begin_input();
  result_ = Result::none;
  digests_valid_ = false;
  answer(nullptr, 0);
}

void Session::raw_chunk(const std::uint8_t* payload, std::size_t bytes) {
  const std::size_t channels = features::kInfo.channels;
  if (bytes < 4 || (bytes - 4) % (2 * channels) != 0) return nak(Error::bad_payload);
  const std::uint32_t position = load32(payload);
  if (!raw_active_) return nak(Error::out_of_order, 0);
  if (position != instants_) return nak(Error::out_of_order, instants_);

  // Samples are copied into aligned numbers piece by piece; the front end takes any chunking.
  std::int16_t samples[64];
  const std::size_t total = (bytes - 4) / 2;
  const std::size_t piece = 64 - 64 % channels;
  std::int8_t* input = model::input_copy();
  for (std::size_t done = 0; done < total;) {
    const std::size_t count = total - done < piece ? total - done : piece;
    for (std::size_t i = 0; i < count; ++i) {
      samples[i] = static_cast<std::int16_t>(load16(payload + 4 + 2 * (done + i)));
    }
    if (counted_) {
      features::push_counted(samples, count / channels, input, stages_, &port::counter);
    } else {
      features::push(samples, count / channels, input);
    }
    done += count;
  }
  instants_ += static_cast<std::uint32_t>(total / channels);

  std::uint8_t reply[6];
  Fields fields(reply);
  fields.u32(instants_);
  fields.u16(features::frames_done());
  answer(reply, fields.count());
}

void Session::raw_end() {
  if (!raw_active_) return nak(Error::out_of_order, 0);
  const std::uint16_t frames = features::frames_done();
  if (frames < features::kInfo.frames) return nak(Error::no_input, frames);
  raw_active_ = false;
  input_bytes_ = model::kInfo.input_bytes;

  std::uint8_t reply[10];
  Fields fields(reply);
  fields.u32(instants_);
  fields.u16(frames);
  fields.u32(crc32(0, model::input_copy(), model::kInfo.input_bytes));
  answer(reply, fields.count());
}

}  // namespace tinygen::protocol
