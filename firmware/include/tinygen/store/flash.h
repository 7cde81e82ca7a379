// What keeper_flash.cpp asks of a port: two areas that are erased as a whole and written in blocks, each block once.
#pragma once
#include <cstdint>

#include "tinygen/store/keeper.h"

namespace tinygen::store {

// Written at once as far as the program is concerned: one flash word of an STM32H7, two of an H5, four of an L4 or G4.
constexpr std::uint32_t kBlockBytes = 32;
constexpr std::uint32_t kBlockWords = kBlockBytes / 4;

struct Geometry {
  Place place;
  std::uint32_t area_bytes;
  std::uint32_t endurance;
  std::uint32_t stall_ms;
};
Geometry flash_geometry();

// False where the block cannot be read as it was written (error correction says so, or the file is too short).
bool flash_read(std::uint32_t area, std::uint32_t offset, std::uint32_t* into);

Outcome flash_erase(std::uint32_t area);

// Into erased flash. `done` also means that it was read back.
Outcome flash_write(std::uint32_t area, std::uint32_t offset, const std::uint32_t* from);

}  // namespace tinygen::store
