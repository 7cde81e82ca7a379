// ST's USART in its two generations: SR and DR (STM32F1, F4), or ISR, ICR, RDR and TDR (all later ones). The flags used
// here stand at the same bits in both.
// Source: RM0090 rev 19 section 30.6, RM0008 rev 21 section 27.6; RM0385 section 31.8, RM0351 section 40.8, RM0440
// section 37.8, RM0433 section 48.8, RM0481 section 50.8.
#pragma once
#include <stdint.h>

#include "board_config.h"

namespace tinygen::port::usart {

using namespace tinygen::board;

#if defined(TINYGEN_CHIP_STM32F1) || defined(TINYGEN_CHIP_STM32F4)
constexpr bool kFirstGeneration = true;
#else
constexpr bool kFirstGeneration = false;
#endif

// Overrun 3, received 5, transmission complete 6, transmit register empty 7.
constexpr uint32_t kStatus = kSerialBase + (kFirstGeneration ? 0x00 : 0x1C);
constexpr uint32_t kClear = kSerialBase + 0x20;  // second generation only
constexpr uint32_t kReceive = kSerialBase + (kFirstGeneration ? 0x04 : 0x24);
constexpr uint32_t kTransmit = kSerialBase + (kFirstGeneration ? 0x04 : 0x28);
constexpr uint32_t kBaudRate = kSerialBase + (kFirstGeneration ? 0x08 : 0x0C);
// Receive 2, transmit 3, receive interrupt 5, and the whole USART.
constexpr uint32_t kControl1 = kSerialBase + (kFirstGeneration ? 0x0C : 0x00);
constexpr uint32_t kEnable = kFirstGeneration ? 1U << 13 : 1U << 0;
constexpr uint32_t kOverrun = 1U << 3;
constexpr uint32_t kReceived = 1U << 5;
constexpr uint32_t kTransmitComplete = 1U << 6;
constexpr uint32_t kTransmitEmpty = 1U << 7;
constexpr uint32_t kTransmitPolls = 1000000;  // many characters' time at any clock and rate in use

}  // namespace tinygen::port::usart
