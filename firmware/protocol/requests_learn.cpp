// Requests about what the device has learned to be normal for its machine.
#include "tinygen/protocol/bytes.h"
#include "tinygen/protocol/session.h"
#include "tinygen/stream_api.h"

namespace tinygen::protocol {

void Session::learn(const std::uint8_t* payload, std::size_t bytes) {
  if (bytes != 5) return nak(Error::bad_payload);
  if (payload[0] > static_cast<std::uint8_t>(stream::LearningAction::keep)) return nak(Error::bad_argument, 5);
  const auto action = static_cast<stream::LearningAction>(payload[0]);
  if (!stream::learning(action, load32(payload + 1))) return nak(Error::no_learning, stream::learning_status().count);

  const stream::LearningStatus told = stream::learning_status();
  std::uint8_t reply[52];
  Fields fields(reply);
  fields.u8(static_cast<std::uint8_t>(told.phase));
  fields.u8(told.torn ? std::uint8_t{1} : std::uint8_t{0});
  fields.u16(0);
  fields.u32(told.values);
  fields.u32(told.count);
  fields.u32(told.threshold);
  fields.u32(told.score);
  fields.u32(told.bytes);
  fields.u32(told.digest);
  fields.u8(static_cast<std::uint8_t>(told.store.place));
  fields.u8(static_cast<std::uint8_t>(told.store.found));
  fields.u8(static_cast<std::uint8_t>(told.store.outcome));
  fields.u8(told.kept ? std::uint8_t{1} : std::uint8_t{0});
  fields.u32(told.store.sequence);
  fields.u32(told.store.erases);
  fields.u32(told.store.endurance);
  fields.u32(told.store.stall_ms);
  fields.u32(told.store.writes_left);
  answer(reply, fields.count());
}

void Session::read_learned(const std::uint8_t* payload, std::size_t bytes) {
  if (bytes != 6) return nak(Error::bad_payload);
  const std::uint32_t offset = load32(payload);
  const std::uint16_t wanted = load16(payload + 4);
  const std::uint32_t total = stream::learning_status().bytes;
  if (total == 0) return nak(Error::no_learning);
  if (wanted > kMaxPayload - 4) return nak(Error::bad_argument, kMaxPayload - 4);
  if (offset > total || wanted > total - offset) return nak(Error::bad_argument, total);
  std::uint8_t head[4];
  Fields fields(head);
  fields.u32(offset);
  answer(head, fields.count(), stream::learned() + offset, wanted);
}

void Session::write_learned(const std::uint8_t* payload, std::size_t bytes) {
  if (bytes < 5) return nak(Error::bad_payload);
  const std::uint32_t total = stream::learning_status().bytes;
  if (total == 0) return nak(Error::no_learning);
  const auto count = static_cast<std::uint32_t>(bytes - 4);
  switch (stream::write_learned(load32(payload), payload + 4, count)) {
    case stream::Written::refused:
      return nak(Error::bad_argument, total);
    case stream::Written::other:
      return nak(Error::other_model);
    case stream::Written::part:
    case stream::Written::whole:
      break;
  }
  std::uint8_t reply[4];
  Fields fields(reply);
  fields.u32(load32(payload) + count);
  answer(reply, fields.count());
}

}  // namespace tinygen::protocol
