// What the ports use of FreeRTOS.h.
#pragma once
#include <stdint.h>

typedef uint32_t TickType_t;
typedef int BaseType_t;
#define pdTRUE 1
