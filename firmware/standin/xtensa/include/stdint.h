// GCC's own <stdint.h> looks for a C library's first, which Debian's xtensa-lx106 does not have.
#pragma once
#include <stdint-gcc.h>
