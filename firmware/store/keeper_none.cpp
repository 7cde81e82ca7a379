// Where nothing outlives a loss of power: also tinygen's stand-in for ESP-IDF, which has no NVS.
#include "board_config.h"
#if TINYGEN_STATE == 0 || (TINYGEN_STATE == 2 && defined(TINYGEN_STANDIN))

#include "tinygen/store/keeper.h"

namespace tinygen::store {

bool load(std::uint32_t, void*, std::uint32_t) {
  return false;
}

bool save(std::uint32_t, const void*, std::uint32_t) {
  return false;
}

bool forget(std::uint32_t) {
  return true;
}

Status status() {
  return {};
}

}  // namespace tinygen::store

#endif
