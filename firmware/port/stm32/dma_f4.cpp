// Source: RM0090 rev 19 section 10.3 (circular mode, half transfer), 10.5 (registers), table 42, 43 (requests).
#include "board_config.h"

#if defined(TINYGEN_SENSOR_DMA_IRQ)

#include "dma_f4.h"
#include "registers.h"

namespace tinygen::port {
namespace {

using namespace tinygen::board;

constexpr uint32_t kStreamBase = kDmaBase + 0x10 + 0x18 * kDmaStream;
constexpr uint32_t kControl = kStreamBase + 0x00;
constexpr uint32_t kCount = kStreamBase + 0x04;
constexpr uint32_t kFrom = kStreamBase + 0x08;
constexpr uint32_t kInto = kStreamBase + 0x0C;
// Flags of four streams share a register, at bits 0, 6, 16, 22.
constexpr uint32_t kShift = (kDmaStream % 4) / 2 * 16 + (kDmaStream % 2) * 6;
constexpr uint32_t kFlags = kDmaBase + (kDmaStream < 4 ? 0x00 : 0x04);
constexpr uint32_t kClear = kDmaBase + (kDmaStream < 4 ? 0x08 : 0x0C);
constexpr uint32_t kHalf = 1U << (kShift + 4);
constexpr uint32_t kWhole = 1U << (kShift + 5);
constexpr uint32_t kAll = 0x3DU << kShift;

constexpr uint32_t kOn = 1U << 0;
// Interrupts at the half and the end 3, 4; circular 8; memory counts 10; 16 bits on both sides 11, 13; high
// priority 17.
constexpr uint32_t kRing = 1U << 3 | 1U << 4 | 1U << 8 | 1U << 10 | 1U << 11 | 1U << 13 | 2U << 16;

volatile uint16_t* ring;
uint32_t half_count;
OnHalf call_back;

}  // namespace

void on_half(OnHalf call) {
  call_back = call;
}

void start_ring(uint32_t from, volatile uint16_t* into, uint32_t count) {
  constexpr uint32_t kEnable = kRccBase + kRccGpioEnable;  // AHB1ENR has the ports and the DMAs
  set_bits(kEnable, 1U << kDmaEnableBit);
  read_back(kEnable);
  stop_ring();
  ring = into;
  half_count = count / 2;
  reg(kClear) = kAll;
  reg(kFrom) = from;
  reg(kInto) = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(into));
  reg(kCount) = count;
  reg(kControl) = kDmaChannel << 25 | kRing;
  // Behind the serial line's interrupt, which must not wait for a filter.
  *reinterpret_cast<volatile uint8_t*>(kNvicPriority + TINYGEN_SENSOR_DMA_IRQ) = 0x80;
  reg(kNvicEnable + 4 * (TINYGEN_SENSOR_DMA_IRQ / 32)) = 1U << (TINYGEN_SENSOR_DMA_IRQ % 32);
  reg(kControl) = kDmaChannel << 25 | kRing | kOn;
}

void stop_ring() {
  reg(kControl) = reg(kControl) & ~kOn;
  (void)wait_for(kControl, kOn, 0, 10000);
}

}  // namespace tinygen::port

extern "C" __attribute__((used)) void tinygen_sensor_interrupt() {
  using namespace tinygen::port;
  const uint32_t flags = reg(kFlags);
  reg(kClear) = flags & kAll;
  if ((flags & kHalf) != 0) {
    call_back(ring, half_count);
  }
  if ((flags & kWhole) != 0) {
    call_back(ring + half_count, half_count);
  }
}

#if !TINYGEN_BARE_METAL
extern "C" void TINYGEN_SENSOR_DMA_HANDLER();  // what ST's start-up file calls it, weak there

extern "C" void TINYGEN_SENSOR_DMA_HANDLER() {
  tinygen_sensor_interrupt();
}
#endif

#endif
