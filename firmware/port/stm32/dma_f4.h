// A DMA stream of the STM32F4 that fills a ring of two halves for ever, and tells when each half is full.
#pragma once
#include <stdint.h>

namespace tinygen::port {

// Of 16-bit words from one register into `into`, `count` of them (even), round and round.
void start_ring(uint32_t from, volatile uint16_t* into, uint32_t count);
void stop_ring();

// Called by the interrupt when a half is full.
using OnHalf = void (*)(const volatile uint16_t* half, uint32_t count);
void on_half(OnHalf call);

}  // namespace tinygen::port
