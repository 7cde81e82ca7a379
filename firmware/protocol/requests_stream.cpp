// Requests that stream a signal without end, and the events that come of it unasked.
#include "tinygen/decision_api.h"
#include "tinygen/features_api.h"
#include "tinygen/model_api.h"
#include "tinygen/protocol/bytes.h"
#include "tinygen/protocol/session.h"
#include "tinygen/source.h"
#include "tinygen/stream_api.h"

namespace tinygen::protocol {
namespace {

constexpr std::size_t kEventBytes = 20;
constexpr std::size_t kLabelBytes = 64;
constexpr std::size_t kScoresBytes = 256;

void put64(Fields& fields, std::uint64_t value) {
  fields.u32(static_cast<std::uint32_t>(value));
  fields.u32(static_cast<std::uint32_t>(value >> 32));
}

void put_event(Fields& fields, const stream::Event& event) {
  fields.u32(event.number);
  put64(fields, event.instant);
  fields.u32(event.score);
  fields.u16(static_cast<std::uint16_t>(event.label));
  fields.u16(0);
}

std::size_t label_bytes(const char* name) {
  std::size_t length = 0;
  while (length < kLabelBytes && name[length] != '\0') ++length;
  return length;
}

void tell(void* context, const stream::Event& event) {
  auto& writer = *static_cast<FrameWriter*>(context);
  const char* name = decision::label_name(event.label);
  const std::size_t length = label_bytes(name);
  std::uint8_t payload[kEventBytes];
  Fields fields(payload);
  put_event(fields, event);
  writer.begin(kEvent, 0, fields.count() + length);
  writer.put(payload, fields.count());
  writer.put(name, length);
  writer.end();
}

}  // namespace

void Session::stream_begin(const std::uint8_t* payload, std::size_t bytes) {
  if (bytes != 1) return nak(Error::bad_payload);
  if (stream::kInfo.window_rows == 0) return nak(Error::no_stream);
  stop_sensing();
  begin_input();
  raw_active_ = false;
  result_ = Result::none;
  digests_valid_ = false;
  streaming_ = false;
  stream::begin((payload[0] & kStreamCount) != 0, (payload[0] & kStreamDigests) != 0);
  if ((payload[0] & kStreamSensor) != 0) {
    const source::Status status = source::start();
    if (status != source::Status::ok) return nak(Error::no_sensor, static_cast<std::uint32_t>(status));
    sensing_ = true;
  }
  streaming_ = true;
  instants_ = 0;

  std::uint8_t reply[24];
  Fields fields(reply);
  fields.u16(stream::kInfo.window_rows);
  fields.u16(stream::kInfo.hop_rows);
  fields.u16(stream::kInfo.smoothing);
  fields.u16(stream::kInfo.watched);
  fields.u32(stream::kInfo.threshold);
  fields.u32(stream::kInfo.release);
  fields.u32(stream::kInfo.ring_instants);
  fields.u32(stream::kInfo.memory_bytes);
  answer(reply, fields.count());
}

void Session::poll_stream() {
  if (sensing()) source::poll();
  if (streaming_) stream::run(&tell, &writer_);
}

void Session::stream_chunk(const std::uint8_t* payload, std::size_t bytes) {
  const std::size_t channels = features::kInfo.channels;
  if (bytes < 4 || (bytes - 4) % (2 * channels) != 0) return nak(Error::bad_payload);
  if (!streaming_) return nak(Error::out_of_order, 0);
  if (sensing_) return nak(Error::streaming);
  if (load32(payload) != instants_) return nak(Error::out_of_order, instants_);

  // The line waits for the answer, so nothing that came this way is ever lost: what has no room is worked off first.
  std::int16_t samples[64];
  const std::size_t piece = 64 / channels;
  const std::size_t total = (bytes - 4) / (2 * channels);
  const std::uint8_t* from = payload + 4;
  for (std::size_t left = total; left != 0;) {
    if (stream::room() == 0) poll_stream();
    const std::size_t room = stream::room() < piece ? stream::room() : piece;
    const std::size_t count = left < room ? left : room;
    for (std::size_t i = 0; i < count * channels; ++i, from += 2) {
      samples[i] = static_cast<std::int16_t>(load16(from));
    }
    stream::offer(samples, count);
    left -= count;
  }
  instants_ += static_cast<std::uint32_t>(total);
  poll_stream();

  const stream::Statistics told = stream::statistics();
  std::uint8_t reply[16];
  Fields fields(reply);
  fields.u32(instants_);
  fields.u32(told.rows);
  fields.u32(told.inferences);
  fields.u32(told.events);
  answer(reply, fields.count());
}

void Session::stream_end() {
  if (!streaming_) return nak(Error::out_of_order, 0);
  stop_sensing();
  poll_stream();
  streaming_ = false;
  input_bytes_ = 0;
  state_saved_ = false;
  model::reset();

  const stream::Statistics told = stream::statistics();
  std::uint8_t reply[52];
  Fields fields(reply);
  put64(fields, told.instants);
  fields.u32(told.rows);
  fields.u32(told.inferences);
  fields.u32(told.events);
  fields.u32(told.overruns);
  fields.u32(told.saturated);
  put64(fields, told.feature_ticks);
  put64(fields, told.inference_ticks);
  fields.u32(told.row_digest);
  fields.u32(told.output_digest);
  answer(reply, fields.count());
}

void Session::stream_scores(const std::uint8_t* payload, std::size_t bytes) {
  if (bytes != 2) return nak(Error::bad_payload);
  if (!streaming_) return nak(Error::out_of_order, 0);
  const std::uint32_t first = load16(payload);
  std::uint8_t reply[kScoresBytes];
  Fields fields(reply);
  const stream::Statistics told = stream::statistics();
  put64(fields, told.instants);
  fields.u32(told.inferences);
  fields.u16(stream::kInfo.watched);
  fields.u16(static_cast<std::uint16_t>(first));
  stream::Score score;
  for (std::uint32_t index = first; stream::score(index, score); ++index) {
    const char* name = decision::label_name(score.label);
    const std::size_t length = label_bytes(name);
    if (fields.count() + 7 + length > kScoresBytes) break;
    fields.u16(static_cast<std::uint16_t>(score.label));
    fields.u32(score.sum);
    fields.u8(static_cast<std::uint8_t>(length));
    fields.bytes(name, length);
  }
  answer(reply, fields.count());
}

void Session::stream_events(const std::uint8_t* payload, std::size_t bytes) {
  if (bytes != 4) return nak(Error::bad_payload);
  const std::uint32_t first = load32(payload);
  const std::uint32_t total = stream::statistics().events;
  std::uint8_t reply[4 + stream::kKeptEvents * kEventBytes];
  Fields fields(reply);
  fields.u32(total);
  stream::Event event;
  for (std::uint32_t number = first; number < total && number - first < stream::kKeptEvents; ++number) {
    if (!stream::kept(number, event)) return nak(Error::bad_argument, total);
    put_event(fields, event);
  }
  answer(reply, fields.count());
}

}  // namespace tinygen::protocol
