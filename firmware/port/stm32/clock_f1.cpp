// Clock tree of the STM32F1: external clock -> PLL (one multiplier) -> core. Source: RM0008 rev 21 sections 3.3.3
// (FLASH_ACR), 7.3.1 and 7.3.2 (RCC_CR, RCC_CFGR).
#include "board_config.h"
#include "clock.h"
#include "registers.h"

#if defined(TINYGEN_CHIP_STM32F1)

namespace tinygen::port {
namespace {

using namespace tinygen::board;

constexpr uint32_t kControl = kRccBase + 0x00;  // HSE on 16, ready 17, bypass 18; PLL on 24, ready 25
// SW 1:0, SWS 3:2, HPRE 7:4, PPRE1 10:8, PPRE2 13:11, PLL from HSE 16, HSE halved 17, multiplier - 2 21:18.
constexpr uint32_t kConfig = kRccBase + 0x04;
constexpr uint32_t kFlashAccess = kFlashBase + 0x00;  // wait states 2:0, prefetch 4
constexpr uint32_t kSwitchToHsi = 0;
constexpr uint32_t kSwitchToPll = 2;

bool use_pll() {
  reg(kFlashAccess) = kFlashWaitStates | (1U << 4);
  const uint32_t tree = (prescaler_bits(kApb1Divider) << 8) | (prescaler_bits(kApb2Divider) << 11) | (1U << 16) |
                        ((kPllM - 1) << 17) | ((kPllN - 2) << 18);
  change_field(kConfig, (0xFU << 4) | (7U << 8) | (7U << 11) | (0x3FU << 16), tree);
  set_bits(kControl, 1U << 24);
  if (!wait_for(kControl, 1U << 25, 1U << 25, kReadyPolls)) {
    return false;
  }
  change_field(kConfig, 3U, kSwitchToPll);
  return wait_for(kConfig, 3U << 2, kSwitchToPll << 2, kReadyPolls);
}

void stay_on_internal() {
  change_field(kConfig, 3U, kSwitchToHsi);
  (void)wait_for(kConfig, 3U << 2, kSwitchToHsi << 2, kReadyPolls);
  change_field(kConfig, (0xFU << 4) | (7U << 8) | (7U << 11), 0);
  reg(kControl) = reg(kControl) & ~((1U << 24) | (1U << 16));
}

}  // namespace

Clocks start_clocks() {
  if (kExternalBypass != 0) {
    set_bits(kControl, 1U << 18);
  }
  set_bits(kControl, 1U << 16);
  if (wait_for(kControl, 1U << 17, 1U << 17, kHseReadyPolls) && use_pll()) {
    return {kCoreHz, kCoreHz / kApb1Divider, kCoreHz / kApb2Divider, true};
  }
  stay_on_internal();
  return {kInternalHz, kInternalHz, kInternalHz, false};
}

}  // namespace tinygen::port

#endif
