// What outlives a loss of power in ESP-IDF's non-volatile storage, for both frameworks on the chip: one blob, which NVS
// replaces as a whole and whose wear it spreads. It has facts and a digest of its own. The bytes of a blob before it
// stay in flash until NVS needs their page. Source: ESP-IDF Programming Guide, Non-Volatile Storage Library; its
// headers nvs.h and nvs_flash.h (4.4 and 5.5 declare the same).
#include "board_config.h"
#if TINYGEN_STATE == 2 && !defined(TINYGEN_STANDIN)

#include <nvs.h>
#include <nvs_flash.h>

#include "tinygen/port.h"
#include "tinygen/protocol/crc32.h"
#include "tinygen/store/keeper.h"

namespace tinygen::store {
namespace {

constexpr std::uint32_t kMark = 0x314E4754;  // "TGN1"
constexpr std::uint32_t kForgotten = 1;

struct Record {
  std::uint32_t mark;
  std::uint32_t sequence;
  std::uint32_t owner;
  std::uint32_t bytes;
  std::uint32_t flags;
  std::uint32_t digest;  // over all before it and the bytes
  std::uint8_t content[board::kStateBytes];
};
constexpr std::size_t kHead = sizeof(Record) - board::kStateBytes;

Record record;
bool opened;
bool there;  // the storage works
bool holds;  // something that is not forgotten
nvs_handle_t storage;
std::uint32_t sequence;
Found found;
Outcome outcome;

// A storage that cannot be opened is left as it is: it holds other things, too.
bool open() {
  if (!opened) {
    opened = true;
    there = nvs_flash_init() == ESP_OK && nvs_open("tinygen", NVS_READWRITE, &storage) == ESP_OK;
  }
  return there;
}

std::uint32_t digest_of(const Record& kept, std::uint32_t bytes) {
  const std::uint32_t head = protocol::crc32(0, &kept, kHead - sizeof kept.digest);
  return protocol::crc32(head, kept.content, bytes);
}

bool write(std::uint32_t owner, const void* from, std::uint32_t bytes, std::uint32_t flags) {
  record.mark = kMark;
  record.sequence = sequence + 1;
  record.owner = owner;
  record.bytes = bytes;
  record.flags = flags;
  for (std::uint32_t i = 0; i < bytes; ++i) {
    record.content[i] = static_cast<const std::uint8_t*>(from)[i];
  }
  record.digest = digest_of(record, bytes);
  port::feed();
  const bool done = nvs_set_blob(storage, "learned", &record, kHead + bytes) == ESP_OK && nvs_commit(storage) == ESP_OK;
  port::feed();
  outcome = done ? Outcome::done : Outcome::program_failed;
  sequence += done ? 1 : 0;
  holds = done ? (flags & kForgotten) == 0 : holds;
  return done;
}

}  // namespace

bool load(std::uint32_t owner, void* into, std::uint32_t bytes) {
  found = Found::nothing;
  std::size_t size = 0;
  if (!open() || nvs_get_blob(storage, "learned", nullptr, &size) != ESP_OK) {
    return false;
  }
  holds = true;
  if (size > sizeof record) {
    found = Found::other;
    return false;
  }
  if (size < kHead || nvs_get_blob(storage, "learned", &record, &size) != ESP_OK || record.mark != kMark ||
      record.bytes != size - kHead || record.digest != digest_of(record, record.bytes)) {
    found = Found::damaged;
    return false;
  }
  sequence = record.sequence;
  if ((record.flags & kForgotten) != 0) {
    holds = false;
    found = Found::forgotten;
    return false;
  }
  if (record.owner != owner || record.bytes != bytes) {
    found = Found::other;
    return false;
  }
  for (std::uint32_t i = 0; i < bytes; ++i) {
    static_cast<std::uint8_t*>(into)[i] = record.content[i];
  }
  found = Found::whole;
  return true;
}

bool save(std::uint32_t owner, const void* from, std::uint32_t bytes) {
  if (!open() || bytes > sizeof record.content) {
    outcome = Outcome::too_large;
    return false;
  }
  return write(owner, from, bytes, 0);
}

bool forget(std::uint32_t owner) {
  if (!open() || !holds) {
    return true;  // nothing to wear flash for
  }
  const bool done = write(owner, nullptr, 0, kForgotten);
  found = done ? Found::forgotten : found;
  return done;
}

Status status() {
  return {open() ? Place::nvs : Place::nowhere, found, outcome, sequence, 0, 0, 0, 0};
}

}  // namespace tinygen::store

#endif
