// Samples that come by themselves, by DMA: an ADC behind a timer, or the data line of an I2S or PDM microphone. One
// implementation per chip family in firmware/port.
#pragma once
#include <cstdint>

namespace tinygen::capture {

// 16-bit words as the hardware has them. Called by an interrupt, or by poll().
using OnWords = void (*)(const volatile std::uint16_t* words, std::uint32_t count);

// False when a clock did not start.
bool start(OnWords tell);
void stop();

// In every turn of the loop: where words are gathered by a vendor's driver and must be fetched.
void poll();

}  // namespace tinygen::capture
