// What the ports on ESP-IDF, directly or below Arduino, ask of it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tinygen::port {

// Why the chip started; exception handlers; the watchdog.
void start_esp32();

// After an exception: sends by polling and answers true. Otherwise sends nothing.
bool write_polled(const std::uint8_t* from, std::size_t count);

}  // namespace tinygen::port
