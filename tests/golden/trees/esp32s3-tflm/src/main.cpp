// Starts the board and answers the serial protocol for ever.
#include "tinygen/app.h"

#if !defined(PIO_UNIT_TESTING)  // `pio test` brings its own

#if defined(TINYGEN_STANDIN)  // built without ESP-IDF, for simulators

int main() { tinygen::run(); }

#else

extern "C" void app_main() { tinygen::run(); }

#endif

#endif
