// Clock tree of the STM32H5: external clock -> PLL1, output P -> core and buses; the instruction cache is switched on.
// It empties itself after a reset, and must not be switched on before that is done.
// Source: RM0481 rev 2 sections 7.3.4 (flash wait states), 8.4 (ICACHE), 10.5.4 (voltage scaling), 11.8 (RCC).
#include "board_config.h"
#include "clock.h"
#include "registers.h"

#if defined(TINYGEN_CHIP_STM32H5)

namespace tinygen::port {
namespace {

using namespace tinygen::board;

constexpr uint32_t kControl = kRccBase + 0x00;  // HSE on 16, ready 17, bypass 18; PLL1 on 24, ready 25
constexpr uint32_t kConfig1 = kRccBase + 0x1C;  // SW 1:0, SWS 4:3
constexpr uint32_t kConfig2 = kRccBase + 0x20;  // HPRE 3:0, PPRE1 6:4, PPRE2 10:8, PPRE3 14:12
constexpr uint32_t kPllConfig =
    kRccBase + 0x28;  // source 1:0 (3 = HSE), input range 3:2, medium VCO 5, M 13:8, P on 16
constexpr uint32_t kPllDividers = kRccBase + 0x34;       // each less one: N 8:0, P 15:9, Q 22:16, R 30:24
constexpr uint32_t kFlashAccess = kFlashBase + 0x00;     // wait states 3:0, signal delay 5:4, prefetch 8
constexpr uint32_t kVoltageControl = kPowerBase + 0x10;  // VOS 5:4
constexpr uint32_t kVoltageStatus = kPowerBase + 0x14;   // ready 3
constexpr uint32_t kCacheControl = kCacheBase + 0x00;    // on 0
constexpr uint32_t kCacheStatus = kCacheBase + 0x04;     // busy 0
constexpr uint32_t kSwitchToHsi = 0;
constexpr uint32_t kSwitchToPll = 3;
constexpr uint32_t kInputHz = kExternalHz / kPllM;
constexpr uint32_t kInputRange = kInputHz < 2000000 ? 0U : kInputHz < 4000000 ? 1U : kInputHz < 8000000 ? 2U : 3U;
constexpr uint32_t kSignalDelay = 2;  // for bus clocks above 168 MHz at scale 0; longer than needed below

bool start_external() {
  change_field(kVoltageControl, 3U << 4, kVoltageScale << 4);
  if (!wait_for(kVoltageStatus, 1U << 3, 1U << 3, kReadyPolls)) {
    return false;
  }
  if (kExternalBypass != 0) {
    set_bits(kControl, 1U << 18);
  }
  set_bits(kControl, 1U << 16);
  return wait_for(kControl, 1U << 17, 1U << 17, kHseReadyPolls);
}

bool use_pll() {
  reg(kPllDividers) = (kPllN - 1) | ((kPllP - 1) << 9) | ((kPllQ - 1) << 16) | ((kPllR - 1) << 24);
  reg(kPllConfig) = 3U | (kInputRange << 2) | (kPllM << 8) | (1U << 16);
  set_bits(kControl, 1U << 24);
  if (!wait_for(kControl, 1U << 25, 1U << 25, kReadyPolls)) {
    return false;
  }
  change_field(kFlashAccess, 0x3FU, kFlashWaitStates | (kSignalDelay << 4) | (1U << 8));
  if (!wait_for(kFlashAccess, 0xFU, kFlashWaitStates, kReadyPolls)) {
    return false;
  }
  const uint32_t half = prescaler_bits(2);
  reg(kConfig2) = (prescaler_bits(kApb1Divider) << 4) | (prescaler_bits(kApb2Divider) << 8) | (half << 12);
  change_field(kConfig1, 3U, kSwitchToPll);
  return wait_for(kConfig1, 3U << 3, kSwitchToPll << 3, kReadyPolls);
}

void stay_on_internal() {
  change_field(kConfig1, 3U, kSwitchToHsi);
  (void)wait_for(kConfig1, 3U << 3, kSwitchToHsi << 3, kReadyPolls);
  reg(kConfig2) = 0;
  reg(kControl) = reg(kControl) & ~((1U << 24) | (1U << 16));
}

}  // namespace

Clocks start_clocks() {
  if (wait_for(kCacheStatus, 1U, 0U, kReadyPolls)) {
    set_bits(kCacheControl, 1U);
  }
  if (start_external() && use_pll()) {
    return {kCoreHz, kCoreHz / kApb1Divider, kCoreHz / kApb2Divider, true};
  }
  stay_on_internal();
  return {kInternalHz, kInternalHz, kInternalHz, false};
}

}  // namespace tinygen::port

#endif
