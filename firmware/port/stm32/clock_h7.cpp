// Clock tree of the STM32H742/743/753, supplied by its LDO: external clock -> PLL1, output P -> core; buses at a half.
// Source: RM0433 rev 8 sections 4.3.8 and table 17 (flash), 6.6.2 and 6.8 (supply, voltage scaling), 8.7 (RCC).
#include "board_config.h"
#include "clock.h"
#include "registers.h"

#if defined(TINYGEN_CHIP_STM32H7)

namespace tinygen::port {
namespace {

using namespace tinygen::board;

constexpr uint32_t kControl = kRccBase + 0x00;          // HSE on 16, ready 17, bypass 18; PLL1 on 24, ready 25
constexpr uint32_t kConfig = kRccBase + 0x10;           // SW 2:0, SWS 5:3
constexpr uint32_t kDomain1 = kRccBase + 0x18;          // HPRE 3:0, D1PPRE 6:4, D1CPRE 11:8
constexpr uint32_t kDomain2 = kRccBase + 0x1C;          // D2PPRE1 6:4, D2PPRE2 10:8
constexpr uint32_t kDomain3 = kRccBase + 0x20;          // D3PPRE 6:4
constexpr uint32_t kPllSource = kRccBase + 0x28;        // source 1:0 (2 = HSE), M 9:4
constexpr uint32_t kPllConfig = kRccBase + 0x2C;        // fraction 0, medium VCO 1, input range 3:2, P on 16
constexpr uint32_t kPllDividers = kRccBase + 0x30;      // each less one: N 8:0, P 15:9, Q 22:16, R 30:24
constexpr uint32_t kFlashAccess = kFlashBase + 0x00;    // wait states 3:0, signal delay 5:4
constexpr uint32_t kPowerStatus1 = kPowerBase + 0x04;   // voltage as actually set: ready 13
constexpr uint32_t kPowerControl3 = kPowerBase + 0x0C;  // bypass 0, LDO 1, supply still open to change 2
constexpr uint32_t kPowerDomain3 = kPowerBase + 0x18;   // ready 13, VOS 15:14
constexpr uint32_t kSwitchToHsi = 0;
constexpr uint32_t kSwitchToPll = 3;
constexpr uint32_t kInputHz = kExternalHz / kPllM;
constexpr uint32_t kInputRange = kInputHz < 2000000 ? 0U : kInputHz < 4000000 ? 1U : kInputHz < 8000000 ? 2U : 3U;
constexpr uint32_t kSignalDelay = 2;  // for bus clocks above 185 MHz at scale 1; longer than needed below

static_assert(kAhbDivider == 1 || kAhbDivider == 2, "other dividers of the bus matrix are not set up here");

bool start_power() {
  reg(kPowerControl3) = 1U << 1;  // LDO, and closed to further change
  if (!wait_for(kPowerStatus1, 1U << 13, 1U << 13, kReadyPolls)) {
    return false;
  }
  change_field(kPowerDomain3, 3U << 14, kVoltageScale << 14);
  return wait_for(kPowerDomain3, 1U << 13, 1U << 13, kReadyPolls);
}

bool start_external() {
  if (kExternalBypass != 0) {
    set_bits(kControl, 1U << 18);
  }
  set_bits(kControl, 1U << 16);
  return wait_for(kControl, 1U << 17, 1U << 17, kHseReadyPolls);
}

bool start_pll() {
  reg(kPllSource) = 2U | (kPllM << 4);
  reg(kPllDividers) = (kPllN - 1) | ((kPllP - 1) << 9) | ((kPllQ - 1) << 16) | ((kPllR - 1) << 24);
  change_field(kPllConfig, 0xFU | (7U << 16), (kInputRange << 2) | (1U << 16));
  set_bits(kControl, 1U << 24);
  return wait_for(kControl, 1U << 25, 1U << 25, kReadyPolls);
}

bool use_pll() {
  reg(kFlashAccess) = kFlashWaitStates | (kSignalDelay << 4);
  if (!wait_for(kFlashAccess, 0xFU, kFlashWaitStates, kReadyPolls)) {
    return false;
  }
  // Buses first: they must not run too fast for a moment.
  const uint32_t half = prescaler_bits(2);
  reg(kDomain1) = (kAhbDivider == 2 ? 8U : 0U) | (half << 4);
  reg(kDomain2) = (prescaler_bits(kApb1Divider) << 4) | (prescaler_bits(kApb2Divider) << 8);
  reg(kDomain3) = half << 4;
  change_field(kConfig, 7U, kSwitchToPll);
  return wait_for(kConfig, 7U << 3, kSwitchToPll << 3, kReadyPolls);
}

void stay_on_internal() {
  change_field(kConfig, 7U, kSwitchToHsi);
  (void)wait_for(kConfig, 7U << 3, kSwitchToHsi << 3, kReadyPolls);
  reg(kDomain1) = 0;
  reg(kDomain2) = 0;
  reg(kDomain3) = 0;
  reg(kControl) = reg(kControl) & ~((1U << 24) | (1U << 16));
}

}  // namespace

Clocks start_clocks() {
  if (start_power() && start_external() && start_pll() && use_pll()) {
    constexpr uint32_t bus_hz = kCoreHz / kAhbDivider;
    return {kCoreHz, bus_hz / kApb1Divider, bus_hz / kApb2Divider, true};
  }
  stay_on_internal();
  return {kInternalHz, kInternalHz, kInternalHz, false};
}

}  // namespace tinygen::port

#endif
