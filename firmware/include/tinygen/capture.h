// Samples that come by themselves, by DMA: an ADC behind a timer, or the data line of an I2S or PDM microphone. One
// implementation per chip family in firmware/port.
#pragma once
#include <cstdint>

namespace tinygen::capture {

// 16-bit words as the hardware has them. Called by an interrupt.
using OnWords = void (*)(const volatile std::uint16_t* words, std::uint32_t count);

// False when a clock did not start.
bool start(OnWords tell);
void stop();

}  // namespace tinygen::capture
