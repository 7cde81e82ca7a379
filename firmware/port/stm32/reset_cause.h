// Why the chip started, and what was running when it did.
#pragma once
#include "tinygen/port.h"

namespace tinygen::port {

// What the chip's reset flags say; `unknown` where all are clear. Clears them, so that the next start is told apart
// from this one.
ResetCause take_reset_flags();

// Once, early: joins the flags with the record an exception handler may have left.
void find_reset_cause();

}  // namespace tinygen::port
