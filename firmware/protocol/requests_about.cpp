// Requests about the image itself: who it is, what memory it uses, whether it still computes what it should.
#include "tinygen/build_info.h"
#include "tinygen/features_api.h"
#include "tinygen/model_api.h"
#include "tinygen/port.h"
#include "tinygen/protocol/bytes.h"
#include "tinygen/protocol/session.h"

namespace tinygen::protocol {
namespace {

std::size_t length(const char* text, std::size_t most) {
  std::size_t count = 0;
  while (count < most && text[count] != '\0') ++count;
  return count;
}

void put_text(Fields& fields, const char* text) {
  const std::size_t count = length(text, 64);
  fields.u8(static_cast<std::uint8_t>(count));
  fields.bytes(text, count);
}

}  // namespace

void Session::hello() {
  std::uint8_t payload[68 + 3 * 65 + 1 + port::kUniqueIdBytes];
  Fields fields(payload);
  fields.u16(kProtocolVersion);
  fields.u16(TINYGEN_RUNTIME_VERSION);
  fields.bytes(kBuildInfo.build_id, sizeof kBuildInfo.build_id);
  fields.u16(static_cast<std::uint16_t>(kMaxPayload));
  fields.u8(static_cast<std::uint8_t>(port::counter_kind()));
  fields.u8(static_cast<std::uint8_t>(port::reset_cause()));
  fields.u32(model::kInfo.arena_bytes);
  fields.u32(model::kInfo.weights_bytes);
  fields.u32(model::kInfo.input_bytes);
  fields.u32(model::kInfo.output_bytes);
  fields.u16(model::kInfo.step_count);
  fields.u16(model::kInfo.observed_count);
  fields.u16(kSelfTestCount);
  fields.u16(features::kInfo.channels);
  fields.u32(features::kInfo.rate_hz);
  fields.u32(features::kInfo.samples_per_inference);
  fields.u16(features::kInfo.frames);
  fields.u16(features::kInfo.frame_values);
  fields.u32(features::kInfo.state_bytes);
  fields.u8(integrity_);
  fields.u8(static_cast<std::uint8_t>(features::kInfo.stages));
  fields.u16(static_cast<std::uint16_t>(port::watchdog_ms()));
  put_text(fields, kBuildInfo.board);
  put_text(fields, kBuildInfo.task);
  put_text(fields, kBuildInfo.engine);
  std::uint8_t id[port::kUniqueIdBytes];
  const std::size_t id_bytes = port::unique_id(id, sizeof id);
  fields.u8(static_cast<std::uint8_t>(id_bytes));
  fields.bytes(id, id_bytes);
  answer(payload, fields.count());
}

void Session::memory() {
  std::uint8_t payload[36];
  Fields fields(payload);
  fields.u32(model::kInfo.arena_bytes);
  fields.u32(model::kInfo.weights_bytes);
  fields.u32(features::kInfo.state_bytes);
  fields.u32(static_cast<std::uint32_t>(sizeof(Session) + sizeof(FrameDecoder)) + model::kInfo.input_bytes);
  fields.u32(port::stack_bytes());
  fields.u32(port::stack_used_bytes());
  fields.u32(port::receive_overruns());
  fields.u32(frames_good_);
  fields.u32(frames_bad_);
  answer(payload, fields.count());
}

void Session::self_test(const std::uint8_t* payload, std::size_t bytes) {
  if (bytes != 2) return nak(Error::bad_payload);
  const std::uint16_t vector = load16(payload);
  if (vector >= kSelfTestCount) return nak(Error::bad_argument, kSelfTestCount);

  // The vectors of a model with state are a sequence from its start.
  const bool has_state = model::kInfo.state_bytes > 0;
  std::int8_t* copy = model::input_copy();
  if (has_state) model::reset();
  for (std::uint16_t number = has_state ? std::uint16_t{0} : vector; number <= vector; ++number) {
    const std::int8_t* from = kSelfTestVectors[number].input;
    for (std::uint32_t i = 0; i < model::kInfo.input_bytes; ++i) copy[i] = from[i];
    model::load_input();
    model::infer(&feed_after_step, nullptr);
  }
  const SelfTestVector& test = kSelfTestVectors[vector];
  const std::int8_t* output = model::gathered_output();
  result_ = Result::none;
  digests_valid_ = false;
  input_bytes_ = 0;
  raw_active_ = false;
  std::uint32_t differing = 0;
  std::uint32_t first = 0;
  for (std::uint32_t i = 0; i < model::kInfo.output_bytes; ++i) {
    if (output[i] == test.expected[i]) continue;
    if (differing == 0) first = i;
    ++differing;
  }
  std::uint8_t reply[14];
  Fields fields(reply);
  fields.u16(vector);
  fields.u16(kSelfTestCount);
  fields.u32(differing);
  fields.u32(first);
  fields.u8(differing > 0 ? static_cast<std::uint8_t>(test.expected[first]) : std::uint8_t{0});
  fields.u8(differing > 0 ? static_cast<std::uint8_t>(output[first]) : std::uint8_t{0});
  answer(reply, fields.count());
  if (has_state) model::reset();
}

void Session::reset() {
  answer(nullptr, 0);
  port::reset();
}

}  // namespace tinygen::protocol
