// Clock tree of the STM32L4 and STM32G4: HSI16 or external clock -> PLL, output R -> core.
// Source: RM0351 rev 9 sections 3.3.3, 3.7.1 (flash), 5.4 (PWR), 6.4 (RCC); RM0440 rev 8 sections 3.3.3, 6.1.5 (range 1
// boost: core halved for 1 us while the voltage settles), 6.4, 7.4.
#include "board_config.h"
#include "clock.h"
#include "registers.h"

#if defined(TINYGEN_CHIP_STM32L4) || defined(TINYGEN_CHIP_STM32G4)

namespace tinygen::port {
namespace {

using namespace tinygen::board;

constexpr uint32_t kControl =
    kRccBase + 0x00;  // HSI16 on 8, ready 10; HSE on 16, ready 17, bypass 18; PLL on 24, ready 25
constexpr uint32_t kConfig = kRccBase + 0x08;  // SW 1:0, SWS 3:2, HPRE 7:4, PPRE1 10:8, PPRE2 13:11
constexpr uint32_t kPll = kRccBase + 0x0C;     // source 1:0, M - 1 from 4, N 14:8, R on 24, R / 2 - 1 26:25
constexpr uint32_t kPowerEnable = kRccBase + kRccApb1Enable;
constexpr uint32_t kFlashAccess = kFlashBase + 0x00;  // wait states 3:0, prefetch 8, instruction cache 9, data cache 10
constexpr uint32_t kPowerControl1 = kPowerBase + 0x00;  // VOS 10:9
constexpr uint32_t kPowerStatus2 = kPowerBase + 0x14;   // voltage still changing 10
constexpr uint32_t kPowerControl5 = kPowerBase + 0x80;  // G4: range 1 without boost 8
constexpr uint32_t kPllFromHsi = 2;
constexpr uint32_t kPllFromHse = 3;
constexpr uint32_t kSwitchToPll = 3;
constexpr uint32_t kHalf = 8U << 4;  // HPRE: divided by 2
#if defined(TINYGEN_CHIP_STM32L4)
constexpr uint32_t kSwitchToInternal = 0;  // MSI
#else
constexpr uint32_t kSwitchToInternal = 1;  // HSI16
#endif

bool start_source() {
  if (kPllFromInternal != 0) {
    set_bits(kControl, 1U << 8);
    return wait_for(kControl, 1U << 10, 1U << 10, kReadyPolls);
  }
  if (kExternalBypass != 0) {
    set_bits(kControl, 1U << 18);
  }
  set_bits(kControl, 1U << 16);
  return wait_for(kControl, 1U << 17, 1U << 17, kHseReadyPolls);
}

bool start_pll() {
  set_bits(kPowerEnable, 1U << 28);
  read_back(kPowerEnable);
  change_field(kPowerControl1, 3U << 9, kVoltageScale << 9);
#if defined(TINYGEN_CHIP_STM32G4)
  change_field(kPowerControl5, 1U << 8, kOverDrive != 0 ? 0U : 1U << 8);
#else
  static_assert(kOverDrive == 0, "only the STM32G4 has range 1 boost");
#endif
  if (!wait_for(kPowerStatus2, 1U << 10, 0, kReadyPolls)) {
    return false;
  }
  reg(kPll) = (kPllFromInternal != 0 ? kPllFromHsi : kPllFromHse) | ((kPllM - 1) << 4) | (kPllN << 8) |
              ((kPllR / 2 - 1) << 25) | (1U << 24);
  set_bits(kControl, 1U << 24);
  return wait_for(kControl, 1U << 25, 1U << 25, kReadyPolls);
}

bool use_pll() {
  change_field(kFlashAccess, 0xFU | (7U << 8), kFlashWaitStates | (7U << 8));
  if (!wait_for(kFlashAccess, 0xFU, kFlashWaitStates, kReadyPolls)) {
    return false;
  }
  const uint32_t dividers = (prescaler_bits(kApb1Divider) << 8) | (prescaler_bits(kApb2Divider) << 11);
  change_field(kConfig, (0xFU << 4) | (7U << 8) | (7U << 11), dividers | (kOverDrive != 0 ? kHalf : 0U));
  change_field(kConfig, 3U, kSwitchToPll);
  if (!wait_for(kConfig, 3U << 2, kSwitchToPll << 2, kReadyPolls)) {
    return false;
  }
  if (kOverDrive != 0) {
    (void)wait_for(kConfig, 0, 1, 400);  // more than 1 us: each look takes several cycles
    change_field(kConfig, 0xFU << 4, 0);
  }
  return true;
}

void stay_on_internal() {
#if defined(TINYGEN_CHIP_STM32G4)
  set_bits(kControl, 1U << 8);
  (void)wait_for(kControl, 1U << 10, 1U << 10, kReadyPolls);
#endif
  change_field(kConfig, 3U, kSwitchToInternal);
  (void)wait_for(kConfig, 3U << 2, kSwitchToInternal << 2, kReadyPolls);
  change_field(kConfig, (0xFU << 4) | (7U << 8) | (7U << 11), 0);
  reg(kControl) = reg(kControl) & ~((1U << 24) | (1U << 16));
}

}  // namespace

Clocks start_clocks() {
  if (start_source() && start_pll() && use_pll()) {
    return {kCoreHz, kCoreHz / kApb1Divider, kCoreHz / kApb2Divider, true};
  }
  stay_on_internal();
  return {kInternalHz, kInternalHz, kInternalHz, false};
}

}  // namespace tinygen::port

#endif
