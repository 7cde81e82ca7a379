// What a framework's port on an STM32 takes from here: the framework has clocks, start-up and interrupts, we have
// faults, stack, reset flags, watchdog, cycle counter, id and LED, which need nothing but registers.
#pragma once

namespace tinygen::port {

// Stack painting, faults, reset cause, cycle counter, watchdog. Once, when the framework has started.
void start_chip();

}  // namespace tinygen::port
