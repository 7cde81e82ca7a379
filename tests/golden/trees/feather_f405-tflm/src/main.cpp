// Starts the board and answers the serial protocol for ever.
#include "tinygen/app.h"

#if !defined(PIO_UNIT_TESTING)  // `pio test` brings its own

int main() { tinygen::run(); }

#endif
