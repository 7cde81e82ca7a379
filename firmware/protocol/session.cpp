#include "tinygen/protocol/session.h"

#include "tinygen/model_api.h"
#include "tinygen/protocol/bytes.h"

namespace tinygen::protocol {
namespace {

bool runs_model(std::uint8_t type) {
  return type == kInfer || type == kDigests || type == kSelfTest || type == kProfile || type == kStreamBegin;
}

}  // namespace

void Session::request(const FrameDecoder& frame) {
  ++frames_good_;
  if (repeated(frame)) {
    send(replay_type_, replay_, replay_bytes_, nullptr, 0);
    return;
  }
  type_ = frame.type();
  sequence_ = frame.sequence();
  crc_ = frame.crc();
  replay_valid_ = false;
  const std::uint8_t* payload = frame.payload();
  const std::size_t bytes = frame.payload_bytes();
  if (streaming_ && type_ >= kWriteInput && type_ <= kSelfTest) return nak(Error::streaming);
  if (runs_model(type_) && !model::healthy()) return nak(Error::no_model);
  switch (type_) {
    case kHello:
      return hello();
    case kWriteInput:
      return write_input(payload, bytes);
    case kInfer:
      return infer(payload, bytes);
    case kReadTensor:
      return read_tensor(payload, bytes);
    case kDigests:
      return digests(payload, bytes);
    case kRawBegin:
      return raw_begin();
    case kRawChunk:
      return raw_chunk(payload, bytes);
    case kRawEnd:
      return raw_end();
    case kSelfTest:
      return self_test(payload, bytes);
    case kMemory:
      return memory();
    case kReset:
      return reset();
    case kProfile:
      return profile(payload, bytes);
    case kIntegrity:
      return integrity(payload, bytes);
    case kSpanDigest:
      return span_digest(payload, bytes);
    case kLastFault:
      return last_fault();
    case kStreamBegin:
      return stream_begin(payload, bytes);
    case kStreamChunk:
      return stream_chunk(payload, bytes);
    case kStreamEnd:
      return stream_end();
    case kLearn:
      return learn(payload, bytes);
    case kReadLearned:
      return read_learned(payload, bytes);
    case kWriteLearned:
      return write_learned(payload, bytes);
    case kSense:
      return sense(payload, bytes);
    case kSamples:
      return samples(payload, bytes);
    case kStreamEvents:
      return stream_events(payload, bytes);
    case kStreamScores:
      return stream_scores(payload, bytes);
    default:
      return nak(Error::unknown_type);
  }
}

// The host asks again with the same bytes when an answer got lost; the work behind a short answer is not done twice.
// Answers too long to keep belong to requests that only read.
bool Session::repeated(const FrameDecoder& frame) {
  return replay_valid_ && frame.type() == type_ && frame.sequence() == sequence_ && frame.crc() == crc_;
}

void Session::bad_frame(Error error) {
  ++frames_bad_;
  std::uint8_t payload[6];
  Fields fields(payload);
  fields.u8(0);
  fields.u8(static_cast<std::uint8_t>(error));
  fields.u32(0);
  writer_.begin(kNak, 0, sizeof payload);
  writer_.put(payload, sizeof payload);
  writer_.end();
}

void Session::log(std::uint8_t level, const char* text) {
  std::size_t bytes = 0;
  while (bytes < 200 && text[bytes] != '\0') ++bytes;
  writer_.begin(kLog, 0, bytes + 1);
  writer_.put(&level, 1);
  writer_.put(text, bytes);
  writer_.end();
}

void Session::answer(const void* head, std::size_t head_bytes, const void* body, std::size_t body_bytes) {
  const std::uint8_t type = static_cast<std::uint8_t>(type_ | kResponse);
  if (head_bytes + body_bytes <= kReplayBytes) {
    Fields keep(replay_);
    keep.bytes(head, head_bytes);
    keep.bytes(body, body_bytes);
    replay_type_ = type;
    replay_bytes_ = keep.count();
    replay_valid_ = true;
  }
  send(type, head, head_bytes, body, body_bytes);
}

void Session::nak(Error error, std::uint32_t detail) {
  std::uint8_t payload[6];
  Fields fields(payload);
  fields.u8(type_);
  fields.u8(static_cast<std::uint8_t>(error));
  fields.u32(detail);
  send(kNak, payload, sizeof payload, nullptr, 0);
}

void Session::send(std::uint8_t type, const void* head, std::size_t head_bytes, const void* body,
                   std::size_t body_bytes) {
  writer_.begin(type, sequence_, head_bytes + body_bytes);
  writer_.put(head, head_bytes);
  if (body_bytes > 0) writer_.put(body, body_bytes);
  writer_.end();
}

}  // namespace tinygen::protocol
