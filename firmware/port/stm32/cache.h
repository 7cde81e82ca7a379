// The caches of a Cortex-M7.
#pragma once
#include <stdint.h>

namespace tinygen::port {

// Switches them on where the core has them; nothing here moves memory behind the core's back (no DMA).
void start_caches();

// Lines of the data cache that hold this memory go, unwritten: it has changed behind the core's back.
void forget_data(uint32_t address, uint32_t bytes);

}  // namespace tinygen::port
