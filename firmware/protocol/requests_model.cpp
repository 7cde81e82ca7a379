// Requests that run the model: input, inference, tensors, digests.
#include "tinygen/decision_api.h"
#include "tinygen/model_api.h"
#include "tinygen/port.h"
#include "tinygen/protocol/bytes.h"
#include "tinygen/protocol/crc32.h"
#include "tinygen/protocol/session.h"

namespace tinygen::protocol {

bool feed_after_step(void*, std::uint16_t) {
  port::feed();
  return true;
}

bool Session::input_ready() const {
  return input_bytes_ == model::kInfo.input_bytes;
}

void Session::write_input(const std::uint8_t* payload, std::size_t bytes) {
  if (bytes < 4) return nak(Error::bad_payload);
  const std::uint32_t offset = load32(payload);
  const auto count = static_cast<std::uint32_t>(bytes - 4);
  if (count > model::kInfo.input_bytes || offset > model::kInfo.input_bytes - count) {
    return nak(Error::bad_argument, model::kInfo.input_bytes);
  }
  if (offset == 0) begin_input();
  if (offset != input_bytes_) return nak(Error::out_of_order, input_bytes_);
  std::int8_t* copy = model::input_copy();
  for (std::uint32_t i = 0; i < count; ++i) copy[offset + i] = static_cast<std::int8_t>(payload[4 + i]);
  input_bytes_ = offset + count;
  raw_active_ = false;
  result_ = Result::none;
  digests_valid_ = false;

  std::uint8_t reply[4];
  Fields fields(reply);
  fields.u32(input_bytes_);
  answer(reply, fields.count());
}

// A new input: the state goes on from where the last one left it. An inference that was stopped half-way is brought to
// its end first, or its state would be that of no inference.
void Session::begin_input() {
  if (model::kInfo.state_bytes > 0 && result_ == Result::stopped) {
    prepare_run();
    model::infer(&feed_after_step, nullptr);
  }
  input_bytes_ = 0;
  state_saved_ = false;
}

// However often an input is run, every run of it starts from the same state.
void Session::prepare_run() {
  if (model::kInfo.state_bytes > 0) {
    if (state_saved_) {
      model::restore_state();
    } else {
      model::save_state();
    }
    state_saved_ = true;
  }
  model::load_input();
}

bool Session::after_step(void* context, std::uint16_t step) {
  port::feed();
  auto& session = *static_cast<Session*>(context);
  session.steps_done_ = static_cast<std::uint16_t>(step + 1);
  while (session.collect_ && session.next_observed_ < model::kInfo.observed_count) {
    const model::TensorView& view = model::observed(session.next_observed_);
    if (view.step > step) break;
    // Below the window the difference wraps to a large number.
    const std::size_t slot = static_cast<std::size_t>(session.next_observed_) - session.digests_first_;
    if (slot < kDigestWindow) session.digests_[slot] = crc32(0, view.data, view.bytes);
    ++session.next_observed_;
  }
  return !(session.stop_ && step >= session.stop_after_);
}

void Session::run_observed(bool digests, std::uint16_t first_digest, bool stop, std::uint16_t stop_after) {
  collect_ = digests;
  digests_first_ = first_digest;
  if (digests) counted_ = false;  // the digests lie where the counts were
  next_observed_ = 0;
  stop_ = stop;
  stop_after_ = stop_after;
  steps_done_ = 0;
  prepare_run();
  model::infer(&Session::after_step, this);
  result_ = steps_done_ == model::kInfo.step_count ? Result::complete : Result::stopped;
  digests_valid_ = digests && result_ == Result::complete;
}

void Session::infer(const std::uint8_t* payload, std::size_t bytes) {
  if (bytes != 4) return nak(Error::bad_payload);
  const std::uint8_t flags = payload[0];
  const std::uint16_t stop_after = load16(payload + 2);
  const bool digests = (flags & kInferDigests) != 0;
  const bool stop = (flags & kInferStop) != 0;
  const bool count = (flags & kInferCount) != 0;
  if (stop && stop_after >= model::kInfo.step_count) return nak(Error::bad_argument, model::kInfo.step_count);
  if (!input_ready()) return nak(Error::no_input, input_bytes_);

  std::uint32_t ticks = 0;
  digests_valid_ = false;
  if (count) {  // the undisturbed run
    prepare_run();
    port::expect_long_run(true);
    const std::uint32_t start = port::counter();
    model::infer(nullptr, nullptr);
    ticks = port::counter() - start;
    port::expect_long_run(false);
  } else if (!(digests || stop)) {
    prepare_run();
    model::infer(&feed_after_step, nullptr);
  }
  if (count || !(digests || stop)) {
    steps_done_ = model::kInfo.step_count;
    result_ = Result::complete;
  }
  if (digests || stop) run_observed(digests, 0, stop, stop_after);
  if (!model::healthy()) {
    result_ = Result::none;
    return nak(Error::no_model);
  }

  const bool complete = result_ == Result::complete;
  const std::int8_t* copy = model::input_copy();
  const std::int8_t* output = complete ? model::gathered_output() : nullptr;
  decision::Result decided = {-1, 0};
  if (complete) decided = decision::decide(copy, output);
  const std::uint32_t output_bytes = complete ? model::kInfo.output_bytes : 0;

  std::uint8_t reply[28];
  Fields fields(reply);
  fields.u8(flags);
  fields.u8(0);
  fields.u16(static_cast<std::uint16_t>(decided.label));
  fields.u32(static_cast<std::uint32_t>(decided.score));
  fields.u32(count ? ticks : 0);
  fields.u16(steps_done_);
  fields.u16(0);
  fields.u32(output_bytes);
  fields.u32(crc32(0, copy, model::kInfo.input_bytes));
  fields.u32(complete ? crc32(0, output, output_bytes) : 0);
  answer(reply, fields.count(), output, output_bytes <= kInlineOutput ? output_bytes : 0);
}

void Session::read_tensor(const std::uint8_t* payload, std::size_t bytes) {
  constexpr std::size_t kHead = 12;
  if (bytes != 8) return nak(Error::bad_payload);
  const std::uint16_t index = load16(payload);
  const std::uint16_t wanted = load16(payload + 2);
  const std::uint32_t offset = load32(payload + 4);

  const void* data = nullptr;
  std::uint32_t total = 0;
  std::uint16_t step = 0;
  if (index == kTensorInput) {
    if (!input_ready()) return nak(Error::no_input, input_bytes_);
    data = model::input_copy();
    total = model::kInfo.input_bytes;
  } else if (index == kTensorOutput) {
    if (result_ != Result::complete) return nak(Error::no_result);
    data = model::gathered_output();
    total = model::kInfo.output_bytes;
  } else {
    if (index >= model::kInfo.observed_count) return nak(Error::bad_argument, model::kInfo.observed_count);
    const model::TensorView& view = model::observed(index);
    // Later steps may have written over it.
    if (result_ == Result::none || steps_done_ != view.step + 1) return nak(Error::no_result, view.step);
    data = view.data;
    total = view.bytes;
    step = view.step;
  }
  if (wanted > kMaxPayload - kHead) return nak(Error::bad_argument, kMaxPayload - kHead);
  if (offset > total || wanted > total - offset) return nak(Error::bad_argument, total);

  std::uint8_t head[kHead];
  Fields fields(head);
  fields.u16(index);
  fields.u16(step);
  fields.u32(offset);
  fields.u32(total);
  answer(head, fields.count(), static_cast<const std::uint8_t*>(data) + offset, wanted);
}

void Session::digests(const std::uint8_t* payload, std::size_t bytes) {
  if (bytes != 2) return nak(Error::bad_payload);
  const std::uint16_t first = load16(payload);
  const std::uint16_t total = model::kInfo.observed_count;
  if (!digests_valid_) return nak(Error::no_result);
  if (first >= total) return nak(Error::bad_argument, total);

  // Models with more observed tensors than the window holds run once more for each further window.
  if (first < digests_first_ || first >= digests_first_ + kDigestWindow) {
    const auto window = static_cast<std::uint16_t>(first - first % kDigestWindow);
    run_observed(true, window, false, 0);
  }
  const std::size_t skip = static_cast<std::size_t>(first) - digests_first_;
  std::size_t count = kDigestWindow - skip;
  if (count > static_cast<std::size_t>(total) - first) count = static_cast<std::size_t>(total) - first;

  std::uint8_t reply[6 + 4 * kDigestWindow];
  Fields fields(reply);
  fields.u16(first);
  fields.u16(static_cast<std::uint16_t>(count));
  fields.u16(total);
  for (std::size_t i = 0; i < count; ++i) fields.u32(digests_[skip + i]);
  answer(reply, fields.count());
}

}  // namespace tinygen::protocol
