// Records, one behind the other in two areas used in turn.
//
// An area begins with a block that says it was erased to the end: an erasure that was cut off may look finished and not
// be. A record is a block of facts, its bytes in whole blocks, a block with the digest over both, and a block that says
// it is finished; blocks are written in this order, each once. So a loss of power leaves the record before as it was,
// and what was begun without its last block. The next record goes behind whatever is not blank, or into the other area.
#include "board_config.h"
#if TINYGEN_STATE == 1 || TINYGEN_STATE == 3

#include "tinygen/port.h"
#include "tinygen/protocol/crc32.h"
#include "tinygen/store/flash.h"
#include "tinygen/store/keeper.h"

namespace tinygen::store {
namespace {

constexpr std::uint32_t kAreaMark = 0x31414754;    // "TGA1"
constexpr std::uint32_t kRecordMark = 0x31524754;  // "TGR1"
constexpr std::uint32_t kFinished = 0x444E4554;    // "TEND"
constexpr std::uint32_t kForgotten = 1;
constexpr std::uint32_t kFrameBytes = 3 * kBlockBytes;  // of a record beside its bytes
constexpr std::uint32_t kBlank = 0xFFFFFFFF;

struct AreaBlock {
  std::uint32_t mark;
  std::uint32_t erases;
  std::uint32_t reserved[kBlockWords - 3];
  std::uint32_t digest;
};

struct RecordBlock {
  std::uint32_t mark;
  std::uint32_t sequence;
  std::uint32_t owner;
  std::uint32_t bytes;
  std::uint32_t flags;
  std::uint32_t reserved[kBlockWords - 6];
  std::uint32_t digest;
};

union Block {
  std::uint32_t words[kBlockWords];
  std::uint8_t bytes[kBlockBytes];
  AreaBlock area;
  RecordBlock record;
};
static_assert(sizeof(Block) == kBlockBytes, "blocks are written as they lie in memory");

// What look() found of an area.
struct Area {
  bool ready;  // erased to the end, by its own word
  bool used;   // not ready, and not blank at its start
  bool whole;  // holds a record that is
  bool cut;    // behind the last whole record stands what was not finished
  std::uint32_t erases;
  std::uint32_t end;  // behind everything that is not blank
};

struct Record {
  bool there;
  std::uint32_t area;
  std::uint32_t offset;
  RecordBlock facts;
};

Area areas[2];
Record newest;                   // whole and finished
std::uint32_t last_sequence;     // of any record, also of one that was not finished
std::uint32_t damaged_sequence;  // the last that was finished and does not fit its digest; 0: none
bool looked;
Found found;
Outcome outcome;

std::uint32_t padded(std::uint32_t bytes) {
  return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

std::uint32_t digest_of(const Block& block) {
  return protocol::crc32(0, block.words, kBlockBytes - 4);
}

bool is_blank(const Block& block) {
  for (const std::uint32_t word : block.words) {
    if (word != kBlank) {
      return false;
    }
  }
  return true;
}

bool read(std::uint32_t area, std::uint32_t offset, Block& block) {
  return flash_read(area, offset, block.words);
}

// The last block of a record: all of it must be there.
void fill_finished(Block& block, std::uint32_t sequence) {
  for (std::uint32_t i = 0; i < kBlockWords; ++i) {
    block.words[i] = (i % 2 == 0 ? kFinished : sequence) ^ i;
  }
}

bool is_finished(const Block& block, std::uint32_t sequence) {
  Block wanted;
  fill_finished(wanted, sequence);
  for (std::uint32_t i = 0; i < kBlockWords; ++i) {
    if (block.words[i] != wanted.words[i]) {
      return false;
    }
  }
  return true;
}

// The bytes behind a record's facts against its digest.
bool fits(std::uint32_t area, std::uint32_t offset, const RecordBlock& facts) {
  Block block;
  std::uint32_t crc = protocol::crc32(0, &facts, sizeof facts);
  std::uint32_t at = offset + kBlockBytes;
  for (; at != offset + kBlockBytes + padded(facts.bytes); at += kBlockBytes) {
    if (!read(area, at, block)) {
      return false;
    }
    crc = protocol::crc32(crc, block.words, kBlockBytes);
  }
  return read(area, at, block) && block.words[0] == crc;
}

void look_at_record(std::uint32_t number, std::uint32_t offset, const RecordBlock& facts) {
  last_sequence = facts.sequence > last_sequence ? facts.sequence : last_sequence;
  Block last;
  const std::uint32_t end = offset + padded(facts.bytes) + 2 * kBlockBytes;
  const bool finished = read(number, end, last) && is_finished(last, facts.sequence);
  if (finished && fits(number, offset, facts)) {
    areas[number].whole = true;
    areas[number].cut = false;
    if (!newest.there || facts.sequence > newest.facts.sequence) {
      newest = {true, number, offset, facts};
    }
  } else if (finished) {
    damaged_sequence = facts.sequence > damaged_sequence ? facts.sequence : damaged_sequence;
  } else {
    areas[number].cut = true;
  }
}

void look_at(std::uint32_t number) {
  const std::uint32_t size = flash_geometry().area_bytes;
  Area& area = areas[number];
  Block block;
  const bool readable = read(number, 0, block);
  area = {};
  area.ready = readable && block.area.mark == kAreaMark && block.area.digest == digest_of(block);
  area.used = !area.ready && !(readable && is_blank(block));
  area.erases = area.ready ? block.area.erases : 0;
  area.end = kBlockBytes;
  while (area.end + kBlockBytes <= size) {
    const std::uint32_t at = area.end;
    area.end = at + kBlockBytes;
    if (!read(number, at, block)) {
      area.cut = true;
      continue;
    }
    if (is_blank(block)) {
      area.end = at;
      return;
    }
    const RecordBlock facts = block.record;
    if (facts.mark == kRecordMark && facts.digest == digest_of(block) && at + kFrameBytes <= size &&
        facts.bytes <= size - at - kFrameBytes) {
      look_at_record(number, at, facts);
      area.end = at + kFrameBytes + padded(facts.bytes);
    } else {
      area.cut = true;
    }
  }
}

void look() {
  if (!looked) {
    looked = true;
    look_at(0);
    look_at(1);
  }
}

// Whether something was begun in an area after the newest record of the other one, and cut off: a record without a
// whole one before it, or an erasure, which shows where the area is neither blank nor ready.
bool cut_off_in(const Area& beside) {
  return beside.used || (beside.ready && beside.cut && !beside.whole);
}

bool cut_off() {
  if (!newest.there) {
    return (areas[0].ready && areas[0].cut) || (areas[1].ready && areas[1].cut);
  }
  return areas[newest.area].cut || cut_off_in(areas[1 - newest.area]);
}

// What load() says when it gives something, or nothing for a reason that is no fault.
Found unless_harmed(Found fine) {
  const bool damaged = damaged_sequence != 0 && (!newest.there || damaged_sequence > newest.facts.sequence);
  return damaged ? Found::damaged : cut_off() ? Found::torn : fine;
}

Outcome put(std::uint32_t area, std::uint32_t offset, const Block& block) {
  port::feed();
  return flash_write(area, offset, block.words);
}

Outcome erase(std::uint32_t number) {
  const std::uint32_t other = areas[1 - number].erases;
  const std::uint32_t erases = (areas[number].ready || areas[number].erases > other ? areas[number].erases : other) + 1;
  areas[number] = {};
  areas[number].erases = erases;
  port::feed();
  const Outcome erased = flash_erase(number);
  port::feed();
  if (erased != Outcome::done) {
    return erased;
  }
  Block block = {};
  block.area.mark = kAreaMark;
  block.area.erases = erases;
  block.area.digest = digest_of(block);
  const Outcome written = put(number, 0, block);
  if (written == Outcome::done) {
    areas[number].ready = true;
    areas[number].end = kBlockBytes;
  }
  return written;
}

Outcome append(std::uint32_t number, const RecordBlock& facts, const std::uint8_t* from) {
  Area& area = areas[number];
  const std::uint32_t start = area.end;
  std::uint32_t at = start;
  Block block;
  block.record = facts;
  std::uint32_t crc = protocol::crc32(0, &facts, sizeof facts);
  Outcome done = put(number, at, block);
  area.end = at += kBlockBytes;
  for (std::uint32_t place = 0; place < facts.bytes && done == Outcome::done; place += kBlockBytes) {
    for (std::uint32_t i = 0; i < kBlockBytes; ++i) {
      block.bytes[i] = place + i < facts.bytes ? from[place + i] : std::uint8_t{0};
    }
    crc = protocol::crc32(crc, block.words, kBlockBytes);
    done = put(number, at, block);
    area.end = at += kBlockBytes;
  }
  if (done == Outcome::done) {
    block = {};
    block.words[0] = crc;
    done = put(number, at, block);
    area.end = at += kBlockBytes;
  }
  if (done == Outcome::done && !fits(number, start, facts)) {
    done = Outcome::verify_failed;
  }
  if (done == Outcome::done) {
    fill_finished(block, facts.sequence);
    done = put(number, at, block);
    area.end = at + kBlockBytes;
  }
  if (done == Outcome::done) {
    newest = {true, number, start, facts};
  }
  return done;
}

bool has_room(std::uint32_t number, std::uint32_t bytes) {
  return areas[number].ready && areas[number].end + kFrameBytes + padded(bytes) <= flash_geometry().area_bytes;
}

RecordBlock facts_of(std::uint32_t owner, std::uint32_t bytes, std::uint32_t flags) {
  Block block = {};
  block.record.mark = kRecordMark;
  block.record.sequence = ++last_sequence;
  block.record.owner = owner;
  block.record.bytes = bytes;
  block.record.flags = flags;
  block.record.digest = digest_of(block);
  return block.record;
}

}  // namespace

bool load(std::uint32_t owner, void* into, std::uint32_t bytes) {
  look();
  if (!newest.there || (newest.facts.flags & kForgotten) != 0) {
    found = unless_harmed(newest.there ? Found::forgotten : Found::nothing);
    return false;
  }
  if (newest.facts.owner != owner || newest.facts.bytes != bytes) {
    found = Found::other;
    return false;
  }
  auto* const to = static_cast<std::uint8_t*>(into);
  Block block;
  for (std::uint32_t at = 0; at < bytes; at += kBlockBytes) {
    if (!read(newest.area, newest.offset + kBlockBytes + at, block)) {
      found = Found::damaged;
      return false;
    }
    for (std::uint32_t i = 0; i < kBlockBytes && at + i < bytes; ++i) {
      to[at + i] = block.bytes[i];
    }
  }
  found = unless_harmed(Found::whole);
  return true;
}

bool save(std::uint32_t owner, const void* from, std::uint32_t bytes) {
  if (flash_geometry().place == Place::nowhere) {
    return false;
  }
  look();
  if (kBlockBytes + kFrameBytes + padded(bytes) > flash_geometry().area_bytes) {
    outcome = Outcome::too_large;
    return false;
  }
  const auto* const source = static_cast<const std::uint8_t*>(from);
  const RecordBlock facts = facts_of(owner, bytes, 0);
  const std::uint32_t here = newest.there ? newest.area : 0;
  if (has_room(here, bytes)) {
    outcome = append(here, facts, source);
    if (outcome == Outcome::done) {
      if (cut_off_in(areas[1 - here])) {  // made good now, or every start would tell of it
        (void)erase(1 - here);
      }
      return true;
    }
  }
  // The area is full, or does not take it: the other one, erased. Without a record there is nothing to lose in either.
  const std::uint32_t other = newest.there ? 1 - here : areas[1].erases < areas[0].erases ? 1U : 0U;
  outcome = erase(other);
  if (outcome == Outcome::done) {
    outcome = append(other, facts, source);
  }
  return outcome == Outcome::done;
}

bool forget(std::uint32_t owner) {
  if (flash_geometry().place == Place::nowhere) {
    return true;
  }
  look();
  const bool something = newest.there && (newest.facts.flags & kForgotten) == 0;
  if (!something && damaged_sequence == 0) {
    found = Found::forgotten;
    return true;  // nothing to wear flash for
  }
  const std::uint32_t here = newest.there ? newest.area : 0;
  outcome = erase(1 - here);
  if (outcome == Outcome::done) {
    outcome = append(1 - here, facts_of(owner, 0, kForgotten), nullptr);
  }
  if (outcome == Outcome::done) {
    found = Found::forgotten;
    damaged_sequence = 0;
    outcome = erase(here);
  }
  return outcome == Outcome::done;
}

Status status() {
  const Geometry geometry = flash_geometry();
  const std::uint32_t most = areas[0].erases > areas[1].erases ? areas[0].erases : areas[1].erases;
  const std::uint32_t next = kFrameBytes + padded(newest.facts.bytes);
  const std::uint32_t room = newest.there ? geometry.area_bytes - areas[newest.area].end : 0;
  return {geometry.place,    found,      outcome, newest.there ? newest.facts.sequence : 0, most, geometry.endurance,
          geometry.stall_ms, room / next};
}

}  // namespace tinygen::store

#endif
