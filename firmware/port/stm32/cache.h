// The caches of a Cortex-M7.
#pragma once

namespace tinygen::port {

// Switches them on where the core has them; nothing here moves memory behind the core's back (no DMA).
void start_caches();

}  // namespace tinygen::port
