// The chip's id and the board's LED, by their registers: the same under every framework.
// Source: reference manuals, "Unique device ID register" (three words; RM0090 rev 19, 39.1) and GPIO (BSRR:
// RM0090 8.4.7; F1: RM0008 rev 21, 9.2.5).
#include "board_config.h"
#include "pins.h"
#include "registers.h"
#include "tinygen/port.h"

namespace tinygen::port {
namespace {

bool driven = false;

// On the STM32H5 the id lies where the instruction cache must not look: it rests while the id is read, in words.
// Resting empties it, and until that is done (BUSYF) it must not be switched on again. Source: RM0481 rev 1, 7.3.2
// ("regions where caching is not practical: OTP, RO, data area"), 8.4.5; ST's stm32h563xx.h (ICACHE_CR_EN 0,
// ICACHE_SR_BUSYF 0) and HAL_ICACHE_Disable(), which waits for EN to read 0; seen on an STM32H563ZI by others
// (apache/nuttx pull request 19978).
struct Uncached {
#if defined(TINYGEN_CHIP_STM32H5)
  Uncached() {
    reg(board::kCacheBase) = was & ~1U;
    (void)wait_for(board::kCacheBase, 1U, 0U, 10000);
  }
  ~Uncached() {
    if (wait_for(board::kCacheBase + 0x04, 1U, 0U, 10000)) {
      reg(board::kCacheBase) = was;
    }
  }
  Uncached(const Uncached&) = delete;
  Uncached& operator=(const Uncached&) = delete;
  const uint32_t was = reg(board::kCacheBase);
#endif
};

}  // namespace

std::size_t unique_id(std::uint8_t* into, std::size_t capacity) {
  constexpr std::size_t kBytes = 12;
  // QEMU counts no cycles, and a look at system memory is a bus fault there. Every chip in question counts.
  if (board::kUniqueIdBase == 0 || capacity < kBytes || counter_kind() != CounterKind::dwt) {
    return 0;
  }
  [[maybe_unused]] const Uncached here;
  for (std::size_t i = 0; i < kBytes; ++i) {
    const uint32_t word = reg(board::kUniqueIdBase + static_cast<uint32_t>(i & ~std::size_t{3}));
    into[i] = static_cast<std::uint8_t>(word >> (8 * (i & 3)));
  }
  return kBytes;
}

void led(bool lit) {
  if constexpr (board::kLedPin < 16) {
    if (!driven) {
      make_output(board::kLedPort, board::kLedPin);
      driven = true;
    }
    write_pin(board::kLedPort, board::kLedPin, lit == (board::kLedActiveHigh != 0));
  }
}

}  // namespace tinygen::port
