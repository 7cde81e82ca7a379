// Starts the board and answers the serial protocol for ever.
#include "tinygen/app.h"

int main() { tinygen::run(); }
