// Clock tree of the STM32F4 and STM32F7, whose registers are the same but for the flash accelerator.
// Source: RM0090 rev 19 sections 3.9, 5.4, 7.3; RM0390 sections 3.8, 5.4, 6.3; RM0368, RM0383 likewise; RM0385 and
// RM0410 sections 3.7, 4.4, 5.3.
#include "board_config.h"
#include "clock.h"
#include "registers.h"

#if defined(TINYGEN_CHIP_STM32F4) || defined(TINYGEN_CHIP_STM32F7)

namespace tinygen::port {
namespace {

using namespace tinygen::board;

constexpr uint32_t kRccControl =
    kRccBase + 0x00;  // HSI on 0, HSI ready 1, HSE on 16, ready 17, bypass 18, PLL on 24, ready 25
constexpr uint32_t kRccPll = kRccBase + 0x04;
constexpr uint32_t kRccConfig = kRccBase + 0x08;  // SW 1:0, SWS 3:2, HPRE 7:4, PPRE1 12:10, PPRE2 15:13
constexpr uint32_t kPowerEnable = kRccBase + kRccApb1Enable;
// Wait states 3:0, prefetch 8; F4: instruction cache 9, data cache 10; F7: accelerator 9.
constexpr uint32_t kFlashAccess = kFlashBase + 0x00;
#if defined(TINYGEN_CHIP_STM32F7)
constexpr uint32_t kAccelerator = 3U << 8;
#else
constexpr uint32_t kAccelerator = 7U << 8;
#endif
constexpr uint32_t kPowerControl = kPowerBase + 0x00;  // VOS 15:14, over-drive 16, over-drive switching 17
constexpr uint32_t kPowerStatus = kPowerBase + 0x04;   // over-drive ready 16, switching ready 17

constexpr uint32_t kSwitchToHsi = 0;
constexpr uint32_t kSwitchToPll = 2;

// VOS is one bit wide (14) on F405/F407 and two bits (15:14) on the others; writing 1 to the one bit is scale 1.
constexpr uint32_t kVoltageBits = kVoltageScale << 14;
constexpr uint32_t kVoltageMask = kVoltageScale > 1 ? 3U << 14 : 1U << 14;

bool start_external() {
  if (kExternalBypass != 0) {
    set_bits(kRccControl, 1U << 18);
  }
  set_bits(kRccControl, 1U << 16);
  return wait_for(kRccControl, 1U << 17, 1U << 17, kHseReadyPolls);
}

bool start_pll() {
  set_bits(kPowerEnable, 1U << 28);  // power interface
  read_back(kPowerEnable);
  change_field(kPowerControl, kVoltageMask, kVoltageBits);
  const uint32_t output_r = kPllR != 0 ? kPllR << 28 : reg(kRccPll) & (7U << 28);
  reg(kRccPll) = kPllM | (kPllN << 6) | ((kPllP / 2 - 1) << 16) | (1U << 22) | (kPllQ << 24) | output_r;
  set_bits(kRccControl, 1U << 24);
  if (kOverDrive != 0) {
    set_bits(kPowerControl, 1U << 16);
    if (!wait_for(kPowerStatus, 1U << 16, 1U << 16, kReadyPolls)) {
      return false;
    }
    set_bits(kPowerControl, 1U << 17);
    if (!wait_for(kPowerStatus, 1U << 17, 1U << 17, kReadyPolls)) {
      return false;
    }
  }
  return wait_for(kRccControl, 1U << 25, 1U << 25, kReadyPolls);
}

bool use_pll() {
  reg(kFlashAccess) = kFlashWaitStates | kAccelerator;
  if (!wait_for(kFlashAccess, 0xFU, kFlashWaitStates, kReadyPolls)) {
    return false;
  }
  const uint32_t dividers = (prescaler_bits(kApb1Divider) << 10) | (prescaler_bits(kApb2Divider) << 13);
  change_field(kRccConfig, (0xFU << 4) | (7U << 10) | (7U << 13), dividers);
  change_field(kRccConfig, 3U, kSwitchToPll);
  return wait_for(kRccConfig, 3U << 2, kSwitchToPll << 2, kReadyPolls);
}

void stay_on_internal() {
  change_field(kRccConfig, 3U, kSwitchToHsi);
  (void)wait_for(kRccConfig, 3U << 2, kSwitchToHsi << 2, kReadyPolls);
  change_field(kRccConfig, (0xFU << 4) | (7U << 10) | (7U << 13), 0);
  reg(kRccControl) = reg(kRccControl) & ~((1U << 24) | (1U << 16));
}

}  // namespace

Clocks start_clocks() {
  if (start_external() && start_pll() && use_pll()) {
    return {kCoreHz, kCoreHz / kApb1Divider, kCoreHz / kApb2Divider, true};
  }
  stay_on_internal();
  return {kInternalHz, kInternalHz, kInternalHz, false};
}

}  // namespace tinygen::port

#endif
