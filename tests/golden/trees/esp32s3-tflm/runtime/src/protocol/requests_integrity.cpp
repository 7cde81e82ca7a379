// Requests about the image's own bytes: are they what was built? And about the fault before this start.
#include "tinygen/fault.h"
#include "tinygen/model_api.h"
#include "tinygen/port.h"
#include "tinygen/protocol/bytes.h"
#include "tinygen/protocol/crc32.h"
#include "tinygen/protocol/fault_payload.h"
#include "tinygen/protocol/session.h"

namespace tinygen::protocol {
namespace {

constexpr std::size_t kPart = 64;  // words between two feedings of the watchdog

// Word by word into a buffer: some memories cannot be read by bytes.
std::uint32_t span_crc(std::uint32_t crc, const volatile std::uint32_t* words, std::uint32_t bytes) {
  std::uint32_t buffer[kPart];
  for (std::uint32_t left = bytes / 4; left > 0;) {
    const std::uint32_t count = left < kPart ? left : static_cast<std::uint32_t>(kPart);
    for (std::uint32_t i = 0; i < count; ++i) buffer[i] = *words++;
    crc = crc32(crc, buffer, 4 * static_cast<std::size_t>(count));
    left -= count;
    port::feed();
  }
  return crc;
}

std::uint32_t data_crc(const void* data, std::uint32_t bytes) {
  const auto* from = static_cast<const std::uint8_t*>(data);
  std::uint32_t crc = 0;
  for (std::uint32_t done = 0; done < bytes;) {
    const std::uint32_t left = bytes - done;
    const std::uint32_t count = left < 4 * kPart ? left : static_cast<std::uint32_t>(4 * kPart);
    crc = crc32(crc, from + done, count);
    done += count;
    port::feed();
  }
  return crc;
}

std::uint32_t address_of(const volatile void* place) {
  return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(place));
}

bool within(std::uint32_t address, std::uint32_t bytes, std::uint32_t start, std::uint32_t size) {
  return address >= start && bytes <= size && address - start <= size - bytes;
}

}  // namespace

void Session::check_image() {
  integrity_ = 0;
  image_crc_ = 0;
  first_bad_weight_ = 0xFFFF;
  bad_weights_ = 0;

  port::ImageSpan spans[port::kMaxImageSpans];
  const std::size_t count = port::image_spans(spans);
  const volatile port::ImageDigest* digest = count > 0 ? port::image_digest() : nullptr;
  if (digest != nullptr && digest->magic == port::kImageDigestMagic) {
    for (std::size_t i = 0; i < count; ++i) image_crc_ = span_crc(image_crc_, spans[i].words, spans[i].bytes);
    integrity_ = kImageDigest;
    if (digest->crc == image_crc_) integrity_ |= kImageIntact;
  }

  if (model::kWeightCount == 0) return;
  integrity_ |= kWeightDigests;
  if ((integrity_ & kImageIntact) == 0) {  // an intact image has intact weights
    for (std::uint16_t i = 0; i < model::kWeightCount; ++i) {
      const model::WeightDigest& weight = model::kWeightDigests[i];
      if (data_crc(weight.data, weight.bytes) == weight.crc) continue;
      if (bad_weights_ == 0) first_bad_weight_ = i;
      ++bad_weights_;
    }
  }
  if (bad_weights_ == 0) integrity_ |= kWeightsIntact;
}

void Session::integrity(const std::uint8_t* payload, std::size_t bytes) {
  if (bytes != 1) return nak(Error::bad_payload);
  if (payload[0] > kIntegrityNow) return nak(Error::bad_argument, kIntegrityNow);
  if (payload[0] == kIntegrityNow) check_image();

  port::ImageSpan spans[port::kMaxImageSpans] = {};
  const std::size_t count = port::image_spans(spans);
  std::uint8_t reply[16 + 8 * port::kMaxImageSpans];
  Fields fields(reply);
  fields.u8(integrity_);
  fields.u8(static_cast<std::uint8_t>(count));
  fields.u16(model::kWeightCount);
  fields.u16(bad_weights_);
  fields.u16(first_bad_weight_);
  fields.u32(count > 0 ? port::image_digest()->crc : 0);
  fields.u32(image_crc_);
  for (std::size_t i = 0; i < count; ++i) {
    fields.u32(address_of(spans[i].words));
    fields.u32(spans[i].bytes);
  }
  answer(reply, fields.count());
}

void Session::span_digest(const std::uint8_t* payload, std::size_t bytes) {
  if (bytes != 8) return nak(Error::bad_payload);
  const std::uint32_t address = load32(payload);
  const std::uint32_t size = load32(payload + 4);
  if (address % 4 != 0 || size % 4 != 0) return nak(Error::bad_argument, 4);
  port::ImageSpan spans[port::kMaxImageSpans];
  const std::size_t count = port::image_spans(spans);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t start = address_of(spans[i].words);
    if (!within(address, size, start, spans[i].bytes)) continue;
    std::uint8_t reply[12];
    Fields fields(reply);
    fields.u32(address);
    fields.u32(size);
    fields.u32(span_crc(0, spans[i].words + (address - start) / 4, size));
    return answer(reply, fields.count());
  }
  nak(Error::bad_argument, 0);
}

void Session::last_fault() {
  const TinygenFault* fault = port::last_fault();
  if (fault == nullptr) return answer(nullptr, 0);
  std::uint8_t reply[kFaultBytes];
  fault_payload(*fault, reply);
  answer(reply, sizeof reply);
}

}  // namespace tinygen::protocol
