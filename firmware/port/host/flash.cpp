// A file in place of flash: TINYGEN_STATE_FILE names it, and without that nothing outlives the program. Its bytes are
// those of two areas, written as flash is: blocks once between two erasures.
#include "board_config.h"
#if TINYGEN_STATE == 3

#include <stdio.h>
#include <stdlib.h>

#include "tinygen/store/flash.h"

namespace tinygen::store {
namespace {

constexpr std::uint32_t kAreaBytes = 64 * 1024;

const char* name() {
  return getenv("TINYGEN_STATE_FILE");
}

// Bytes at a place of the file, which is made, blank, where there is none.
bool at(std::uint32_t area, std::uint32_t offset, bool write, void* bytes, std::uint32_t count) {
  if (name() == nullptr) {
    return false;
  }
  FILE* file = fopen(name(), write ? "r+b" : "rb");
  if (file == nullptr && write) {
    file = fopen(name(), "w+b");
    for (std::uint32_t i = 0; file != nullptr && i < 2 * kAreaBytes; ++i) {
      fputc(0xFF, file);
    }
  }
  if (file == nullptr) {
    return false;
  }
  bool done = fseek(file, static_cast<long>(area * kAreaBytes + offset), SEEK_SET) == 0;
  done = done && (write ? fwrite(bytes, 1, count, file) : fread(bytes, 1, count, file)) == count;
  return fclose(file) == 0 && done;
}

}  // namespace

Geometry flash_geometry() {
  return name() == nullptr ? Geometry{Place::nowhere, 0, 0, 0} : Geometry{Place::file, kAreaBytes, 0, 0};
}

bool flash_read(std::uint32_t area, std::uint32_t offset, std::uint32_t* into) {
  if (at(area, offset, false, into, kBlockBytes)) {
    return true;
  }
  for (std::uint32_t i = 0; i < kBlockWords; ++i) {
    into[i] = 0xFFFFFFFF;  // no file yet: blank
  }
  return name() != nullptr;
}

Outcome flash_erase(std::uint32_t area) {
  static std::uint8_t blank[kAreaBytes];
  for (std::uint8_t& byte : blank) {
    byte = 0xFF;
  }
  return at(area, 0, true, blank, kAreaBytes) ? Outcome::done : Outcome::erase_failed;
}

Outcome flash_write(std::uint32_t area, std::uint32_t offset, const std::uint32_t* from) {
  std::uint32_t block[kBlockWords];
  for (std::uint32_t i = 0; i < kBlockWords; ++i) {
    block[i] = from[i];
  }
  return at(area, offset, true, block, kBlockBytes) ? Outcome::done : Outcome::program_failed;
}

}  // namespace tinygen::store

#endif
