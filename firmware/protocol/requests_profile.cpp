// Requests about time: a count per step of the model, and per stage of the front end.
#include "tinygen/features_api.h"
#include "tinygen/model_api.h"
#include "tinygen/port.h"
#include "tinygen/protocol/bytes.h"
#include "tinygen/protocol/session.h"

namespace tinygen::protocol {
namespace {

// As many marks as are counted for nothing; the least of them is what a mark costs.
constexpr std::uint16_t kTries = 8;

}  // namespace

void Session::profile(const std::uint8_t* payload, std::size_t bytes) {
  if (bytes != 4) return nak(Error::bad_payload);
  if (streaming_) return nak(Error::streaming);
  const std::uint16_t first = load16(payload + 2);
  switch (payload[0]) {
    case kProfileLayers:
      if (first >= model::kInfo.step_count) return nak(Error::bad_argument, model::kInfo.step_count);
      if (!input_ready()) return nak(Error::no_input, input_bytes_);
      return profile_layers(first);
    case kProfileRecording:
      raw_begin();
      counted_ = true;
      for (features::StageCount& stage : stages_) stage = {0, 0};
      return;
    case kProfileStages:
      if (!counted_) return nak(Error::no_result);
      return profile_stages();
    case kProfileArena:
      if (!input_ready()) return nak(Error::no_input, input_bytes_);
      return profile_arena();
    case kProfileLeast:
      return profile_least();
    default:
      return nak(Error::bad_argument, kProfileLeast);
  }
}

bool Session::after_counted_step(void* context, std::uint16_t step) {
  const std::uint32_t now = port::counter();
  auto& session = *static_cast<Session*>(context);
  const std::size_t slot = static_cast<std::size_t>(step) - session.digests_first_;
  if (slot < kDigestWindow) session.digests_[slot] = now - session.last_count_;
  port::feed();
  session.last_count_ = port::counter();
  return true;
}

void Session::profile_layers(std::uint16_t first) {
  digests_valid_ = false;
  counted_ = false;
  digests_first_ = 0;
  // The way to the callback and back to the next step is counted with every step.
  const model::AfterStep mark = &Session::after_counted_step;
  for (std::uint16_t i = 0; i < kTries; ++i) {
    const volatile model::AfterStep* through = &mark;  // a call through a pointer, as the model makes it
    (*through)(this, i);
  }
  std::uint32_t overhead = digests_[1];
  for (std::uint16_t i = 2; i < kTries; ++i) {
    if (digests_[i] < overhead) overhead = digests_[i];
  }

  digests_first_ = first;
  prepare_run();
  last_count_ = port::counter();
  model::infer(mark, this);
  steps_done_ = model::kInfo.step_count;
  result_ = Result::complete;
  const std::uint16_t total = model::kInfo.step_count;
  std::size_t count = static_cast<std::size_t>(total) - first;
  if (count > kDigestWindow) count = kDigestWindow;

  std::uint8_t reply[12 + 4 * kDigestWindow];
  Fields fields(reply);
  fields.u8(kProfileLayers);
  fields.u8(0);
  fields.u16(first);
  fields.u16(static_cast<std::uint16_t>(count));
  fields.u16(total);
  fields.u32(overhead);
  for (std::size_t i = 0; i < count; ++i) fields.u32(digests_[i]);
  answer(reply, fields.count());
}

void Session::profile_stages() {
  const std::uint16_t stages = features::kInfo.stages;
  std::uint8_t reply[8 + 8 * kMaxStages];
  Fields fields(reply);
  fields.u8(kProfileStages);
  fields.u8(0);
  fields.u16(stages);
  fields.u32(features::stage_overhead(&port::counter));
  for (std::size_t i = 0; i < stages && i < kMaxStages; ++i) {
    fields.u32(stages_[i].ticks);
    fields.u32(stages_[i].marks);
  }
  answer(reply, fields.count());
}

// Painted, run, looked at; with two paints, since a byte may happen to be written as it was.
void Session::profile_arena() {
  digests_valid_ = false;
  std::int8_t* arena = model::arena();
  const std::uint32_t size = model::kInfo.arena_bytes;
  std::uint32_t high_water = 0;
  std::uint32_t written = 0;
  constexpr std::int8_t kPaints[] = {0x3A, -0x3B};
  for (const std::int8_t paint : kPaints) {
    for (std::uint32_t i = 0; i < size; ++i) arena[i] = paint;
    model::start();  // an interpreter keeps what it knows of the model there
    prepare_run();
    model::infer(&feed_after_step, nullptr);
    std::uint32_t found = 0;
    for (std::uint32_t i = 0; i < size; ++i) {
      if (arena[i] == paint) continue;
      ++found;
      if (i >= high_water) high_water = i + 1;
    }
    if (found > written) written = found;
  }
  steps_done_ = model::kInfo.step_count;
  result_ = Result::complete;
  std::uint8_t reply[16];
  Fields fields(reply);
  fields.u8(kProfileArena);
  fields.u8(0);
  fields.u16(0);
  fields.u32(size);
  fields.u32(high_water);
  fields.u32(written);
  answer(reply, fields.count());
}

void Session::profile_least() {
  result_ = Result::none;
  digests_valid_ = false;
  state_saved_ = false;
  std::uint8_t reply[12];
  Fields fields(reply);
  fields.u8(kProfileLeast);
  fields.u8(0);
  fields.u16(0);
  fields.u32(model::kInfo.arena_bytes);
  fields.u32(model::least_arena_bytes());
  answer(reply, fields.count());
}

}  // namespace tinygen::protocol
