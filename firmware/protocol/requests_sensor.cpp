// Requests about the image's own source of samples, and samples on their way to the host.
#include "tinygen/features_api.h"
#include "tinygen/port.h"
#include "tinygen/protocol/bytes.h"
#include "tinygen/protocol/session.h"
#include "tinygen/source.h"
#include "tinygen/stream_api.h"

namespace tinygen::protocol {
namespace {

constexpr std::size_t kNameBytes = 64;
constexpr std::size_t kSamplesHead = 12;
constexpr std::size_t kMostSamples = (kMaxPayload - kSamplesHead) / 2;  // of all channels together

}  // namespace

void Session::stop_sensing() {
  if (sensing()) source::stop();
  sensing_ = false;
  recording_ = false;
}

void Session::sense(const std::uint8_t* payload, std::size_t bytes) {
  if (bytes != 8) return nak(Error::bad_payload);
  if (stream::kInfo.window_rows == 0) return nak(Error::no_stream);
  source::Status status = source::Status::ok;
  switch (payload[0]) {
    case kSenseAsk:
      break;
    case kSenseRecord:
      if (streaming_) return nak(Error::streaming);
      stop_sensing();
      begin_input();
      raw_active_ = false;
      result_ = Result::none;
      digests_valid_ = false;
      stream::begin(false, false);
      stream::take_only(load32(payload + 4));
      status = source::start();
      if (status != source::Status::ok) return nak(Error::no_sensor, static_cast<std::uint32_t>(status));
      recording_ = true;
      break;
    case kSenseStop:
      if (recording_) stop_sensing();
      break;
    default:
      return nak(Error::bad_argument, kSenseStop);
  }
  const stream::Statistics told = stream::statistics();
  std::uint8_t head[26];
  Fields fields(head);
  fields.u8(static_cast<std::uint8_t>(source::kInfo.kind));
  fields.u8(recording_ ? 1 : 0);
  fields.u16(source::kInfo.channels);
  fields.u32(source::kInfo.rate_millihertz);
  fields.u32(stream::kInfo.ring_instants);
  fields.u32(stream::offered());
  fields.u32(told.overruns);
  fields.u32(told.saturated);
  std::size_t length = 0;
  while (length < kNameBytes && source::kInfo.name[length] != '\0') ++length;
  fields.u16(static_cast<std::uint16_t>(length));
  answer(head, fields.count(), source::kInfo.name, length);
}

void Session::samples(const std::uint8_t* payload, std::size_t bytes) {
  if (bytes != 6) return nak(Error::bad_payload);
  const std::uint32_t position = load32(payload);
  const std::uint32_t asked = load16(payload + 4);
  const std::uint32_t channels = features::kInfo.channels;
  const std::uint32_t most = static_cast<std::uint32_t>(kMostSamples / channels);
  std::int16_t found[kMostSamples];
  const std::uint32_t count = stream::copy_waiting(position, found, asked < most ? asked : most);
  std::uint8_t head[kSamplesHead];
  Fields fields(head);
  fields.u32(position);
  fields.u32(stream::offered());
  fields.u32(stream::statistics().overruns);
  answer(head, fields.count(), found, 2 * count * channels);  // every port is little-endian, as the wire
}

}  // namespace tinygen::protocol
