// Where the words of a DMA ring come from: ADC1 started by TIM2, or SPI2 as I2S master that only receives.
// Source: RM0090 rev 19 sections 13.13 (ADC), 18.4 (TIM2), 28.4 and 28.5 (I2S), 7.3.23 (PLLI2S); the same registers in
// RM0368, RM0383 and RM0390. DS8626 table "ADC characteristics": clock up to 36 MHz.
#include "board_config.h"

#if defined(TINYGEN_SENSOR_DMA_IRQ)

#include "clock.h"
#include "dma_f4.h"
#include "pins.h"
#include "registers.h"
#include "tinygen/capture.h"

namespace tinygen::capture {
namespace {

using namespace tinygen::board;
using namespace tinygen::port;

volatile uint16_t g_ring[kRingWords];

}  // namespace

#if defined(TINYGEN_SOURCE_ADC)

bool start(OnWords tell) {
  if (!running_clocks().as_planned) {
    return false;  // the timer's period was made for the planned clock
  }
  for (uint32_t i = 0; i < kAdcCount; ++i) {
    analog(kAdcPorts[i], kAdcPins[i]);
  }
  set_bits(kRccBase + kRccApb2Enable, 1U << kAdcEnableBit);
  set_bits(kRccBase + kRccApb1Enable, 1U << kTimerEnableBit);
  read_back(kRccBase + kRccApb1Enable);

  change_field(kAdcBase + 0x304, 3U << 16, 1U << 16);  // a quarter of APB2
  reg(kAdcBase + 0x04) = 1U << 8;                      // one input after the other
  uint32_t order = 0;
  for (uint32_t i = 0; i < kAdcCount; ++i) {
    const uint32_t input = kAdcInputs[i];
    order |= input << (5 * i);
    const uint32_t times = kAdcBase + (input < 10 ? 0x10 : 0x0C);
    change_field(times, 7U << (3 * (input % 10)), 4U << (3 * (input % 10)));  // 84 cycles: sources of some 10 kOhm
  }
  reg(kAdcBase + 0x34) = order;
  reg(kAdcBase + 0x2C) = (kAdcCount - 1) << 20;
  // TIM2's update at its rising edge 28, 27:24 = 6; DMA for ever 9, 8; on 0.
  reg(kAdcBase + 0x08) = 1U << 28 | 6U << 24 | 1U << 9 | 1U << 8 | 1U;

  on_half(tell);
  start_ring(kAdcBase + 0x4C, g_ring, kRingWords);
  reg(kTimerBase + 0x28) = 0;
  reg(kTimerBase + 0x2C) = kTimerPeriod - 1;
  reg(kTimerBase + 0x14) = 1;        // takes both over
  reg(kTimerBase + 0x04) = 2U << 4;  // its update is what others see
  reg(kTimerBase + 0x00) = 1;
  return true;
}

void stop() {
  reg(kTimerBase + 0x00) = 0;
  stop_ring();
  reg(kAdcBase + 0x08) = 0;
}

#else

bool start(OnWords tell) {
  give_pin(kClockPort, kClockPin, kI2sAlternate);
#if defined(TINYGEN_SOURCE_I2S)
  give_pin(kWordPort, kWordPin, kI2sAlternate);
#endif
  give_pin(kDataPort, kDataPin, kI2sAlternate);
  if (!running_clocks().as_planned) {
    return false;  // the divider before the PLL was made for the crystal
  }
  reg(kRccBase + 0x84) = kI2sPll;
  set_bits(kRccBase + 0x00, 1U << 26);
  if (!wait_for(kRccBase + 0x00, 1U << 27, 1U << 27, kReadyPolls)) {
    return false;
  }
  set_bits(kRccBase + kRccApb1Enable, 1U << kI2sEnableBit);
  read_back(kRccBase + kRccApb1Enable);
  reg(kI2sBase + 0x1C) = 0;
  reg(kI2sBase + 0x20) = kI2sPrescaler;
  reg(kI2sBase + 0x04) = 1;  // DMA
  reg(kI2sBase + 0x1C) = kI2sMode;
  on_half(tell);
  start_ring(kI2sBase + 0x0C, g_ring, kRingWords);
  reg(kI2sBase + 0x1C) = kI2sMode | 1U << 10;
  return true;
}

void stop() {
  reg(kI2sBase + 0x1C) = 0;
  stop_ring();
  reg(kRccBase + 0x00) = reg(kRccBase + 0x00) & ~(1U << 26);
}

#endif

void poll() {}  // the interrupt brings them

}  // namespace tinygen::capture

#endif
