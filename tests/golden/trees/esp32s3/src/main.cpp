// Starts the board and answers the serial protocol for ever.
#include "tinygen/app.h"

#if !defined(PIO_UNIT_TESTING)  // `pio test` brings its own

#if defined(TINYGEN_STANDIN)  // built without Arduino, for simulators

int main() { tinygen::run(); }

#else

#include <Arduino.h>

void setup() { tinygen::begin(); }

void loop() { tinygen::poll(); }

#endif

#endif
